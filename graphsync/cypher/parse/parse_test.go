package parse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
)

// plain drops the backticks of what is shown, to make tables readable.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }

func TestExpressions(t *testing.T) {
	for _, c := range [][2]string{
		// Precedence, loosest first.
		{"a OR b XOR c AND NOT d", "(a OR (b XOR (c AND (NOT d))))"},
		{"a AND b OR c AND d", "((a AND b) OR (c AND d))"},
		{"a XOR b OR c XOR d", "((a XOR b) OR (c XOR d))"},
		{"NOT a = b", "(NOT (a = b))"},
		{"NOT NOT a AND b", "((NOT (NOT a)) AND b)"},
		{"a = b AND c <> d", "((a = b) AND (c <> d))"},
		{"a < b <= c > d >= e = f <> g", "(a < b <= c > d >= e = f <> g)"},
		{"a < b + 1 < c", "(a < (b + 1) < c)"},
		{"(a < b) < c", "((a < b) < c)"},
		{"a = b IS NULL", "(a = (b IS NULL))"},
		{"a IS NOT NULL = b IS NULL", "((a IS NOT NULL) = (b IS NULL))"},
		{"NOT a IS NULL", "(NOT (a IS NULL))"},
		{"a + b IN c", "((a + b) IN c)"},
		{"a IN b + c", "(a IN (b + c))"},
		{"a IN b IN c", "((a IN b) IN c)"},
		{"a = b IN c", "(a = (b IN c))"},
		{"a STARTS WITH b + c AND d", "((a STARTS WITH (b + c)) AND d)"},
		{"a ENDS WITH b OR c CONTAINS d OR e =~ f", "(((a ENDS WITH b) OR (c CONTAINS d)) OR (e =~ f))"},
		{"a IN b IS NULL", "((a IN b) IS NULL)"},
		{"a + b * c - d / e % f", "((a + (b * c)) - ((d / e) % f))"},
		{"a - b - c", "((a - b) - c)"},
		{"a / b / c", "((a / b) / c)"},
		{"a ^ b ^ c", "((a ^ b) ^ c)"},
		{"a * b ^ c", "(a * (b ^ c))"},
		{"-a ^ b", "((-a) ^ b)"},
		{"a ^ -b", "(a ^ (-b))"},
		{"- - +a", "(-(-(+a)))"},
		{"1 --1", "(1 - (-1))"},
		{"-a.x", "(-(a).x)"},
		{"-a[0]", "(-(a)[0])"},
		{"a.b.c[1][2..].d", "(((((a).b).c)[1])[2..]).d"},
		{"a + b[0]", "(a + (b)[0])"},
		{"a:A:B AND b:C", "((a):A:B AND (b):C)"},
		{"a.x:A", "((a).x):A"},
		{"NOT a:A", "(NOT (a):A)"},

		// Literals.
		{"null", "null"}, {"TRUE", "true"}, {"False", "false"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"-0x8000000000000000", "-9223372036854775808"},
		{"-1", "(-1)"},
		{"'a' + \"b\"", "('a' + 'b')"},
		{"[]", "[]"}, {"[1, [2], 'a']", "[1, [2], 'a']"},
		{"{}", "{}"}, {"{a: 1, `b c`: {d: []}, match: 2}", "{a: 1, b c: {d: []}, match: 2}"},
		{"$a + $1", "($a + $1)"},
		{"{a: 1}.a", "({a: 1}).a"},
		{"[1, 2][0]", "([1, 2])[0]"},
		{"l[..2] + l[1..] + l[..] + l[-1..-2]", "((((l)[..2] + (l)[1..]) + (l)[..]) + (l)[(-1)..(-2)])"},

		// Functions, and what looks like them.
		{"f(), g(1, 2)", "f()"},
		{"count(*)", "count(*)"}, {"Count( * )", "count(*)"},
		{"count(DISTINCT a.x)", "count(DISTINCT (a).x)"},
		{"date.truncate('day', a)", "date.truncate('day', a)"},
		{"all(x IN l WHERE x > 1)", "all(x IN l WHERE (x > 1))"},
		{"NONE(x IN l)", "none(x IN l)"},
		{"any(l)", "any(l)"},
		{"single(x IN [1,2] WHERE x IN [3,4])", "single(x IN [1, 2] WHERE (x IN [3, 4]))"},
		{"reduce(s = 0, x IN l | s + x)", "reduce(s = 0, x IN l | (s + x))"},
		{"count + any + all", "((count + any) + all)"},
		{"CASE WHEN a THEN 1 END", "CASE WHEN a THEN 1 END"},
		{"CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END + 1", "(CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END + 1)"},
		{"a {.x, .*, b, c: 1, .match}", "a {.x, .*, b: b, c: 1, .match}"},
		{"a {}", "a {}"},

		// Lists and comprehensions.
		{"[x IN l]", "[x IN l]"},
		{"[x IN l, y]", "[(x IN l), y]"},
		{"[(x IN l)]", "[(x IN l)]"},
		{"[1 IN l]", "[(1 IN l)]"},
		{"[x IN l WHERE x > 1]", "[x IN l WHERE (x > 1)]"},
		{"[x IN l | x + 1]", "[x IN l | (x + 1)]"},
		{"[x IN [y IN l | y] WHERE x IN [1, 2] | [x, x]]", "[x IN [y IN l | y] WHERE (x IN [1, 2]) | [x, x]]"},
		{"[(a)-->(b) | b.x]", "[(a)-[]->(b) | (b).x]"},
		{"[p = (a)-[:T|U]->() WHERE a.x | p]", "[p = (a)-[:T|U]->() WHERE (a).x | p]"},
		{"[(a)-->(b)]", "[(a)-[]->(b)]"},
		{"[a = b]", "[(a = b)]"},
		{"[a = [x IN l | x]]", "[(a = [x IN l | x])]"},

		// Patterns, and what looks like them.
		{"(a)-->(b)", "(a)-[]->(b)"},
		{"(a)--(b)<--(c)", "(a)-[]-(b)<-[]-(c)"},
		{"NOT (a)-[:T]-(b) AND (c)", "((NOT (a)-[:T]-(b)) AND c)"},
		{"((a)-->(b))", "(a)-[]->(b)"},
		{"(a {x: {y: 1}})-[r:T {z: ']'}]-()", "(a {x: {y: 1}})-[r:T {z: ']'}]-()"},
		{"(:A:B)<-[*]-($p)", "(:A:B)<-[*..]-( $p)"},
		{"(a)-(b)", "(a - b)"},
		{"(a)-[b][0]", "(a - ([b])[0])"},
		{"(a)<-(b)", "(a < (-b))"},
		{"(a)<(b)", "(a < b)"},
		{"(a)--(1)", "(a - (-1))"},
		{"(a.x)--(b)", "((a).x - (-b))"},
		{"(a)-->(b) = true", "((a)-[]->(b) = true)"},
		{"(a:A)", "(a):A"},
		{"exists((a)-->(b))", "exists((a)-[]->(b))"},
		{"exists(a.x)", "exists((a).x)"},
		{"exists + 1", "(exists + 1)"},
		{"shortestPath((a)-[*..3]-(b))", "shortestPath((a)-[*..3]-(b))"},
		{"EXISTS { (a)-->(b), p = (c) WHERE a.x }", "EXISTS { MATCH (a)-[]->(b), p = (c) WHERE (a).x }"},
		{"exists { MATCH (a) WITH a RETURN 1 UNION MATCH (b) RETURN 2 AS x }", "EXISTS { MATCH (a) WITH a RETURN 1 UNION MATCH (b) RETURN 2 AS x }"},
	} {
		q, err := parse.Parse("RETURN " + c[0])
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		e := q.Parts[0].Clauses[0].(*ast.Return).Items[0].Expr
		if got := plain(showExpr(e)); got != c[1] {
			t.Errorf("%s:\n got %s\nwant %s", c[0], got, c[1])
		}
		again(t, q)
	}
}

// again holds that what a query is shown as parses to the same.
func again(t *testing.T, q *ast.Query) {
	t.Helper()
	text := showQuery(q)
	other, err := parse.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if got := showQuery(other); got != text {
		t.Fatalf("shown again differently:\n%s\n%s", text, got)
	}
}

func TestQueries(t *testing.T) {
	for _, c := range [][2]string{
		{"match (N:a) return N;", "MATCH (N:a) RETURN N"},
		{"EXPLAIN RETURN 1", "EXPLAIN RETURN 1"},
		{"OPTIONAL MATCH (a)-[r:T|:U|V*1..3 {x: 1}]->(b:A:B), (c) WHERE a.x = 1 RETURN *",
			"OPTIONAL MATCH (a)-[r:T|U|V*1..3 {x: 1}]->(b:A:B), (c) WHERE ((a).x = 1) RETURN *"},
		{"MATCH ()-[*]-()-[*2]-()-[*1..]-()-[*..3]-()-[*..]-()-[* 1 .. 3]-() RETURN 1",
			"MATCH ()-[*..]-()-[*2..2]-()-[*1..]-()-[*..3]-()-[*..]-()-[*1..3]-() RETURN 1"},
		{"MATCH (a)-->(b)<--(c)--(d)<-->(e)<-[r]->(f) RETURN 1", "MATCH (a)-[]->(b)<-[]-(c)-[]-(d)-[]-(e)-[r]-(f) RETURN 1"},
		{"MATCH (a)⟨——(b)－-〉(c) RETURN 1", "MATCH (a)<-[]-(b)-[]->(c) RETURN 1"},
		{"MATCH (a) - [ r ] - > (b) RETURN 1", "MATCH (a)-[r]->(b) RETURN 1"},
		{"MATCH p = ((a)-->(b)), q = shortestPath((a)-[*]-(b)), allShortestPaths((a)--(b)) RETURN p",
			"MATCH p = (a)-[]->(b), q = shortestPath((a)-[*..]-(b)), allShortestPaths((a)-[]-(b)) RETURN p"},
		{"MATCH (n $p)-[$q]-() RETURN 1", "MATCH (n $p)-[ $q]-() RETURN 1"},
		{"MATCH (:MATCH {return: 1})-[:`a|b`]-() RETURN 1 AS with, 2 AS `x y`", "MATCH (:MATCH {return: 1})-[:a|b]-() RETURN 1 AS with, 2 AS x y"},
		{"WITH DISTINCT *, 1 AS x ORDER BY x DESC, y ASC, z DESCENDING, w SKIP 1 LIMIT 2 WHERE x > 1 RETURN x",
			"WITH DISTINCT *, 1 AS x ORDER BY x DESC, y, z DESC, w SKIP 1 LIMIT 2 WHERE (x > 1) RETURN x"},
		{"UNWIND [1] AS x RETURN x UNION ALL RETURN 2 AS x UNION RETURN 3 AS x",
			"UNWIND [1] AS x RETURN x UNION ALL RETURN 2 AS x UNION RETURN 3 AS x"},
		{"CREATE (a:A {x: 1})-[:T]->(b), (c)", "CREATE (a:A {x: 1})-[:T]->(b), (c)"},
		{"MATCH end = (start)-[in:T]->(end) WHERE end.x IN in WITH CASE WHEN end THEN end END AS limit ORDER BY limit LIMIT 1 RETURN limit AS null, 1 AS end ORDER BY end",
			"MATCH end = (start)-[in:T]->(end) WHERE ((end).x IN in) WITH CASE WHEN end THEN end END AS limit ORDER BY limit LIMIT 1 RETURN limit AS null, 1 AS end ORDER BY end"},
		{"UNWIND [1] AS with WITH with WHERE with = 1 RETURN (with), [(with)-->() | with]", "UNWIND [1] AS with WITH with WHERE (with = 1) RETURN with, [(with)-[]->() | with]"},
		{"RETURN 1 RETURN 2", "RETURN 1 RETURN 2"}, // the order is check's
	} {
		q, err := parse.Parse(c[0])
		if err != nil {
			t.Errorf("%s: %v", c[0], err)
			continue
		}
		if got := plain(showQuery(q)); got != c[1] {
			t.Errorf("%s:\n got %s\nwant %s", c[0], got, c[1])
		}
		again(t, q)
	}
}

func TestColumnsAreAsWritten(t *testing.T) {
	q, err := parse.Parse("RETURN 1 +  2 , count( * ) , 'a'/*x*/ AS b, `x y`, (1), ( x ), `x`.`y` //")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 +  2", "count( * )", "b", "x y", "(1)", "( x )", "`x`.`y`"}
	for i, it := range q.Parts[0].Clauses[0].(*ast.Return).Items {
		if it.Column() != want[i] {
			t.Errorf("column %d is %q, want %q", i, it.Column(), want[i])
		}
	}
}

// mark stands where the error is to be.
const mark = "¦"

func TestFaults(t *testing.T) {
	for _, c := range []struct{ src, detail, says string }{
		{"¦", "UnexpectedSyntax", "expected a clause as MATCH, WITH or RETURN, found the end of the query"},
		{"RETURN¦", "UnexpectedSyntax", "expected an expression, found the end of the query"},
		{"RETURN (1¦", "UnexpectedSyntax", "expected ), found the end of the query"},
		{"RETURN 1 ¦foo", "UnexpectedSyntax", "found foo"},
		{"RETURN 1; ¦RETURN 2", "UnexpectedSyntax", ""},
		{"RETURN 1 ¦)", "UnexpectedSyntax", ""},
		{"¦foo", "UnexpectedSyntax", ""},
		{"MATCH ¦n RETURN n", "UnexpectedSyntax", "expected (, found n"},
		{"MATCH (n ¦RETURN n", "UnexpectedSyntax", ""},
		{"MATCH (¦RETURN n", "UnexpectedSyntax", ""},
		{"MATCH (n) WHERE ¦RETURN n", "UnexpectedSyntax", "expected an expression, found RETURN"},
		{"MATCH (end) RETURN ¦END", "UnexpectedSyntax", ""},
		{"MATCH (¦null) RETURN null", "UnexpectedSyntax", ""},
		{"WITH 1 AS ¦true RETURN true", "UnexpectedSyntax", ""},
		{"MATCH (n:¦) RETURN n", "UnexpectedSyntax", "expected a label"},
		{"MATCH (a)-[:T]¦>(b) RETURN a", "UnexpectedSyntax", ""},
		{"MATCH (a)--> ¦RETURN a", "UnexpectedSyntax", ""},
		{"MATCH (a)-[r ¦RETURN a", "UnexpectedSyntax", ""},
		{"RETURN [1, ¦]", "UnexpectedSyntax", ""},
		{"RETURN [¦, 1]", "UnexpectedSyntax", ""},
		{"RETURN [1 ¦2]", "UnexpectedSyntax", "expected , or ], found 2"},
		{"RETURN {¦1: 2}", "UnexpectedSyntax", "expected a key"},
		{"RETURN {¦1B2c3e67: 1}", "UnexpectedSyntax", ""},
		{"RETURN {a¦}", "UnexpectedSyntax", ""},
		{"RETURN {a: ¦}", "UnexpectedSyntax", ""},
		{"RETURN {¦,}", "UnexpectedSyntax", ""},
		{"RETURN {a: 1,¦}", "UnexpectedSyntax", ""},
		{"RETURN {a¦.b: 1}", "UnexpectedSyntax", ""},
		{"RETURN {a¦#b: 1}", "UnexpectedSyntax", ""},
		{"RETURN f(1¦", "UnexpectedSyntax", ""},
		{"RETURN f(1,¦", "UnexpectedSyntax", ""},
		{"RETURN 1 = ¦= 2", "UnexpectedSyntax", ""},
		{"RETURN a ¦NOT b", "UnexpectedSyntax", ""},
		{"RETURN 1 + ¦NOT true", "UnexpectedSyntax", ""},
		{"RETURN CASE ¦END", "UnexpectedSyntax", ""},
		{"RETURN CASE WHEN 1 ¦END", "UnexpectedSyntax", "expected THEN"},
		{"RETURN CASE WHEN 1 THEN 2¦", "UnexpectedSyntax", "expected END"},
		{"RETURN ¦'a", "UnexpectedSyntax", "the string has no closing '"},
		{"RETURN 1 AS¦", "UnexpectedSyntax", "expected an alias"},
		{"RETURN a¦.1", "UnexpectedSyntax", ""},
		{"RETURN a IS ¦1", "UnexpectedSyntax", "expected NULL"},
		{"RETURN a STARTS ¦b", "UnexpectedSyntax", "expected WITH"},
		{"WITH 1 AS x ORDER ¦x", "UnexpectedSyntax", "expected BY"},
		{"UNWIND [1] ¦RETURN x", "UnexpectedSyntax", "expected AS"},
		{"RETURN [x IN l WHERE ¦]", "UnexpectedSyntax", ""},
		{"RETURN [(a)-->(b) ¦WHERE a.x]", "UnexpectedSyntax", ""},
		{"RETURN [(a)-->(b) WHERE a.x | ¦]", "UnexpectedSyntax", ""},
		{"RETURN EXISTS { ¦}", "UnexpectedSyntax", ""},
		{"RETURN ¦/* open", "UnexpectedSyntax", "the comment has no end"},
		{"RETURN ¦$", "UnexpectedSyntax", ""},

		{"MATCH (n) WHERE n.x ¦!= 1 RETURN n", "UnexpectedSyntax", "unequal is <>"},
		{"MATCH (n) WHERE n.x = ¦= 1 RETURN n", "UnexpectedSyntax", "equal is ="},
		{"MATCH (n) WHERE n.x ¦&& n.y RETURN n", "UnexpectedSyntax", "write AND"},
		{"MATCH (n) WHERE n.x ¦|| n.y RETURN n", "UnexpectedSyntax", "write OR"},
		{"MATCH (n) WHERE n.x ¦LIKE 'a' RETURN n", "UnexpectedSyntax", "CONTAINS"},
		{"MATCH (n) WHERE n.x ¦NOT IN [1] RETURN n", "UnexpectedSyntax", "NOT x IN y"},
		{"MATCH (n) RETURN n.x, count(*) ¦GROUP BY n.x", "UnexpectedSyntax", "there is no GROUP BY"},
		{"RETURN 1 LIMIT 1 ¦SKIP 1", "UnexpectedSyntax", "SKIP stands before LIMIT"},
		{"RETURN 1 LIMIT 1 ¦ORDER BY 1", "UnexpectedSyntax", "before SKIP and LIMIT"},
		{"MATCH (n) RETURN n ¦WHERE n.x = 1", "UnexpectedSyntax", "behind MATCH"},
		{"¦SELECT 1", "UnexpectedSyntax", "write MATCH"},

		{"RETURN ¦9223372036854775808", "IntegerOverflow", ""},
		{"RETURN -¦9223372036854775809", "IntegerOverflow", ""},
		{"RETURN ¦0x8000000000000000", "IntegerOverflow", ""},
		{"RETURN - (¦9223372036854775808)", "IntegerOverflow", ""},
		{"MATCH ()-[*¦9223372036854775808]-() RETURN 1", "IntegerOverflow", ""},
		{"MATCH ()-[*1..¦99999999999999999999]-() RETURN 1", "IntegerOverflow", ""},
		{"RETURN ¦1e400", "FloatingPointOverflow", ""},
		{"RETURN ¦9223372h54775808", "InvalidNumberLiteral", ""},
		{"RETURN 9223372¦#54775808", "UnexpectedSyntax", ""},
		{"RETURN ¦0x", "InvalidNumberLiteral", ""},
		{"RETURN '¦\\uH'", "InvalidUnicodeLiteral", ""},
		{"RETURN 42 ¦— 41", "InvalidUnicodeCharacter", ""},
		{"RETURN ¦“a”", "InvalidUnicodeCharacter", ""},
		{"MATCH (a)-[:T¦..]->(b) RETURN a", "InvalidRelationshipPattern", ""},
		{"MATCH (a)-[:T*¦-2]->(b) RETURN a", "InvalidRelationshipPattern", ""},
		{"MATCH (a) WHERE EXISTS { MATCH (a) ¦DELETE a } RETURN a", "InvalidClauseComposition", ""},
	} {
		e := failed(t, c.src)
		if e == nil {
			continue
		}
		if e.Class != fault.Syntax || e.Detail != c.detail || !e.Compile || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %s %s %v", c.src, e.Class, e.Detail, e)
		}
	}
}

// failed parses a query with a mark and holds the error to standing there.
func failed(t *testing.T, marked string) *fault.Error {
	t.Helper()
	q, err := parse.Parse(strings.Replace(marked, mark, "", 1))
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: parsed, error %v, query %v", marked, err, q)
		return nil
	}
	if at := strings.Index(marked, mark); int(e.Pos.Offset) != at {
		t.Errorf("%s: %v (offset %d)", marked, e, e.Pos.Offset)
	}
	return e
}

func TestUnsupported(t *testing.T) {
	for _, src := range []string{
		"¦MERGE (n)", "MATCH (n) ¦SET n.x = 1", "MATCH (n) ¦DELETE n", "MATCH (n) ¦DETACH DELETE n", "MATCH (n) ¦REMOVE n.x",
		"MATCH (n) ¦FOREACH (x IN [1] | SET n.x = x)", "¦CALL db.labels()", "¦LOAD CSV FROM 'x' AS y RETURN y", "¦USE g MATCH (n) RETURN n",
		"¦PROFILE RETURN 1", "¦CREATE INDEX FOR (n:A) ON (n.x)", "MATCH (n:A) ¦USING INDEX n:A(x) RETURN n", "¦SHOW INDEXES",
		"MATCH (n:A¦|B) RETURN n", "MATCH (n:A¦&B) RETURN n", "MATCH (n:¦!A) RETURN n", "MATCH ()-[:A¦&B]-() RETURN 1",
		"MATCH (n ¦WHERE n.x = 1) RETURN n", "MATCH ()-[r ¦WHERE r.x = 1]-() RETURN r", "MATCH ((a)-->(b))¦{1,3} RETURN a",
		"MATCH (a)-->¦+(b) RETURN a", "RETURN ¦COUNT { (a)-->(b) }", "RETURN ¦COLLECT { MATCH (a) RETURN a }", "RETURN a IS ¦:: INTEGER",
		"RETURN CASE a WHEN 1¦, 2 THEN 3 END",
	} {
		if e := failed(t, src); e != nil && e.Class != fault.Unsupported {
			t.Errorf("%s: %s %v", src, e.Class, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"MATCH (n:A {x: 1})-[r:T|U*1..3]->(m) WHERE n.x < 1 <= 2 AND NOT (n)-->(m) RETURN DISTINCT *, n.x AS y ORDER BY y DESC SKIP 1 LIMIT 2",
		"RETURN [x IN l WHERE x | x], [(a)--(b) | b], all(x IN l WHERE x), reduce(s = 0, x IN l | s), n {.a, .*, b}, CASE a WHEN 1 THEN 2 END",
		"MATCH p = shortestPath((a)-[*]-(b)) WHERE EXISTS { MATCH (a) RETURN 1 } RETURN exists((a)-->()) UNION ALL RETURN -9223372036854775808",
		"RETURN a.b[1..2][3]:A = 0x1f ^ .5e-3 =~ 'a\\u0041' IS NOT NULL", "UNWIND $a AS b CREATE (c) WITH 1 AS d", "RETURN ((((((a)-[b]-(c))))))",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		q, err := parse.Parse(src)
		if err == nil {
			again(t, q)
			return
		}
		var e *fault.Error
		if !errors.As(err, &e) || !e.Compile || int(e.Pos.Offset) > len(src) {
			t.Fatalf("%q: %#v", src, err)
		}
	})
}
