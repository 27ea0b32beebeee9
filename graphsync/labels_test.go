package graphsync

import (
	"maps"
	"testing"

	"github.com/meshd/meshd/consensus/consensustest"
)

func TestLabelsAreOfTheNamespace(t *testing.T) {
	s := NewService(consensustest.New(NewPart()))
	add := func(namespace, label string) uint64 {
		n, _, err := s.CreateNode(bg, WriteOptions{}, NewNode{SessionID: namespace, NodeType: "n", Label: label})
		if err != nil {
			t.Fatal(err)
		}
		return n.ID
	}
	ada, gone, foreign := add("s", "Ada"), add("s", "gone"), add("other", "foreign")
	if _, _, err := s.DeleteNode(bg, WriteOptions{}, "s", gone, 0); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Labels(bg, stale, "s", []uint64{ada, ada, gone, foreign, 1 << 30})
	if want := map[uint64]string{ada: "Ada"}; err != nil || !maps.Equal(got, want) {
		t.Fatal(got, err)
	}
	if got, _, err := s.Labels(bg, stale, "nowhere", []uint64{ada}); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	if _, _, err := s.Labels(bg, stale, "s", make([]uint64, MaxLimit+1)); err == nil {
		t.Fatal("more ids than a page has")
	}
}
