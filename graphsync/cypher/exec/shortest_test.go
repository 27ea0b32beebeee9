package exec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A shortest path is the shortest of all walks that pass, however it was looked
// for.
func TestShortestPathsAreTheShortestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		r := relForm{
			dir: rapid.IntRange(-1, 1).Draw(t, "dir"), long: true,
			min: rapid.IntRange(0, 2).Draw(t, "min"), max: rapid.SampledFrom([]int{-1, 1, 2, 3}).Draw(t, "max"),
		}
		if rapid.Bool().Draw(t, "typed") {
			r.types = []string{"T"}
		}
		if rapid.IntRange(0, 3).Draw(t, "hasX") == 0 {
			r.x = rapid.IntRange(0, 1).Draw(t, "x")
		}
		p := patternForm{path: "p", nodes: []nodeForm{{name: "a"}, {name: "b"}}, rels: []relForm{r}}
		var conditions []conditionForm
		for i := range rapid.IntRange(0, 2).Draw(t, "conditions") {
			c := drawCondition(t, fmt.Sprint("if", i), []string{"a", "b"}, nil, nil, []string{"p"})
			if !c.late {
				conditions = append(conditions, c)
			}
		}
		if rapid.IntRange(0, 2).Draw(t, "length") == 0 {
			k := rapid.IntRange(0, 3).Draw(t, "least")
			conditions = append(conditions, conditionForm{text: fmt.Sprintf("length(p) >= %d", k), eval: func(_ *world, a assignment) (any, error) {
				return len(a["p"].(walkedPath).rels) >= k, nil
			}})
		}
		c := clauseForm{patterns: []patternForm{p}, conditions: conditions}
		rows, err := c.apply(w, []assignment{{}})
		if err != nil {
			t.Fatal(err)
		}
		best := map[string]int{}
		for _, a := range rows {
			ends, n := fmt.Sprint(a["a"], a["b"]), len(a["p"].(walkedPath).rels)
			if have, ok := best[ends]; !ok || n < have {
				best[ends] = n
			}
		}
		var all, one []string
		for _, a := range rows {
			if path := a["p"].(walkedPath); len(path.rels) == best[fmt.Sprint(a["a"], a["b"])] {
				all = append(all, cell(path))
			}
		}
		for ends, n := range best {
			one = append(one, strings.ReplaceAll(ends, " ", " | ")+" | "+fmt.Sprint(n))
		}
		text := strings.TrimPrefix(clauseForm{patterns: []patternForm{p}}.String(), "MATCH p = ")
		where := strings.TrimPrefix(clauseForm{conditions: conditions}.String(), "MATCH ")
		for _, q := range []struct {
			query string
			want  []string
		}{
			{"MATCH p = allShortestPaths(" + text + ")" + where + " RETURN " + columnOf("p", &names{paths: []string{"p"}}), all},
			{"MATCH p = shortestPath(" + text + ")" + where + " RETURN id(a), id(b), length(p)", one},
		} {
			got, err := ask(w.memory, q.query, nil)
			if err != nil && r.min > 1 {
				t.Skip("refused")
			}
			if err != nil {
				t.Fatalf("%s\n%v", q.query, err)
			}
			slices.Sort(got)
			slices.Sort(q.want)
			if !slices.Equal(got, q.want) {
				t.Fatalf("%s\nnodes %v %v\nrelationships %v\ngave %q\nwant %q", q.query, w.labels, w.x, w.rels, got, q.want)
			}
		}
	})
}
