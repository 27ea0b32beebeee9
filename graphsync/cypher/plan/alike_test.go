package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/plan"
)

// expressions are many that differ in little, twice each.
func expressions(t *testing.T) []ast.Expr {
	t.Helper()
	texts := []string{
		"null", "true", "false", "1", "2", "1.0", "-1", "'1'", "'a'", "$a", "a", "b", "a.x", "a.y", "b.x", "[1]", "[1, 2]", "[[1], 2]",
		"{x: 1}", "{y: 1}", "{x: 1, y: 1}", "a[1]", "a[1..]", "a[..1]", "a[1..1]", "a + 1", "1 + a", "a - 1", "a < 1", "a < 1 < 2", "a < 1 > 2",
		"a IS NULL", "a IS NOT NULL", "a:L", "a:L:M", "size(a)", "SIZE(a)", "count(a)", "count(DISTINCT a)", "count(*)", "rand()", "NOT a",
		"CASE a WHEN 1 THEN 2 END", "CASE WHEN a THEN 2 END", "CASE WHEN a THEN 2 ELSE 3 END", "[x IN a]", "[y IN a]", "[x IN a WHERE x]", "[x IN a | x]",
		"all(x IN a WHERE x)", "any(x IN a WHERE x)", "reduce(s = 0, x IN a | s)", "reduce(s = 0, x IN a | x)", "a {.x}", "a {.y}", "a {.*}",
		"[(a)-->(c) | 1]", "exists((a)-->())", "a AND b", "b AND a", "a IN b", "toUpper(a)", "upper(a)",
	}
	var out []ast.Expr
	for range 2 {
		for _, text := range texts {
			q, err := parse.Parse("RETURN " + text)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, q.Parts[0].Clauses[0].(*ast.Return).Items[0].Expr)
		}
	}
	return out
}

func TestAlikeFindsWhatComparingWithEachFinds(t *testing.T) {
	var alike plan.Alike
	var added []ast.Expr
	same := 0
	for i, e := range expressions(t) {
		want := -1
		for j := range added {
			if want < 0 && plan.Same(e, added[j]) {
				want = j
			}
		}
		if got := alike.Find(e); got != want {
			t.Errorf("expression %d: %d instead of %d", i, got, want)
		}
		if want >= 0 {
			same++
		}
		added = append(added, e)
		alike.Add(e)
	}
	if same < 50 {
		t.Errorf("only %d were the same as another", same)
	}
}

// BenchmarkManyAggregates is the planning of a query with thousands of aggregates,
// whose time is to grow with their number and not with its square.
func BenchmarkManyAggregates(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("max(x + %d) AS c%d", i, i))
		}
		q, err := parse.Parse("UNWIND [1] AS x RETURN " + strings.Join(list, ", "))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			items := q.Parts[0].Clauses[1].(*ast.Return).Items
			for b.Loop() {
				var alike plan.Alike
				for i := range items {
					if alike.Find(items[i].Expr) < 0 {
						alike.Add(items[i].Expr)
					}
				}
			}
		})
	}
}
