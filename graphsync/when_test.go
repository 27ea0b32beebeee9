package graphsync

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// clocked is a service whose mesh time is set by hand.
func clocked(now *time.Time) *Service {
	mem := consensustest.New(NewPart())
	mem.Now = func() time.Time { return *now }
	return NewService(mem)
}

// Facts are shown while they are true, unless another time or any is asked for.
func TestValidTime(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := clocked(&now)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	day := 24 * time.Hour
	edge := func(typ string, from, to time.Duration) Edge {
		in := NewEdge{SessionID: "s", SourceID: a.ID, TargetID: b.ID, EdgeType: typ}
		if from != 0 {
			in.ValidFrom = ptr(now.Add(from))
		}
		if to != 0 {
			in.ValidTo = ptr(now.Add(to))
		}
		e, _, err := s.CreateEdge(bg, alice, in)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	edge("ALWAYS", 0, 0)
	edge("PAST", -3*day, -day)
	edge("NOW", -day, day)
	future := edge("FUTURE", day, 0)
	for _, c := range []struct {
		when When
		want []string
	}{
		{When{}, []string{"ALWAYS", "NOW"}},
		{When{ValidAt: now.Add(-2 * day)}, []string{"ALWAYS", "PAST"}},
		{When{ValidAt: now.Add(-day)}, []string{"ALWAYS", "NOW"}}, // the end is not in it, the beginning is
		{When{ValidAt: now.Add(2 * day)}, []string{"ALWAYS", "FUTURE"}},
		{When{AnyValid: true}, []string{"ALWAYS", "FUTURE", "NOW", "PAST"}},
		{When{Revision: 4}, []string{"ALWAYS"}},
		{When{Revision: 4, AnyValid: true}, []string{"ALWAYS", "PAST"}},
	} {
		for _, q := range []EdgeQuery{{Source: a.ID}, {Target: b.ID}, {}} {
			q.Namespace, q.When = "s", c.when
			page, _, err := s.ListEdges(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range page.Edges {
				got = append(got, e.EdgeType)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("%+v %+v: %v, want %v", c.when, q, got, c.want)
			}
		}
		for _, d := range []Direction{Out, In} {
			from := map[Direction]uint64{Out: a.ID, In: b.ID}[d]
			got, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", ID: from, Direction: d, When: c.when})
			if err != nil || len(got.Edges) != len(c.want) {
				t.Errorf("%+v: %d edges %s of %d, want %v: %v", c.when, len(got.Edges), d, from, c.want, err)
			}
		}
		p, _, err := s.Path(bg, stale, PathQuery{Namespace: "s", From: a.ID, To: b.ID, Type: "PAST", When: c.when})
		if err != nil || p.Found != slices.Contains(c.want, "PAST") {
			t.Errorf("%+v: path %v %v", c.when, p.Found, err)
		}
	}
	if e, _, err := s.GetEdge(bg, stale, "s", future.ID); err != nil || !e.ValidFrom.Equal(now.Add(day)) {
		t.Error("an edge that is named is shown:", e, err)
	}
	if _, _, err := s.GetEdgeAt(bg, stale, When{ValidAt: now}, "s", future.ID); code(err) != CodeNotFound {
		t.Error("unless a time is given:", err)
	}
	for _, w := range []When{{Revision: 1, Time: now}, {AnyValid: true, ValidAt: now}, {Revision: 99}} {
		if _, _, err := s.GetNodeAt(bg, stale, w, "s", a.ID); code(err) != CodeInvalid {
			t.Errorf("%+v: %v", w, err)
		}
	}
	// A later moment needs no write: the clock of the node will do.
	wire, _ := json.Marshal(edge("TOLD", 0, day))
	if !json.Valid(wire) {
		t.Error(string(wire))
	}
}

// What has expired is not shown, though no command has ended it yet.
func TestExpiredIsHidden(t *testing.T) {
	now := time.Now().Add(-time.Hour)
	s := clocked(&now)
	soon := ptr(now.Add(time.Minute)) // over, by the clock of this node
	create := func(key string, expires *time.Time) Node {
		return mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: key, Key: key, ExpiresAt: expires})
	}
	a, b, c, d := create("a", nil), create("b", nil), create("c", soon), create("d", nil)
	join := func(from, to Node, expires *time.Time) {
		if _, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", SourceID: from.ID, TargetID: to.ID, EdgeType: "T", Provenance: Provenance{ExpiresAt: expires}}); err != nil {
			t.Fatal(err)
		}
	}
	join(a, c, nil)
	join(c, b, nil)
	join(a, d, nil)
	join(d, b, nil)
	join(a, b, soon)
	for _, key := range []string{"", "c"} {
		var err error
		if key == "" {
			_, _, err = s.GetNode(bg, stale, "s", c.ID)
		} else {
			_, _, err = s.GetNodeByKey(bg, stale, "s", key)
		}
		if code(err) != CodeNotFound {
			t.Error(key, err)
		}
	}
	page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Type: "n"})
	if err != nil || page.Count != 3 {
		t.Error(page, err)
	}
	p, _, err := s.Path(bg, stale, PathQuery{Namespace: "s", From: a.ID, To: b.ID})
	if err != nil || p.Length != 2 || p.Nodes[1].ID != d.ID {
		t.Errorf("%+v %v", p, err)
	}
	got, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", ID: a.ID})
	if err != nil || len(got.Nodes) != 1 || got.Nodes[0].ID != d.ID {
		t.Errorf("%+v %v", got, err)
	}
	if found, _, err := s.Find(bg, stale, FindQuery{Namespace: "s", Text: "c"}); err != nil || found.Count != 0 {
		t.Error(found, err)
	}
	// As of then it was there.
	if n, _, err := s.GetNodeByKeyAt(bg, stale, When{Revision: 4}, "s", "c"); err != nil || n.ExpiresAt == nil {
		t.Error(n, err)
	}
}

// One thing with many versions: each is found, and lists pass over them.
func TestManyVersions(t *testing.T) {
	now := time.Now()
	s := clocked(&now)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "0", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	e, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", SourceID: a.ID, TargetID: b.ID, EdgeType: "T", Weight: ptr(0.0)})
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(3)
	const versions = 100
	for i := 1; i <= versions; i++ {
		_, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpUpdateNode, ID: a.ID, Label: ptr(fmt.Sprint(i))}, {Op: OpUpdateEdge, ID: e.ID, Weight: ptr(float64(i))}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range versions + 1 {
		when := When{Revision: first + uint64(i)}
		nodes, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", When: when})
		if err != nil || nodes.Count != 2 || nodes.Nodes[1].Label != fmt.Sprint(i) {
			t.Fatalf("%d: %+v %v", i, nodes, err)
		}
		for _, q := range []EdgeQuery{{Namespace: "s", When: when}, {Namespace: "s", Target: b.ID, When: when}} {
			edges, _, err := s.ListEdges(bg, stale, q)
			if err != nil || edges.Count != 1 || edges.Edges[0].Weight != float64(i) {
				t.Fatalf("%d: %+v %v", i, edges, err)
			}
		}
	}
	for id, kind := range map[uint64]string{a.ID: "label", e.ID: "weight"} {
		for limit := 1; limit < 9; limit += 3 {
			n, cursor := versions+1, ""
			for {
				page, _, err := s.History(bg, stale, "s", id, limit, cursor)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range page.Versions {
					if v.Version != uint64(n) || n > 1 && !slices.Equal(v.Changed, []string{kind}) || v.Author != "alice" {
						t.Fatalf("%+v, want version %d", v, n)
					}
					n--
				}
				if cursor = page.Cursor; cursor == "" {
					break
				}
			}
			if n != 0 {
				t.Fatalf("%d versions of %d left out with pages of %d", n, id, limit)
			}
		}
	}
}

// A history shows ends, what a thing was, and what changed.
func TestHistoryOfNode(t *testing.T) {
	s := newService(t)
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "k", Properties: json.RawMessage(`{"a":1,"b":2}`)})
	for _, o := range []Op{{Op: OpUpdateNode, ID: n.ID, Type: "m", Properties: json.RawMessage(`{"b":3,"c":4}`)}, {Op: OpDeleteNode, ID: n.ID}} {
		if _, _, err := s.Batch(bg, WriteOptions{Author: "bob"}, "s", []Op{o}); err != nil {
			t.Fatal(err)
		}
	}
	again := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "k"})
	if n, _, err := s.GetNodeByKeyAt(bg, stale, When{Revision: 2}, "s", "k"); err != nil || n.NodeType != "m" {
		t.Error(n, err)
	}
	if n, _, err := s.GetNodeByKeyAt(bg, stale, When{Revision: 4}, "s", "k"); err != nil || n.ID != again.ID {
		t.Error(n, err)
	}
	page, _, err := s.History(bg, stale, "s", n.ID, 0, "")
	if err != nil || page.Count != 3 {
		t.Fatal(page, err)
	}
	end, change, made := page.Versions[0], page.Versions[1], page.Versions[2]
	if end.What != "deleted" || end.Author != "bob" || end.Revision != 3 || end.Node != nil || end.Version != 2 {
		t.Errorf("%+v", end)
	}
	if want := []string{"node_type", "properties.a", "properties.b", "properties.c"}; change.What != "updated" || !slices.Equal(change.Changed, want) {
		t.Errorf("%+v", change)
	}
	if made.What != "created" || made.Author != "alice" || string(made.Node.Properties) != `{"a":1,"b":2}` {
		t.Errorf("%+v", made)
	}
	for _, ns := range []string{"o", "s"} {
		if _, _, err := s.History(bg, stale, ns, 99, 0, ""); code(err) != CodeNotFound {
			t.Error(err)
		}
	}
	if _, _, err := s.History(bg, stale, "o", n.ID, 0, ""); code(err) != CodeNotFound {
		t.Error(err)
	}
}

// leveled runs the graph at a command level of its own.
type leveled struct {
	*Part
	level *uint32
}

func (l leveled) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	c.Level = *l.level
	return l.Part.Apply(w, c)
}

// Before the level of history nothing is logged, and what needs it is refused;
// the history begins with the first change after.
func TestLevel(t *testing.T) {
	level := uint32(1)
	s := NewService(consensustest.New(leveled{NewPart(), &level}))
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a"})
	update := func(label string) {
		if _, _, err := s.UpdateNode(bg, alice, "s", n.ID, NodePatch{Label: &label}); err != nil {
			t.Fatal(err)
		}
	}
	update("b")
	if got, _, err := s.Retention(bg, stale); err != nil || got.Changes != 0 || got.OldestRevision != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	for _, o := range []Op{{Op: OpSetRetention, Days: 1}, {Op: OpUpdateNode, ID: n.ID, ExpiresAt: ptr(time.Now())}, {Op: OpAddObservation, ID: n.ID, Text: "x"}} {
		if _, _, err := s.Batch(bg, alice, "s", []Op{o}); code(err) != CodeOlderNodes {
			t.Errorf("%s: %v", o.Op, err)
		}
	}
	level = 2
	update("c")
	for rev, want := range map[uint64]string{2: "b", 3: "c"} {
		if n, _, err := s.GetNodeAt(bg, stale, When{Revision: rev}, "s", n.ID); err != nil || n.Label != want {
			t.Errorf("%d: %+v %v", rev, n, err)
		}
	}
	if _, _, err := s.GetNodeAt(bg, stale, When{Revision: 1}, "s", n.ID); code(err) != CodeCompacted {
		t.Error(err)
	}
	if _, _, err := s.GetNodeAt(bg, stale, When{Time: time.Now().Add(-time.Hour)}, "s", n.ID); code(err) != CodeCompacted {
		t.Error(err)
	}
}

// The pages of a list that is asked as of the present lie in the past once
// something is written: a cursor of the first was none of the second.
func TestPagesAsOfThePresentGoOnAfterAWrite(t *testing.T) {
	s := newService(t)
	for i := range 5 {
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: fmt.Sprint("Label ", i)})
	}
	info, err := s.read(bg, stale, func(*view) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	when := When{Revision: info.Revision}
	for name, page := range map[string]func(cursor string) (NodePage, error){
		"list": func(cursor string) (NodePage, error) {
			p, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Type: "n", Limit: 2, Cursor: cursor, When: when})
			return p, err
		},
		"find": func(cursor string) (NodePage, error) {
			p, _, err := s.Find(bg, stale, FindQuery{Namespace: "s", Text: "label", Match: MatchPrefix, Limit: 2, Cursor: cursor, When: when})
			return p, err
		},
	} {
		seen, cursor := 0, ""
		for {
			p, err := page(cursor)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			seen += p.Count
			mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "Label of later"})
			if cursor = p.Cursor; cursor == "" {
				break
			}
		}
		if seen != 5 {
			t.Errorf("%s: %d of 5", name, seen)
		}
	}
}

// An observation that a merge moved is found where it was.
func TestObservationAsOfBeforeAMerge(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	o, _, first, err := s.AddObservation(bg, alice, NewObservation{SessionID: "s", NodeID: a.ID, Text: "said"})
	if err != nil {
		t.Fatal(err)
	}
	m, b, merged, err := s.MergeNodes(bg, alice, NewMerge{SessionID: "s", Source: "a", Target: "b"})
	if err != nil {
		t.Fatal(m, err)
	}
	if _, _, err := s.DeleteObservation(bg, alice, "s", o.ID); err != nil {
		t.Fatal(err)
	}
	for rev, node := range map[uint64]uint64{first.Revision - 1: 0, first.Revision: a.ID, merged.Revision: b.ID, merged.Revision + 1: 0} {
		got, _, err := s.GetObservationAt(bg, stale, When{Revision: rev}, "s", o.ID)
		if got.NodeID != node || (err == nil) != (node != 0) {
			t.Errorf("as of %d: of node %d, want %d: %v", rev, got.NodeID, node, err)
		}
	}
}

// A revision that was lost with a mesh was answered with the state of another.
func TestLostRevisionsAreNoRevisions(t *testing.T) {
	mem := consensustest.New(NewPart())
	s := NewService(mem)
	make := func(label string) uint64 {
		_, out, err := s.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "n", Label: label})
		if err != nil {
			t.Fatal(err)
		}
		return out.Revision
	}
	make("a")
	last := make("b")
	count := func(rev uint64) (int, error) {
		p, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", When: When{Revision: rev}})
		return p.Count, err
	}
	mem.Skip(10) // of other parts
	for rev, want := range map[uint64]int{last: 2, last + 5: 2, last + 10: 2} {
		if n, err := count(rev); n != want || err != nil {
			t.Errorf("as of %d: %d %v", rev, n, err)
		}
	}
	mem.Skip(1<<32 + 3) // the mesh lost what came after last+10, and went on
	now := last + 10 + 1<<32 + 3
	ask := func(after string) {
		t.Helper()
		for _, rev := range []uint64{last, now} {
			w, err := s.Watch(t.Context(), WatchQuery{After: &Position{Revision: rev}})
			if err != nil {
				t.Fatalf("%s, watching from %d: %v", after, rev, err)
			}
			w.Close()
		}
		for rev, want := range map[uint64]int{last - 1: 1, last: 2, last + 10 + 1<<32: 2, now - 1: 2, now: 2} {
			if n, err := count(rev); n != want || err != nil {
				t.Errorf("%s, as of %d: %d %v", after, rev, n, err)
			}
		}
		for _, rev := range []uint64{last + 1, last + 11, last + 1<<31} {
			if _, err := count(rev); code(err) != CodeInvalid || detail(err, "field") != "as_of" || detail(err, "before") != itoa(last) {
				t.Errorf("%s, as of %d: %v", after, rev, err)
			}
			if _, err := s.Watch(t.Context(), WatchQuery{After: &Position{Revision: rev}}); code(err) != CodeCompacted || detail(err, "oldest") == "" {
				t.Errorf("%s, watching from %d: %v", after, rev, err)
			}
		}
	}
	ask("at once")
	make("c")
	make("d")
	ask("later")
}
