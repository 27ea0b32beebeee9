package exec_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// benchGraph has nodes of ten labels with four relationships of two types each,
// and a few that have a great many.
func benchGraph(nodes int) *graph.Memory {
	r := rand.New(rand.NewPCG(1, 2))
	g := graph.NewMemory()
	for i := range nodes {
		g.AddNode([]string{string(rune('A' + i%10))}, value.Map{"key": value.Int(int64(i)), "x": value.Int(int64(i % 7))})
	}
	for i := range 4 * nodes {
		to := r.IntN(nodes)
		if i%5 == 0 {
			to = r.IntN(20)
		}
		g.AddRel([]string{"T", "U"}[i%2], uint64(r.IntN(nodes)), uint64(to), value.Map{"w": value.Int(int64(i % 10))})
	}
	for i := range 10 {
		g.Index(string(rune('A'+i)), "key")
	}
	return g
}

// The time of a query per relationship that it looks at.
func BenchmarkCount(b *testing.B) {
	g := benchGraph(20_000)
	for _, q := range []struct{ name, text string }{
		{"2 edges", `MATCH (a:A)-[:T]->(b)-[:U]->(c) RETURN count(*)`},
		{"3 edges", `MATCH (a:A)-[:T]->(b)-[:U]->(c)-[:T]->(d:C) RETURN count(*)`},
		{"3 edges from a key", `MATCH (a:A {key: 500})--(b)--(c)--(d) RETURN count(*)`},
		{"triangle", `MATCH (a:A)-[:T]->(b)-[:T]->(c)<-[:U]-(a) RETURN count(*)`},
		{"4 edges", `MATCH (a:A)-[:T]->(b)-[:T]->(c)-[:T]->(d)-[:T]->(e:E) WHERE a.x = 1 RETURN count(*)`},
		{"6 edges", `MATCH (a:A {key: 500})-->(b)-->(c)-->(d)-->(e)-->(f)-->(h) RETURN count(*)`},
		{"negation", `MATCH (a:A)-[:T]->(b)-[:T]->(c) WHERE NOT (a)-[:U]->(c) RETURN count(*)`},
		{"counted variable", `MATCH (a:A)-[r:T]->(b)-[s:U]->(c) RETURN count(s)`},
		{"relationship property", `MATCH (a:A)-[r:T]->(b)-[s:U {w: 3}]->(c) WHERE r.w < 5 RETURN count(*)`},
		{"walk", `MATCH (a:A {key: 500})-[*1..6]->(b) RETURN count(*)`},
		{"walk distinct", `MATCH (a:A {key: 500})-[*1..6]->(b) RETURN count(DISTINCT b)`},
		{"shortest", `MATCH (a:A {key: 500}), (b:B {key: 7001}) MATCH p = shortestPath((a)-[*]-(b)) RETURN length(p)`},
		{"one node", `MATCH (a:A {key: 500}) RETURN a.x`},
		{"grouped", `MATCH (a:A)-[:T]->(b) RETURN b.x, count(*)`},
	} {
		query, err := cypher.Prepare(q.text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			expanded := 0
			for range b.N {
				r, err := query.Run(context.Background(), nil, g, cypher.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				expanded += r.Stats.Expansions
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(expanded, 1)), "ns/expansion")
			b.ReportMetric(float64(expanded)/float64(b.N), "expansions/op")
		})
	}
}
