package check_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// mark stands in the queries of the tables where the error is to be.
const mark = "¦"

// checked gives the error of a query, without its mark.
func checked(t *testing.T, marked string, opt check.Options) *fault.Error {
	t.Helper()
	src := strings.Replace(marked, mark, "", 1)
	q, err := parse.Parse(src)
	if err == nil {
		_, err = check.Check(q, opt)
	}
	if err == nil {
		return nil
	}
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %T is no fault", marked, err)
	}
	return e
}

// refused runs a table of query, name of the error.
func refused(t *testing.T, opt check.Options, table [][2]string) {
	t.Helper()
	for _, row := range table {
		src, detail := row[0], row[1]
		e := checked(t, src, opt)
		if e == nil {
			t.Errorf("%s: passed, want %s", src, detail)
			continue
		}
		if e.Detail != detail || e.Class != fault.Syntax || !e.Compile {
			t.Errorf("%s: %s %s: %v, want %s", src, e.Class, e.Detail, e, detail)
			continue
		}
		if at := strings.Index(src, mark); at >= 0 && int(e.Pos.Offset) != at {
			t.Errorf("%s: %v", src, e)
		}
	}
}

func passes(t *testing.T, opt check.Options, table []string) {
	t.Helper()
	for _, src := range table {
		if e := checked(t, src, opt); e != nil {
			t.Errorf("%s: %s: %v", src, e.Detail, e)
		}
	}
}

func TestVariables(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"RETURN ¦x", "UndefinedVariable"},
		{"MATCH (a) RETURN ¦b.x", "UndefinedVariable"},
		{"MATCH (a) WHERE ¦b.x = 1 RETURN a", "UndefinedVariable"},
		{"MATCH (a {x: ¦y}) RETURN a", "UndefinedVariable"},
		{"MATCH (a) WITH a.x AS x RETURN ¦a", "UndefinedVariable"},
		{"MATCH (a) WITH a AS b MATCH (b) RETURN ¦a", "UndefinedVariable"},
		{"UNWIND ¦x AS y RETURN y", "UndefinedVariable"},
		{"UNWIND [1] AS x RETURN [y IN [1] | x + y], ¦y", "UndefinedVariable"},
		{"RETURN [x IN ¦x | x]", "UndefinedVariable"},
		{"RETURN reduce(s = ¦x, x IN [1] | s)", "UndefinedVariable"},
		{"RETURN all(x IN [1] WHERE ¦y = x)", "UndefinedVariable"},
		{"RETURN {k1: ¦k2}", "UndefinedVariable"},
		{"MATCH (a) RETURN a {.x, ¦b}", "UndefinedVariable"},
		{"MATCH (a) RETURN ¦b {.x}", "UndefinedVariable"},
		{"MATCH (a) WHERE EXISTS { (a)-->(b) } RETURN ¦b", "UndefinedVariable"},
		{"MATCH (a) RETURN [(a)-->(b) | b], ¦b", "UndefinedVariable"},
		{"MATCH (a) WHERE (a)-->(¦b) RETURN a", "UndefinedVariable"},
		{"MATCH (a) WHERE (a)-[¦r]->() RETURN a", "UndefinedVariable"},
		{"MATCH (a) WHERE exists((a)-->(¦b)) RETURN a", "UndefinedVariable"},
		{"MATCH (a) RETURN shortestPath((a)-[*]-(¦b))", "UndefinedVariable"},
		{"MATCH (a) RETURN 1 UNION RETURN ¦a AS `1`", "UndefinedVariable"},
		{"MATCH (a) WITH * WHERE ¦b = 1 RETURN a", "UndefinedVariable"},
		{"WITH 1 AS x ORDER BY ¦y RETURN x", "UndefinedVariable"},

		{"MATCH (a) UNWIND [1] AS ¦a RETURN a", "VariableAlreadyBound"},
		{"MATCH (p) MATCH ¦p = ()--() RETURN p", "VariableAlreadyBound"},
		{"MATCH ¦p = (p)-->() RETURN p", "VariableAlreadyBound"},
		{"MATCH (p), ¦p = ()-->() RETURN p", "VariableAlreadyBound"},
		{"WITH 1 AS p MATCH ¦p = ()-->() RETURN p", "VariableAlreadyBound"},
		{"MATCH p = ()--() MATCH ¦p = ()--() RETURN p", "VariableAlreadyBound"},
		{"MATCH (p) RETURN [¦p = (p)-->() | 1]", "VariableAlreadyBound"},
		{"RETURN reduce(x = 1, ¦x IN [1] | x)", "VariableAlreadyBound"},
		{"MATCH (a) WHERE EXISTS { MATCH (b) WITH b AS ¦a RETURN a } RETURN a", "VariableAlreadyBound"},

		{"MATCH ()-[r]->(¦r) RETURN r", "VariableTypeConflict"},
		{"MATCH (r)-[¦r]->() RETURN r", "VariableTypeConflict"},
		{"MATCH ()-[r]->() MATCH (¦r) RETURN r", "VariableTypeConflict"},
		{"MATCH (n) MATCH ()-[¦n]->() RETURN n", "VariableTypeConflict"},
		{"MATCH p = ()-->() MATCH (¦p) RETURN p", "VariableTypeConflict"},
		{"MATCH p = ()-->() MATCH ()-[¦p]->() RETURN p", "VariableTypeConflict"},
		{"MATCH ()-[r]->() MATCH ()-[¦r*]->() RETURN r", "VariableTypeConflict"},
		{"MATCH ()-[r*]->() MATCH ()-[¦r]->() RETURN r", "VariableTypeConflict"},
		{"WITH 1 AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"WITH 'a' AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"WITH true AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"WITH [1] AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"WITH {x: 1} AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"WITH [] AS r MATCH ()-[¦r]->() RETURN r", "VariableTypeConflict"},
		{"UNWIND [1, 2] AS n MATCH (¦n) RETURN n", "VariableTypeConflict"},
		{"MATCH (a) WHERE ()-[¦a]->() RETURN a", "VariableTypeConflict"},
		{"MATCH (a) WHERE EXISTS { ()-[¦a]->() } RETURN a", "VariableTypeConflict"},

		{"MATCH ()-[r]->()-[¦r]->() RETURN r", "RelationshipUniquenessViolation"},
		{"MATCH ()-[r]->(), ()-[¦r]-() RETURN r", "RelationshipUniquenessViolation"},
		{"MATCH ()-[r*]->(), ()-[¦r*]-() RETURN r", "RelationshipUniquenessViolation"},
	})
	passes(t, check.Options{}, []string{
		"MATCH (a)-[r]->(b) MATCH (a)-[r]->(b) RETURN *",
		"MATCH (a {x: b.x}), (b) RETURN a",
		"MATCH (a)-->(a) RETURN a",
		"MATCH (a) WITH a MATCH (a)-->(b:B) RETURN a, b",
		"MATCH ()-[r1]->()-[r2]->() WITH [r1, r2] AS rs MATCH (a)-[rs*]->(b) RETURN a",
		"MATCH (a)-[rs*]->(b) MATCH (c)-[rs*]->(d) RETURN c",
		"WITH null AS n MATCH (n) RETURN n",
		"WITH [1, 2] AS l WITH l[0] AS n MATCH (n) RETURN n",
		"MATCH (n) WITH [n, 1] AS l UNWIND l AS m MATCH (m)-->() RETURN m",
		"MATCH (n) WITH collect(n) AS l UNWIND l AS m MATCH (m)-->() RETURN m",
		"WITH $n AS n MATCH (n) RETURN n",
		"WITH 1 AS x RETURN [x IN ['a'] | x], x",
		"MATCH (a) RETURN [p = (a)-->(b) WHERE b.x = a.x | p]",
		"MATCH (a) WHERE EXISTS { MATCH (a)-->(b) WITH b, count(*) AS c WHERE c > a.x RETURN b } RETURN a",
		"MATCH (a) WHERE EXISTS { (a)-[r]->(b) WHERE b.x = r.x } RETURN a",
		"MATCH (a) WHERE EXISTS { MATCH (a)-->(b) } RETURN a",
		"MATCH (a) WHERE EXISTS { MATCH (b) WITH a AS a, b RETURN a } RETURN a",
		"MATCH (a), (b) RETURN shortestPath((a)-[*]-(b))",
		"MATCH (a) WHERE (a)-->() AND NOT (a)<--(:B {x: a.x}) RETURN a",
		"MATCH (a) RETURN CASE WHEN (a)-->() THEN 1 ELSE 2 END, exists((a)-->())",
		"UNWIND [1] AS x UNWIND [x] AS y RETURN *",
		"OPTIONAL MATCH (a) MATCH (b) RETURN a, b",
	})
}

func TestProjections(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"RETURN 1 AS a, 2 AS ¦a", "ColumnNameConflict"},
		{"WITH 1 AS a, 2 AS ¦a RETURN a", "ColumnNameConflict"},
		{"MATCH (a) RETURN a, ¦a", "ColumnNameConflict"},
		{"MATCH (a) RETURN *, ¦a", "ColumnNameConflict"},
		{"RETURN 1, ¦1", "ColumnNameConflict"},
		{"MATCH (a) WITH ¦count(*) RETURN 1", "NoExpressionAlias"},
		{"MATCH (a) WITH a, a¦.x RETURN a", "NoExpressionAlias"},
		{"MATCH () ¦RETURN *", "NoVariablesInScope"},
		{"¦RETURN *", "NoVariablesInScope"},

		{"MATCH (a) RETURN a SKIP ¦a.x", "NonConstantExpression"},
		{"MATCH (a) RETURN a LIMIT 1 + ¦a.x", "NonConstantExpression"},
		{"RETURN 1 AS x LIMIT ¦x", "NonConstantExpression"},
		{"RETURN 1 LIMIT size(¦[()-->() | 1])", "NonConstantExpression"},
		{"RETURN 1 SKIP ¦-1", "NegativeIntegerArgument"},
		{"RETURN 1 LIMIT ¦-1", "NegativeIntegerArgument"},
		{"RETURN 1 LIMIT ¦-9223372036854775808", "NegativeIntegerArgument"},
		{"RETURN 1 SKIP ¦1.5", "InvalidArgumentType"},
		{"RETURN 1 LIMIT ¦1.0", "InvalidArgumentType"},
		{"RETURN 1 LIMIT ¦'1'", "InvalidArgumentType"},
		{"RETURN 1 LIMIT ¦true", "InvalidArgumentType"},
		{"RETURN 1 LIMIT ¦null", "InvalidArgumentType"},
		{"RETURN 1 LIMIT ¦count(*)", "InvalidAggregation"},

		{"MATCH (a) RETURN DISTINCT a.x ORDER BY ¦a.y", "UndefinedVariable"},
		{"MATCH (a) WITH DISTINCT a.x AS x ORDER BY ¦a.y RETURN x", "UndefinedVariable"},
		{"MATCH (a) WITH DISTINCT a.x AS x WHERE ¦a.y = 1 RETURN x", "UndefinedVariable"},
		{"MATCH (a) RETURN a.x, count(*) ORDER BY ¦a.y", "UndefinedVariable"},
		{"MATCH (a) WITH a.x AS x, count(*) AS c ORDER BY sum(¦a.y) RETURN x", "UndefinedVariable"},
		{"MATCH (a)--(b) WITH count(b.x) AS c ORDER BY ¦a.x + count(b.x) RETURN *", "UndefinedVariable"},
		{"MATCH (a)--(b) RETURN count(b.x) AS c ORDER BY ¦a.x + count(b.x)", "UndefinedVariable"},
		{"MATCH (a)--(b) WITH a.x + b.x AS g, count(*) AS c ORDER BY a.x ¦+ b.x + count(*) RETURN *", "AmbiguousAggregationExpression"},
		{"MATCH (a) RETURN a.x ORDER BY ¦max(a.y)", "InvalidAggregation"},
		{"MATCH (a) WITH a.x AS x ORDER BY ¦max(a.y) RETURN x", "InvalidAggregation"},
		{"MATCH (a) RETURN DISTINCT a.x AS x ORDER BY ¦max(x)", "InvalidAggregation"},
		{"MATCH (a) RETURN [x IN a.l | ¦count(*)]", "InvalidAggregation"},
	})
	passes(t, check.Options{}, []string{
		"MATCH (a) RETURN a.x ORDER BY a.y",
		"MATCH (a) RETURN a.x AS x ORDER BY x, a.y",
		"MATCH (a) WITH a.x AS x ORDER BY a.y WHERE a.z = x RETURN x",
		"MATCH (a) WITH a.x AS x WHERE a.y = 1 RETURN x",
		"MATCH (a) RETURN DISTINCT a.x ORDER BY a.x",
		"MATCH (a) RETURN DISTINCT a.x ORDER BY toUpper(a.x)",
		"MATCH (a) RETURN DISTINCT a ORDER BY a.x",
		"MATCH (a) WITH DISTINCT a AS b ORDER BY a.x RETURN b",
		"MATCH (a) RETURN a.x, count(*) ORDER BY a.x, count(*) DESC",
		"MATCH (a) RETURN a.x AS x, count(*) AS c ORDER BY x + c",
		"MATCH (a)--(b) WITH a.x AS x, count(b.x) AS c ORDER BY x, x + count(b.x) RETURN x",
		"MATCH (a)--(b) WITH a.x AS x, count(b.x) AS c ORDER BY a.x + count(b.x) RETURN x",
		"MATCH (a) WITH avg(a.x) AS x ORDER BY $p + avg(a.x) - 1000 RETURN x",
		"MATCH (a)--(b) WITH a.x + b.x AS g, count(*) AS c ORDER BY a.x + b.x RETURN *",
		"MATCH (a) RETURN count(*) + 1 ORDER BY count(*) + 1",
		"RETURN 1 SKIP $s LIMIT toInteger(rand() * 9) + 1",
		"RETURN 1 LIMIT size([x IN [1, 2] WHERE x > 1])",
		"RETURN 1 SKIP 0 LIMIT 0",
		"MATCH (a) RETURN *, a.x AS x",
		"MATCH () WITH * MATCH (n) RETURN n",
		"WITH 1 AS x, 2 AS y WITH y AS x, x AS y RETURN *",
	})
}

func TestAggregates(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"MATCH (a) WHERE ¦count(a) > 1 RETURN a", "InvalidAggregation"},
		{"MATCH (a) WITH a WHERE ¦count(a) > 1 RETURN a", "InvalidAggregation"},
		{"MATCH (a {x: ¦count(*)}) RETURN a", "InvalidAggregation"},
		{"UNWIND [¦count(*)] AS x RETURN x", "InvalidAggregation"},
		{"MATCH (a) RETURN [(a)-->(b) | ¦count(b)]", "InvalidAggregation"},
		{"RETURN all(x IN [1] WHERE ¦count(*) = 1)", "InvalidAggregation"},
		{"RETURN reduce(s = 0, x IN [1] | s + ¦sum(x))", "InvalidAggregation"},
		{"RETURN count(¦count(*))", "NestedAggregation"},
		{"MATCH (a) RETURN sum(1 + ¦max(a.x))", "NestedAggregation"},
		{"RETURN count(¦rand())", "NonConstantExpression"},
		{"RETURN sum(1 + ¦rand())", "NonConstantExpression"},
		{"MATCH (a)--(b) RETURN ¦a.x + count(b.x)", "AmbiguousAggregationExpression"},
		{"MATCH (a)--(b) WITH ¦a.x + count(b.x) AS c RETURN c", "AmbiguousAggregationExpression"},
		{"MATCH (a)--(b) RETURN a.x + b.x, ¦a.x + b.x + count(*)", "AmbiguousAggregationExpression"},
		{"MATCH (a) RETURN a.x AS x, ¦a.y + count(*)", "AmbiguousAggregationExpression"},
		{"MATCH (a) RETURN [x IN collect(a) | ¦a.x]", "AmbiguousAggregationExpression"},
		{"MATCH (a) RETURN {k: ¦a.x, c: count(*)}", "AmbiguousAggregationExpression"},
		{"MATCH (a) RETURN count(*) + size(¦[(a)-->() | 1])", "AmbiguousAggregationExpression"},
		{"RETURN ¦toUpper(DISTINCT 'a')", "UnexpectedSyntax"},
		{"RETURN ¦count()", "InvalidNumberOfArguments"},
	})
	passes(t, check.Options{}, []string{
		"MATCH (a) RETURN count(*), count(DISTINCT a), collect(a.x), percentileDisc(a.x, 0.5)",
		"MATCH (a)--(b) RETURN a.x, a.x + count(b.x)",
		"MATCH (a)--(b) RETURN a, a.x + count(b.x)",
		"MATCH (a)--(b) RETURN a AS n, a.x.y + count(b.x)",
		"MATCH (a) RETURN $p + avg(a.x) - 1000",
		"MATCH (a) RETURN size([x IN collect(a) WHERE x.x > 1 | x])",
		"MATCH (a) RETURN any(x IN collect(a) WHERE x.x > 1)",
		"MATCH (a) RETURN reduce(s = 0, x IN collect(a.x) | s + x)",
		"MATCH (a) RETURN *, count(*) + a.x",
		"MATCH (a) RETURN {a: count(*), b: [1, 2]}",
		"MATCH (a) RETURN CASE WHEN count(*) > 1 THEN 'many' ELSE 'few' END",
		"MATCH (a) RETURN a, count(*) + size([(a)-->() | 1])",
		"MATCH (a) WITH count(*) AS c WHERE c > 1 RETURN c",
		"MATCH (a) RETURN count([x IN [1] | x])",
		"RETURN rand(), count(*)",
	})
}

func TestTypes(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"RETURN NOT ¦1", "InvalidArgumentType"},
		{"RETURN NOT ¦'true'", "InvalidArgumentType"},
		{"RETURN NOT ¦[]", "InvalidArgumentType"},
		{"RETURN NOT ¦{}", "InvalidArgumentType"},
		{"RETURN ¦1 AND true", "InvalidArgumentType"},
		{"RETURN true OR ¦1.5", "InvalidArgumentType"},
		{"RETURN true XOR ¦'a'", "InvalidArgumentType"},
		{"RETURN null AND ¦[true]", "InvalidArgumentType"},
		{"MATCH (n) WHERE (¦n) RETURN n", "InvalidArgumentType"},
		{"MATCH (n) WHERE ¦1 RETURN n", "InvalidArgumentType"},
		{"RETURN 1 IN ¦'foo'", "InvalidArgumentType"},
		{"RETURN 1 IN ¦1", "InvalidArgumentType"},
		{"RETURN 1 IN ¦{x: []}", "InvalidArgumentType"},
		{"RETURN 1 IN ¦true", "InvalidArgumentType"},
		{"RETURN ¦1[0]", "InvalidArgumentType"},
		{"WITH true AS list, 0 AS i RETURN ¦list[i]", "InvalidArgumentType"},
		{"WITH [1, 2] AS list, 3.14 AS i RETURN list[¦i]", "InvalidArgumentType"},
		{"RETURN [1, 2][¦'a'..]", "InvalidArgumentType"},
		{"MATCH p = (n)-[*]->() WHERE ¦p.name = 'a' RETURN p", "InvalidArgumentType"},
		{"MATCH (n)-[r*]->() WHERE ¦r.name = 'a' RETURN n", "InvalidArgumentType"},
		{"RETURN ¦1.foo", "InvalidArgumentType"},
		{"RETURN 1 + ¦true", "InvalidArgumentType"},
		{"RETURN 1 - ¦'a'", "InvalidArgumentType"},
		{"RETURN none(x IN ['Clara'] WHERE ¦x % 2 = 0)", "InvalidArgumentType"},
		{"RETURN single(x IN [false, true] WHERE ¦x % 2 = 0)", "InvalidArgumentType"},
		{"RETURN any(x IN ¦1 WHERE x)", "InvalidArgumentType"},
		{"RETURN any(x IN [1] WHERE ¦x)", "InvalidArgumentType"},
		{"RETURN [x IN ¦'a' | x]", "InvalidArgumentType"},
		{"MATCH p = ()-->() RETURN size(¦p)", "InvalidArgumentType"},
		{"MATCH (n) RETURN length(¦n)", "InvalidArgumentType"},
		{"MATCH ()-[r]->() RETURN length(¦r)", "InvalidArgumentType"},
		{"MATCH (n) RETURN type(¦n)", "InvalidArgumentType"},
		{"MATCH p = ()-->() RETURN labels(¦p)", "InvalidArgumentType"},
		{"MATCH ()-[r]->() RETURN labels(¦r)", "InvalidArgumentType"},
		{"RETURN properties(¦1)", "InvalidArgumentType"},
		{"RETURN properties(¦'a')", "InvalidArgumentType"},
		{"RETURN properties(¦[true])", "InvalidArgumentType"},
		{"MATCH p = ()-->() RETURN ¦p:A", "InvalidArgumentType"},
		{"RETURN CASE WHEN ¦1 THEN 2 END", "InvalidArgumentType"},
		{"MATCH (n) RETURN exists(¦n)", "InvalidArgumentExpression"},

		{"RETURN ¦foo(1)", "UnknownFunction"},
		{"RETURN ¦date.foo(1)", "UnknownFunction"},
		{"RETURN ¦all([1])", "UnknownFunction"},
		{"RETURN ¦size()", "InvalidNumberOfArguments"},
		{"RETURN ¦size([], [])", "InvalidNumberOfArguments"},
		{"RETURN ¦range(1)", "InvalidNumberOfArguments"},

		{"MATCH (n) RETURN ¦(n)-->()", "UnexpectedSyntax"},
		{"MATCH (n) WITH ¦(n)-->() AS x RETURN x", "UnexpectedSyntax"},
		{"MATCH (n) RETURN size(¦(n)-->())", "UnexpectedSyntax"},
		{"MATCH (n) RETURN [¦(n)-->()]", "UnexpectedSyntax"},
		{"MATCH (n) WHERE [x IN [1] | ¦(n)-->()] = [] RETURN n", "UnexpectedSyntax"},
		{"MATCH (n) RETURN n ORDER BY ¦(n)-->()", "UnexpectedSyntax"},
	})
	passes(t, check.Options{}, []string{
		"RETURN null AND true, NOT null, 1 IN null, null[0], null.x",
		"WITH 123 AS x RETURN x.foo",
		"WITH {a: 1} AS m, 0 AS i RETURN m.a, m[i], m['a']",
		"WITH [1, 'a'] AS l RETURN l[0] + 1, [x IN l WHERE x % 2 = 0]",
		"MATCH (n) WITH [n, 1] AS l RETURN labels(l[1]), l[0].x",
		"RETURN none(x IN [1, null] WHERE x % 2 = 0), all(x IN [] WHERE x)",
		"RETURN 1 + 'a', 'a' + 1, 1 + [2], [1] + 2, [1] + [2], 1 STARTS WITH 2, 1 < 'a', 1 = []",
		"RETURN date('2020-01-01') + duration('P1D'), duration('P1D') * 2, date('2020-01-01').year",
		"WITH $p AS p RETURN NOT p, p.x, p[0], p IN p, size(p), -p, labels(p)",
		"MATCH (n)-[r]->() RETURN n:A, r:T, n['x'], r['x'], type(r), labels(n), keys(n), keys({a: 1})",
		"MATCH (n) RETURN exists(n.x), exists(n['x'])",
		"MATCH (n) RETURN NOT (n)-->()",
		"RETURN COUNT(*), Size([]), tolower('A'), DATE.truncate('day', date())",
		"WITH CASE WHEN true THEN 1 ELSE [] END AS x RETURN x[0], x + 1",
		"WITH [[1, 2], [3]] AS l RETURN l[0][1] + 1, [x IN l | x[0]]",
	})
}

func TestComposition(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"¦MATCH (n)", "InvalidClauseComposition"},
		{"UNWIND [1] AS x ¦WITH x", "InvalidClauseComposition"},
		{"¦UNWIND [1] AS x", "InvalidClauseComposition"},
		{"RETURN 1 ¦MATCH (n) RETURN n", "InvalidClauseComposition"},
		{"RETURN 1 AS x ¦RETURN 2 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION RETURN 2 AS x UNION ALL ¦RETURN 3 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION ALL RETURN 2 AS x UNION ¦RETURN 3 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION ¦MATCH (n)", "InvalidClauseComposition"},
		{"MATCH (n) WHERE EXISTS { MATCH (n) ¦SET n.x = 1 } RETURN n", "InvalidClauseComposition"},
		{"MATCH (n) WHERE EXISTS { ¦CREATE (m) } RETURN n", "InvalidClauseComposition"},
		{"RETURN 1 AS a UNION ¦RETURN 2 AS b", "DifferentColumnsInUnion"},
		{"RETURN 1 AS a UNION ¦RETURN 1 AS a, 2 AS b", "DifferentColumnsInUnion"},
		{"MATCH (n ¦$p) RETURN n", "InvalidParameterUse"},
		{"MATCH ()-[r:T ¦$p]->() RETURN r", "InvalidParameterUse"},
		{"MATCH (n) WHERE (n)-->(¦$p) RETURN n", "InvalidParameterUse"},
		{"MATCH ¦shortestPath((a)-->()-->(b)) RETURN a", "InvalidRelationshipPattern"},
		{"MATCH p = shortestPath((a)) RETURN p", "InvalidRelationshipPattern"},
	})
	passes(t, check.Options{}, []string{
		"RETURN 1 AS x UNION RETURN 2 AS x UNION MATCH (n) RETURN n.x AS x",
		"MATCH (n) RETURN * UNION MATCH (n) RETURN *",
		"MATCH p = shortestPath((a)-[*0..3]-(b)), q = allShortestPaths((a)-->(b)) RETURN p, q",
	})
}

func TestCreate(t *testing.T) {
	if e := checked(t, "CREATE (n)", check.Options{}); e == nil || e.Class != fault.Unsupported {
		t.Errorf("CREATE passed: %v", e)
	}
	opt := check.Options{AllowCreate: true}
	refused(t, opt, [][2]string{
		{"MATCH (n) CREATE (¦n)", "VariableAlreadyBound"},
		{"CREATE (n) CREATE (¦n:A)-[:T]->()", "VariableAlreadyBound"},
		{"CREATE ()-[r:T]->() CREATE ()-[¦r:T]->()", "VariableAlreadyBound"},
		{"CREATE (a)¦-[:T]-(b)", "RequiresDirectedRelationship"},
		{"CREATE (a)¦-->(b)", "NoSingleRelationshipType"},
		{"CREATE (a)¦-[:T|U]->(b)", "NoSingleRelationshipType"},
		{"CREATE (a)¦-[:T*2]->(b)", "CreatingVarLength"},
		{"CREATE (a {x: ¦b})", "UndefinedVariable"},
	})
	passes(t, opt, []string{
		"CREATE (a:A {x: 1})-[:T {y: 2}]->(b), (b)-[:T]->(a), (:C $p)",
		"UNWIND range(1, 3) AS i CREATE (n {x: i})",
		"CREATE (a) WITH a MATCH (b) CREATE p = (a)-[:T]->(b) RETURN p",
		"MATCH (a) CREATE (a)-[:T]->(b {x: a.x})",
	})
}

func TestParameters(t *testing.T) {
	opt := check.Options{Params: value.Map{"a": value.Int(1)}}
	passes(t, opt, []string{"RETURN $a", "RETURN 1 LIMIT $a"})
	for _, src := range []string{"RETURN ¦$b", "MATCH (n) WHERE EXISTS { (n {x: ¦$b}) } RETURN n", "RETURN 1 LIMIT ¦$b"} {
		e := checked(t, src, opt)
		if e == nil || e.Class != fault.Parameter || e.Detail != "MissingParameter" || int(e.Pos.Offset) != strings.Index(src, mark) {
			t.Errorf("%s: %v", src, e)
		}
	}
}

func TestColumns(t *testing.T) {
	for src, want := range map[string][]string{
		"RETURN 1 +  2 , 'x' AS y":               {"1 +  2", "y"},
		"MATCH (b)-[r]->(a) RETURN *, a.x /* */": {"a", "b", "r", "a.x"},
		"RETURN 1 AS x UNION RETURN 2 AS x":      {"x"},
		"MATCH (`a b`) RETURN `a b`, count( * )": {"a b", "count( * )"},
	} {
		q, err := parse.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		info, err := check.Check(q, check.Options{})
		if err != nil || !slices.Equal(info.Columns, want) {
			t.Errorf("%s: %q, %v", src, info, err)
		}
	}
}
