package consensus

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// What is coded by hand has the bytes that Encode gives it.
func TestOriginsAreCodedAsByEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.Uint64().Draw(t, "number") >> rapid.IntRange(0, 63).Draw(t, "shift")
		})
		r := originRecord{number.Draw(t, "acked"), int64(number.Draw(t, "last"))}
		if got, want := r.encode(), Encode(r); !bytes.Equal(got, want) {
			t.Fatalf("%+v: %x, want %x", r, got, want)
		}
		var list []seqOutcome
		for range rapid.IntRange(0, 30).Draw(t, "outcomes") {
			o := outcome{Revision: number.Draw(t, "revision"), Replayed: rapid.IntRange(0, 9).Draw(t, "replayed") == 0}
			if rapid.Bool().Draw(t, "answers") {
				o.Result = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "result")
			}
			if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
				o.Refusal = &Refusal{Code: "NO", Sentence: "no"}
			}
			list = append(list, seqOutcome{number.Draw(t, "seq"), o})
		}
		got, want := encodeOutcomes(list), Encode(list)
		if len(list) == 0 {
			return // never written
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%+v: %x, want %x", list, got, want)
		}
	})
}
