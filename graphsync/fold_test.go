package graphsync

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestNormalKey(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"abc":            "abc",
		"  A  b\tC ":     "a b c",
		"Straße":         "strasse",
		"STRASSE":        "strasse",
		"ﬁne":            "fine",
		"\u212b":         "å", // angstrom sign
		"A\u030a":        "å",
		"ＦＵＬＬ　ｗｉｄｔｈ":     "full width",
		"İ":              "i̇",
		"a\u00a0b":       "a b",
		"go.mod/X@v1.2.": "go.mod/x@v1.2.",
	} {
		if got := NormalKey(in); got != want {
			t.Errorf("NormalKey(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"a B", "ΑΒ\u0345", "\u1fb3ͅ", "ǅ", "ẛ̣", "\u03d3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := fold(s)
		if twice := fold(once); twice != once {
			t.Fatalf("%q folds to %q and on to %q", s, once, twice)
		}
		if len(indexName(s)) > maxName {
			t.Fatal("a long name")
		}
	})
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		` { } `:                                      `{}`,
		`{"b":1,"a":{"d":[ ],"c":null}}`:             `{"a":{"c":null,"d":[]},"b":1}`,
		`{"a":"\u00e9\/\n\u0001\"\ud83d\ude00"}`:     `{"a":"é/\n\u0001\"😀"}`,
		`{"n":[1.50,-0,1E+3,123456789012345678901]}`: `{"n":[1.50,-0,1E+3,123456789012345678901]}`,
		`{"t":true,"f":false}`:                       `{"f":false,"t":true}`,
	} {
		got, err := canonicalObject([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s %v, want %s", in, got, err, want)
		}
	}
}

// A number that no float64 holds could be read back by few.
func TestCanonicalRefusesNumbersNobodyCanRead(t *testing.T) {
	for in, ok := range map[string]bool{
		`{"a":1e308}`: true, `{"a":-1.7E+308}`: true, `{"a":1e-999}`: true, `{"a":` + strings.Repeat("9", 300) + `}`: true,
		`{"a":1e999}`: false, `{"a":[{"b":-1e309}]}`: false, `{"a":` + strings.Repeat("9", 400) + `}`: false,
	} {
		if _, err := canonicalObject([]byte(in)); (err == nil) != ok {
			t.Errorf("%.40s: %v", in, err)
		}
	}
}

// The canonical spelling means what encoding/json read, is stable, and is
// refused only where encoding/json refuses or guesses.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"b":1,"a":[{}]}`, `{"a":"\ud83d\ude00"}`, `{"a":1,"a":2}`, `{"":-1.5e-7}`, `{"a":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := canonicalObject(in)
		if err != nil {
			return
		}
		if !json.Valid(in) || !json.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		again, err := canonicalObject(out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q became %q and then %q: %v", in, out, again, err)
		}
		var a, b map[string]any
		if json.Unmarshal(in, &a) == nil && (json.Unmarshal(out, &b) != nil || !reflect.DeepEqual(a, b)) {
			t.Fatalf("%q means something else than %q", out, in)
		}
		if parts, err := members(out); err != nil || len(parts) != len(a) && a != nil {
			t.Fatalf("%q has %d members: %v", out, len(parts), err)
		}
	})
}

// A merge patch does what the maps of the model do.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1,"c":2},"d":3}`), []byte(`{"a":{"b":null,"e":{"f":null}},"d":[null]}`))
	f.Add([]byte(`{}`), []byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, target, change []byte) {
		a, err := canonicalObject(target)
		if err != nil {
			return
		}
		b, err := canonicalObject(change)
		if err != nil {
			return
		}
		var am, bm, got map[string]any
		if json.Unmarshal(a, &am) != nil || json.Unmarshal(b, &bm) != nil {
			return
		}
		out, err := mergeObject(a, b)
		if err != nil || json.Unmarshal(out, &got) != nil {
			t.Fatalf("%s and %s: %s %v", a, b, out, err)
		}
		if want := patch(am, bm); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s and %s: %s, want %v", a, b, out, want)
		}
		if again, err := canonicalObject(out); err != nil || string(again) != string(out) {
			t.Fatalf("%s is not canonical: %v", out, err)
		}
	})
}
