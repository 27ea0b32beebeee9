package graphsync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// where lists the tables that have a word in a key or value, in any case.
func where(t *testing.T, state consensus.State, word string) (found []string) {
	t.Helper()
	_, err := state.View(bg, stale, func(r consensus.Reader) error {
		for _, table := range tables {
			for k, v := range r.Scan(table, nil, nil) {
				if bytes.Contains(bytes.ToLower(k), []byte(word)) || bytes.Contains(bytes.ToLower(v), []byte(word)) {
					found = append(found, fmt.Sprintf("%s %x", table, k))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Nothing of an erased node is left in any table, nor in its past.
func TestEraseLeavesNothing(t *testing.T) {
	for _, way := range []string{"current", "deleted", "merged", "target", "undone"} {
		t.Run(way, func(t *testing.T) {
			state := consensustest.New(NewPart())
			s := NewService(state)
			far := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
			batch := func(ops ...Op) []OpResult {
				t.Helper()
				res, _, err := s.Batch(bg, alice, "s", ops)
				if err != nil {
					t.Fatal(err)
				}
				return res
			}
			b := batch(Op{Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b"})[0].ID
			a := batch(Op{Op: OpCreateNode, Type: "n", Label: ptr("Secret Person"), Key: "secret key", Properties: json.RawMessage(`{"p":"secret"}`), ExpiresAt: &far})[0].ID
			batch(Op{Op: OpAddAlias, ID: a, Alias: "secret alias"}, Op{Op: OpAddAlias, ID: a, Alias: "secret 2"}, Op{Op: OpAddObservation, ID: a, Text: "secret words", ExpiresAt: &far},
				Op{Op: OpAddObservation, ID: a, Text: "common secret"}, Op{Op: OpAddObservation, ID: b, Text: "common"},
				Op{Op: OpCreateEdge, SourceID: a, TargetID: b, Type: "T", Predicate: ptr("secretly"), ExpiresAt: &far}, Op{Op: OpCreateEdge, SourceID: b, TargetID: a, Type: "T", Predicate: ptr("of secret")},
				Op{Op: OpSetVector, ID: a, Model: "m", Vector: []float32{1}})
			said := batch(Op{Op: OpAddObservation, ID: a, Text: "another secret"}, Op{Op: OpAddObservation, ID: a, Text: "common"})
			batch(Op{Op: OpUpdateNode, ID: a, Label: ptr("Secret 3")}, Op{Op: OpRemoveAlias, ID: a, Alias: "secret 2"}, Op{Op: OpUpdateNode, ID: a, Properties: json.RawMessage(`{"q":"secret"}`)})
			batch(Op{Op: OpUpdateNode, ID: a, Label: ptr("Secret 4")}, Op{Op: OpDeleteObservation, ID: said[0].ID})
			edges, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Source: b, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			batch(Op{Op: OpUpdateEdge, ID: edges.Edges[0].ID, Weight: ptr(2.0)})
			erase := []Target{{ID: a}}
			switch way {
			case "deleted":
				batch(Op{Op: OpDeleteNode, ID: a})
				erase = []Target{{SessionID: "s", Key: "Secret Key"}}
			case "merged":
				batch(Op{Op: OpMergeNodes, SourceID: a, TargetID: b})
				if _, err := s.EraseNode(bg, alice, Target{ID: a}, ""); code(err) != CodeInvalid || details(err)["merged_into"] != itoa(b) {
					t.Fatal("erased from under the node it was merged into:", err)
				}
				if _, err := s.EraseNode(bg, alice, Target{SessionID: "s", Key: "secret key"}, ""); code(err) != CodeInvalid || details(err)["id"] != itoa(b) {
					t.Fatal("erased by an alias:", err)
				}
				erase = []Target{{ID: b}, {ID: a}}
			case "target":
				batch(Op{Op: OpMergeNodes, SourceID: b, TargetID: a})
			case "undone":
				m := batch(Op{Op: OpMergeNodes, SourceID: a, TargetID: b})[0].ID
				batch(Op{Op: OpUndoMerge, ID: m})
			}
			if len(where(t, state, "secret")) == 0 {
				t.Fatal("nothing to find")
			}
			for _, at := range erase {
				if _, err := s.EraseNode(bg, alice, at, "asked to"); err != nil {
					t.Fatal(err)
				}
			}
			if found := where(t, state, "secret"); len(found) > 0 {
				t.Fatal(found)
			}
			page, _, err := s.Erasures(bg, stale, "s", 0, "")
			if err != nil || len(page.Erasures) != len(erase) || page.Erasures[0].Reason != "asked to" || page.Erasures[0].ErasedBy != "alice" || page.Erasures[0].Kind != "node" {
				t.Fatalf("%+v %v", page, err)
			}
			if _, err := s.EraseNode(bg, alice, Target{ID: a}, ""); code(err) != CodeNotFound {
				t.Fatal("erased twice:", err)
			}
			st, _, err := s.Stats(bg, stale, "s")
			if err != nil || st.Edges != 0 || st.Vectors != 0 {
				t.Fatalf("%+v %v", st, err)
			}
		})
	}
}

func TestEraseEdgeAndObservation(t *testing.T) {
	state := consensustest.New(NewPart())
	s := NewService(state)
	res, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateNode, Type: "n", Label: ptr("a"), Key: "a"}, {Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b"},
		{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T", Predicate: ptr("secret")}, {Op: OpAddObservation, Key: "a", Text: "secret"}, {Op: OpAddObservation, Key: "b", Text: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.UpdateEdge(bg, alice, "", res[2].ID, EdgePatch{Predicate: ptr("secret 2")}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.MergeNodes(bg, alice, NewMerge{SessionID: "s", Source: "a", Target: "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EraseEdge(bg, alice, "o", res[2].ID, ""); code(err) != CodeNotFound {
		t.Fatal(err)
	}
	if _, err := s.EraseEdge(bg, alice, "s", res[2].ID, ""); err != nil {
		t.Fatal(err)
	}
	for _, o := range res[3:] {
		if _, err := s.EraseObservation(bg, alice, "s", o.ID, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.EraseObservation(bg, alice, "s", o.ID, ""); code(err) != CodeNotFound {
			t.Fatal(err)
		}
	}
	if found := where(t, state, "secret"); len(found) > 0 {
		t.Fatal(found)
	}
	page, _, err := s.Erasures(bg, stale, "", 2, "")
	if err != nil || len(page.Erasures) != 2 || page.Cursor == "" {
		t.Fatalf("%+v %v", page, err)
	}
	page, _, err = s.Erasures(bg, stale, "", 2, page.Cursor)
	if err != nil || len(page.Erasures) != 1 || page.Erasures[0].Kind != "edge" || page.Cursor != "" {
		t.Fatalf("%+v %v", page, err)
	}
}

// What a node had taken of another stayed in its past, where the merge was
// undone, or the node had ended, before the other was erased.
func TestEraseReachesWhatAMergeLeftInThePast(t *testing.T) {
	for _, way := range []string{"undone", "target deleted", "nested", "twice", "brought back and deleted", "forgotten"} {
		t.Run(way, func(t *testing.T) {
			state := consensustest.New(NewPart())
			now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			state.Now = func() time.Time { return now }
			s := NewService(state)
			rev := uint64(0)
			batch := func(ops ...Op) []OpResult {
				t.Helper()
				res, out, err := s.Batch(bg, alice, "s", ops)
				if err != nil {
					t.Fatal(err)
				}
				rev = out.Revision
				return res
			}
			id := map[string]uint64{}
			for _, key := range []string{"b", "c", "d"} {
				id[key] = batch(Op{Op: OpCreateNode, Type: "n", Label: ptr(key), Key: key, Properties: json.RawMessage(`{"both":"hidden","own":1}`)})[0].ID
			}
			b := id["b"]
			a := batch(Op{Op: OpCreateNode, Type: "n", Label: ptr("Secret"), Key: "secret key", Properties: json.RawMessage(`{"both":"hidden","p":"secret","q":{"x":"secret"}}`)})[0].ID
			batch(Op{Op: OpAddAlias, ID: a, Alias: "secret alias"})
			said := batch(Op{Op: OpAddObservation, ID: a, Text: "secret words"}, Op{Op: OpAddObservation, ID: a, Text: "secret and deleted"}, Op{Op: OpAddObservation, ID: b, Text: "of b"})
			facts := batch(Op{Op: OpCreateEdge, SourceID: a, TargetID: id["c"], Type: "T", Predicate: ptr("secret")}, Op{Op: OpCreateEdge, SourceID: id["c"], TargetID: a, Type: "T", Predicate: ptr("secret, deleted")},
				Op{Op: OpCreateEdge, SourceID: b, TargetID: id["c"], Type: "T", Predicate: ptr("of b")})
			merge := func(source, target uint64) uint64 {
				return batch(Op{Op: OpMergeNodes, SourceID: source, TargetID: target})[0].ID
			}
			undo := func(m uint64) { batch(Op{Op: OpUndoMerge, ID: m}) }
			m := merge(a, b)
			for i := range 20 {
				now = now.Add(time.Hour)
				batch(Op{Op: OpUpdateNode, ID: b, Label: ptr(fmt.Sprint("b", i))})
			}
			during := rev
			if way != "forgotten" {
				batch(Op{Op: OpUpdateEdge, ID: facts[1].ID, Weight: ptr(2.0)})
				during = rev
				batch(Op{Op: OpDeleteObservation, ID: said[1].ID}, Op{Op: OpDeleteEdge, ID: facts[1].ID})
			}
			switch way {
			case "undone":
				undo(m)
			case "target deleted":
				batch(Op{Op: OpDeleteNode, ID: b})
			case "nested":
				m2 := merge(b, id["d"])
				m3 := merge(id["d"], id["c"])
				batch(Op{Op: OpUpdateNode, ID: id["c"], Label: ptr("has all")})
				undo(m3)
				undo(m2)
				undo(m)
			case "twice":
				undo(m)
				undo(merge(a, id["d"]))
				batch(Op{Op: OpUpdateNode, ID: a, Label: ptr("Secret 2"), Properties: json.RawMessage(`{"p":"secret"}`)})
				undo(merge(a, b))
			case "brought back and deleted":
				undo(m)
				batch(Op{Op: OpUpdateNode, ID: b, Label: ptr("b later")})
				batch(Op{Op: OpDeleteNode, ID: a})
			case "forgotten": // the merge, not what came of it
				undo(m)
				now = now.Add(16 * time.Hour)
				for i := range uint64(12) {
					if _, err := s.SetRetention(bg, alice, 1, (i+1)<<20); err != nil {
						t.Fatal(err)
					}
				}
				kept, _, err := s.Retention(bg, stale)
				if err != nil || kept.OldestRevision < 10 || kept.OldestRevision >= rev {
					t.Fatalf("%+v %v", kept, err)
				}
			}
			if way == "undone" {
				got, _, err := s.GetNodeAt(bg, stale, When{Revision: during}, "s", b)
				if err != nil || len(got.Aliases) != 2 || !strings.Contains(string(got.Properties), "secret") {
					t.Fatalf("%+v %v", got, err)
				}
			}
			if _, err := s.EraseNode(bg, alice, Target{ID: a}, "asked to"); err != nil {
				t.Fatal(err)
			}
			if found := where(t, state, "secret"); len(found) > 0 {
				t.Fatal(found)
			}
			if _, err := state.View(bg, stale, account); err != nil {
				t.Fatal(err)
			}
			if way == "forgotten" {
				return
			}
			// The other's own past is as it was.
			got, _, err := s.GetNodeAt(bg, stale, When{Revision: during}, "s", b)
			if err != nil || got.Label != "b19" || len(got.Aliases) != 0 || string(got.Properties) != `{"both":"hidden","own":1}` {
				t.Fatalf("%+v %v", got, err)
			}
			told, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", NodeID: b, When: When{Revision: during}})
			if err != nil || told.Count != 1 {
				t.Fatalf("%+v %v", told, err)
			}
			edges, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Source: b, When: When{Revision: during}})
			if err != nil || edges.Count != 1 || edges.Edges[0].Predicate != "of b" {
				t.Fatalf("%+v %v", edges, err)
			}
			if _, _, err := s.GetNodeByKeyAt(bg, stale, When{Revision: during}, "s", "secret key"); code(err) != CodeNotFound {
				t.Fatal(err)
			}
		})
	}
}

// A node with more than a command may erase goes in steps.
func TestEraseLargeNode(t *testing.T) {
	state := consensustest.New(NewPart())
	s := NewService(state)
	hub := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "hub", Key: "hub"})
	other := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "other", Key: "other"})
	for range 3 {
		ops := make([]Op, 4000)
		for i := range ops {
			ops[i] = Op{Op: OpCreateEdge, SourceID: hub.ID, TargetID: other.ID, Type: "T"}
		}
		if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpEraseNode, ID: hub.ID}}); code(err) != CodeTooManyEdges {
		t.Fatal(err)
	}
	if _, err := s.EraseNode(bg, alice, Target{ID: hub.ID}, "large"); err != nil {
		t.Fatal(err)
	}
	if _, err := state.View(bg, stale, account); err != nil {
		t.Fatal(err)
	}
	page, _, err := s.Erasures(bg, stale, "s", 0, "")
	if err != nil || len(page.Erasures) != 2 || !page.Erasures[1].Partial || page.Erasures[0].Partial || page.Erasures[0].Edges+page.Erasures[1].Edges != 12000 {
		t.Fatalf("%+v %v", page, err)
	}
	st, _, err := s.Stats(bg, stale, "s")
	if err != nil || st.Edges != 0 || st.Nodes != 1 {
		t.Fatalf("%+v %v", st, err)
	}
}

// Things end by themselves with the first command after their time.
func TestExpiry(t *testing.T) {
	state := consensustest.New(NewPart())
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	state.Now = func() time.Time { return now }
	s := NewService(state)
	soon, later := now.Add(time.Minute), now.Add(time.Hour)
	res, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateNode, Type: "n", Label: ptr("a"), Key: "a"}, {Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b", ExpiresAt: &later},
		{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T", ExpiresAt: &soon}, {Op: OpCreateEdge, Source: "a", Target: "b", Type: "T"},
		{Op: OpAddObservation, Key: "a", Text: "x", ExpiresAt: &soon}, {Op: OpAddObservation, Key: "b", Text: "y"},
		{Op: OpSetVector, Key: "b", Model: "m", Vector: []float32{1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stats := func() string {
		if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpDeleteNode, Key: "nobody"}}); err != nil {
			t.Fatal(err)
		}
		st, _, err := s.Stats(bg, stale, "s")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(st.Nodes, st.Edges, st.Observations, st.Vectors)
	}
	if got := stats(); got != "2 2 2 1" {
		t.Fatal(got)
	}
	now = soon
	// The text may be said again, though its time came with this command.
	o, added, _, err := s.AddObservation(bg, alice, NewObservation{SessionID: "s", Key: "a", Text: "x"})
	if err != nil || !added || o.ID == res[4].ID {
		t.Fatalf("%+v %v %v", o, added, err)
	}
	if got := stats(); got != "2 1 2 1" {
		t.Fatal(got)
	}
	now = later
	if got := stats(); got != "1 0 1 0" {
		t.Fatal(got)
	}
	if len(where(t, state, "nobody")) > 0 {
		t.Fatal("a key was kept that never was")
	}
	left := 0
	_, _ = state.View(bg, stale, func(r consensus.Reader) error {
		for range r.Scan(tExpiry, nil, nil) {
			left++
		}
		return nil
	})
	if left != 0 {
		t.Fatal(left, "entries are left")
	}
}

// A node that ends by itself with many edges does so over several commands.
func TestExpiryOfLargeNode(t *testing.T) {
	state := consensustest.New(NewPart())
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	state.Now = func() time.Time { return now }
	s := NewService(state)
	soon := now.Add(time.Minute)
	ops := []Op{{Op: OpCreateNode, Type: "n", Label: ptr("a"), Key: "a", ExpiresAt: &soon}, {Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b"}}
	for range 50 {
		ops = append(ops, Op{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T"})
	}
	if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
		t.Fatal(err)
	}
	now = soon
	var edges []string
	for range 4 {
		if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpDeleteNode, Key: "nobody"}}); err != nil {
			t.Fatal(err)
		}
		st, _, err := s.Stats(bg, stale, "s")
		if err != nil {
			t.Fatal(err)
		}
		edges = append(edges, fmt.Sprintf("%d/%d", st.Edges, st.Nodes))
	}
	if got := strings.Join(edges, " "); got != "33/2 16/2 0/1 0/1" {
		t.Fatal(got)
	}
}
