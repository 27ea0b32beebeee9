package node

import (
	"bytes"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
)

// A roster larger than a join message arrives whole.
func TestAdmissionCarriesARosterOfAnySize(t *testing.T) {
	for _, size := range []int{0, 1, rosterPiece, rosterPiece + 1, 5*rosterPiece + 7} {
		whole := bytes.Repeat([]byte{7}, size)
		var got []byte
		pieces := joinProgress{Step: StepAdmitted, Roster: whole, Revision: 9}.pieces()
		for i, p := range pieces {
			if encoded := consensus.Encode(&p); len(encoded) > 64<<10 {
				t.Fatalf("size %d: a piece takes %d bytes", size, len(encoded))
			}
			if p.More != (i < len(pieces)-1) {
				t.Fatalf("size %d: piece %d says More=%v", size, i, p.More)
			}
			got = append(got, p.Roster...)
		}
		last := pieces[len(pieces)-1]
		if !bytes.Equal(got, whole) || last.Step != StepAdmitted || last.Revision != 9 {
			t.Fatalf("size %d: %d bytes arrived, last %q", size, len(got), last.Step)
		}
	}
}

func FuzzJoinMessages(f *testing.F) {
	f.Add(consensus.Encode(&joinRequest{TokenID: "x", Addresses: []string{"a:1"}}))
	f.Add(consensus.Encode(&joinProgress{Step: StepPin, Roster: []byte{1}}))
	f.Add(consensus.Encode(&announcement{Addresses: []string{"a:1"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q joinRequest
		if consensus.Decode(data, &q) == nil && !bytes.Equal(consensus.Encode(&q), consensus.Encode(&q)) {
			t.Fatal("encoding is not stable")
		}
		var p joinProgress
		_ = consensus.Decode(data, &p)
		var a announcement
		if consensus.Decode(data, &a) == nil {
			a.news(roster.Member{})
		}
	})
}
