package exec_test

import (
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

const triangle = `CREATE (a:A {n: 'a'}), (b:B {n: 'b'}), (c:C {n: 'c'}), (a)-[:T {x: 1}]->(b), (b)-[:T {x: 2}]->(c), (c)-[:U {x: 3}]->(a)`

func TestMatch(t *testing.T) {
	run(t, []spec{
		{name: "nothing to match", query: `MATCH (n) RETURN n`},
		{name: "all nodes", graph: triangle, query: `MATCH (n) RETURN n.n`, want: []string{"'a'", "'b'", "'c'"}},
		{name: "label", graph: triangle, query: `MATCH (n:B) RETURN n`, want: []string{"(:B {n: 'b'})"}},
		{name: "two labels", graph: `CREATE (:A:B {n: 1}), (:A), (:B)`, query: `MATCH (n:A:B) RETURN n.n`, want: []string{"1"}},
		{name: "labels of two places", graph: `CREATE (:A:B {n: 1}), (:A), (:B)`, query: `MATCH (n:A), (n:B) RETURN n.n`, want: []string{"1"}},
		{name: "property", graph: triangle, query: `MATCH (n {n: 'c'}) RETURN n`, want: []string{"(:C {n: 'c'})"}},
		{name: "property null", graph: triangle, query: `MATCH (n {x: null}) RETURN n`},
		{name: "property by parameter", graph: triangle, query: `MATCH (n {n: $p}) RETURN n.n`,
			params: value.Map{"p": value.String("b")}, want: []string{"'b'"}},
		{name: "properties by parameter", graph: triangle, query: `MATCH (n $p) RETURN n.n`, params: value.Map{"p": value.MapOf(nil)}, fails: "InvalidParameterUse"},
		{name: "property of another", graph: `CREATE (:A {x: 1}), (:B {y: 1, n: 'yes'}), (:B {y: 2})`,
			query: `MATCH (a:A), (b:B {y: a.x}) RETURN b.n`, want: []string{"'yes'"}},
		{name: "directed", graph: triangle, query: `MATCH (a)-[:T]->(b) RETURN a.n, b.n`, want: []string{"'a' | 'b'", "'b' | 'c'"}},
		{name: "backwards", graph: triangle, query: `MATCH (a)<-[:T]-(b) RETURN a.n, b.n`, want: []string{"'b' | 'a'", "'c' | 'b'"}},
		{name: "either way", graph: triangle, query: `MATCH (a)-[:U]-(b) RETURN a.n, b.n`, want: []string{"'a' | 'c'", "'c' | 'a'"}},
		{name: "types", graph: triangle, query: `MATCH (a:A)-[r:T|U]-() RETURN r.x`, want: []string{"1", "3"}},
		{name: "relationship property", graph: triangle, query: `MATCH (a)-[{x: 2}]->(b) RETURN a.n`, want: []string{"'b'"}},
		{name: "chain", graph: triangle, query: `MATCH (a)-->(b)-->(c) RETURN a.n, c.n`, want: []string{"'a' | 'c'", "'b' | 'a'", "'c' | 'b'"}},
		{name: "ring", graph: triangle, query: `MATCH (a)-->(b)-->(c)-->(a) RETURN a.n`, want: []string{"'a'", "'b'", "'c'"}},
		{name: "no relationship twice", graph: `CREATE (a)-[:T]->(b)`, query: `MATCH (a)--(b)--(c) RETURN a`},
		{name: "no relationship twice across patterns", graph: `CREATE (a)-[:T]->(b)`, query: `MATCH (a)-->(b), (c)-->(d) RETURN a`},
		{name: "twice across clauses", graph: `CREATE (a {n: 1})-[:T]->(b)`, query: `MATCH (a)-->(b) MATCH (c)-->(d) RETURN a.n, c.n`, want: []string{"1 | 1"}},
		{name: "loop directed", graph: `CREATE (a {n: 1}), (a)-[:T]->(a)`, query: `MATCH (a)-->(b) RETURN a.n, b.n`, want: []string{"1 | 1"}},
		{name: "loop either way", graph: `CREATE (a {n: 1}), (a)-[:T]->(a)`, query: `MATCH (a)--(b) RETURN a.n, b.n`, want: []string{"1 | 1"}},
		{name: "loop by name", graph: `CREATE (a {n: 1}), (a)-[:T]->(a), (a)-[:T]->(b)`, query: `MATCH (a)-[r]-(a) RETURN a.n`, want: []string{"1"}},
		{name: "parallel", graph: `CREATE (a {n: 1})-[:T]->(b), (a)-[:T]->(b)`, query: `MATCH (a)-[r]->(b)<-[s]-(a) RETURN a.n`, want: []string{"1", "1"}},
		{name: "odd name", graph: triangle, query: "MATCH (`\x001`)-->() RETURN count(*)", want: []string{"3"}},
		{name: "cartesian", graph: triangle, query: `MATCH (a), (b) RETURN count(*)`, want: []string{"9"}},
		{name: "where", graph: triangle, query: `MATCH (a)-[r]->(b) WHERE r.x > 1 AND a.n = 'b' RETURN b.n`, want: []string{"'c'"}},
		{name: "where label", graph: triangle, query: `MATCH (a)-->(b) WHERE b:C RETURN a.n`, want: []string{"'b'"}},
		{name: "where on two", graph: triangle, query: `MATCH (a), (b) WHERE a.n < b.n RETURN a.n, b.n`, want: []string{"'a' | 'b'", "'a' | 'c'", "'b' | 'c'"}},
		{name: "where null", graph: triangle, query: `MATCH (a) WHERE a.x > 1 RETURN a`},
		{name: "id", graph: triangle, query: `MATCH (a) WHERE id(a) = 1 RETURN a.n`, want: []string{"'b'"}},
		{name: "ids", graph: triangle, query: `MATCH (a) WHERE id(a) IN [2, 0, 2, 2.0, 99, null] RETURN a.n`, want: []string{"'a'", "'c'"}},
		{name: "element id", graph: triangle, query: `MATCH (a) WHERE elementId(a) = '1' RETURN a.n`, want: []string{"'b'"}},
		{name: "id that is a text", graph: triangle, query: `MATCH (a) WHERE id(a) = '1' RETURN a.n`},
		{name: "element id that is a number", graph: triangle, query: `MATCH (a) WHERE elementId(a) IN [1, '01', '2'] RETURN a.n`, want: []string{"'c'"}},
		{name: "relationship by id", graph: triangle, query: `MATCH (a)-[r]->(b) WHERE id(r) = 1 RETURN a.n, b.n`, want: []string{"'b' | 'c'"}},
		{name: "relationship by id either way", graph: triangle, query: `MATCH (a)-[r:T]-(b) WHERE id(r) IN [1, 2, 1.0] RETURN a.n, b.n`, want: []string{"'b' | 'c'", "'c' | 'b'"}},
		{name: "error after filter", graph: `CREATE (:A {x: 0})`, query: `MATCH (a:A) WHERE a.x <> 0 AND 1 / a.x > 0 RETURN a`},
		{name: "no error where nothing matches", graph: `CREATE (:A {x: 'text'})`, query: `MATCH (a:A)-->(b) WHERE a.x.y = 1 RETURN a`},
		{name: "pattern predicate", graph: triangle, query: `MATCH (a) WHERE (a)-[:U]->() RETURN a.n`, want: []string{"'c'"}},
		{name: "no pattern predicate", graph: triangle, query: `MATCH (a) WHERE NOT (a)-[:U]->() RETURN a.n`, want: []string{"'a'", "'b'"}},
		{name: "pattern predicate between", graph: triangle, query: `MATCH (a), (b) WHERE (a)-[:T]->(b) RETURN a.n, b.n`, want: []string{"'a' | 'b'", "'b' | 'c'"}},
		{name: "exists", graph: triangle, query: `MATCH (a) WHERE EXISTS { (a)-[r]->() WHERE r.x = 2 } RETURN a.n`, want: []string{"'b'"}},
		{name: "exists query", graph: triangle, query: `MATCH (a) WHERE EXISTS { MATCH (a)--(b) WITH a, count(b) AS c WHERE c = 2 RETURN c } RETURN a.n`, want: []string{"'a'", "'b'", "'c'"}},
		{name: "exists nested", graph: triangle, query: `MATCH (a) WHERE EXISTS { MATCH (a)-->(b) WHERE EXISTS { (b)-[:U]->() } } RETURN a.n`, want: []string{"'b'"}},
	})
}

func TestMatchOfWhatIsBound(t *testing.T) {
	run(t, []spec{
		{name: "node", graph: triangle, query: `MATCH (a:A) MATCH (a)-->(b) RETURN b.n`, want: []string{"'b'"}},
		{name: "node label", graph: triangle, query: `MATCH (a) MATCH (a:B) RETURN a.n`, want: []string{"'b'"}},
		{name: "null node", query: `OPTIONAL MATCH (a) MATCH (a)-->(b) RETURN b`},
		{name: "null node alone", query: `OPTIONAL MATCH (a) MATCH (a) RETURN a`},
		{name: "null node optional", query: `OPTIONAL MATCH (a) OPTIONAL MATCH (a)-->(b) RETURN a, b`, want: []string{"null | null"}},
		{name: "relationship", graph: triangle, query: `MATCH ()-[r:U]->() MATCH (a)-[r]->(b) RETURN a.n, b.n`, want: []string{"'c' | 'a'"}},
		{name: "relationship either way", graph: triangle, query: `MATCH ()-[r:U]->() MATCH (a)-[r]-(b) RETURN a.n, b.n`, want: []string{"'a' | 'c'", "'c' | 'a'"}},
		{name: "relationship against", graph: triangle, query: `MATCH (a)-[r:U]->(b) MATCH (a)<-[r]-(b) RETURN a.n`},
		{name: "relationship and end", graph: triangle, query: `MATCH (a)-[r:U]->() WITH a, r MATCH (x)-[r]-(a) RETURN x.n`, want: []string{"'a'"}},
		{name: "relationship not again", graph: triangle, query: `MATCH ()-[r:U]->() MATCH ()-[r]->(), (x)-[s:U]->(y) RETURN x`},
		{name: "relationship of another type", graph: triangle, query: `MATCH ()-[r:U]->() MATCH (a)-[r:T]->(b) RETURN a`},
		{name: "null relationship", query: `OPTIONAL MATCH ()-[r]->() MATCH (a)-[r]->(b) RETURN a`},
		{name: "loop relationship", graph: `CREATE (a {n: 1}), (a)-[:T]->(a)`, query: `MATCH ()-[r]->() MATCH (x)-[r]-(y) RETURN x.n, y.n`, want: []string{"1 | 1"}},
		{name: "list", graph: triangle, query: `MATCH (a:A)-[rs*2]->(c) MATCH (x)-[rs*]->(y) RETURN x.n, y.n`, want: []string{"'a' | 'c'"}},
		{name: "list either way", graph: triangle, query: `MATCH (a:A)-[rs*2]->(c) MATCH (x)-[rs*]-(y) RETURN x.n, y.n`, want: []string{"'a' | 'c'"}},
		{name: "list from its end", graph: triangle, query: `MATCH (a:A)-[rs*2]->(c) MATCH (x)-[rs*]->(c) RETURN x.n`, want: []string{"'a'"}},
		{name: "list against", graph: triangle, query: `MATCH (a:A)-[rs*2]->(c) MATCH (x)<-[rs*]-(y) RETURN x.n`},
		{name: "list of one either way", graph: triangle, query: `MATCH (a:A)-[rs:T*1]->(c) MATCH (x)-[rs*]-(y) RETURN x.n, y.n`, want: []string{"'a' | 'b'", "'b' | 'a'"}},
		{name: "no node", query: `UNWIND $l AS a MATCH (a) RETURN a`, params: value.Map{"l": value.List([]value.Value{value.Int(1)})}, fails: "InvalidArgumentType"},
	})
}

func TestOptionalMatch(t *testing.T) {
	run(t, []spec{
		{name: "nothing", query: `OPTIONAL MATCH (n) RETURN n`, want: []string{"null"}},
		{name: "some", graph: triangle, query: `MATCH (a) OPTIONAL MATCH (a)-[:U]->(b) RETURN a.n, b.n`, want: []string{"'a' | null", "'b' | null", "'c' | 'a'"}},
		{name: "where belongs to it", graph: triangle, query: `MATCH (a) OPTIONAL MATCH (a)-->(b) WHERE b.n = 'c' AND a.n = 'b' RETURN a.n, b.n`,
			want: []string{"'a' | null", "'b' | 'c'", "'c' | null"}},
		{name: "several", graph: triangle, query: `MATCH (a:A) OPTIONAL MATCH (a)-[:T]->(b) OPTIONAL MATCH (b)-[:U]->(c) OPTIONAL MATCH (c)-->(d) RETURN b.n, c, d`, want: []string{"'b' | null | null"}},
		{name: "path", graph: `CREATE (:A)`, query: `MATCH (a:A) OPTIONAL MATCH p = (a)-->() RETURN p`, want: []string{"null"}},
		{name: "walk", graph: `CREATE (:A)`, query: `MATCH (a:A) OPTIONAL MATCH (a)-[r*]->(b) RETURN r, b`, want: []string{"null | null"}},
		{name: "both bound", graph: triangle, query: `MATCH (a:A), (c:C) OPTIONAL MATCH (a)-[r]->(c) RETURN r`, want: []string{"null"}},
		{name: "joined in one", graph: triangle, query: `MATCH (a:A) OPTIONAL MATCH (a)-[:T]->(b), (b)-[:U]->(c) RETURN b`, want: []string{"null"}},
		{name: "count of nothing", query: `OPTIONAL MATCH (n) RETURN count(n), count(*)`, want: []string{"0 | 1"}},
	})
}

func TestWalks(t *testing.T) {
	const line = `CREATE (a:A {n: 0})-[:T {x: 1}]->(b {n: 1})-[:T {x: 1}]->(c {n: 2})-[:T {x: 2}]->(d:D {n: 3})`
	run(t, []spec{
		{name: "any", graph: line, query: `MATCH (a:A)-[*]->(b) RETURN b.n`, want: []string{"1", "2", "3"}},
		{name: "exactly", graph: line, query: `MATCH (a:A)-[*2]->(b) RETURN b.n`, want: []string{"2"}},
		{name: "range", graph: line, query: `MATCH (a:A)-[*2..3]->(b) RETURN b.n`, want: []string{"2", "3"}},
		{name: "at most", graph: line, query: `MATCH (a:A)-[*..2]->(b) RETURN b.n`, want: []string{"1", "2"}},
		{name: "at least", graph: line, query: `MATCH (a:A)-[*3..]->(b) RETURN b.n`, want: []string{"3"}},
		{name: "zero", graph: line, query: `MATCH (a:A)-[*0..1]->(b) RETURN b.n`, want: []string{"0", "1"}},
		{name: "only zero", graph: line, query: `MATCH (a:A)-[*0]->(b) RETURN b.n`, want: []string{"0"}},
		{name: "empty range", graph: line, query: `MATCH (a:A)-[*3..1]->(b) RETURN b.n`},
		{name: "zero with label", graph: line, query: `MATCH (a:A)-[*0..]->(b:D) RETURN b.n`, want: []string{"3"}},
		{name: "backwards from the label", graph: line, query: `MATCH (a)-[r*]->(d:D) RETURN a.n, [x IN r | x.x]`, want: []string{"0 | [1, 1, 2]", "1 | [1, 2]", "2 | [2]"}},
		{name: "properties", graph: line, query: `MATCH (a:A)-[* {x: 1}]->(b) RETURN b.n`, want: []string{"1", "2"}},
		{name: "properties of a node", graph: line, query: `MATCH (a:A)-[* {x: b.n}]->(b) RETURN b.n`, want: []string{"1"}},
		{name: "both ends", graph: line, query: `MATCH (a:A), (d:D) MATCH p = (a)-[*]->(d) RETURN length(p)`, want: []string{"3"}},
		{name: "either way", graph: line, query: `MATCH (d:D)-[*]-(b) RETURN b.n`, want: []string{"0", "1", "2"}},
		{name: "ring", graph: triangle, query: `MATCH (a:A)-[*]->(b) RETURN b.n`, want: []string{"'a'", "'b'", "'c'"}},
		{name: "ring to itself", graph: triangle, query: `MATCH (a)-[r*]->(a) RETURN a.n, size(r)`, want: []string{"'a' | 3", "'b' | 3", "'c' | 3"}},
		{name: "not along others of the clause", graph: triangle, query: `MATCH (a:A)-[:T]->(b)-[*]->(c) RETURN c.n`, want: []string{"'c'", "'a'"}},
		{name: "two walks", graph: line, query: `MATCH (a:A)-[r*1..2]->()-[s*]->(d:D) RETURN size(r), size(s)`, want: []string{"1 | 2", "2 | 1"}},
		{name: "loop", graph: `CREATE (a {n: 1}), (a)-[:T]->(a)`, query: `MATCH (a)-[r*]-(b) RETURN size(r)`, want: []string{"1"}},
		{name: "path of a walk", graph: line, query: `MATCH p = (a:A)-[:T*2]->() RETURN [n IN nodes(p) | n.n]`, want: []string{"[0, 1, 2]"}},
		{name: "path against", graph: line, query: `MATCH p = (c {n: 2})<-[:T*2]-() RETURN p`,
			want: []string{"<({n: 2})<-[:T {x: 1}]-({n: 1})<-[:T {x: 1}]-(:A {n: 0})>"}},
		{name: "path of nothing", graph: line, query: `MATCH p = (a:A) RETURN p, length(p)`, want: []string{"<(:A {n: 0})> | 0"}},
		{name: "all on the way", graph: line, query: `MATCH p = (a:A)-[*]->(b) WHERE all(r IN relationships(p) WHERE r.x = 1) RETURN b.n`, want: []string{"1", "2"}},
		{name: "none on the way", graph: line, query: `MATCH p = (a:A)-[*]->(b) WHERE none(n IN nodes(p) WHERE n.n = 2) RETURN b.n`, want: []string{"1"}},
		{name: "length asked", graph: line, query: `MATCH p = (a:A)-[*]->(b) WHERE length(p) > 2 RETURN b.n`, want: []string{"3"}},
	})
}
