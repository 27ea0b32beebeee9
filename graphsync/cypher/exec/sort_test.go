package exec_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// The first rows are the first of all, in the order in which equals came.
func TestFirstRowsAreTheFirstOfAll(t *testing.T) {
	g := graph.NewMemory()
	rapid.Check(t, func(t *rapid.T) {
		var list []value.Value
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			key := rapid.SampledFrom([]value.Value{value.Null, value.Int(1), value.Int(2), value.Float(1), value.String("a"), value.Bool(true)}).Draw(t, fmt.Sprint("key", i))
			list = append(list, value.List([]value.Value{key, value.Int(int64(i))}))
		}
		skip, limit := rapid.IntRange(0, 14).Draw(t, "skip"), rapid.IntRange(0, 14).Draw(t, "limit")
		params := value.Map{"list": value.List(list), "skip": value.Int(int64(skip)), "limit": value.Int(int64(limit))}
		query := "UNWIND $list AS x RETURN x ORDER BY x[0]" + rapid.SampledFrom([]string{"", " DESC"}).Draw(t, "desc")
		all, err := ask(g, query, params)
		if err != nil {
			t.Fatal(err)
		}
		some, err := ask(g, query+" SKIP $skip LIMIT $limit", params)
		if err != nil {
			t.Fatal(err)
		}
		want := all[min(skip, len(all)):min(skip+limit, len(all))]
		if !slices.Equal(some, want) {
			t.Fatalf("%s skip %d limit %d: %v, want %v", query, skip, limit, some, want)
		}
	})
}

// Following a relationship allocates nothing: what a query allocates hangs on its
// text.
func TestExpansionsAllocateNothing(t *testing.T) {
	g := benchGraph(10_000)
	for _, text := range []string{
		`MATCH (a)-[:T]->(b)-[:U]->(c) RETURN count(*)`,
		`MATCH (a)-[r:T]->(b)-[s:U {w: 3}]->(c:C) WHERE r.w < 5 AND a.x <> b.x RETURN count(s)`,
		`MATCH (a:A)-[:T]->(b)-[:T]->(c) WHERE NOT (a)-[:U]->(c) RETURN count(*)`,
		`MATCH (a:A)-[:T*1..3]->(b:B) RETURN count(*)`,
	} {
		q, err := cypher.Prepare(text)
		if err != nil {
			t.Fatal(err)
		}
		expansions := 0
		allocs := testing.AllocsPerRun(2, func() {
			r, err := q.Run(context.Background(), nil, g, cypher.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			expansions = r.Stats.Expansions
		})
		if expansions < 2_000 || allocs > 800 {
			t.Errorf("%s: %v allocations for %d expansions", text, allocs, expansions)
		}
	}
}
