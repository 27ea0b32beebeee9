package check_test

import (
	"errors"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
)

// FuzzCheck: whatever parses is checked without a panic, and an error has a place
// in the text.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"MATCH (n:A {x: m.y})-[r:T|U*1..3]->(m) WHERE n.x < 1 AND NOT (n)-->(m) WITH DISTINCT *, n.x AS y ORDER BY y SKIP 1 LIMIT $p RETURN count(*), y + max(n.z)",
		"RETURN [x IN l WHERE x | x], [p = (a)--(b) | p], all(x IN [1] WHERE x), reduce(s = 0, x IN l | s), n {.a, b}, CASE a WHEN 1 THEN 2 END",
		"MATCH p = shortestPath((a)-[*]-(b)) WHERE EXISTS { MATCH (a) WITH a AS c RETURN 1 } RETURN exists((a)-->()) UNION ALL RETURN -1",
		"UNWIND [[1], 'a'] AS b CREATE (c {x: b})-[:T]->() WITH b.c AS d, collect(b)[0] AS e ORDER BY b.c + count(*) WHERE d RETURN *",
		"MATCH (a)--(b) WITH a.x + b.x AS g, count(*) AS c ORDER BY a.x + b.x + [a IN [1] | a.x][0] + count(*) RETURN *",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		q, err := parse.Parse(src)
		if err != nil {
			return
		}
		_, err = check.Check(q, check.Options{AllowCreate: true})
		var e *fault.Error
		if err != nil && (!errors.As(err, &e) || !e.Compile || !e.Pos.Known() || e.Detail == "") {
			t.Fatalf("%q: %#v", src, err)
		}
	})
}
