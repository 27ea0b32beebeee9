package graph_test

import (
	"context"
	"slices"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

var _ graph.Reader = (*graph.Memory)(nil)

func TestMemoryShowsALoopOnce(t *testing.T) {
	m := graph.NewMemory()
	a := m.AddNode([]string{"A", "A"}, value.Map{"x": value.Int(1), "gone": value.Null})
	b := m.AddNode(nil, nil)
	m.AddRel("T", a, a, nil)
	m.AddRel("T", a, b, value.Map{"w": value.Int(2)})
	m.AddRel("U", b, a, nil)
	ctx := context.Background()
	for _, c := range []struct {
		dir   graph.Direction
		types []string
		want  []uint64
	}{
		{graph.Both, nil, []uint64{0, 1, 2}},
		{graph.Out, nil, []uint64{0, 1}},
		{graph.In, nil, []uint64{0, 2}},
		{graph.Both, []string{"T"}, []uint64{0, 1}},
		{graph.Both, []string{"U", "V"}, []uint64{2}},
	} {
		var got []uint64
		if err := m.Rels(ctx, a, c.dir, c.types, func(r value.Rel) bool { got = append(got, r.ID); return true }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("direction %d, types %v: %v, want %v", c.dir, c.types, got, c.want)
		}
	}
	n, ok, _ := m.Node(ctx, a)
	if !ok || len(n.Labels) != 1 || len(n.Properties) != 1 {
		t.Errorf("node %+v", n)
	}
	if n, exact := m.CountRels("T"); n != 2 || !exact {
		t.Errorf("%d relationships of type T", n)
	}
}

func TestMemoryFindsByIndex(t *testing.T) {
	m := graph.NewMemory()
	m.AddNode([]string{"A"}, value.Map{"x": value.Int(1)})
	m.Index("A", "x")
	m.AddNode([]string{"A"}, value.Map{"x": value.Float(1)})
	m.AddNode([]string{"B"}, value.Map{"x": value.Int(1)})
	m.AddNode([]string{"A"}, value.Map{"x": value.String("1")})
	if _, ok := m.Lookup("B", "x"); ok {
		t.Error("an index that nobody made")
	}
	var got []uint64
	if err := m.Find(context.Background(), "A", "x", value.Int(1), func(id uint64) bool { got = append(got, id); return true }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []uint64{0, 1}) {
		t.Errorf("found %v", got)
	}
}
