package check_test

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
)

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

func TestHints(t *testing.T) {
	for src, says := range map[string]string{
		"RETURN len('a')":                         "write size(x)",
		"RETURN Now()":                            "write datetime()",
		"MATCH (a) WITH a.x AS x RETURN a":        "behind WITH",
		"MATCH (n) RETURN size((n)-->())":         "pattern comprehension",
		"MATCH (n {x: 1}) WITH count(*) RETURN 1": "write count(*) AS name",
	} {
		if e := checked(t, src, check.Options{}); e == nil || !strings.Contains(e.Message, says) {
			t.Errorf("%s: %v", src, e)
		}
	}
}
