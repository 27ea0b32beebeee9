package exec_test

import (
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

const people = `CREATE ({n: 'ann', age: 30, c: 'x'}), ({n: 'bob', age: 20, c: 'y'}), ({n: 'cid', age: 40, c: 'x'}), ({n: 'dot', c: 'y'})`

func TestProjection(t *testing.T) {
	run(t, []spec{
		{name: "star", graph: `CREATE (:A {n: 1})-[:T]->(:B {n: 2})`, query: `MATCH (b:A)-[r]->(a) RETURN *`, want: []string{"(:B {n: 2}) | (:A {n: 1}) | [:T]"}},
		{name: "star and more", graph: `CREATE ({n: 1})`, query: `MATCH (a) RETURN *, a.n AS x`, want: []string{"({n: 1}) | 1"}},
		{name: "with star", graph: `CREATE ({n: 1})`, query: `MATCH (a) WITH *, a.n AS x RETURN x`, want: []string{"1"}},
		{name: "hidden by with", graph: `CREATE ({n: 1}), ({n: 2})`, query: `MATCH (a {n: 1}) WITH a.n AS a MATCH (b {n: a + 1}) RETURN a, b.n`, want: []string{"1 | 2"}},
		{name: "bound anew", graph: `CREATE ({n: 1}), ({n: 2})`, query: `MATCH (a {n: 1}) WITH a.n AS x MATCH (a) RETURN x, a.n`, want: []string{"1 | 1", "1 | 2"}},
		{name: "swap", query: `WITH 1 AS a, 2 AS b WITH b AS a, a AS b RETURN a, b`, want: []string{"2 | 1"}},
		{name: "with where", graph: people, query: `MATCH (a) WITH a.age AS age WHERE age > 20 RETURN age`, want: []string{"30", "40"}},
		{name: "with where on what was before", graph: people, query: `MATCH (a) WITH a.n AS n WHERE a.age > 20 RETURN n`, want: []string{"'ann'", "'cid'"}},
		{name: "with limit where", graph: people, query: `MATCH (a) WITH a.n AS n ORDER BY a.n LIMIT 2 WHERE a.age > 20 RETURN n`, want: []string{"'ann'"}},
		{name: "distinct", graph: people, query: `MATCH (a) RETURN DISTINCT a.c`, want: []string{"'x'", "'y'"}},
		{name: "distinct null and nan", query: `UNWIND [null, null, 0.0/0.0, 0.0/0.0, 1, 1.0] AS x RETURN DISTINCT x`, want: []string{"null", "NaN", "1"}},
		{name: "distinct ordered", graph: people, query: `MATCH (a) RETURN DISTINCT a.c ORDER BY a.c DESC`, want: []string{"'y'", "'x'"}, sorted: true},
		{name: "distinct ordered by what was renamed", graph: people, query: `MATCH (a) RETURN DISTINCT a.c AS d ORDER BY a.c DESC`, want: []string{"'y'", "'x'"}, sorted: true},
		{name: "unwind", query: `UNWIND [1, [2, 3], null] AS x RETURN x`, want: []string{"1", "[2, 3]", "null"}},
		{name: "unwind null", query: `UNWIND null AS x RETURN x`},
		{name: "unwind empty", query: `UNWIND [] AS x RETURN x`},
		{name: "unwind twice", query: `UNWIND [[1, 2], [3]] AS l UNWIND l AS x RETURN x`, want: []string{"1", "2", "3"}},
		{name: "unwind no list", query: `UNWIND $x AS x RETURN x`, params: value.Map{"x": value.Int(1)}, fails: "InvalidArgumentType"},
		{name: "union", query: `UNWIND [1, 1, 2] AS x RETURN x UNION UNWIND [2.0, 3] AS x RETURN x`, want: []string{"1", "2", "3"}},
		{name: "union all", query: `RETURN 1 AS x UNION ALL RETURN 1 AS x`, want: []string{"1", "1"}},
	})
}

func TestOrder(t *testing.T) {
	run(t, []spec{
		{name: "null is last", graph: people, query: `MATCH (a) RETURN a.n ORDER BY a.age`, want: []string{"'bob'", "'ann'", "'cid'", "'dot'"}, sorted: true},
		{name: "null is first", graph: people, query: `MATCH (a) RETURN a.n ORDER BY a.age DESC`, want: []string{"'dot'", "'cid'", "'ann'", "'bob'"}, sorted: true},
		{name: "two keys", graph: people, query: `MATCH (a) RETURN a.n ORDER BY a.c DESC, a.n`, want: []string{"'bob'", "'dot'", "'ann'", "'cid'"}, sorted: true},
		{name: "alias", graph: people, query: `MATCH (a) RETURN a.n AS name ORDER BY name DESC LIMIT 1`, want: []string{"'dot'"}, sorted: true},
		{name: "alias hides", query: `UNWIND [1, 2, 3] AS x WITH -x AS x ORDER BY x RETURN x`, want: []string{"-3", "-2", "-1"}, sorted: true},
		{name: "expression of an alias", query: `UNWIND [1, 2, 3] AS x RETURN x AS y ORDER BY -y`, want: []string{"3", "2", "1"}, sorted: true},
		{name: "what is hidden", query: `UNWIND [1, 2, 3] AS x WITH x AS y, -x AS z RETURN z AS y ORDER BY y`, want: []string{"-3", "-2", "-1"}, sorted: true},
		{name: "stays for collect", query: `UNWIND [3, 1, 2] AS x WITH x ORDER BY x RETURN collect(x)`, want: []string{"[1, 2, 3]"}},
		{name: "skip and limit", query: `UNWIND [3, 1, 2, 5, 4] AS x RETURN x ORDER BY x SKIP 1 LIMIT 2`, want: []string{"2", "3"}, sorted: true},
		{name: "skip", query: `UNWIND [3, 1, 2] AS x RETURN x ORDER BY x SKIP 2`, want: []string{"3"}, sorted: true},
		{name: "limit none", query: `UNWIND [3, 1, 2] AS x RETURN x ORDER BY x LIMIT 0`},
		{name: "limit none of a group", query: `RETURN count(*) LIMIT 0`},
		{name: "limit by parameter", query: `UNWIND [3, 1, 2] AS x RETURN x ORDER BY x LIMIT $n`, params: value.Map{"n": value.Int(1)}, want: []string{"1"}},
		{name: "limit by expression", query: `UNWIND [3, 1, 2] AS x RETURN x ORDER BY x LIMIT 1 + 1`, want: []string{"1", "2"}, sorted: true},
		{name: "limit negative", query: `RETURN 1 AS x LIMIT $n`, params: value.Map{"n": value.Int(-1)}, fails: "NegativeIntegerArgument"},
		{name: "limit negative without rows", query: `MATCH (n) RETURN n SKIP $n`, params: value.Map{"n": value.Int(-1)}, fails: "NegativeIntegerArgument"},
		{name: "limit no integer", query: `MATCH (n) RETURN n LIMIT $n`, params: value.Map{"n": value.Float(1)}, fails: "InvalidArgumentType"},
		{name: "limit then more", query: `UNWIND [3, 1, 2] AS x WITH x LIMIT 2 UNWIND [x, x] AS y RETURN count(y)`, want: []string{"4"}},
		{name: "limits in a row", query: `UNWIND [3, 1, 2] AS x WITH x ORDER BY x LIMIT 2 WITH x ORDER BY x DESC LIMIT 1 RETURN x`, want: []string{"2"}},
		{name: "as they came", query: `UNWIND [[1, 'a'], [0, 'b'], [1, 'c'], [0, 'd']] AS x RETURN x[1] ORDER BY x[0] LIMIT 3`, want: []string{"'b'", "'d'", "'a'"}, sorted: true},
	})
}

func TestAggregation(t *testing.T) {
	run(t, []spec{
		{name: "count", graph: people, query: `MATCH (a) RETURN count(*), count(a), count(a.age)`, want: []string{"4 | 4 | 3"}},
		{name: "counted", graph: people, query: `MATCH (a) RETURN count(*)`, want: []string{"4"}},
		{name: "counted by label", graph: triangle, query: `MATCH (a:B) RETURN count(a) AS n`, want: []string{"1"}},
		{name: "counted relationships", graph: triangle, query: `MATCH ()-[r:T]->() RETURN count(r)`, want: []string{"2"}},
		{name: "counted relationships backwards", graph: triangle, query: `MATCH ()<--() RETURN count(*) + 0`, want: []string{"3"}},
		{name: "counted and filtered", graph: triangle, query: `MATCH (n) WITH count(*) AS c WHERE c > 5 RETURN c`},
		{name: "counted loops", graph: `CREATE (a), (a)-[:T]->(a), (a)-[:T]->(b)`, query: `MATCH ()--() RETURN count(*)`, want: []string{"3"}},
		{name: "counted loops only", graph: `CREATE (a), (a)-[:T]->(a), (a)-[:T]->(b)`, query: `MATCH (a)-->(a) RETURN count(*)`, want: []string{"1"}},
		{name: "nothing without keys", query: `MATCH (a) RETURN count(a), sum(a.x), collect(a.x), min(a.x), avg(a.x)`, want: []string{"0 | 0 | [] | null | null"}},
		{name: "nothing with keys", query: `MATCH (a) RETURN a.x, count(*)`},
		{name: "keys", graph: people, query: `MATCH (a) RETURN a.c, count(*)`, want: []string{"'x' | 2", "'y' | 2"}},
		{name: "keys null", graph: people, query: `MATCH (a) RETURN a.age > 25 AS old, count(*)`, want: []string{"true | 2", "false | 1", "null | 1"}},
		{name: "keys equal", query: `UNWIND [1, 1.0, '1'] AS x RETURN x, count(*)`, want: []string{"1 | 2", "'1' | 1"}},
		{name: "around", graph: people, query: `MATCH (a) RETURN count(*) + 1, [count(a.age), 'x']`, want: []string{"5 | [3, 'x']"}},
		{name: "around with a key", graph: people, query: `MATCH (a) RETURN a.c, a.c + '!' + toString(count(*))`, want: []string{"'x' | 'x!2'", "'y' | 'y!2'"}},
		{name: "around with a variable", graph: triangle, query: `MATCH (a)-[:T]->(b) RETURN a, a.n + toString(count(b))`, want: []string{"(:A {n: 'a'}) | 'a1'", "(:B {n: 'b'}) | 'b1'"}},
		{name: "around with a pattern", graph: triangle, query: `MATCH (a:A) RETURN a.n, a, count(*) + size([(a)-->(x) | x])`, want: []string{"'a' | (:A {n: 'a'}) | 2"}},
		{name: "distinct", query: `UNWIND [1, 1, 2, null] AS x RETURN count(DISTINCT x), sum(DISTINCT x), collect(DISTINCT x)`, want: []string{"2 | 3 | [1, 2]"}},
		{name: "ordered by", graph: people, query: `MATCH (a) RETURN a.c, count(a.age) AS n ORDER BY n`, want: []string{"'y' | 1", "'x' | 2"}, sorted: true},
		{name: "ordered by an aggregate", graph: people, query: `MATCH (a) RETURN a.c ORDER BY count(a.age)`, fails: "InvalidAggregation"},
		{name: "ordered by the aggregate", graph: people, query: `MATCH (a) RETURN a.c, count(a.age) ORDER BY count(a.age) DESC`, want: []string{"'x' | 2", "'y' | 1"}, sorted: true},
		{name: "ordered by more of it", graph: people, query: `MATCH (a) RETURN a.c, count(a.age) ORDER BY -count(a.age)`, want: []string{"'x' | 2", "'y' | 1"}, sorted: true},
		{name: "ordered by a key", graph: people, query: `MATCH (a) RETURN a.c AS c, count(*) ORDER BY a.c DESC`, want: []string{"'y' | 2", "'x' | 2"}, sorted: true},
		{name: "aggregate then match", graph: triangle, query: `MATCH (a)-[:T]->() WITH a, count(*) AS n MATCH (a)-->(b) RETURN a.n, n, b.n`, want: []string{"'a' | 1 | 'b'", "'b' | 1 | 'c'"}},
		{name: "of groups", graph: people, query: `MATCH (a) WITH a.c AS c, count(*) AS n RETURN sum(n), max(c)`, want: []string{"4 | 'y'"}},
		{name: "count of what may be null", graph: triangle, query: `MATCH (a) OPTIONAL MATCH (a)-[r:U]->() RETURN count(r), count(*)`, want: []string{"1 | 3"}},
		{name: "count of what may be null behind with", graph: triangle, query: `MATCH (a) OPTIONAL MATCH (a)-[r:U]->(b) WITH b AS x RETURN count(x)`, want: []string{"1"}},
	})
}

func TestPatternExpressions(t *testing.T) {
	run(t, []spec{
		{name: "comprehension", graph: triangle, query: `MATCH (a) RETURN a.n, [(a)-[r:T]->(b) | b.n + toString(r.x)]`, want: []string{"'a' | ['b1']", "'b' | ['c2']", "'c' | []"}},
		{name: "comprehension with where", graph: triangle, query: `MATCH (a) RETURN [(a)--(b) WHERE b.n > a.n | b.n] AS l`, want: []string{"['b', 'c']", "['c']", "[]"}},
		{name: "comprehension with path", graph: triangle, query: `MATCH (a:A) RETURN [p = (a)-[*]->(x) | length(p)] AS l`, want: []string{"[1, 2, 3]"}},
		{name: "comprehension in one", graph: triangle, query: `MATCH (a:A) RETURN [(a)-->(b) | [(b)-->(c) | c.n]] AS l`, want: []string{"[['c']]"}},
		{name: "comprehension of nothing", graph: triangle, query: `RETURN [(a:A)-->(b) | b.n] AS l`, want: []string{"['b']"}},
		{name: "comprehension of null", query: `OPTIONAL MATCH (a) RETURN [(a)-->(b) | b] AS l`, want: []string{"[]"}},
		{name: "comprehension in where", graph: triangle, query: `MATCH (a) WHERE size([(a)--() | 1]) = 2 RETURN count(*)`, want: []string{"3"}},
		{name: "comprehension in aggregate", graph: triangle, query: `MATCH (a) RETURN sum(size([(a)-->(b:C) | 1]))`, want: []string{"1"}},
		{name: "in with", graph: triangle, query: `MATCH (a) WITH a, [(a)-->(b) | b][0] AS next RETURN a.n, next.n`, want: []string{"'a' | 'b'", "'b' | 'c'", "'c' | 'a'"}},
		{name: "exists with union", graph: triangle, query: `MATCH (a) WHERE EXISTS { MATCH (a)-[:U]->(b) RETURN b UNION MATCH (a)<-[:U]-(b) RETURN b } RETURN a.n`, want: []string{"'a'", "'c'"}},
		{name: "exists with limit", graph: triangle, query: `MATCH (a) WHERE EXISTS { MATCH (a)-->(b) RETURN b ORDER BY b.n SKIP 1 } RETURN a.n`},
		{name: "in list comprehension", graph: triangle, query: `MATCH (a:A), (b:B), (c:C) RETURN [x IN [a, b, c] WHERE (x)-[:T]->() | x.n]`, want: []string{"['a', 'b']"}},
		{name: "in quantifier", graph: triangle, query: `MATCH p = (:A)-->()-->() RETURN all(x IN nodes(p) WHERE (x)-->())`, want: []string{"true"}},
	})
}

func TestShortestPaths(t *testing.T) {
	const net = `CREATE (a:A {n: 'a'}), (b {n: 'b'}), (c {n: 'c'}), (d:D {n: 'd'}), (e {n: 'e'}), (z:Z {n: 'z'}),
		(a)-[:T {x: 1}]->(b), (b)-[:T {x: 1}]->(d), (a)-[:T {x: 2}]->(c), (c)-[:T {x: 2}]->(d), (a)-[:U]->(d), (d)-[:T]->(e), (e)-[:T]->(a)`
	run(t, []spec{
		{name: "one", graph: net, query: `MATCH p = shortestPath((a:A)-[*]->(d:D)) RETURN length(p)`, want: []string{"1"}},
		{name: "typed", graph: net, query: `MATCH p = shortestPath((a:A)-[:T*]->(d:D)) RETURN length(p)`, want: []string{"2"}},
		{name: "all", graph: net, query: `MATCH p = allShortestPaths((a:A)-[:T*]->(d:D)) RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'b', 'd']", "['a', 'c', 'd']"}},
		{name: "all backwards", graph: net, query: `MATCH p = allShortestPaths((d:D)<-[:T*]-(a:A)) RETURN [n IN nodes(p) | n.n]`, want: []string{"['d', 'b', 'a']", "['d', 'c', 'a']"}},
		{name: "either way", graph: net, query: `MATCH p = allShortestPaths((a:A)-[:T*]-(d:D)) RETURN length(p)`, want: []string{"2", "2", "2"}},
		{name: "bounded", graph: net, query: `MATCH p = shortestPath((a:A)-[:T*..1]->(d:D)) RETURN p`},
		{name: "unreachable", graph: net, query: `MATCH p = shortestPath((a:A)-[*]-(z:Z)) RETURN p`},
		{name: "unreachable optional", graph: net, query: `MATCH (a:A), (z:Z) OPTIONAL MATCH p = shortestPath((a)-[*]-(z)) RETURN p`, want: []string{"null"}},
		{name: "no star", graph: net, query: `MATCH p = shortestPath((a:A)-[]->(d:D)) RETURN length(p)`, want: []string{"1"}},
		{name: "one relationship", graph: net, query: `MATCH shortestPath((a:A)-[r:U]->(d:D)) RETURN type(r)`, want: []string{"'U'"}},
		{name: "relationships", graph: net, query: `MATCH shortestPath((a:A)-[r:T*]->(e {n: 'e'})) RETURN size(r)`, want: []string{"3"}},
		{name: "properties", graph: net, query: `MATCH p = allShortestPaths((a:A)-[:T* {x: 2}]->(d:D)) RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'c', 'd']"}},
		{name: "all relationships pass", graph: net, query: `MATCH p = allShortestPaths((a:A)-[:T*]->(d:D)) WHERE all(r IN relationships(p) WHERE r.x = 1) RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'b', 'd']"}},
		{name: "no node is", graph: net, query: `MATCH p = allShortestPaths((a:A)-[:T*]->(d:D)) WHERE none(n IN nodes(p) WHERE n.n = 'b') RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'c', 'd']"}},
		{name: "longer one passes", graph: net, query: `MATCH p = shortestPath((a:A)-[*]->(d:D)) WHERE length(p) > 1 RETURN length(p)`, want: []string{"2"}},
		{name: "any node is", graph: net, query: `MATCH p = shortestPath((a:A)-[*]->(d:D)) WHERE any(n IN nodes(p) WHERE n.n = 'c') RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'c', 'd']"}},
		{name: "even a trail", graph: net, query: `MATCH p = shortestPath((a:A)-[*]->(d:D)) WHERE length(p) > 3 RETURN length(p)`, want: []string{"5"}},
		{name: "none passes", graph: net, query: `MATCH p = shortestPath((a:A)-[*]->(d:D)) WHERE length(p) > 30 RETURN length(p)`},
		{name: "to itself", graph: net, query: `MATCH (a:A) MATCH p = shortestPath((a)-[:T*]->(a)) RETURN length(p)`, want: []string{"4"}},
		{name: "to itself with nothing", graph: net, query: `MATCH (a:A) MATCH p = shortestPath((a)-[:T*0..]->(a)) RETURN length(p)`, want: []string{"0"}},
		{name: "to itself in all ways", graph: net, query: `MATCH (a:A) MATCH p = allShortestPaths((a)-[*]->(a)) RETURN [n IN nodes(p) | n.n]`, want: []string{"['a', 'd', 'e', 'a']"}},
		{name: "to itself either way", graph: net, query: `MATCH (a:A) MATCH p = allShortestPaths((a)-[*]-(a)) RETURN length(p)`, want: []string{"3", "3", "3", "3", "3", "3"}},
		{name: "not to itself", graph: net, query: `MATCH (z:Z) MATCH p = shortestPath((z)-[*]-(z)) RETURN p`},
		{name: "zero or more", graph: net, query: `MATCH (a:A), (x) MATCH p = shortestPath((a)-[:U*0..]->(x)) RETURN x.n, length(p)`, want: []string{"'a' | 0", "'d' | 1"}},
		{name: "expression", graph: net, query: `MATCH (a:A), (d:D) RETURN length(shortestPath((a)-[:T*]->(d)))`, want: []string{"2"}},
		{name: "expression without a way", graph: net, query: `MATCH (a:A), (z:Z) RETURN shortestPath((a)-[:T*]->(z))`, want: []string{"null"}},
		{name: "expression all", graph: net, query: `MATCH (a:A), (d:D) RETURN size(allShortestPaths((a)-[:T*]->(d)))`, want: []string{"2"}},
		{name: "loop", graph: `CREATE (a:A), (a)-[:T]->(a)`, query: `MATCH (a:A) MATCH p = shortestPath((a)-[*]-(a)) RETURN length(p)`, want: []string{"1"}},
		{name: "pair", graph: `CREATE (a:A)-[:T]->(b), (a)-[:T]->(b)`, query: `MATCH (a:A) MATCH p = allShortestPaths((a)-[*]-(a)) RETURN length(p)`, want: []string{"2", "2"}},
		{name: "no way back on the same", graph: `CREATE (a:A)-[:T]->(b)`, query: `MATCH (a:A) MATCH p = allShortestPaths((a)-[*]-(a)) RETURN length(p)`},
	})
}
