package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
)

// TestLongQueries checks queries of about 200 KiB that would take minutes if any
// of their parts were looked at once for every other.
func TestLongQueries(t *testing.T) {
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, src := range map[string]string{
		"stars":      "MATCH (a)" + numbered(10000, ", (v%d)") + strings.Repeat(" WITH *", 10000) + " RETURN *",
		"renamed":    "WITH 1 AS x" + strings.Repeat(" WITH x AS x", 15000) + " RETURN x",
		"lists":      "WITH 1 AS x" + strings.Repeat(" WITH [x, x] AS x", 10000) + " RETURN x",
		"unions":     "RETURN 1 AS x" + strings.Repeat(" UNION RETURN 1 AS x", 8000),
		"columns":    "RETURN 1 AS x" + numbered(10000, ", 1 AS x%d"),
		"sort keys":  "MATCH (a) RETURN DISTINCT a.x" + numbered(5000, ", a.x%d") + " ORDER BY a.x" + numbered(5000, ", a.x%d + 1"),
		"sums":       "MATCH (a) RETURN a.x AS x, a.x + count(*) + " + strings.Repeat("a.x + ", 1500) + "1 AS y ORDER BY a.x + count(*) + " + strings.Repeat("a.x + ", 1500) + "1",
		"aggregates": "MATCH (a) RETURN " + strings.Repeat("count(*) + ", 1500) + "1 AS x" + strings.Repeat(", [y IN collect(a) | y]", 1) + " AS z",
		"nested":     "RETURN count(*) + " + strings.Repeat("[x IN ", 150) + "[1]" + strings.Repeat(" | x]", 150) + "[0] AS y ORDER BY y + count(*)",
		"exists":     "MATCH (a) WHERE " + strings.Repeat("EXISTS { MATCH (a)-->(b) WHERE ", 60) + "true" + strings.Repeat(" }", 60) + " RETURN a, count(*)",
	} {
		e := checked(t, src, check.Options{})
		if name == "sums" || name == "nested" {
			continue // whether they mean something is for the other tables
		}
		if e != nil {
			t.Errorf("%s: %v", name, e)
		}
	}
}
