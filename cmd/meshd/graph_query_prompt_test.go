package main

import "testing"

// A query that is kept in the history means what was typed.
func TestHistoryKeepsTheMeaning(t *testing.T) {
	for typed, want := range map[string]string{
		"MATCH (n)\nRETURN n;\n":                "MATCH (n) RETURN n;",
		"RETURN 1 // one; more\n, 2;\n":         "RETURN 1  , 2;",
		"RETURN 1 // the end\n":                 "RETURN 1",
		"RETURN 'a  b', \"//c\";\n":             "RETURN 'a  b', \"//c\";",
		"RETURN 'a\nb' AS `x // y`\n;":          "RETURN 'a\\nb' AS `x // y` ;",
		`RETURN 'it\'s // so';` + "\n":          `RETURN 'it\'s // so';`,
		"RETURN /* one\n'two' // */ 1;\n":       "RETURN /* one 'two' // */ 1;",
		"RETURN /* without\nan end":             "RETURN /* without an end",
		"RETURN /*/ still in it */ 1":           "RETURN /*/ still in it */ 1",
		"RETURN 'without an end \\":             "RETURN 'without an end \\",
		"RETURN 'no escape of a line\\\nbreak'": "RETURN 'no escape of a line\\\\nbreak'",
		"RETURN 6/2":                            "RETURN 6/2",
		"/*":                                    "/*",
		"//":                                    "",
	} {
		if got := oneLine(typed); got != want {
			t.Errorf("%q is kept as %q, want %q", typed, got, want)
		}
	}
}
