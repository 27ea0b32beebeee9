package graphsync

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
)

func star(t *testing.T, s *Service, leaves int) (hub Node, all []Node) {
	t.Helper()
	hub = mustCreate(t, s, NewNode{SessionID: "s", NodeType: "hub", Label: "hub", Key: "hub"})
	for i := range leaves {
		leaf := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "leaf", Label: fmt.Sprint("leaf ", i), Properties: json.RawMessage(fmt.Sprintf(`{"i":%d,"even":%t}`, i, i%2 == 0))})
		mustEdge(t, s, NewEdge{SourceID: hub.ID, TargetID: leaf.ID, EdgeType: []string{"A", "B", "C"}[i%3]})
		all = append(all, leaf)
	}
	return hub, all
}

func mustEdge(t *testing.T, s *Service, in NewEdge) Edge {
	t.Helper()
	e, _, err := s.CreateEdge(bg, alice, in)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNeighborsOfSomeTypes(t *testing.T) {
	s := newService(t)
	hub, leaves := star(t, s, 9)
	for _, c := range []struct {
		q      NeighborQuery
		nodes  int
		capped []uint64
	}{
		{NeighborQuery{}, 9, nil},
		{NeighborQuery{Type: "A"}, 3, nil},
		{NeighborQuery{Types: []string{"A", "C", "A", "nothing"}}, 6, nil},
		{NeighborQuery{Types: []string{"nothing"}}, 0, nil},
		{NeighborQuery{PerNode: 4}, 4, []uint64{hub.ID}},
		{NeighborQuery{PerNode: 9}, 9, nil},
		{NeighborQuery{PerNode: 2, Types: []string{"A", "B"}}, 2, []uint64{hub.ID}},
		{NeighborQuery{ID: leaves[0].ID, Depth: 2, PerNode: 1}, 2, []uint64{hub.ID}},
	} {
		q := c.q
		q.Namespace = "s"
		if q.ID == 0 {
			q.ID = hub.ID
		}
		got, _, err := s.Neighbors(bg, stale, q)
		if err != nil || len(got.Nodes) != c.nodes || !slices.Equal(got.Capped, c.capped) || got.Truncated {
			t.Errorf("%+v: %d nodes, capped %v, truncated %v, %v", c.q, len(got.Nodes), got.Capped, got.Truncated, err)
		}
	}
	for name, q := range map[string]NeighborQuery{"type": {Types: []string{"a b"}}, "per_node": {PerNode: MaxLimit + 1}, "budget": {Answer: Answer{Budget: 7}}} {
		q.Namespace, q.ID = "s", hub.ID
		if _, _, err := s.Neighbors(bg, stale, q); field(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDegreeOfSomeEdges(t *testing.T) {
	s := newService(t)
	hub, _ := star(t, s, 9)
	mustEdge(t, s, NewEdge{SourceID: hub.ID, TargetID: hub.ID, EdgeType: "A"})
	for _, c := range []struct {
		q       DegreeQuery
		out, in uint64
	}{
		{DegreeQuery{}, 10, 1},
		{DegreeQuery{Direction: Out}, 10, 0},
		{DegreeQuery{Direction: In}, 0, 1},
		{DegreeQuery{Types: []string{"B", "C"}}, 6, 0},
		{DegreeQuery{Types: []string{"nothing"}}, 0, 0},
	} {
		q := c.q
		q.Namespace, q.Key = "s", "hub"
		if got, _, err := s.DegreeOf(bg, stale, q); err != nil || got.Out != c.out || got.In != c.in {
			t.Errorf("%+v: %+v, %v", c.q, got, err)
		}
	}
}

// Pages that end for their bytes lose nothing and repeat nothing.
func TestListsInFewBytes(t *testing.T) {
	s := newService(t)
	_, leaves := star(t, s, 40)
	for _, show := range []Show{ShowIDs, ShowSummary, ShowFull} {
		nodes, edges, cursor := 0, 0, ""
		for pages := 1; ; pages++ {
			page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Type: "leaf", Cursor: cursor, Answer: Answer{Detail: show, Budget: MinBudget}})
			if err != nil || page.Truncated != (page.Cursor != "") {
				t.Fatal(page, err)
			}
			nodes += len(page.Nodes)
			if cursor = page.Cursor; cursor == "" {
				if pages < 2 {
					t.Errorf("%s: one page", show)
				}
				break
			}
		}
		for cursor = ""; ; {
			page, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Cursor: cursor, Answer: Answer{Detail: show, Budget: MinBudget}})
			if err != nil {
				t.Fatal(err)
			}
			edges += len(page.Edges)
			if cursor = page.Cursor; cursor == "" {
				break
			}
		}
		if nodes != len(leaves) || edges != len(leaves) {
			t.Errorf("%s: %d nodes and %d edges of %d", show, nodes, edges, len(leaves))
		}
	}
}

func TestFilters(t *testing.T) {
	state := consensustest.New(NewPart())
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	state.Now = func() time.Time { return at }
	s := NewService(state)
	for i, props := range []string{`{"n":5,"s":"x"}`, `{"n":"5"}`, `{"n":5.0,"in":{"n":5}}`, `{"a \"b\"":true,"n":null}`} {
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: fmt.Sprintf("Node %d", i), Properties: json.RawMessage(props)})
		at = at.Add(time.Hour)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"none":       {Filter{}, "3 2 1 0"},
		"a number":   {Filter{Where: map[string]string{"n": "5"}}, "1 0"},
		"a string":   {Filter{Where: map[string]string{"n": `"5"`}}, "1"},
		"two":        {Filter{Where: map[string]string{"n": "5", "s": "x"}}, "0"},
		"as spelled": {Filter{Where: map[string]string{"n": "5.0"}}, "2"},
		"an object":  {Filter{Where: map[string]string{"in": ` { "n" : 5 } `}}, "2"},
		"null":       {Filter{Where: map[string]string{"n": "null"}}, "3"},
		"odd name":   {Filter{Where: map[string]string{`a "b"`: "true"}}, "3"},
		"nobody":     {Filter{Where: map[string]string{"x": "1"}}, ""},
		"since":      {Filter{UpdatedSince: start.Add(2 * time.Hour)}, "3 2"},
		"before":     {Filter{UpdatedBefore: start.Add(2 * time.Hour)}, "1 0"},
		"prefix":     {Filter{Prefix: "NODE  1"}, "1"},
	} {
		page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Filter: c.f})
		var got []string
		for _, n := range page.Nodes {
			got = append(got, strings.TrimPrefix(n.Label, "Node "))
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	many := map[string]string{}
	for i := range maxConditions + 1 {
		many[fmt.Sprint(i)] = "1"
	}
	for _, f := range []Filter{{Where: many}, {Where: map[string]string{"": "1"}}, {Where: map[string]string{"a": strings.Repeat("x", MaxLabel+1)}}, {Prefix: " "}} {
		if _, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Filter: f}); code(err) != CodeInvalid {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if _, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Filter: Filter{Prefix: "x"}}); field(err) != "prefix" {
		t.Error(err)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("n", "5", []byte(`{"n":5}`))
	f.Add(`a"`, `{"x":[1,"y"]}`, []byte(`{"a\"":{"x":[1,"y"]}}`))
	f.Fuzz(func(t *testing.T, name, value string, props []byte) {
		filter := Filter{Where: map[string]string{name: value}}
		sieve, r := filter.sieve()
		if r != nil {
			return
		}
		object, err := canonicalObject(props)
		if err != nil {
			return
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(object, &all); err != nil {
			t.Fatal(err)
		}
		var text string
		got, had := all[name]
		want := had && (string(got) == value || json.Unmarshal(got, &text) == nil && got[0] == '"' && text == value)
		if want && !sieve.props(object) {
			t.Errorf("%q=%q does not find %s", name, value, object)
		}
		if !had && sieve.props(object) {
			t.Errorf("%q=%q finds %s", name, value, object)
		}
	})
}
