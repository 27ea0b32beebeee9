package graphsync

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every answer is compared with all simple paths, found by trying everything.
func TestPathsAreTheShortestOnes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newService(t)
		var ids []uint64
		for i := range rapid.IntRange(2, 6).Draw(rt, "nodes") {
			ids = append(ids, mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: fmt.Sprint(i)}).ID)
		}
		var edges []Edge
		for range rapid.IntRange(0, 10).Draw(rt, "edges") {
			e, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", SourceID: rapid.SampledFrom(ids).Draw(rt, "from"),
				TargetID: rapid.SampledFrom(ids).Draw(rt, "to"), EdgeType: rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "type")})
			if err != nil {
				t.Fatal(err)
			}
			edges = append(edges, e)
		}
		q := PathsQuery{PathQuery: PathQuery{Namespace: "s", From: ids[0], To: ids[1], MaxDepth: rapid.IntRange(1, 6).Draw(rt, "depth"),
			Direction: rapid.SampledFrom([]Direction{Out, In, Both}).Draw(rt, "direction"), Type: rapid.SampledFrom([]string{"", "A"}).Draw(rt, "filter")},
			K: rapid.IntRange(1, 6).Draw(rt, "k")}
		got, _, err := s.Paths(bg, stale, q)
		if err != nil {
			t.Fatal(err)
		}
		want := allPaths(edges, &q)
		if len(got.Paths) != min(q.K, len(want)) || got.Count != len(got.Paths) || got.Truncated {
			t.Fatalf("%d paths of %d, %+v", len(got.Paths), len(want), got)
		}
		seen := map[string]bool{}
		for i, p := range got.Paths {
			if p.Length != len(want[i]) || len(p.Nodes) != p.Length+1 || !slices.ContainsFunc(want, func(w []uint64) bool { return slices.Equal(w, p.Edges) }) || seen[fmt.Sprint(p.Edges)] {
				t.Fatalf("path %d is %+v, want one like %v of %v", i, p, want[i], want)
			}
			seen[fmt.Sprint(p.Edges)] = true
		}
		again, _, err := s.Paths(bg, stale, q)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("another answer: %v and %v", again, got)
		}
		if one, _, err := s.Path(bg, stale, q.PathQuery); err != nil || one.Found != (len(want) > 0) || one.Found && one.Length != len(want[0]) {
			t.Fatalf("one path: %+v %v, want %v", one, err, want)
		}
	})
}

// allPaths are the simple paths by their edges, the shortest first.
func allPaths(edges []Edge, q *PathsQuery) (out [][]uint64) {
	var walk func(at uint64, nodes, steps []uint64)
	walk = func(at uint64, nodes, steps []uint64) {
		if at == q.To {
			out = append(out, slices.Clone(steps))
			return
		}
		if len(steps) == q.MaxDepth {
			return
		}
		for _, e := range edges {
			if q.Type != "" && e.EdgeType != q.Type {
				continue
			}
			if q.Direction != In && e.SourceID == at && !slices.Contains(nodes, e.TargetID) {
				walk(e.TargetID, append(slices.Clone(nodes), e.TargetID), append(slices.Clone(steps), e.ID))
			}
			if q.Direction != Out && e.TargetID == at && !slices.Contains(nodes, e.SourceID) {
				walk(e.SourceID, append(slices.Clone(nodes), e.SourceID), append(slices.Clone(steps), e.ID))
			}
		}
	}
	walk(q.From, []uint64{q.From}, nil)
	slices.SortStableFunc(out, func(a, b []uint64) int { return len(a) - len(b) })
	return out
}

func TestPathsInFewBytes(t *testing.T) {
	s := newService(t)
	big := []byte(`{"a":"` + strings.Repeat("x", 4000) + `","b":1}`)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a", Properties: big})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b", Properties: big})
	for range 3 {
		m := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "m", Properties: big})
		for _, e := range []NewEdge{{SourceID: a.ID, TargetID: m.ID, EdgeType: "T"}, {SourceID: m.ID, TargetID: b.ID, EdgeType: "T"}} {
			if _, _, err := s.CreateEdge(bg, alice, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	q := PathsQuery{PathQuery: PathQuery{Namespace: "s", FromKey: "a", ToKey: "b", Answer: Answer{Budget: 8 << 10}}}
	got, _, err := s.Paths(bg, stale, q)
	if err != nil || len(got.Paths) != 1 || !got.Truncated {
		t.Fatalf("%d paths, %v", len(got.Paths), err)
	}
	q.Detail = ShowSummary
	if got, _, err = s.Paths(bg, stale, q); err != nil || len(got.Paths) != 3 || got.Truncated {
		t.Fatalf("%d paths, %v", len(got.Paths), err)
	}
	one, _, err := s.Path(bg, stale, q.PathQuery)
	if err != nil || one.Detail != "" || len(one.Nodes) != 3 {
		t.Fatalf("%+v, %v", one, err)
	}
	q.Detail = ""
	if one, _, err = s.Path(bg, stale, q.PathQuery); err != nil || one.Detail != ShowSummary {
		t.Fatalf("%v, %v", one.Detail, err)
	}
	for name, bad := range map[string]PathsQuery{
		"k":      {PathQuery: q.PathQuery, K: MaxPaths + 1},
		"budget": {PathQuery: PathQuery{Namespace: "s", FromKey: "a", ToKey: "b", Answer: Answer{Budget: 1}}},
		"detail": {PathQuery: PathQuery{Namespace: "s", FromKey: "a", ToKey: "b", Answer: Answer{Detail: "some"}}},
	} {
		if _, _, err := s.Paths(bg, stale, bad); code(err) != CodeInvalid || field(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSummariesShowShortProperties(t *testing.T) {
	long := `"` + strings.Repeat("x", 200) + `"`
	for _, c := range []struct {
		props, want string
		cut         bool
	}{
		{`{}`, ``, false},
		{`{"a":1,"b":{"c":[1,2]}}`, `{"a":1,"b":{"c":[1,2]}}`, false},
		{`{"a":` + long + `,"b":2}`, `{"b":2}`, true},
		{`{"a":1,"b":` + long + `}`, `{"a":1}`, true},
		{`{"a":` + long + `}`, ``, true},
	} {
		if got, cut := shortProperties([]byte(c.props)); string(got) != c.want || cut != c.cut {
			t.Errorf("%s: %s %v", c.props, got, cut)
		}
	}
}
