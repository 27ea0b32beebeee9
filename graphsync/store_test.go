package graphsync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// FuzzKeys: keys read back as written, and sort as their numbers do.
func FuzzKeys(f *testing.F) {
	f.Add(uint32(1), uint64(2), uint32(3), uint64(4), uint64(5), uint64(6))
	f.Add(uint32(maxSymbol), uint64(maxID), uint32(0), uint64(0), uint64(maxID), uint64(255))
	f.Fuzz(func(t *testing.T, ns uint32, s uint64, typ uint32, o, id, s2 uint64) {
		a := triple{symbol(ns & maxSymbol), s & maxID, o & maxID, symbol(typ & maxSymbol), id & maxID}
		spo, ops, val := a.appendSPO(nil), a.appendOPS(nil), a.appendValue(nil)
		if got, ok := parseSPO(spo); !ok || got != a {
			t.Fatalf("%+v read back as %+v", a, got)
		}
		if got, ok := parseOPS(ops); !ok || got != a {
			t.Fatalf("%+v read back as %+v", a, got)
		}
		if got, ok := parseEdgeValue(a.id, val); !ok || got != a {
			t.Fatalf("%+v read back as %+v", a, got)
		}
		b := a
		b.source = s2 & maxID
		if c := bytes.Compare(spo, b.appendSPO(nil)); c != compare(a.source, b.source) {
			t.Fatalf("%d and %d sort as %d", a.source, b.source, c)
		}
		if end := after(spo); end != nil && bytes.Compare(spo, end) >= 0 {
			t.Fatalf("%x does not come after %x", end, spo)
		}
	})
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// FuzzRecords: damaged records are errors, sound ones encode to themselves.
func FuzzRecords(f *testing.F) {
	f.Add(consensus.Encode(&nodeRecord{stamp: stamp{Version: 1}, Type: 1, Label: "l", Props: []byte(`{"a":1}`)}))
	f.Add(consensus.Encode(&edgeRecord{stamp: stamp{Version: 3, UpdatedRev: 9}, Weight: ptr(0.5), Predicate: "p"}))
	f.Add(consensus.Encode(&metaRecord{Format: 1, NextID: 7}))
	f.Add([]byte{0xa1, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		if n, err := decodeNode(in); err == nil {
			again, err := decodeNode(consensus.Encode(&n))
			if err != nil || !bytes.Equal(consensus.Encode(&again), consensus.Encode(&n)) {
				t.Fatalf("%x: %v", in, err)
			}
			if !goodProps(n.Props) {
				t.Fatal("bad properties pass")
			}
		}
		if e, err := decodeEdge(in); err == nil && !finite(e.weight()) {
			t.Fatal("a weight that is no number passes")
		}
	})
}

// FuzzApply: no command makes the part panic or damages what it keeps.
func FuzzApply(f *testing.F) {
	label := "l"
	for _, o := range []Op{
		{Op: OpCreateNode, Type: "n", Label: &label, Key: "k2"}, {Op: OpUpdateNode, Key: "k", Properties: json.RawMessage(`{"a":null}`), Merge: true},
		{Op: OpDeleteNode, ID: 1}, {Op: OpUpsertEdge, Type: "T", Source: "k", Target: "k"}, {Op: OpDeleteEdge, ID: 2},
	} {
		p, r := prepare(&o)
		if r != nil {
			f.Fatal(r)
		}
		f.Add(consensus.Encode(&command{Namespace: "s", Author: "a", Ops: []op{p}, Whole: true}))
		f.Add(consensus.Encode(&command{Namespace: "s", Ops: []op{p, {Kind: opDrainNode, ID: 1}, p}, Lenient: true}))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		state := consensustest.New(NewPart())
		s := NewService(state)
		n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "l", Key: "k"})
		if _, _, err := s.CreateEdge(bg, alice, NewEdge{SourceID: n.ID, TargetID: n.ID, EdgeType: "T"}); err != nil {
			t.Fatal(err)
		}
		if _, err := state.Propose(bg, consensus.Proposal{Part: PartName, Body: body}); err != nil && strings.Contains(err.Error(), "damaged") {
			t.Fatal(err)
		}
		if _, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s"}); err != nil {
			t.Fatal(err)
		}
	})
}

// The same commands leave the same bytes, and a command that changes nothing
// writes nothing.
func TestDeterministicWrites(t *testing.T) {
	var all [2][]consensus.Write
	for round := range all {
		mem := consensustest.NewMemory()
		apply := func(ns string, ops ...Op) int {
			cmd := command{Namespace: ns, Author: "a"}
			for i := range ops {
				p, r := prepare(&ops[i])
				if r != nil {
					t.Fatal(r)
				}
				cmd.Ops = append(cmd.Ops, p)
			}
			o := consensus.NewOverlay(mem)
			if _, err := NewPart().Apply(o, consensus.Command{Body: consensus.Encode(&cmd), Revision: 1, Time: time.UnixMilli(5)}); err != nil {
				t.Fatal(err)
			}
			w := o.Writes()
			mem.Flush(w)
			all[round] = append(all[round], w...)
			return len(w)
		}
		var ops []Op
		for i := range 50 {
			ops = append(ops, Op{Op: OpUpsertNode, Type: fmt.Sprint("t", i%7), Label: ptr(fmt.Sprint("l", i)), Key: fmt.Sprint(i)})
		}
		for i := range 50 {
			ops = append(ops, Op{Op: OpUpsertEdge, Type: fmt.Sprint("e", i%9), Source: fmt.Sprint(i), Target: fmt.Sprint(i * 7 % 50)})
		}
		apply("s", ops...)
		apply("o", ops...)
		if n := apply("s", ops...); n != 0 {
			t.Fatalf("a command that changes nothing made %d writes", n)
		}
		apply("s", Op{Op: OpDeleteNode, Key: "7"}, Op{Op: OpDeleteNode, Key: "8"})
	}
	same := slices.EqualFunc(all[0], all[1], func(a, b consensus.Write) bool {
		return a.Table == b.Table && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && a.Deleted == b.Deleted
	})
	if !same {
		t.Fatal("the same commands made other writes")
	}
}

// A deleted graph leaves nothing behind but names and counters, when its
// history has been forgotten too.
func TestDeleteLeavesNothing(t *testing.T) {
	mem := consensustest.New(NewPart())
	s := NewService(mem)
	if _, err := Import(bg, s, bytes.NewReader(lines(50, 200)), ImportOptions{Namespace: "s"}); err != nil {
		t.Fatal(err)
	}
	for {
		page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s"})
		if err != nil {
			t.Fatal(err)
		}
		if page.Count == 0 {
			break
		}
		for _, n := range page.Nodes {
			if _, _, err := s.DeleteNode(bg, alice, "s", n.ID, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	later := time.Now()
	mem.Now = func() time.Time {
		later = later.AddDate(0, 0, 100)
		return later
	}
	for days := uint64(89); ; days = 179 - days {
		if _, err := s.SetRetention(bg, alice, days, 0); err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Retention(bg, stale)
		if err != nil {
			t.Fatal(err)
		}
		if got.Changes == 1 {
			if want := uint64(logKeySize + changeSize + heldSize); got.HeldBytes != want {
				t.Fatalf("log and history are said to hold %d bytes, it is %d", got.HeldBytes, want)
			}
			break
		}
	}
	mem.View(bg, stale, func(r consensus.Reader) error {
		for _, table := range tables {
			for k := range r.Scan(table, nil, nil) {
				if table != tMeta && table != tSym && table != tSymr && table != tLog {
					t.Errorf("%s keeps %x", table, k)
				}
			}
		}
		return nil
	})
}

// A node with 200,000 edges is met by reading no more than what is asked for,
// and can be deleted though no one command may end so many.
func TestSupernode(t *testing.T) {
	if testing.Short() {
		t.Skip("builds 200,000 edges")
	}
	const edges = 200_000
	s := newBolt(t)
	hub := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "hub", Label: "hub", Key: "hub"})
	var leaves []uint64
	for range 4 {
		var ops []Op
		for range 5000 {
			ops = append(ops, Op{Op: OpCreateNode, Type: "leaf", Label: ptr("leaf")})
		}
		res, _, err := s.Batch(bg, alice, "s", ops)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range res {
			leaves = append(leaves, r.ID)
		}
	}
	for i := 0; i < edges; i += 10_000 {
		ops := make([]Op, 10_000)
		for k := range ops {
			ops[k] = Op{Op: OpCreateEdge, Type: fmt.Sprint("T", (i+k)/len(leaves)), SourceID: leaves[(i+k)%len(leaves)], TargetID: hub.ID}
		}
		if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
			t.Fatal(err)
		}
	}
	fast := func(what string, limit time.Duration, fn func() error) {
		t.Helper()
		best := time.Hour
		for range 5 { // the machine is shared: the best of a few
			start := time.Now()
			if err := fn(); err != nil {
				t.Fatal(what, err)
			}
			best = min(best, time.Since(start))
		}
		t.Logf("%s: %v", what, best)
		if best > limit {
			t.Errorf("%s took %v, more than %v", what, best, limit)
		}
	}
	fast("neighbours", 20*time.Millisecond, func() error {
		got, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", Key: "hub", Limit: 100})
		if err == nil && (got.Count != 100 || !got.Truncated) {
			return fmt.Errorf("%d, truncated %v", got.Count, got.Truncated)
		}
		return err
	})
	fast("neighbours through it", 50*time.Millisecond, func() error {
		_, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", ID: leaves[9], Depth: 3, Limit: 100})
		return err
	})
	fast("path through it", 500*time.Millisecond, func() error {
		p, _, err := s.Path(bg, stale, PathQuery{Namespace: "s", From: leaves[3], To: leaves[19_999]})
		if err == nil && p.Length != 2 {
			return fmt.Errorf("%+v", p)
		}
		return err
	})
	fast("a page of its edges", 20*time.Millisecond, func() error {
		_, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Target: hub.ID, Type: "T5"})
		return err
	})
	d, _, err := s.Degree(bg, stale, "s", hub.ID, "")
	if err != nil || !d.Truncated || d.In != maxScan/2 {
		t.Fatal(d, err)
	}
	if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpDeleteNode, ID: hub.ID}}); code(err) != CodeTooManyEdges {
		t.Fatal(err)
	}
	if existed, _, err := s.DeleteNode(bg, alice, "s", hub.ID, 0); !existed || err != nil {
		t.Fatal(existed, err)
	}
	if st, _, err := s.Stats(bg, stale, "s"); err != nil || st.Edges != 0 || st.Nodes != uint64(len(leaves)) || len(st.EdgeTypes) != 0 {
		t.Fatalf("%+v %v", st, err)
	}
}

func TestFindAndNamespaces(t *testing.T) {
	s := newService(t)
	long := strings.Repeat("Very ", 100) + "long"
	for _, l := range []string{"Raft", "raft log", "The Raft paper", "Ｒaft", "gossip", long, long + "er"} {
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: l})
	}
	for _, c := range []struct {
		text  string
		match Match
		want  int
	}{
		{"RAFT", MatchExact, 2}, {"raft", MatchPrefix, 3}, {"raft", MatchContains, 4}, {"paper ", MatchContains, 1}, {"x", MatchContains, 0},
		{long, MatchExact, 1}, {long, MatchPrefix, 2}, {long + "e", MatchPrefix, 1}, {"very very", MatchContains, 2},
	} {
		for limit := 1; limit < 3; limit++ {
			got, q := 0, FindQuery{Namespace: "s", Text: c.text, Match: c.match, Limit: limit}
			for {
				page, _, err := s.Find(bg, stale, q)
				if err != nil {
					t.Fatal(err)
				}
				got += page.Count
				if q.Cursor = page.Cursor; q.Cursor == "" {
					break
				}
			}
			if got != c.want {
				t.Errorf("%s %.20s: %d, want %d", c.match, c.text, got, c.want)
			}
		}
	}
	for i := range 5 {
		mustCreate(t, s, NewNode{SessionID: fmt.Sprint("ns", i), NodeType: "n", Label: "x"})
	}
	var names []string
	for cursor := ""; ; {
		page, _, err := s.Namespaces(bg, stale, 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Namespaces {
			names = append(names, fmt.Sprint(n.SessionID, n.Nodes))
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "ns01 ns11 ns21 ns31 ns41 s7" {
		t.Fatal(got)
	}
}
