package jsonwalk

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What encoding/json takes for an object is walked with the same members, and
// whatever it is, every value lies within the text.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { "a" : 1 , "b":"x\"}", "c":[1,{"d":null}] } `, `{"a":-1e5}`, `{"a":tru`, `{"a" "b"}`, `{"a":1,}`, `{"a":1}x`, `{"\u0061":"\ud83d"}`, `{"a":"\`, `[1]`, `"`, `{"a":}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := map[string]json.RawMessage{}
		whole := Members(data, func(name, value []byte) bool {
			if len(value) == 0 || !bytes.Contains(data, value) {
				t.Fatalf("%q has the value %q", name, value)
			}
			got[Text(append(append([]byte{'"'}, name...), '"'))] = value
			Text(value)
			Number(value)
			return true
		})
		for i := range data {
			if end := Value(data, i); end > len(data) || end >= 0 && end < i {
				t.Fatalf("the value at %d ends at %d", i, end)
			}
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil || want == nil {
			return
		}
		if !whole || len(got) != len(want) {
			t.Fatalf("%s: walked %t: %q, want %q", data, whole, got, want)
		}
		for name, value := range want {
			if !bytes.Equal(bytes.TrimSpace(value), got[name]) {
				t.Errorf("%s: %q is %q, want %q", data, name, got[name], value)
			}
		}
	})
}

func TestTextAndNumber(t *testing.T) {
	for value, want := range map[string]string{`"x"`: "x", `"a\nb"`: "a\nb", `"ü"`: "ü", `""`: "", `7`: "", `"`: "", `"\x"`: ""} {
		if got := Text([]byte(value)); got != want {
			t.Errorf("%s is the text %q", value, got)
		}
	}
	for value, want := range map[string]uint64{`7`: 7, `-7`: 0, `1.5`: 0, `"7"`: 0, `18446744073709551616`: 0} {
		if got := Number([]byte(value)); got != want {
			t.Errorf("%s is the number %d", value, got)
		}
	}
}

func TestTheWalkMayBeStopped(t *testing.T) {
	seen := 0
	if Members([]byte(`{"a":1,"b":2}`), func([]byte, []byte) bool { seen++; return false }) || seen != 1 {
		t.Errorf("it went on to %d members", seen)
	}
}
