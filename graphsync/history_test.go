package graphsync

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// timeline is what the model was at each revision, and when that was.
type timeline struct {
	s    *Service
	was  map[uint64]*model
	at   map[uint64]time.Time
	text map[uint64]string // exports
	last uint64
	now  time.Time
}

func newTimeline() *timeline {
	l := &timeline{was: map[uint64]*model{0: {next: 1, nodes: map[uint64]modelNode{}, edges: map[uint64]modelEdge{}}},
		at: map[uint64]time.Time{}, text: map[uint64]string{}, now: time.UnixMilli(1_700_000_000_000)}
	mem := consensustest.New(NewPart())
	mem.Now = func() time.Time { return l.now }
	l.s = NewService(mem)
	return l
}

// note remembers the state after a command.
func (l *timeline) note(t *rapid.T, m *model) {
	info, err := l.s.read(bg, stale, func(*view) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	l.last = info.Revision
	l.was[l.last] = m.clone()
	if _, ok := l.at[l.last]; !ok {
		l.at[l.last] = l.now
	}
	if l.last > 0 {
		l.text[l.last] = l.export(t, l.last)
	}
}

// As of every revision that is kept, every read shows what was then; what is
// older is refused, and what the log says has happened leads to what is.
func TestHistoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newTimeline()
		m := l.was[0].clone()
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			ns := rapid.SampledFrom([]string{"s", "s", "s", "o"}).Draw(t, "ns")
			ops := rapid.SliceOfN(genOp(m), 1, 8).Draw(t, "ops")
			l.now = l.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "lenient") {
				m.checkEach(t, l.s, ns, ops)
			} else {
				m = m.checkBatch(t, l.s, ns, ops)
			}
			l.note(t, m)
		}
		l.check(t, 0)
		hash, _, err := hashes(l.s)
		if err != nil {
			t.Fatal(err)
		}
		// All of it is older than a day by the next command, which forgets some.
		if rapid.Bool().Draw(t, "trim") {
			l.now = l.now.Add(48 * time.Hour)
			for days := range uint64(rapid.IntRange(1, 3).Draw(t, "trims")) {
				if _, err := l.s.SetRetention(bg, alice, 1, (days+1)<<20); err != nil {
					t.Fatal(err)
				}
				l.note(t, m)
			}
			kept, _, err := l.s.Retention(bg, stale)
			if err != nil {
				t.Fatal(err)
			}
			l.check(t, kept.OldestRevision)
		}
		if again, _, err := hashes(l.s); err != nil || again != hash {
			t.Fatalf("the hash was %s, and is %s %v", hash, again, err)
		}
	})
}

func hashes(s *Service) (first, second string, err error) {
	if first, err = s.LogicalHash(bg, stale, "s"); err == nil {
		second, err = s.LogicalHash(bg, stale, "o")
	}
	return first + second, second, err
}

func (l *timeline) check(t *rapid.T, oldest uint64) {
	for rev := uint64(1); rev <= l.last; rev++ {
		when := When{Revision: rev}
		if rev < oldest {
			if _, _, err := l.s.GetNodeAt(bg, stale, when, "", 1); code(err) != CodeCompacted || detail(err, "oldest") != itoa(oldest) {
				t.Fatalf("as of %d, where %d is the oldest: %v", rev, oldest, err)
			}
			continue
		}
		l.checkAt(t, when, l.was[rev])
		if got := l.export(t, rev); l.text[rev] != "" && got != l.text[rev] {
			t.Fatalf("the export of revision %d was\n%s\nand is\n%s", rev, l.text[rev], got)
		}
		// The state of a moment is that of the last revision in it.
		if next, ok := l.at[rev+1]; !ok || next.After(l.at[rev]) {
			l.checkAt(t, When{Time: l.at[rev]}, l.was[rev])
		}
	}
	l.replay(t, oldest)
}

// export is that of a revision but for what has no past.
func (l *timeline) export(t *rapid.T, rev uint64) string {
	var out bytes.Buffer
	if _, err := l.s.Export(bg, stale, ExportQuery{Namespace: "s", When: When{Revision: rev}, noSchema: true}, &out); err != nil {
		t.Fatal(err)
	}
	return withoutVectors.ReplaceAllString(out.String(), "")
}

var withoutVectors = regexp.MustCompile(`(?m)^\{"vector".*\n`)

func detail(err error, name string) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Details[name]
	}
	return ""
}

func (l *timeline) checkAt(t *rapid.T, when When, m *model) {
	top := l.was[l.last].next
	for id := uint64(1); id < top; id++ {
		n, _, err := l.s.GetNodeAt(bg, stale, when, "", id)
		if want, ok := m.nodes[id]; ok != (err == nil) || ok && !sameNode(n, want) || err != nil && code(err) != CodeNotFound {
			t.Fatalf("node %d as of %+v: %+v %v, want %+v", id, when, n, err, want)
		}
		e, _, err := l.s.GetEdgeAt(bg, stale, when, "", id)
		if want, ok := m.edges[id]; ok != (err == nil) || ok && !sameEdge(e, want) || err != nil && code(err) != CodeNotFound {
			t.Fatalf("edge %d as of %+v: %+v %v, want %+v", id, when, e, err, want)
		}
	}
	m.checkMemory(t, l.s, when)
	for _, ns := range []string{"s", "o"} {
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			n, _, err := l.s.GetNodeByKeyAt(bg, stale, when, ns, key)
			if want := m.byKey(ns, key); want != n.ID || (want == 0) != (code(err) == CodeNotFound) {
				t.Fatalf("key %q as of %+v: %d %v, want %d", key, when, n.ID, err, want)
			}
		}
		l.checkLists(t, when, m, ns)
		for id, n := range m.nodes {
			if n.ns == ns {
				l.checkWalk(t, when, m, ns, id)
			}
		}
	}
}

func sameNode(n Node, want modelNode) bool {
	return n.SessionID == want.ns && n.Key == want.key && n.Label == want.label && n.NodeType == want.typ && n.Version == want.version &&
		reflect.DeepEqual(object(n.Properties), want.props) && slices.Equal(n.Aliases, want.aliases)
}

func sameEdge(e Edge, want modelEdge) bool {
	return e.SessionID == want.ns && e.SourceID == want.source && e.TargetID == want.target && e.EdgeType == want.typ && e.Weight == want.weight &&
		e.Predicate == want.predicate && e.Version == want.version && reflect.DeepEqual(object(e.Properties), want.props)
}

func (l *timeline) checkLists(t *rapid.T, when When, m *model, ns string) {
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	for _, typ := range []string{"", "T"} {
		var want, got []uint64
		for id, n := range m.nodes {
			if n.ns == ns && (typ == "" || n.typ == typ) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		for q := (NodeQuery{Namespace: ns, Type: typ, Limit: limit, When: when}); ; {
			page, _, err := l.s.ListNodes(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range page.Nodes {
				if got = append(got, n.ID); !sameNode(n, m.nodes[n.ID]) {
					t.Fatalf("listed as of %+v: %+v, want %+v", when, n, m.nodes[n.ID])
				}
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("nodes as of %+v: %v, want %v", when, got, want)
		}
	}
	for _, q := range []EdgeQuery{{}, {Type: "T"}, {Source: 1}, {Target: 2}, {Target: 1, Type: "T"}} {
		q.Namespace, q.Limit, q.When = ns, limit, when
		want := map[uint64]bool{}
		for id, e := range m.edges {
			if e.ns == ns && (q.Type == "" || q.Type == e.typ) && (q.Source == 0 || q.Source == e.source) && (q.Target == 0 || q.Target == e.target) {
				want[id] = true
			}
		}
		for {
			page, _, err := l.s.ListEdges(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Edges {
				if !want[e.ID] || !sameEdge(e, m.edges[e.ID]) {
					t.Fatalf("edge as of %+v: %+v, want %+v", when, e, m.edges[e.ID])
				}
				delete(want, e.ID)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		if len(want) > 0 {
			t.Fatalf("%+v left out %v", q, want)
		}
	}
}

func (l *timeline) checkWalk(t *rapid.T, when When, m *model, ns string, from uint64) {
	dist := m.distances(from, Both)
	near, out := 0, uint64(0)
	for id, k := range dist {
		if id != from && k <= 2 {
			near++
		}
	}
	for _, e := range m.edges {
		if e.source == from {
			out++
		}
	}
	got, _, err := l.s.Neighbors(bg, stale, NeighborQuery{Namespace: ns, ID: from, Depth: 2, When: when})
	if err != nil || len(got.Nodes) != near {
		t.Fatalf("around %d as of %+v: %d %v, want %d", from, when, len(got.Nodes), err, near)
	}
	for _, e := range got.Edges {
		if !sameEdge(e, m.edges[e.ID]) {
			t.Fatalf("edge around %d as of %+v: %+v, want %+v", from, when, e, m.edges[e.ID])
		}
	}
	if d, _, err := l.s.DegreeOf(bg, stale, DegreeQuery{Namespace: ns, ID: from, When: when}); err != nil || d.Out != out {
		t.Fatalf("degree of %d as of %+v: %+v %v, want %d", from, when, d, err, out)
	}
	for to, k := range dist {
		p, _, err := l.s.Path(bg, stale, PathQuery{Namespace: ns, From: from, To: to, When: when})
		if err != nil || p.Found != (k <= 10) || p.Found && p.Length != k {
			t.Fatalf("path %d %d as of %+v: %+v %v, want %d", from, to, when, p, err, k)
		}
	}
}

// replay goes from the oldest state that is known to the present one by the
// log alone, a few changes at a time.
func (l *timeline) replay(t *rapid.T, oldest uint64) {
	if oldest > 0 {
		if _, _, _, err := l.s.Log(bg, stale, oldest-1, 0); code(err) != CodeCompacted {
			t.Fatalf("the log after %d, where %d is the oldest: %v", oldest-1, oldest, err)
		}
	}
	was := l.was[oldest]
	nodes, edges := map[uint64]bool{}, map[uint64]bool{}
	for id := range was.nodes {
		nodes[id] = true
	}
	for id := range was.edges {
		edges[id] = true
	}
	for after := oldest; after < l.last; {
		list, upTo, least, err := l.s.Log(bg, stale, after, rapid.IntRange(1, 5).Draw(t, "max"))
		if err != nil || upTo <= after || least != oldest {
			t.Fatal(upTo, least, err)
		}
		for _, c := range list {
			if c.Revision <= after || c.Revision > upTo || c.Author != "alice" || !c.Time.Equal(l.at[c.Revision]) {
				t.Fatalf("after %d up to %d: %+v, made %v", after, upTo, c, l.at[c.Revision])
			}
			for kind, held := range map[string]map[uint64]bool{"node": nodes, "edge": edges} {
				if c.Kind != kind {
					continue
				}
				if held[c.ID] != (c.What != "created" && c.What != "restored") {
					t.Fatalf("%+v, and it was there: %v", c, held[c.ID])
				}
				if held[c.ID] = true; c.What == "deleted" || c.What == "merged" {
					delete(held, c.ID)
				}
			}
		}
		after = upTo
		m := l.was[upTo]
		if len(nodes) != len(m.nodes) || len(edges) != len(m.edges) {
			t.Fatalf("at %d the log leads to %v and %v, want %v and %v", upTo, nodes, edges, m.nodes, m.edges)
		}
		for id := range maps.Keys(m.nodes) {
			if !nodes[id] {
				t.Fatal(fmt.Sprint("the log lost node ", id))
			}
		}
	}
}
