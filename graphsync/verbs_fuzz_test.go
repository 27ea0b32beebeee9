package graphsync

import (
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// FuzzApplyVerbs: no command of the newer verbs, however forged, makes the part
// panic, or damages what it keeps or counts.
func FuzzApplyVerbs(f *testing.F) {
	far := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	verbs := []Op{
		{Op: OpAddAlias, Key: "a", Alias: "x"}, {Op: OpRemoveAlias, Key: "a", Alias: "alias"},
		{Op: OpAddObservation, Key: "a", Text: "new", ValidFrom: &far, Confidence: ptr(0.5)}, {Op: OpDeleteObservation, ID: 4}, {Op: OpDeleteObservation, Key: "a", Text: "said"},
		{Op: OpSetVector, Key: "b", Model: "m", Vector: []float32{1}}, {Op: OpDeleteVector, ID: 1, Model: "m"},
		{Op: OpMergeNodes, Source: "a", Target: "b"}, {Op: OpUndoMerge, ID: 8},
		{Op: OpSetSchema, Schema: &Schema{Closed: true, EdgeTypes: map[string]EdgeRule{"T": {Single: true}}}}, {Op: OpSetRetention, Days: 1},
		{Op: OpEraseNode, ID: 1, Reason: "r"}, {Op: OpEraseEdge, ID: 3}, {Op: OpEraseObservation, ID: 4},
	}
	var all []op
	for i := range verbs {
		p, r := prepare(&verbs[i])
		if r != nil {
			f.Fatal(r)
		}
		all = append(all, p)
		f.Add(consensus.Encode(&command{Namespace: "s", Author: "a", Ops: []op{p}, Whole: true}))
	}
	f.Add(consensus.Encode(&command{Namespace: "s", Ops: all, Lenient: true}))
	f.Fuzz(func(t *testing.T, body []byte) {
		state := consensustest.New(NewPart())
		s := NewService(state)
		if _, _, err := s.Batch(bg, alice, "s", []Op{
			{Op: OpCreateNode, Type: "n", Label: ptr("a"), Key: "a", ExpiresAt: &far}, {Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b"},
			{Op: OpCreateEdge, Type: "T", Source: "a", Target: "b", ExpiresAt: &far}, {Op: OpAddObservation, Key: "a", Text: "said"},
			{Op: OpSetVector, Key: "a", Model: "m", Vector: []float32{1, 2}}, {Op: OpAddAlias, Key: "a", Alias: "alias"},
			{Op: OpCreateNode, Type: "n", Label: ptr("c"), Key: "c"}, {Op: OpMergeNodes, Source: "c", Target: "b"},
		}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := state.Propose(bg, consensus.Proposal{Part: PartName, Body: body}); err != nil && strings.Contains(err.Error(), "damaged") {
				t.Fatal(err)
			}
			checkCounts(t, s)
		}
	})
}

// checkCounts reads all that is in "s" and compares it with the totals.
func checkCounts(t *testing.T, s *Service) {
	t.Helper()
	st, _, err := s.Stats(bg, stale, "s")
	if err != nil {
		t.Fatal(err)
	}
	any := When{AnyValid: true}
	nodes, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Limit: MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	edges, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Limit: MaxLimit, When: any})
	if err != nil {
		t.Fatal(err)
	}
	said, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", Limit: MaxLimit, When: any})
	if err != nil {
		t.Fatal(err)
	}
	vectors := uint64(0)
	if _, _, err := s.Vectors(bg, stale, VectorPosition{}, func(v Vector) error {
		if v.SessionID == "s" {
			vectors++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if st.Vectors != vectors || uint64(nodes.Count) > st.Nodes || uint64(edges.Count) > st.Edges || uint64(said.Count) > st.Observations {
		t.Fatalf("%+v, listed %d %d %d %d", st, nodes.Count, edges.Count, said.Count, vectors)
	}
	if _, _, err := s.Merges(bg, stale, "s", 0, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Erasures(bg, stale, "", 0, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.GetSchema(bg, stale, "s"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Duplicates(bg, stale, DuplicateQuery{Namespace: "s"}); err != nil {
		t.Fatal(err)
	}
}
