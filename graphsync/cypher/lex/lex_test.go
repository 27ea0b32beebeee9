package lex_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// show writes tokens down as kind:text, with the value of numbers and the detail
// of errors.
func show(toks []lex.Token) string {
	var out []string
	for _, t := range toks {
		switch t.Kind {
		case lex.End:
			continue
		case lex.Int:
			out = append(out, fmt.Sprintf("int:%d", t.Int))
		case lex.Float:
			out = append(out, fmt.Sprintf("float:%g", t.Float))
		case lex.String:
			out = append(out, fmt.Sprintf("%q", t.Text))
		case lex.Quoted:
			out = append(out, "quoted:"+t.Text)
		case lex.Param:
			out = append(out, "$"+t.Text)
		case lex.Bad:
			out = append(out, fmt.Sprintf("bad:%s@%d:%d", t.Err.Detail, t.Err.Pos.Line, t.Err.Pos.Column))
		default:
			out = append(out, t.Text)
		}
	}
	return strings.Join(out, " ")
}

func TestTokens(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""},
		{" \t\r\n\u00a0\u2003\ufeff", ""},
		{"a/*x*/b//c\nd /**/ e //", "a b d e"},
		{"/* no end", "bad:UnexpectedSyntax@1:1"},
		{"MATCH (n:A)-[:T*1..3]->()", "MATCH ( n : A ) - [ : T * int:1 .. int:3 ] - > ( )"},
		{"a<-1 <= >= <> =~ .. += < > ^ % | ;", "a < - int:1 <= >= <> =~ .. += < > ^ % | ;"},
		{"ä_1 _x x2 Ω", "ä_1 _x x2 Ω"},
		{"`a b` `a``b` `MATCH`", "quoted:a b quoted:a`b quoted:MATCH"},
		{"``", "bad:UnexpectedSyntax@1:1"},
		{"`a", "bad:UnexpectedSyntax@1:1"},
		{"$a $1 $`a b` $a1.b", "$a $1 $a b $a1 . b"},
		{"$ x", "bad:UnexpectedSyntax@1:1 x"},

		{"0 12 9223372036854775807 9223372036854775808", "int:0 int:12 int:9223372036854775807 int:9223372036854775808"},
		{"9223372036854775809 99999999999999999999999", "bad:IntegerOverflow@1:1 bad:IntegerOverflow@1:21"},
		{"0x1F 0X1f 0x7FFFFFFFFFFFFFFF 0o17", "int:31 int:31 int:9223372036854775807 int:15"},
		{"0x10000000000000000 0o2000000000000000000000", "bad:IntegerOverflow@1:1 bad:IntegerOverflow@1:21"},
		{"0x 0x1G 0o8 0o 12a 1_0 012 1.5x", strings.TrimSpace(strings.Repeat("bad:InvalidNumberLiteral@1:%d ", 8))},
		{"1.5 .5 1e3 1E3 1.5e-3 1e+3 00.5", "float:1.5 float:0.5 float:1000 float:1000 float:0.0015 float:1000 float:0.5"},
		{"1e-400 1e400 1.7976931348623157e308", "float:0 bad:FloatingPointOverflow@1:8 float:1.7976931348623157e+308"},
		{"1..3 1. .. 1.x", "int:1 .. int:3 int:1 . .. int:1 . x"},
		{"1e 1ex", "bad:InvalidNumberLiteral@1:1 bad:InvalidNumberLiteral@1:4"},

		{`'a' "b" 'it"s' "it's" ''`, `"a" "b" "it\"s" "it's" ""`},
		{`'\\ \' \" \b\f\n\r\t'`, `"\\ ' \" \b\f\n\r\t"`},
		{`'\u00e4 \U0001F600 \uD83D\uDE00'`, `"ä 😀 😀"`},
		{"'two\nlines' x", `"two\nlines" x`},
		{`'\uH' 1`, "bad:InvalidUnicodeLiteral@1:2 int:1"},
		{`'\u12' '\U00110000' '\uD800' '\uD800\u0041'`, "bad:InvalidUnicodeLiteral@1:2 bad:InvalidUnicodeLiteral@1:9 bad:InvalidUnicodeLiteral@1:22 bad:InvalidUnicodeLiteral@1:31"},
		{`'a\q' 1`, "bad:UnexpectedSyntax@1:3 int:1"},
		{`'open`, "bad:UnexpectedSyntax@1:1"},
		{`'open\`, "bad:UnexpectedSyntax@1:6"},

		{"a # b", "a bad:UnexpectedSyntax@1:3 b"},
		{"a\n\n “", "a bad:InvalidUnicodeCharacter@3:2"},
		{"a \xff b", "a bad:InvalidUnicodeCharacter@1:3 b"},
		{"'\xff'", "bad:InvalidUnicodeCharacter@1:2"},
	} {
		want := c[1]
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, 1, 4, 9, 13, 16, 20, 24, 28)
		}
		if got := show(lex.Tokens(c[0])); got != want {
			t.Errorf("%q:\n got %s\nwant %s", c[0], got, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	toks := lex.Tokens("a\n äö `x`\r\n'y\nz' 1")
	want := []string{"1:1@0-1", "2:2@3-7", "2:5@8-11", "3:1@13-18", "4:4@19-20", "4:5@20-20"}
	for i, tok := range toks {
		if got := fmt.Sprintf("%d:%d@%d-%d", tok.Pos.Line, tok.Pos.Column, tok.Pos.Offset, tok.End); got != want[i] {
			t.Errorf("token %d %q: %s, want %s", i, tok.Text, got, want[i])
		}
	}
}

func TestKeywordsHaveNoCase(t *testing.T) {
	for src, want := range map[string]bool{"limit": true, "LiMiT": true, "lımıt": false, "`limit`": false, "limits": false} {
		if tok := lex.Tokens(src)[0]; tok.Keyword("LIMIT") != want {
			t.Errorf("%s: %t", src, !want)
		}
	}
}

// FuzzTokens holds the lexer to covering the text from its beginning to its end,
// in order.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{"MATCH (n) RETURN n", "'\\u12", "/*", "`a``", "1.5e-3..", "\xff", "$`", "—"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		at := int32(0)
		toks := lex.Tokens(src)
		for i, tok := range toks {
			if tok.End < at || tok.End > int32(len(src)) || tok.Kind != lex.Bad && tok.Pos.Offset < at {
				t.Fatalf("token %d of %q: %+v", i, src, tok)
			}
			if (tok.Kind == lex.Bad) && tok.Err == nil || tok.Kind == lex.End && i != len(toks)-1 {
				t.Fatalf("token %d of %q: %+v", i, src, tok)
			}
			at = tok.End
		}
		if at != int32(len(src)) {
			t.Fatalf("%q ends at %d", src, at)
		}
	})
}
