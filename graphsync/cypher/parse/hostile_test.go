package parse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
)

// TestNesting: what nests deeper than the bound is refused, whatever it is made
// of, and what stays below it is not.
func TestNesting(t *testing.T) {
	for _, c := range []struct{ open, middle, close string }{
		{"(", "1", ")"}, {"[", "1", "]"}, {"{a: ", "1", "}"}, {"NOT ", "true", ""}, {"-", "1", ""}, {"f(", "1", ")"},
		{"[x IN ", "l", " | x]"}, {"[x IN l | ", "x", "]"}, {"l[", "1", "]"}, {"CASE ", "1", " WHEN 1 THEN 2 END"},
		{"CASE WHEN true THEN ", "1", " END"}, {"EXISTS { MATCH (a) WHERE ", "true", " }"}, {"n {a: ", "1", "}"},
		{"(a {x: ", "1", "})-->()"}, {"[(a {x: ", "1", "})-->(b) | 1]"}, {"all(x IN ", "l", " WHERE x)"}, {"1 + (", "1", ")"},
		{"reduce(a = ", "1", ", x IN l | x)"}, {"(a) - [", "1", "]"}, {"[(a)-[b]-(c), ", "1", "]"}, {"exists((a {x: ", "1", "})-->())"},
	} {
		query := func(n int) string {
			return "RETURN " + strings.Repeat(c.open, n) + c.middle + strings.Repeat(c.close, n)
		}
		if _, err := parse.Parse(query(40)); err != nil {
			t.Errorf("40 of %s: %v", c.open, err)
		}
		for _, n := range []int{parse.MaxDepth + 1, 10000} {
			var e *fault.Error
			if _, err := parse.Parse(query(n)); !errors.As(err, &e) || e.Class != fault.Limit || e.Limit != "depth" && e.Limit != "length" {
				t.Errorf("%d of %s: %v", n, c.open, err)
			}
		}
		// Without an end it is no better.
		if _, err := parse.Parse("RETURN " + strings.Repeat(c.open, 10000)); err == nil {
			t.Errorf("%s without an end parsed", c.open)
		}
	}
	if _, err := parse.Parse("MATCH " + strings.Repeat("(", 10000)); err == nil {
		t.Error("a pattern of parentheses parsed")
	}
}

// TestChains: a chain of operators makes a tree as high as it is long, so it is
// bounded too; what only makes lists longer is bounded by the text.
func TestChains(t *testing.T) {
	for _, piece := range []string{" + 1", " AND true", ".x", "[0]", "[..].x", " IS NULL", " IN [1]", " ^ 2"} {
		if _, err := parse.Parse("RETURN 1" + strings.Repeat(piece, parse.MaxHeight/2-1)); err != nil {
			t.Errorf("%s: %v", piece, err)
		}
		var e *fault.Error
		if _, err := parse.Parse("RETURN 1" + strings.Repeat(piece, 20000)); !errors.As(err, &e) || e.Limit != "depth" {
			t.Errorf("%s: %v", piece, err)
		}
	}
	for _, src := range []string{
		"RETURN 1" + strings.Repeat(" < 1", 60000),
		"RETURN [1" + strings.Repeat(", 1+1", 40000) + "]",
		"RETURN {a: 1" + strings.Repeat(", a: 1", 40000) + "}",
		"MATCH (a)" + strings.Repeat("-->()", 50000) + " RETURN a",
		"MATCH (a" + strings.Repeat(":A", 100000) + ") RETURN a",
		strings.Repeat("MATCH (a) ", 20000) + "RETURN 1",
		"RETURN 1" + strings.Repeat(" UNION RETURN 1", 15000),
		"RETURN '" + strings.Repeat("a", parse.MaxText-10) + "'",
		"RETURN " + strings.Repeat("(a)-->(b) OR ", 1900) + "true",
	} {
		if _, err := parse.Parse(src); err != nil {
			t.Errorf("%.40s…: %v", src, err)
		}
	}
}

func TestTooLong(t *testing.T) {
	var e *fault.Error
	if _, err := parse.Parse(strings.Repeat(" ", parse.MaxText+1)); !errors.As(err, &e) || e.Limit != "length" {
		t.Errorf("too long a text: %v", err)
	}
}
