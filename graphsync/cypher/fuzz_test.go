package cypher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// ring is a small graph with a bit of everything.
func ring() *graph.Memory {
	g := graph.NewMemory()
	for i := range 6 {
		g.AddNode([][]string{{"A"}, {"A", "B"}, nil}[i%3], value.Map{"x": value.Int(int64(i)), "s": value.String("text"), "l": value.List([]value.Value{value.Int(1), value.Null})})
	}
	for i := range uint64(6) {
		g.AddRel("T", i, (i+1)%6, value.Map{"w": value.Float(0.5)})
		g.AddRel("U", i, (i*i)%6, nil)
	}
	g.Index("A", "x")
	return g
}

var fuzzLimits = cypher.Limits{Rows: 500, Expansions: 20_000, Bytes: 2 << 20}

// Whatever is asked has an answer or a refusal that says which, within the limits.
func FuzzRun(f *testing.F) {
	for _, q := range []string{
		`MATCH (a:A {x: 1})-[r:T|U*0..3 {w: 0.5}]-(b) WHERE a.x < b.x AND NOT (a)-->(b) RETURN a, r, b ORDER BY b.x DESC SKIP 1 LIMIT 3`,
		`MATCH p = allShortestPaths((a)-[*]-(b)) WHERE id(a) IN [0, 1] AND length(p) > 1 RETURN p, nodes(p), relationships(p)`,
		`OPTIONAL MATCH (a)-[rs*2]->(b) OPTIONAL MATCH (c)-[rs*]-(d) RETURN count(DISTINCT c) + 1, collect(rs)`,
		`MATCH (a) WITH a.x AS x, count(*) AS n ORDER BY n WHERE n > 0 RETURN x, n + 1 UNION ALL UNWIND [1, 2] AS x RETURN x, x AS ` + "`n + 1`",
		`MATCH (a) WHERE EXISTS { MATCH (a)-->(b) WITH b, count(*) AS n RETURN b LIMIT 1 } RETURN a.x, [(a)-->(b) WHERE b.x > 1 | b.x] AS l`,
		`UNWIND range(0, 10) AS i WITH i WHERE i % 2 = 0 RETURN reduce(s = 0, y IN [i, 2] | s + y), any(z IN [1, i] WHERE z = i), CASE i WHEN 0 THEN 'a' ELSE $p END`,
		`MATCH (a {x: 0}), (b {x: 3}) RETURN shortestPath((a)-[*]->(b)), date('2020-01-01') + duration('P1M') AS d, a {.x, b: b.x}`,
		`MATCH (a)-[r]->(b) MATCH (b)-[q]->(a) WHERE q <> r OR a.s =~ 't.*' RETURN DISTINCT type(r), labels(a), keys(b), substring(a.s, 1) ORDER BY type(r)`,
		`EXPLAIN MATCH (a)-[*]->(b) RETURN count(*)`,
		`MATCH (a)-[*]-(b)-[*]-(c)-[*]-(d) RETURN count(*)`,
		`MATCH (a), (b), (c), (d), (e), (f) RETURN collect(a), count(*)`,
		`UNWIND range(1, 1000000) AS x WITH collect(x) AS l UNWIND l AS y UNWIND l AS z RETURN DISTINCT y + z`,
	} {
		f.Add(q)
	}
	g := ring()
	params := value.Map{"p": value.Int(1), "l": value.List([]value.Value{value.Int(1)})}
	f.Fuzz(func(t *testing.T, src string) {
		limits := fuzzLimits
		limits.Time = 2 * time.Second // for lists unwound many times over
		r, err := cypher.Run(context.Background(), src, params, g, limits)
		if err != nil {
			var f *fault.Error
			if !errors.As(err, &f) || f.Message == "" {
				t.Fatalf("%q: an error of no kind: %v", src, err)
			}
			return
		}
		if len(r.Rows) > fuzzLimits.Rows || r.Stats.Expansions > fuzzLimits.Expansions || r.Stats.Bytes > fuzzLimits.Bytes {
			t.Fatalf("%q: beyond the limits: %+v", src, r.Stats)
		}
		for _, row := range r.Rows {
			if len(row) != len(r.Columns) {
				t.Fatalf("%q: %d values of %d columns", src, len(row), len(r.Columns))
			}
			for _, v := range row {
				value.Format(v, cypher.Resolver(context.Background(), g))
			}
		}
	})
}
