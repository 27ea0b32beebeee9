package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"a":1,"b":{"a":[1,2,{"a":null}]}}`, ""},
		{` "é" `, ""},
		{`{"a":1,"a":2}`, `the field "a" stands twice in one object`},
		{`{"x":{"a":1,"b":0,"a":2}}`, `the field "a" stands twice in one object`},
		{`{"a":1,"\u0061":2}`, `the field "a" stands twice in one object`},
		{"{\"a\":\"\xff\"}", "UTF-8"},
		{`{"a":"\ud800"}`, "surrogate"},
		{`{"a":1} {}`, "something stands behind the JSON value"},
		{`{"a":1`, "the JSON ends too soon"},
		{`{a:1}`, "not JSON"},
		{``, "no JSON value"},
		{strings.Repeat("[", 20000), "nested deeper than 9,900 levels"},
	} {
		err := Check([]byte(c.text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%.40q: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
}

// A body at the readers' own bound of 10,000 levels made each page of its inbox
// unreadable, with all other messages on it.
func TestADeepBodyMakesItsPageUnreadable(t *testing.T) {
	nested := func(open, close string, levels int) string {
		return strings.Repeat(open, levels) + "1" + strings.Repeat(close, levels)
	}
	page := struct {
		Messages []map[string]json.RawMessage `json:"messages"`
	}{}
	for _, deepest := range []string{nested("[", "]", MaxDepth), nested(`{"a":`, "}", MaxDepth)} {
		if err := Check([]byte(deepest)); err != nil {
			t.Errorf("at the bound: %v", err)
		}
		if err := json.Unmarshal([]byte(`{"messages":[{"payload":`+deepest+`},{"payload":2}]}`), &page); err != nil || len(page.Messages) != 2 {
			t.Errorf("a page with the deepest body: %v", err)
		}
	}
	var raw struct {
		Raw json.RawMessage `json:"raw"`
	}
	for _, deeper := range []string{nested("[", "]", MaxDepth+1), nested(`{"a":`, "}", MaxDepth+1)} {
		for _, err := range []error{Check([]byte(deeper)), Decode([]byte(`{"raw":`+deeper+`}`), &raw)} {
			if err == nil || !strings.Contains(err.Error(), "nested deeper than 9,900 levels") {
				t.Errorf("one level more: %v", err)
			}
		}
	}
	brackets := `{"a":"` + strings.Repeat(`[\"`, 2*MaxDepth) + `","b":[` + strings.Repeat("[],", MaxDepth) + `1]}`
	if err := Check([]byte(brackets)); err != nil {
		t.Errorf("many brackets, few levels: %v", err)
	}
}

func TestDecode(t *testing.T) {
	type inner struct {
		N int `json:"n"`
	}
	type target struct {
		Name  string          `json:"name"`
		Inner inner           `json:"inner"`
		Raw   json.RawMessage `json:"raw"`
		When  *time.Time      `json:"when"`
	}
	for _, c := range []struct{ text, want string }{
		{`{"name":"x","inner":{"n":1},"raw":{"z":[1, 2]},"when":"2026-01-02T03:04:05Z"}`, ""},
		{`{"Name":"x"}`, `the field "Name" is not known`},
		{`{"inner":{"m":1}}`, `the field "m" is not known`},
		{`{"inner":{"n":"secret"}}`, `the field "n" has the wrong type`},
		{`{"inner":{"n":1.5}}`, `the field "n" has the wrong type: it must be a whole number from -9223372036854775808 to 9223372036854775807`},
		{`{"inner":7}`, `the field "inner" has the wrong type: it must be an object`},
		{`{"name":[]}`, `the field "name" has the wrong type: it must be a string`},
		{`{"when":7}`, `the field "when" has the wrong type: it must be a time such as`},
		{`{"when":"secret"}`, `the field "when" has the wrong type`},
		{`[]`, "the JSON value has the wrong type"},
		{`{"name":"a","name":"b"}`, `the field "name" stands twice in one object`},
		{`{"raw":{"a":1,"a":2}}`, `the field "a" stands twice in one object`},
		{`{"name":"a"}{}`, "not JSON"},
		{``, "too soon"},
	} {
		var v target
		err := Decode([]byte(c.text), &v)
		switch {
		case c.want == "" && (err != nil || v.Name != "x" || string(v.Raw) != `{"z":[1, 2]}`):
			t.Errorf("%s: %v %+v", c.text, err, v)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: %v repeats the value", c.text, err)
		}
	}
}

func TestHuge(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":{"b":[1,{"c":1e400}]}}`: "a.b[1].c",
		`1e400`:                       "",
		`{"a":-1e999}`:                "a",
	} {
		if member, found := Huge([]byte(text)); !found || member != want {
			t.Errorf("%s: %q, %v", text, member, found)
		}
	}
	if member, found := Huge([]byte(`{"a":1e308,"b":[18446744073709551616]}`)); found {
		t.Error(member)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,true,"x"]}`, `{"a":1,"a":2}`, "\"\xff\"", `[`, `1e999`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := Check(text); err == nil && !json.Valid(text) {
			t.Errorf("%q passes and is no JSON", text)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"session_id":"bench","node_type":"entry","label":"some label","properties":{"value":"` + strings.Repeat("x", 256) + `","n":17}}`)
	for b.Loop() {
		if Check(text) != nil {
			b.Fatal()
		}
	}
}

// Whoever reads errors by program is told which member they are about, as a path.
func TestMember(t *testing.T) {
	type target struct {
		List []struct {
			N int `json:"n"`
		} `json:"list"`
		Raw json.RawMessage `json:"raw"`
	}
	for text, want := range map[string]string{
		`{"no":1}`:                    "no",
		`{"list":[{"n":1},{"m":1}]}`:  "list[1].m",
		`{"list":[{"n":"x"}]}`:        "list[0].n",
		`{"list":7}`:                  "list",
		`{"raw":{"a":{"b":1,"b":2}}}`: "raw.a.b",
		`[]`:                          "",
		`{"list":`:                    "",
	} {
		var v target
		if err := Decode([]byte(text), &v); err == nil || Member(err) != want {
			t.Errorf("%s: %v is about %q, want %q", text, err, Member(err), want)
		}
	}
}
