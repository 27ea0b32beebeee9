package search

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func show(q *Query) string {
	var b strings.Builder
	for i, c := range q.clauses {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString([]string{"", "+", "-"}[c.occur])
		for n, s := range c.slots {
			if n > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.term + []string{"", "=", "*", "~"}[s.kind])
			if s.kind == near {
				b.WriteByte(byte('0' + s.edits))
			}
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Hello World", "hello world"},
		{`+a -b c*`, "+a -b c*"},
		{`foo~ foo~1 foo~2`, "foo~1 foo~1 foo~2"},
		{`"New York" -"old  york"`, "new=.york= -old=.york="},
		{"snake_case lib-dev*", "snake=.case= lib=.dev*"},
		{"what is the matter", "matter"},
		{"to be", "to be"},
		{"+the cat", "+the cat"},
		{"a - b + c !!", "b c"},
		{"東京 猫", "東京 猫*"},
		{`cat"dog"`, "cat dog="},
		{"C++ :: std::vector", "c std=.vector="},
		{"+Café", "+cafe"},
	} {
		q, err := Parse(c.in, "en")
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if got := show(q); got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestParseNamesThePlace(t *testing.T) {
	for _, c := range []struct {
		in  string
		at  int
		why string
	}{
		{"", 1, "no word"},
		{"  ... ", 1, "no word"},
		{`café "open`, 6, "not closed"},
		{"a*b", 2, "end of a word"},
		{"é foo~3", 7, "1 or 2"},
		{"foo~x", 4, "end of a word"},
		{"x *", 3, "no word before the *"},
		{"x ~2", 3, "no word before the ~"},
		{"x ...*", 3, "no word before the *"},
		{"-a", 1, "not wanted"},
		{"ab~2", 1, "too short"},
		{"ok \xff", 4, "UTF-8"},
		{strings.Repeat("w ", 65), 129, "64 items"},
		{`"` + strings.Repeat("w ", 200) + `"`, 1, "128 words"},
		{strings.Repeat("x", MaxQuery+1), MaxQuery + 1, "bytes"},
	} {
		_, err := Parse(c.in, "none")
		var se *SyntaxError
		if !errors.As(err, &se) || se.Position != c.at || !strings.Contains(se.Reason, c.why) {
			t.Errorf("%.20q: %v, want %q at %d", c.in, err, c.why, c.at)
		}
	}
	if _, err := Parse("x", "xx"); err == nil {
		t.Error("an unknown language is taken")
	}
}

func TestSnippets(t *testing.T) {
	long := strings.Repeat("filler words here ", 40) + "the Runner’s cafés were running late " + strings.Repeat("more of it ", 40)
	texts := []Text{{Label, "", "A label"}, {Property, "note", "run"}, {Observation, "7", long}}
	for _, c := range []struct{ query, field, marked string }{
		{"labels", "label", "label"},
		{"runs cafe", "observation", "cafés,running"},
		{`"were running"`, "observation", "were running"},
		{"lat*", "observation", "late"},
		{"runnng~", "observation", "running"},
	} {
		q, err := Parse(c.query, "en")
		if err != nil {
			t.Fatal(err)
		}
		s, ok := Explain(q, texts)
		if !ok || s.Field.String() != c.field || marked(s) != c.marked || len(s.Text) > snippetBytes+10 {
			t.Errorf("%s: %v %+v marks %q", c.query, ok, s, marked(s))
		}
	}
	q, _ := Parse("absent", "en")
	if s, ok := Explain(q, texts); ok {
		t.Errorf("absent: %+v", s)
	}
	if s, ok := ExplainPart("r’s caf", texts, strings.ToLower); !ok || marked(s) != "r’s caf" || s.Name != "7" {
		t.Errorf("part: %v %+v", ok, s)
	}
}

func marked(s Snippet) string {
	var out []string
	runes := []rune(s.Text)
	for _, h := range s.Highlights {
		out = append(out, string(runes[h[0]:h[1]]))
	}
	return strings.Join(out, ",")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`+a -b "c d" e* f~2`, `"`, "~", "*", "a*b", "東京* 猫~", "++--", "\xff", `"a"b"c"*`, "x~~", "l'eau*"} {
		f.Add(s, "en")
	}
	x := New(nil)
	x.Apply("ns", []Change{doc(1, "t", "some words 東京都 café", "a b c running"), doc(2, "t", "c d e")})
	f.Fuzz(func(t *testing.T, s, lang string) {
		q, err := Parse(s, lang)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) || se.Position < 1 || se.Position > utf8.RuneCountInString(s)+1 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		x.Words("ns", q, Filter{}, 5)
		texts := []Text{{Label, "", s}}
		if sn, ok := Explain(q, texts); ok && !utf8.ValidString(sn.Text) {
			t.Fatalf("%q: snippet %q", s, sn.Text)
		}
	})
}
