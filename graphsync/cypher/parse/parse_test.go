package parse

import (
	"errors"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

func TestParses(t *testing.T) {
	for _, src := range []string{
		"RETURN 1",
		"RETURN -9223372036854775808, 0x1F, 0o17, 1.5e-3, .5;",
		"MATCH (n:A:B {x: 1})-[r:T|:U*1..3 {y: $p}]->(m) WHERE n.x = 1 AND NOT (n)-->(m) RETURN *",
		"MATCH p = shortestPath((a)-[*]-(b)) RETURN length(p) ORDER BY p DESC SKIP 1 LIMIT 2",
		"MATCH (a)<--(b), (c)--(d)<-->(e), ((f)-->(g)) RETURN DISTINCT *, a.x AS y",
		"UNWIND [1,2] AS x WITH x WHERE x > 1 RETURN [y IN [x] WHERE y < 2 | y], [(a)-->(b) WHERE a.x | b], [p = (a)--() | p]",
		"RETURN exists((a)-->(b)), exists(a.x), EXISTS { (a)-->(b) WHERE a.x = 1 }, exists { MATCH (a) RETURN a }",
		"RETURN all(x IN [1] WHERE x = 1), reduce(s = 0, x IN [1] | s + x), n {.a, .*, b, c: 1}, CASE x WHEN 1 THEN 2 ELSE 3 END, CASE WHEN true THEN 1 END",
		"RETURN duration.between(date('2020'), $a), count(*), count(DISTINCT x), x[1..2], x[..], x[1..], a:A:B, `x y`.`z``w`",
		"RETURN 1 UNION RETURN 2 UNION ALL RETURN 3",
		"EXPLAIN MATCH (n) RETURN n // end",
		"RETURN (a)-(b), (a)<-(b), 1 < 2 <= 3, a IS NULL, a IS NOT NULL, a STARTS WITH 'x' + 'y'",
		"MATCH (`match`:RETURN {where: 1})-[:IN]->() RETURN `match`.with AS order",
	} {
		if _, err := Parse(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		src, detail string
		line, col   int32
	}{
		{"RETURN 42 — 41", "InvalidUnicodeCharacter", 1, 11},
	} {
		_, err := Parse(c.src)
		var e *fault.Error
		if !errors.As(err, &e) || e.Detail != c.detail || e.Pos.Line != c.line || e.Pos.Column != c.col {
			t.Errorf("%s: %v", c.src, err)
		}
	}
}
