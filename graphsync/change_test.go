package graphsync

import (
	"bytes"
	"testing"
)

func someChanges() []change {
	return []change{
		{rev: 1, deed: changeCreated, kind: kindNode, ns: 2, id: 3, at: 1 << 40, author: 4, typ: 5},
		{rev: 1 << 40, ord: 9, deed: changeMerged, kind: kindNode, flags: keptPast | hasOther, ns: maxSymbol, id: maxID, at: 1, typ: 5, other: maxID},
		{rev: 2, deed: changeDeleted, kind: kindEdge, ns: 1, id: 7, source: 8, typ: 9, target: 10},
		{rev: 2, deed: changeUpdated, kind: kindObservation, flags: hasOther, ns: 1, id: 7, node: 8, other: 9},
		{rev: 2, deed: changeUpdated, kind: kindObservation, flags: hasOther | hasHeld, ns: 1, id: 7, node: 8, other: 9, held: held{3, 1 << 40, 1}},
		{rev: 2, deed: changeErased, kind: kindVector, ns: 1, id: 7, typ: 3},
		{rev: 2, deed: changeUpdated, kind: kindRetention},
	}
}

func TestChangeIsReadAsWritten(t *testing.T) {
	for _, c := range someChanges() {
		got, ok := readChange(appendLogKey(nil, c.rev, c.ord), c.append(nil))
		if !ok || got != c || c.size() != uint64(logKeySize+len(c.append(nil))) {
			t.Errorf("%+v %v, want %+v", got, ok, c)
		}
	}
}

// What is read as a change is written as it was.
func FuzzChange(f *testing.F) {
	for _, c := range someChanges() {
		f.Add(appendLogKey(nil, c.rev, c.ord), c.append(nil))
	}
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, k, v []byte) {
		c, ok := readChange(k, v)
		if !ok {
			return
		}
		if !bytes.Equal(appendLogKey(nil, c.rev, c.ord), k) || !bytes.Equal(c.append(nil), v) {
			t.Fatalf("%x %x: read as %+v", k, v, c)
		}
		if kindNames[c.kind] == "" || deedNames[c.deed] == "" {
			t.Fatalf("%+v has no name", c)
		}
	})
}
