package check_test

import (
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
)

func TestProjections(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"RETURN 1 AS a, 2 AS ¦a", "ColumnNameConflict"},
		{"WITH 1 AS a, 2 AS ¦a RETURN a", "ColumnNameConflict"},
		{"MATCH (a) RETURN a, ¦a", "ColumnNameConflict"},
		{"MATCH (a) RETURN *, ¦a", "ColumnNameConflict"},
		{"RETURN 1, ¦1", "ColumnNameConflict"},
		{"MATCH (a) WITH ¦count(*) RETURN 1", "NoExpressionAlias"},
		{"MATCH (a) WITH a, a¦.x RETURN a", "NoExpressionAlias"},
		{"MATCH (a) WITH (¦a) RETURN a", "NoExpressionAlias"},
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
		{"MATCH (a) RETURN DISTINCT a.x ORDER BY size([(¦a)-->() | 1])", "UndefinedVariable"},
		{"MATCH (a) WITH DISTINCT a.x AS x WHERE EXISTS { (¦a)-->() } RETURN x", "UndefinedVariable"},
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
		"MATCH (a) RETURN DISTINCT a ORDER BY size([(a)-->(b) | b.x])",
		"MATCH (a) WITH DISTINCT a.x AS x WHERE EXISTS { (b)-->() } MATCH (a) RETURN a",
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
