package graphsync

import (
	"encoding/json"
	"math"
	"testing"
)

// Payloads of another instance: what is news is taken, once; what both changed
// goes by the strategy; ids of elsewhere do not meet those of the mesh.
func TestPayloads(t *testing.T) {
	for _, c := range []struct {
		strategy       string
		props          string
		label          string
		found, settled int
	}{
		{StrategyVectorClock, `{"mine":1,"v":"mesh"}`, "theirs", 1, 0},
		{StrategyLastWriteWins, `{"mine":1,"v":"peer"}`, "theirs 3", 1, 1},
		{StrategyManual, `{"mine":1,"v":"mesh","v~ID":"peer"}`, "theirs 3", 1, 0},
	} {
		t.Run(c.strategy, func(t *testing.T) {
			b := newSyncBench(t)
			b.policy(c.strategy)
			b.batch(upsert("a", `{}`), upsert("b", `{}`)) // ids 1 and 2, as the peer's
			node := func(label, props string, versions map[string]uint64) SyncedNode {
				return SyncedNode{ID: 1, NodeType: "Concept", Label: label, Properties: json.RawMessage(props), VectorClock: VectorClock{versions}}
			}
			apply := func(nodes []SyncedNode, edges []SyncedEdge, ends []SyncTombstone) ApplyStats {
				t.Helper()
				st, _, err := b.y.Apply(bg, alice, SyncPayload{SyncType: SyncFull, SessionID: "s", VectorClock: VectorClock{map[string]uint64{"peer": 3}}, Nodes: nodes, Edges: edges, Tombstones: ends}, "peer")
				if err != nil {
					t.Fatal(err)
				}
				return st
			}
			edges := []SyncedEdge{{ID: 1, SourceID: 1, TargetID: 2, EdgeType: "USES", Weight: 1, VectorClock: VectorClock{map[string]uint64{"peer": 1}}}}
			one := []SyncedNode{node("theirs", `{"v":1}`, map[string]uint64{"peer": 1}), {ID: 2, NodeType: "Concept", Label: "other", VectorClock: VectorClock{map[string]uint64{"peer": 1}}}}
			if st := apply(one, edges, nil); st.NodesApplied != 2 || st.EdgesApplied != 1 || st.ConflictsDetected+st.Invalid+st.Passed != 0 {
				t.Fatalf("%+v", st)
			}
			rev := b.revision()
			if st := apply(one, edges, nil); st.Passed != 3 || b.revision() != rev {
				t.Fatalf("again: %+v", st)
			}
			page, _, err := b.s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Type: "Concept"})
			if err != nil || len(page.Nodes) != 2 || string(b.node("a").Properties) != `{}` {
				t.Fatal(page, err)
			}
			id := page.Nodes[1].ID
			if e := b.edges(); len(e) != 1 || e[0].SourceID != id || e[0].TargetID != page.Nodes[0].ID {
				t.Fatal(e)
			}
			get := func() Node {
				n, _, err := b.s.GetNode(bg, stale, "s", id)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			// Only the peer went on: it is taken whole.
			if st := apply([]SyncedNode{node("theirs", `{"v":2,"w":1}`, map[string]uint64{"peer": 2})}, nil, nil); st.NodesApplied != 1 || st.ConflictsDetected != 0 || string(get().Properties) != `{"v":2,"w":1}` {
				t.Fatalf("%+v %+v", st, get())
			}
			// Both did.
			b.batch(Op{Op: OpUpdateNode, ID: id, Properties: json.RawMessage(`{"v":"mesh","mine":1}`)})
			st := apply([]SyncedNode{node("theirs 3", `{"v":"peer"}`, map[string]uint64{"peer": 3})}, nil, nil)
			got := get()
			props := c.props
			if list := b.conflicts(); len(list) > 0 {
				props = string(jsonReplace(props, "ID", itoa(list[0].ID)))
			}
			if c.strategy == StrategyVectorClock {
				props = `{"mine":1,"v":"mesh"}`
			}
			if st.ConflictsDetected != c.found || st.ConflictsResolved != c.settled || got.Label != c.label || string(got.Properties) != props {
				t.Fatalf("%+v %+v, want %s", st, got, props)
			}
			count := len(b.conflicts())
			if st := apply([]SyncedNode{node("theirs 3", `{"v":"peer"}`, map[string]uint64{"peer": 3})}, nil, nil); st.Passed != 1 || len(b.conflicts()) != count {
				t.Fatalf("again: %+v", st)
			}
			if count > 0 {
				if _, _, err := b.y.Resolve(bg, alice, "s", b.conflicts()[0].ID, Resolution{Keep: KeepPushed}); err != nil {
					t.Fatal(err)
				}
				if n := get(); n.Label != "theirs 3" || string(n.Properties) != `{"mine":1,"v":"peer"}` {
					t.Fatalf("%+v", n)
				}
			}
			// The peer takes our graph, and gives it back with a change.
			p, _, err := b.y.Request(bg, stale, "s", "", VectorClock{})
			if err != nil || p.SyncType != SyncFull || len(p.Nodes) != 4 || len(p.Edges) != 1 || p.VectorClock.Versions["mesh-a"] != b.revision() || p.VectorClock.Versions["peer"] != 3 {
				t.Fatalf("%+v %v", p, err)
			}
			if st, _, err := b.y.Apply(bg, alice, p, "peer"); err != nil || st.Passed != 5 {
				t.Fatalf("%+v %v", st, err)
			}
			p.Nodes[0].Label = "renamed"
			p.Nodes[0].VectorClock.Versions["peer"]++
			if st, _, err := b.y.Apply(bg, alice, p, "peer"); err != nil || st.NodesApplied != 1 || st.Passed != 4 || b.node("a").Label != "renamed" {
				t.Fatalf("%+v %v %+v", st, err, b.node("a"))
			}
			// What changed since, and what ended.
			rev = b.revision()
			if st := apply(nil, nil, []SyncTombstone{{EntityType: EntityEdge, EntityID: 1, VectorClock: VectorClock{map[string]uint64{"peer": 4}}}, {EntityType: EntityNode, EntityID: 2, VectorClock: VectorClock{map[string]uint64{"peer": 4}}}}); st.TombstonesApplied != 2 {
				t.Fatalf("%+v", st)
			}
			p, _, err = b.y.Request(bg, stale, "s", "default", VectorClock{map[string]uint64{"mesh-a": rev}})
			if err != nil || p.SyncType != SyncIncremental || len(p.Nodes)+len(p.Edges) != 0 || len(p.Tombstones) != 2 {
				t.Fatalf("%+v %v", p, err)
			}
			// What is gone does not come back.
			if st := apply([]SyncedNode{{ID: 2, NodeType: "Concept", Label: "late", VectorClock: VectorClock{map[string]uint64{"peer": 5}}}}, nil, nil); st.ConflictsDetected != 1 || st.NodesApplied != 0 {
				t.Fatalf("%+v", st)
			}
		})
	}
}

// A payload that names what is not its namespace's changes nothing: not the
// clock beside it either, by which news of others would be passed over.
func TestPayloadNamesThingsOfAnotherNamespace(t *testing.T) {
	b := newSyncBench(t)
	apply := func(namespace, from string, p SyncPayload) ApplyStats {
		t.Helper()
		p.SyncType, p.SessionID = SyncIncremental, namespace
		st, _, err := b.y.Apply(bg, alice, p, from)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	clock := func(versions map[string]uint64) VectorClock { return VectorClock{versions} }
	theirs := func(label string, count uint64) SyncPayload {
		return SyncPayload{Nodes: []SyncedNode{{ID: 7, NodeType: "note", Label: label, VectorClock: clock(map[string]uint64{"peer": count})}}}
	}
	apply("s", "peer", theirs("first", 1))
	b.batch(upsert("a", `{}`), upsert("b", `{}`))
	edge := b.batch(Op{Op: OpUpsertEdge, Source: "a", Target: "b", Type: "T"})[0].ID
	page, _, err := b.s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Type: "note"})
	if err != nil || len(page.Nodes) != 1 {
		t.Fatal(page, err)
	}
	id := page.Nodes[0].ID
	rev := b.revision()
	high := clock(map[string]uint64{b.y.mesh: 1, "peer": math.MaxUint64})
	st := apply("other", "evil", SyncPayload{
		Nodes: []SyncedNode{
			{ID: id, NodeType: "note", Label: "evil", VectorClock: high},
			{ID: edge, NodeType: "note", Label: "no node", VectorClock: high},
			{ID: edge + 1, NodeType: "note", Label: "not made yet", VectorClock: high},
			{ID: math.MaxUint64, NodeType: "note", Label: "no id", VectorClock: high},
		},
		Edges: []SyncedEdge{{ID: edge, SourceID: id, TargetID: id, EdgeType: "T", VectorClock: high}},
		Tombstones: []SyncTombstone{
			{EntityType: EntityNode, EntityID: id, VectorClock: high},
			{EntityType: EntityEdge, EntityID: edge, VectorClock: high},
		},
	})
	if st.Invalid != 7 || b.revision() != rev {
		t.Fatalf("%+v at revision %d, not %d", st, b.revision(), rev)
	}
	if st := apply("s", "peer", theirs("second", 2)); st.NodesApplied != 1 {
		t.Fatalf("%+v", st)
	}
	n, _, err := b.s.GetNode(bg, stale, "s", id)
	if err != nil || n.Label != "second" {
		t.Fatalf("%+v %v", n, err)
	}
}
