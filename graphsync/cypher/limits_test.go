package cypher_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// full is a graph in which every node is joined to every other.
func full(n uint64) *graph.Memory {
	g := graph.NewMemory()
	for i := range n {
		g.AddNode([]string{"A"}, value.Map{"x": value.Int(int64(i))})
	}
	for i := range n {
		for j := range n {
			if i != j {
				g.AddRel("T", i, j, nil)
			}
		}
	}
	return g
}

// What would take for ever is refused when it has taken what it may.
func TestLimits(t *testing.T) {
	g := full(30)
	lim := cypher.Limits{Rows: 1000, Expansions: 100_000, Bytes: 4 << 20}
	for _, c := range []struct{ query, limit string }{
		{`MATCH (a), (b), (c) RETURN a, b, c`, "rows"},
		{`UNWIND range(1, 2000) AS x RETURN x`, "rows"},
		{`MATCH (a), (b), (c), (d), (e) RETURN count(*)`, "expansions"},
		{`MATCH (a)-[*]->(b) RETURN count(*)`, "expansions"},
		{`MATCH p = (a)-[*]->(b) RETURN max(length(p))`, "expansions"},
		{`MATCH (a {x: 0}), (b {x: 1}) MATCH p = shortestPath((a)-[*]->(b)) WHERE length(p) > 25 RETURN p`, "expansions"},
		{`MATCH (a)--(b)--(c)--(d)--(e) RETURN count(*)`, "expansions"},
		{`MATCH (a) WHERE EXISTS { (a)--(b)--(c)--(d)--(e) WHERE e.x = -1 } RETURN a`, "expansions"},
		{`MATCH (a) RETURN [(a)--(b)--(c)--(d)--(e) | 1] AS l`, "expansions"},
		{`UNWIND range(1, 100000) AS x RETURN collect('text' + toString(x)) AS l`, "memory"},
		{`UNWIND range(1, 100000) AS x WITH DISTINCT 'text' + toString(x) AS s RETURN count(*)`, "memory"},
		{`UNWIND range(1, 100000) AS x WITH 'text' + toString(x) AS s ORDER BY s RETURN count(*)`, "memory"},
		{`UNWIND range(1, 100000) AS x WITH 'text' + toString(x) AS s, count(*) AS n RETURN count(*)`, "memory"},
		{`RETURN range(1, 1000000000) AS l`, "memory"},
		{`MATCH (a), (b), (c) RETURN [x IN range(1, 30000) | [a, b, c]] AS l`, "memory"},
	} {
		_, err := cypher.Run(context.Background(), c.query, nil, g, lim)
		var f *fault.Error
		if !errors.As(err, &f) || f.Class != fault.Limit || f.Limit != c.limit {
			t.Errorf("%s: %v, want the limit of %s", c.query, err, c.limit)
		}
	}
}

// There may be a great many shortest paths.
func TestManyShortestPathsAreCounted(t *testing.T) {
	g := graph.NewMemory()
	last := g.AddNode([]string{"First"}, nil)
	for i := range 40 {
		var label []string
		if i == 39 {
			label = []string{"Last"}
		}
		a, b, next := g.AddNode(nil, nil), g.AddNode(nil, nil), g.AddNode(label, nil)
		for _, way := range []uint64{a, b} {
			g.AddRel("T", last, way, nil)
			g.AddRel("T", way, next, nil)
		}
		last = next
	}
	for query, limit := range map[string]string{
		`MATCH p = allShortestPaths((a:First)-[*]->(b:Last)) RETURN count(*)`: "expansions",
		`MATCH p = shortestPath((a:First)-[*]->(b:Last)) RETURN length(p)`:    "",
	} {
		_, err := cypher.Run(context.Background(), query, nil, g, cypher.Limits{Expansions: 100_000})
		var f *fault.Error
		if limit == "" && err != nil || limit != "" && (!errors.As(err, &f) || f.Limit != limit) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestTimeEnds(t *testing.T) {
	g := full(30)
	const query = `MATCH (a)-[*]->(b) RETURN count(*)`
	_, err := cypher.Run(context.Background(), query, nil, g, cypher.Limits{Time: time.Millisecond})
	var f *fault.Error
	if !errors.As(err, &f) || f.Limit != "time" {
		t.Errorf("%v, want the limit of time", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := cypher.Run(ctx, query, nil, g, cypher.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
}

// What is held is given back: as much may be held again.
func TestMemoryIsGivenBack(t *testing.T) {
	lim := cypher.Limits{Bytes: 4 << 20}
	const query = `UNWIND range(1, 200) AS i
		WITH i, [(a)-[*1..2]->(b) | b] AS l
		WITH i, size(l) AS n, EXISTS { MATCH (a) WITH DISTINCT a ORDER BY a.x RETURN a } AS e
		RETURN count(*), max(n)`
	r, err := cypher.Run(context.Background(), query, nil, full(12), lim)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Rows[0][0].AsInt(); got != 200 {
		t.Errorf("%d rows", got)
	}
}

// Texts that are made to hurt are refused, or answered, without harm.
func TestHostile(t *testing.T) {
	g := full(5)
	g.Index("A", "x")
	lim := cypher.Limits{Rows: 1000, Expansions: 100_000, Bytes: 4 << 20}
	many := func(n int, s, sep string) string { return strings.TrimSuffix(strings.Repeat(s+sep, n), sep) }
	for _, c := range []struct {
		name, query string
		ok          bool
	}{
		{"parentheses", "RETURN " + many(10_000, "(", "") + "1" + many(10_000, ")", ""), false},
		{"lists", "RETURN " + many(10_000, "[", "") + "1" + many(10_000, "]", ""), false},
		{"nots", "RETURN " + many(10_000, "NOT", " ") + " true", false},
		{"long pattern", "MATCH " + many(5_000, "()", "--") + " RETURN 1", false},
		{"many patterns", "MATCH " + many(5_000, "()", ",") + " RETURN 1", false},
		{"allowed pattern", "MATCH " + many(400, "()", "--") + " RETURN count(*)", true},
		{"many clauses", many(2_000, "MATCH (a) ", "") + " RETURN count(*)", true},
		{"many conditions", "MATCH (a {x: 1})--(b) WHERE " + many(5_000, "a.x < b.x", " AND ") + " RETURN count(*)", true},
		{"many additions", "RETURN " + many(20_000, "1", "+") + " AS n", false},
		{"many columns", "RETURN 1 AS a, " + strings.Join(columns(5_000), ", "), true},
		{"many keys", "MATCH (a) RETURN " + strings.Join(columns(2_000), ", ") + ", count(*)", true},
		{"many unions", many(2_000, "RETURN 1 AS x", " UNION "), true},
		{"many names in scope", many(300, "MATCH (a)-->(b)-->(c) WITH a AS b, b AS c, c AS a LIMIT 1 ", "") + "RETURN a", true},
		{"nested exists", "MATCH (a) WHERE " + many(60, "EXISTS { (a)-->() WHERE ", "") + "true" + many(60, "}", "") + " RETURN count(*)", true},
		{"nested exists that may fail", "MATCH (a) WHERE " + many(40, "EXISTS { (a)-->() WHERE ", "") + "true" + many(40, " AND a.x + 1 > 0 }", "") + " RETURN count(*)", true},
		{"nested exists in a pattern", "MATCH (a) WHERE " + many(40, "EXISTS { (a)-->(:A {x: CASE WHEN ", "") + "true" + many(40, " THEN 1 END})}", "") + " RETURN count(*)", true},
		{"nested comprehensions", "MATCH (a) RETURN " + many(40, "size([(a)-->(:A {x: ", "") + "1" + many(40, "}) | 1])", "") + " AS n", true},
		{"nested conditions of all", "MATCH (a) WHERE " + strings.Join(numbered(30, "EXISTS { MATCH p# = (a)-[*1..2]->() WHERE all(r# IN relationships(p#) WHERE "), "") + "true" + many(30, ")}", "") + " RETURN count(*)", true},
		{"nested limits", "MATCH (a) RETURN a ORDER BY " + many(40, "EXISTS { MATCH (a)-->(b) RETURN b ORDER BY ", "") + "1" + many(40, " LIMIT 1 }", "") + " LIMIT 1", true},
		{"nested groups", "MATCH (a) RETURN " + many(40, "EXISTS { MATCH (a) RETURN count(*) AS n, ", "") + "1" + many(40, " AS m ORDER BY m }", "") + " AS n", true},
		{"far walk", "MATCH (a)-[*2000000000..9223372036854775807]->(b) RETURN count(*)", true},
		{"far walk and back", "MATCH (a)-[*2000000000..]->(b)<-[*..2000000000]-(a) RETURN count(*)", true},
		{"unknown parameter", "RETURN $nobody", false},
		{"growing list", "WITH [1] AS l " + many(60, "WITH l + l AS l ", "") + "RETURN size(l)", false},
		{"nested list", "WITH [1] AS l " + many(60, "WITH [l, l] AS l ", "") + "RETURN l", false},
	} {
		_, err := cypher.Run(context.Background(), c.query, nil, g, lim)
		var f *fault.Error
		if err != nil && !errors.As(err, &f) {
			t.Errorf("%s: an error of no kind: %v", c.name, err)
		}
		if c.ok && err != nil && f.Class != fault.Limit {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok && err == nil {
			t.Errorf("%s: answered", c.name)
		}
	}
}

// numbered repeats a text with a number for each #.
func numbered(n int, s string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.ReplaceAll(s, "#", value.Format(value.Int(int64(i)), nil))
	}
	return list
}

func columns(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "1 AS c" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "_" + value.Format(value.Int(int64(i)), nil)
	}
	return list
}

// A prepared query may be run at once by many.
func TestPreparedAtOnce(t *testing.T) {
	q, err := cypher.Prepare(`MATCH (a)-[r:T]->(b) WHERE a.x < $x AND (b)-->(a) RETURN a.x AS x, count(r) + 1 AS n ORDER BY x`)
	if err != nil {
		t.Fatal(err)
	}
	g := full(10)
	done := make(chan error)
	for i := range 8 {
		go func() {
			r, err := q.Run(context.Background(), value.Map{"x": value.Int(int64(i))}, g, cypher.Limits{})
			if err == nil && (len(r.Rows) != i || !slices.Equal(r.Columns, []string{"x", "n"})) {
				err = errors.New("another answer")
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// What looks at large texts counts them, so that the clock is looked at however
// few rows there are.
func TestPredicatesOfTextsLookAtTheClock(t *testing.T) {
	long := func() value.Value { return value.String(strings.Repeat("a", 4<<20)) }
	params := map[string]value.Value{"s": long(), "z": long()}
	for _, predicate := range []string{"$s CONTAINS 'ab'", "$s STARTS WITH $z", "$s ENDS WITH $z"} {
		query := `UNWIND range(1, 100) AS i RETURN count(` + predicate + `)`
		_, err := cypher.Run(context.Background(), query, params, full(1), cypher.Limits{Time: time.Millisecond})
		var f *fault.Error
		if !errors.As(err, &f) || f.Limit != "time" {
			t.Errorf("%s: %v, want the limit of time", predicate, err)
		}
	}
}
