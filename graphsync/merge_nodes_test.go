package graphsync

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// logical is all that is current, without versions, times and authors.
func logical(t rapid.TB, state consensus.State) map[string]string {
	out := map[string]string{}
	put := func(table consensus.Table, k []byte, v any) {
		out[fmt.Sprintf("%s %x", table, k)] = fmt.Sprintf("%+v", v)
	}
	_, err := state.View(bg, stale, func(r consensus.Reader) error {
		for _, table := range []consensus.Table{tID, tKey, tOPS, tEdge, tType, tName, tCount, tObsText, tSchema, tExpiry} {
			for k, v := range r.Scan(table, nil, nil) {
				put(table, k, v)
			}
		}
		for k, v := range r.Scan(tObsAt, nil, nil) {
			put(tObsAt, k, v[:obsValueSize]) // behind it are nodes it spoke of before
		}
		for k, v := range r.Scan(tNode, nil, nil) {
			n, err := decodeNode(v)
			if err != nil {
				return err
			}
			n.stamp = stamp{}
			put(tNode, k, consensus.Encode(&n))
		}
		for k, v := range r.Scan(tSPO, nil, nil) {
			e, err := decodeEdge(v)
			if err != nil {
				return err
			}
			e.stamp = stamp{}
			put(tSPO, k, consensus.Encode(&e))
		}
		for k, v := range r.Scan(tObs, nil, nil) {
			o, err := decodeObs(v)
			if err != nil {
				return err
			}
			o.stamp = stamp{}
			put(tObs, k, consensus.Encode(&o))
		}
		for k, v := range r.Scan(tVector, nil, nil) {
			rec, err := decodeVector(v)
			if err != nil {
				return err
			}
			put(tVector, k, rec.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func difference(a, b map[string]string) string {
	var out strings.Builder
	for k, v := range a {
		if b[k] != v {
			fmt.Fprintf(&out, "%s: %s, then %s\n", k, v, b[k])
		}
	}
	for k, v := range b {
		if _, ok := a[k]; !ok {
			fmt.Fprintf(&out, "%s: new, %s\n", k, v)
		}
	}
	return out.String()
}

// Whatever two nodes are merged, undoing it leaves all as it was.
func TestMergeAndUndoIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := consensustest.New(NewPart())
		s := NewService(state)
		m := &model{next: 1, nodes: map[uint64]modelNode{}, edges: map[uint64]modelEdge{}}
		for range 12 {
			s.ApplyEach(bg, alice, "s", rapid.SliceOfN(genOp(m), 1, 6).Draw(t, "ops"))
			m.next += 4
		}
		var ids []uint64
		page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s"})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Nodes {
			ids = append(ids, n.ID)
		}
		if len(ids) < 2 {
			t.Skip("too few nodes")
		}
		texts := rapid.SampledFrom([]string{"one", "two", "three", "four"})
		var ops []Op
		for range rapid.IntRange(0, 12).Draw(t, "said") {
			id := rapid.SampledFrom(ids).Draw(t, "of")
			ops = append(ops, Op{Op: OpAddObservation, ID: id, Text: texts.Draw(t, "text")},
				Op{Op: OpSetVector, ID: id, Model: texts.Draw(t, "model"), Vector: []float32{1, float32(id)}})
		}
		for i, id := range ids {
			ops = append(ops, Op{Op: OpAddAlias, ID: id, Alias: "alias " + itoa(uint64(i))})
		}
		if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
			t.Fatal(err)
		}
		before := logical(t, state)
		var undo []uint64
		for range rapid.IntRange(1, 3).Draw(t, "merges") {
			a, b := rapid.SampledFrom(ids).Draw(t, "source"), rapid.SampledFrom(ids).Draw(t, "target")
			merge, _, _, err := s.MergeNodes(bg, alice, NewMerge{SessionID: "s", SourceID: a, TargetID: b})
			if c := code(err); c == CodeNotFound || c == CodeInvalid && a == b {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			checkMerged(t, s, merge)
			undo = append(undo, merge.ID)
		}
		for i := range undo {
			if _, _, err := s.UndoMerge(bg, alice, "s", undo[len(undo)-1-i]); err != nil {
				t.Fatal(err)
			}
		}
		if now := logical(t, state); !maps.Equal(before, now) {
			t.Fatal(difference(before, now))
		}
	})
}

// Nothing speaks of a node that was merged.
func checkMerged(t *rapid.T, s *Service, m Merge) {
	if _, _, err := s.GetNode(bg, stale, "", m.SourceID); code(err) != CodeNotFound {
		t.Fatal(err)
	}
	if m.Key != "" {
		if n, _, err := s.GetNodeByKey(bg, stale, "s", m.Key); err != nil || n.ID != m.TargetID {
			t.Fatal(n, err)
		}
	}
	edges, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Limit: MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edges.Edges {
		if e.SourceID == m.SourceID || e.TargetID == m.SourceID {
			t.Fatalf("%+v", e)
		}
	}
	said, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", NodeID: m.TargetID, Limit: MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, o := range said.Observations {
		if texts[o.Text] {
			t.Fatalf("%q is said twice", o.Text)
		}
		texts[o.Text] = true
	}
}

// What was changed since the merge stays as it is when it is undone.
func TestUndoKeepsWhatCameAfter(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "Ada K.", Key: "ada king", Properties: json.RawMessage(`{"born":1815,"x":1}`)})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "Ada Lovelace", Key: "ada", Properties: json.RawMessage(`{"x":2}`)})
	c := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "c"})
	res, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateEdge, SourceID: a.ID, TargetID: c.ID, Type: "KNOWS"}, {Op: OpCreateEdge, SourceID: a.ID, TargetID: b.ID, Type: "SAME"},
		{Op: OpAddObservation, ID: a.ID, Text: "one"}, {Op: OpAddObservation, ID: a.ID, Text: "two"}, {Op: OpAddAlias, ID: a.ID, Alias: "countess"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, n, _, err := s.MergeNodes(bg, alice, NewMerge{SessionID: "s", Source: "ada king", Target: "ada"})
	if err != nil || n.ID != b.ID || string(n.Properties) != `{"born":1815,"x":2}` || m.Edges != 2 || m.Said != 2 || m.MergedBy != "alice" {
		t.Fatalf("%+v %+v %v", m, n, err)
	}
	loop, _, err := s.GetEdge(bg, stale, "s", res[1].ID)
	if err != nil || loop.SourceID != b.ID || loop.TargetID != b.ID {
		t.Fatalf("%+v %v", loop, err)
	}
	if _, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpUpdateEdge, ID: res[0].ID, Weight: ptr(2.0)}, {Op: OpDeleteObservation, ID: res[2].ID},
		{Op: OpRemoveAlias, ID: b.ID, Alias: "countess"}, {Op: OpCreateNode, Type: "n", Label: ptr("other"), Key: "Countess"},
		{Op: OpUpdateNode, ID: b.ID, Merge: true, Properties: json.RawMessage(`{"born":1816}`)},
	}); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.Merges(bg, stale, "s", 0, "")
	if err != nil || len(list.Merges) != 1 || list.Merges[0] != m {
		t.Fatalf("%+v %v", list, err)
	}
	back, _, err := s.UndoMerge(bg, alice, "s", m.ID)
	if err != nil || back.ID != a.ID || back.Key != "ada king" || string(back.Properties) != `{"born":1815,"x":1}` || back.Version != 3 {
		t.Fatalf("%+v %v", back, err)
	}
	kept, _, err := s.GetEdge(bg, stale, "s", res[0].ID)
	if err != nil || kept.SourceID != b.ID {
		t.Fatalf("an edge that was changed went back: %+v %v", kept, err)
	}
	if loop, _, err := s.GetEdge(bg, stale, "s", res[1].ID); err != nil || loop.SourceID != a.ID || loop.TargetID != b.ID {
		t.Fatalf("%+v %v", loop, err)
	}
	if n, _, err := s.GetNode(bg, stale, "s", b.ID); err != nil || string(n.Properties) != `{"born":1816,"x":2}` {
		t.Fatalf("%+v %v", n, err)
	}
	said, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", Key: "ada king"})
	if err != nil || said.Count != 1 || said.Observations[0].Text != "two" {
		t.Fatalf("%+v %v", said, err)
	}
	if _, _, err := s.UndoMerge(bg, alice, "s", m.ID); code(err) != CodeNotFound {
		t.Fatal("undone twice:", err)
	}
}

func TestMergeRefusals(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	c := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "c", Key: "c"})
	o := mustCreate(t, s, NewNode{SessionID: "o", NodeType: "n", Label: "o", Key: "o"})
	merge := func(ns string, source, target uint64) (Merge, error) {
		m, _, _, err := s.MergeNodes(bg, alice, NewMerge{SessionID: ns, SourceID: source, TargetID: target})
		return m, err
	}
	for _, x := range []struct {
		ns             string
		source, target uint64
		code           string
	}{{"s", a.ID, a.ID, CodeInvalid}, {"", a.ID, o.ID, CodeInvalid}, {"s", a.ID, o.ID, CodeNotFound}, {"s", 99, a.ID, CodeNotFound}} {
		if _, err := merge(x.ns, x.source, x.target); code(err) != x.code {
			t.Fatalf("%+v: %v", x, err)
		}
	}
	first, err := merge("s", a.ID, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	second, err := merge("s", b.ID, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.UndoMerge(bg, alice, "s", first.ID); code(err) != CodePrecondition {
		t.Fatal("out of order:", err)
	}
	if _, _, err := s.UndoMerge(bg, alice, "o", second.ID); code(err) != CodeNotFound {
		t.Fatal("from another namespace:", err)
	}
	if _, _, err := s.UndoMerge(bg, alice, "s", second.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpRemoveAlias, ID: b.ID, Alias: "a"}, {Op: OpCreateNode, Type: "n", Label: ptr("x"), Key: "a"}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.UndoMerge(bg, alice, "s", first.ID); code(err) != CodeKeyExists {
		t.Fatal("a key that another has:", err)
	}
	if _, _, err := s.DeleteNode(bg, alice, "s", b.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpDeleteNode, Key: "a"}, {Op: OpUndoMerge, ID: first.ID}}); err != nil {
		t.Fatal("after the other node is gone:", err)
	}
}

// A node that had no key in the file it came from may be merged, exported and
// imported again.
func TestMergedNodesRoundTrip(t *testing.T) {
	s := newService(t)
	lines := `{"node":{"key":"_:7","type":"n","label":"a"}}` + "\n" + `{"node":{"key":"b","type":"n","label":"b"}}` + "\n"
	if rep, err := Import(bg, s, strings.NewReader(lines), ImportOptions{Namespace: "s"}); err != nil || rep.Refused > 0 {
		t.Fatal(rep, err)
	}
	if _, n, _, err := s.MergeNodes(bg, alice, NewMerge{SessionID: "s", Source: "_:7", Target: "b"}); err != nil || len(n.Aliases) != 1 {
		t.Fatal(n, err)
	}
	var out, again strings.Builder
	if _, err := s.Export(bg, stale, ExportQuery{Namespace: "s"}, &out); err != nil {
		t.Fatal(err)
	}
	if rep, err := Import(bg, s, strings.NewReader(out.String()), ImportOptions{Namespace: "t"}); err != nil || rep.Refused > 0 {
		t.Fatal(rep, err)
	}
	if _, err := s.Export(bg, stale, ExportQuery{Namespace: "t"}, &again); err != nil || again.String() != out.String() {
		t.Fatalf("%s became %s: %v", out.String(), again.String(), err)
	}
}
