package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// TestLongQueries checks queries of about 200 KiB that would take minutes if any
// of their parts were looked at once for every other.
func TestLongQueries(t *testing.T) {
	for name, src := range map[string]string{
		"renamed":    "WITH 1 AS x" + strings.Repeat(" WITH x AS x", 15000) + " RETURN x",
		"lists":      "WITH 1 AS x" + strings.Repeat(" WITH [x, x] AS x", 10000) + " RETURN x",
		"unions":     "RETURN 1 AS x" + strings.Repeat(" UNION RETURN 1 AS x", 8000),
		"columns":    "RETURN 1 AS x" + numbered(10000, ", 1 AS x%d"),
		"sort keys":  "MATCH (a) RETURN DISTINCT a.x" + numbered(600, ", a.x%d") + " ORDER BY a.x" + numbered(600, ", a.x%d + 1"),
		"aggregates": "MATCH (a) RETURN " + strings.Repeat("count(*) + ", 1500) + "1 AS x, [y IN collect(a) | y] AS z",
		"exists":     "MATCH (a) WHERE " + strings.Repeat("EXISTS { MATCH (a)-->(b) WHERE ", 60) + "true" + strings.Repeat(" }", 60) + " RETURN a, count(*)",
		"sums":       "MATCH (a) RETURN a.x AS x, count(*) AS c, a.x + count(*) + " + strings.Repeat("a.x + ", 1500) + "1 AS y ORDER BY a.x + count(*) + " + strings.Repeat("a.x + ", 1500) + "2",
		"nested":     "RETURN count(*) + " + strings.Repeat("[x IN ", 150) + "[1]" + strings.Repeat(" | x]", 150) + "[0] AS y ORDER BY y + " + strings.Repeat("[x IN ", 150) + "[1]" + strings.Repeat(" | x]", 150) + "[0]",
	} {
		if e := checked(t, src, check.Options{}); e != nil {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// TestProducts: where the plan would grow with the product of two parts of a
// query, there is a bound.
func TestProducts(t *testing.T) {
	variables := "WITH 0 AS v" + numbered(5000, ", %d AS v%[1]d")
	for name, src := range map[string]string{
		"stars":    variables + strings.Repeat(" WITH *", 10000) + " RETURN *",
		"clauses":  variables + strings.Repeat(" MATCH (a)", 10000) + " RETURN 1",
		"exists":   variables + " RETURN [1" + strings.Repeat(", EXISTS { () }", 8000) + "]",
		"patterns": variables + " MATCH (a) RETURN [1" + strings.Repeat(", [(a)-->() | 1]", 8000) + "]",
		"sorting":  "MATCH (a) RETURN a.x" + numbered(7000, ", count(a.x%d)") + " ORDER BY a.x" + numbered(7000, ", count(a.x%d)"),
	} {
		if e := checked(t, src, check.Options{}); e == nil || e.Class != fault.Limit || e.Limit != "length" {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
