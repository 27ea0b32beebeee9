package message

import (
	"encoding/json"
	"strings"
	"testing"
)

var someJSON = []string{
	`{}`, `[]`, `"x"`, `0`, `-0.5e+10`, ` { "a" : [ 1 , true , null , "\u00fF\n" ] } `, `[1,]`, `{"a":}`, `{"a" 1}`, `01`, `-`, `1.`, `1e`,
	`"\x"`, `"\u12g4"`, "\"\n\"", `"`, `nul`, `true false`, ``, ` `, "\"\xff\"", `[[[[]]]]`, `{"a":{"b":[{}]},"c":"\\"}`, `{,}`, `[`, `{"a"`, `{"a":1,}`,
	strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
}

func TestValidJSON(t *testing.T) {
	for _, s := range someJSON {
		if got, want := ValidJSON([]byte(s)), json.Valid([]byte(s)); got != want {
			t.Errorf("%.60q: %v, want %v", s, got, want)
		}
	}
}

func FuzzValidJSON(f *testing.F) {
	for _, s := range someJSON {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := ValidJSON(b), json.Valid(b); got != want {
			t.Fatalf("%q: %v, want %v", b, got, want)
		}
	})
}

func BenchmarkValidJSON(b *testing.B) {
	body := []byte(`{"text":"` + strings.Repeat("x", 200) + `","n":[1,2,3],"ok":true,"deep":{"a":null}}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		ValidJSON(body)
	}
}
