package exec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// conditionForm is a condition of a WHERE: its text, and what it comes to (true,
// false, nil for null).
type conditionForm struct {
	text string
	eval func(w *world, a assignment) (any, error)
	late bool // it can fail: it is asked of whole matches only
}

var errNaive = errors.New("a condition failed")

func drawCondition(t *rapid.T, label string, nodes, rels, lists, paths []string) conditionForm {
	x := func(w *world, v any) any {
		switch v := v.(type) {
		case int:
			return w.x[v]
		case relID:
			return w.rels[v].x
		}
		return nil
	}
	single := append(slices.Clone(nodes), rels...)
	a := rapid.SampledFrom(single).Draw(t, label+"a")
	b := rapid.SampledFrom(single).Draw(t, label+"b")
	n := rapid.SampledFrom(nodes).Draw(t, label+"n")
	m := rapid.SampledFrom(nodes).Draw(t, label+"m")
	k := rapid.IntRange(0, 2).Draw(t, label+"k")
	kinds := 10
	if len(lists) > 0 {
		kinds = 11
	}
	if len(paths) > 0 {
		kinds = 13
	}
	switch kind := rapid.IntRange(0, kinds-1).Draw(t, label+"kind"); {
	case kind == 0:
		return conditionForm{text: fmt.Sprintf("%s.x = %s.x", a, b), eval: func(w *world, as assignment) (any, error) {
			if x(w, as[a]) == nil || x(w, as[b]) == nil {
				return nil, nil
			}
			return x(w, as[a]) == x(w, as[b]), nil
		}}
	case kind == 1:
		return conditionForm{text: fmt.Sprintf("%s.x < %d", a, k), eval: func(w *world, as assignment) (any, error) {
			i, ok := x(w, as[a]).(int)
			if !ok {
				return nil, nil
			}
			return i < k, nil
		}}
	case kind == 2:
		return conditionForm{text: fmt.Sprintf("%d = %s.x", k, n), eval: func(w *world, as assignment) (any, error) {
			if x(w, as[n]) == nil {
				return nil, nil
			}
			return x(w, as[n]) == any(k), nil
		}}
	case kind == 3:
		text := rapid.SampledFrom([]string{"%s.x IN [%d, 's']", "(%[1]s.x = %[2]d OR 's' = %[1]s.x)"}).Draw(t, label+"or")
		return conditionForm{text: fmt.Sprintf(text, n, k), eval: func(w *world, as assignment) (any, error) {
			if x(w, as[n]) == nil {
				return nil, nil
			}
			return x(w, as[n]) == any(k) || x(w, as[n]) == any("s"), nil
		}}
	case kind == 4:
		return conditionForm{text: fmt.Sprintf("%s:A", n), eval: func(w *world, as assignment) (any, error) {
			i, ok := as[n].(int)
			if !ok {
				return nil, nil
			}
			return w.labels[i] == "A", nil
		}}
	case kind == 5:
		return conditionForm{text: fmt.Sprintf("id(%s) = %d", a, k), eval: func(w *world, as assignment) (any, error) {
			if as[a] == nil {
				return nil, nil
			}
			return as[a] == any(k) || as[a] == any(relID(k)), nil
		}}
	case kind == 6:
		return conditionForm{text: fmt.Sprintf("NOT (%s)-[:T]->(%s)", n, m), eval: func(w *world, as assignment) (any, error) {
			for _, r := range w.rels {
				if r.typ == "T" && as[n] == any(r.from) && as[m] == any(r.to) {
					return false, nil
				}
			}
			return true, nil
		}}
	case kind == 7:
		return conditionForm{text: fmt.Sprintf("EXISTS { (%s)--(other) WHERE other.x = %s.x }", n, a), eval: func(w *world, as assignment) (any, error) {
			for _, r := range w.rels {
				for _, e := range [][2]int{{r.from, r.to}, {r.to, r.from}} {
					if as[n] == any(e[0]) && x(w, as[a]) != nil && x(w, as[a]) == w.x[e[1]] {
						return true, nil
					}
				}
			}
			return false, nil
		}}
	case kind == 8:
		return conditionForm{text: fmt.Sprintf("-%s.x = -%d", a, k), late: true, eval: func(w *world, as assignment) (any, error) {
			switch v := x(w, as[a]).(type) {
			case int:
				return v == k, nil
			case string:
				return nil, errNaive
			}
			return nil, nil
		}}
	case kind == 9:
		r := relForm{long: true, dir: rapid.IntRange(-1, 1).Draw(t, label+"dir"), min: rapid.IntRange(0, 2).Draw(t, label+"min"), max: rapid.SampledFrom([]int{-1, 1, 2, 3}).Draw(t, label+"max")}
		if rapid.Bool().Draw(t, label+"typed") {
			r.types = []string{"T"}
		}
		return conditionForm{text: fmt.Sprintf("(%s)%s(%s)", n, r, m), eval: func(w *world, as assignment) (any, error) {
			found := false
			if start, ok := as[n].(int); ok {
				w.trails(r, start, nil, func(_ []relID, nodes []int) {
					found = found || as[m] == any(append([]int{start}, nodes...)[len(nodes)])
				})
			}
			return found, nil
		}}
	case kind == 10 && len(lists) > 0:
		l := rapid.SampledFrom(lists).Draw(t, label+"l")
		return conditionForm{text: fmt.Sprintf("size(%s) <> %d", l, k), eval: func(w *world, as assignment) (any, error) {
			list, ok := as[l].([]relID)
			if !ok {
				return nil, nil
			}
			return len(list) != k, nil
		}}
	case kind == 11 && len(paths) > 0:
		p := rapid.SampledFrom(paths).Draw(t, label+"p")
		return conditionForm{text: fmt.Sprintf("all(r IN relationships(%s) WHERE r.x = %d)", p, k), eval: func(w *world, as assignment) (any, error) {
			path, ok := as[p].(walkedPath)
			if !ok {
				return nil, nil
			}
			out := any(true)
			for _, id := range path.rels {
				switch v := w.rels[id].x; {
				case v == nil && out == any(true):
					out = nil
				case v != nil && v != any(k):
					return false, nil
				}
			}
			return out, nil
		}}
	default:
		if len(paths) == 0 {
			return conditionForm{text: "true", eval: func(*world, assignment) (any, error) { return true, nil }}
		}
		p := rapid.SampledFrom(paths).Draw(t, label+"p")
		return conditionForm{text: fmt.Sprintf("none(n IN nodes(%s) WHERE n.x = %d)", p, k), eval: func(w *world, as assignment) (any, error) {
			path, ok := as[p].(walkedPath)
			if !ok {
				return nil, nil
			}
			out := any(true)
			for _, id := range path.nodes {
				switch v := w.x[id]; {
				case v == any(k):
					return false, nil
				case v == nil:
					out = nil
				}
			}
			return out, nil
		}}
	}
}

// clauseForm is one MATCH.
type clauseForm struct {
	optional   bool
	patterns   []patternForm
	conditions []conditionForm
	names      []string // that it binds
}

func (c clauseForm) String() string {
	s := "MATCH "
	if c.optional {
		s = "OPTIONAL MATCH "
	}
	for i, p := range c.patterns {
		if i > 0 {
			s += ", "
		}
		s += p.String()
	}
	for i, e := range c.conditions {
		s += []string{" WHERE ", " AND "}[min(i, 1)] + e.text
	}
	return s
}

// names are the variables of a query by what they stand for.
type names struct{ nodes, rels, lists, paths []string }

func drawClause(t *rapid.T, label string, known *names) clauseForm {
	c := clauseForm{optional: rapid.IntRange(0, 3).Draw(t, label+"optional") == 0}
	add := func(list *[]string, name string) {
		if name != "" && !slices.Contains(*list, name) {
			*list = append(*list, name)
			c.names = append(c.names, name)
		}
	}
	long, heldRel := 0, map[string]bool{}
	for i := range rapid.IntRange(1, 2).Draw(t, label+"patterns") {
		var p patternForm
		l := fmt.Sprint(label, i)
		for j := range rapid.IntRange(1, 3).Draw(t, l+"nodes") {
			l := fmt.Sprint(l, "-", j)
			n := nodeForm{name: rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, l+"name")}
			if rapid.IntRange(0, 3).Draw(t, l+"hasLabel") == 0 {
				n.label = rapid.SampledFrom([]string{"A", "B"}).Draw(t, l+"label")
			}
			if rapid.IntRange(0, 4).Draw(t, l+"hasX") == 0 {
				n.x = rapid.SampledFrom([]any{0, 1, "s"}).Draw(t, l+"x")
			}
			p.nodes = append(p.nodes, n)
			add(&known.nodes, n.name)
			if j == 0 {
				continue
			}
			r := relForm{dir: rapid.IntRange(-1, 1).Draw(t, l+"dir")}
			switch rapid.IntRange(0, 3).Draw(t, l+"rel") {
			case 0:
				r.name = fmt.Sprint("r", len(known.rels), label)
			case 1:
				if len(known.rels) > 0 && label != "" {
					r.name = rapid.SampledFrom(known.rels).Draw(t, l+"relname")
				}
			}
			if rapid.Bool().Draw(t, l+"typed") {
				r.types = rapid.SampledFrom([][]string{{"T"}, {"U"}, {"T", "U"}}).Draw(t, l+"types")
			}
			if rapid.IntRange(0, 5).Draw(t, l+"hasRelX") == 0 {
				r.x = rapid.SampledFrom([]any{0, 1}).Draw(t, l+"relx")
			}
			if long < 2 && !slices.Contains(known.rels, r.name) && rapid.IntRange(0, 2).Draw(t, l+"long") == 0 {
				long++
				r.long, r.min = true, rapid.IntRange(0, 2).Draw(t, l+"min")
				r.max = rapid.SampledFrom([]int{-1, 1, 2, 3}).Draw(t, l+"max")
				if r.name != "" {
					r.name = strings.Replace(r.name, "r", "l", 1)
				}
				if r.name == "" && len(known.lists) > 0 && rapid.Bool().Draw(t, l+"held") {
					r.name = rapid.SampledFrom(known.lists).Draw(t, l+"listname")
				}
			}
			if heldRel[r.name] {
				r.name = ""
			}
			if r.name != "" {
				heldRel[r.name] = true
			}
			p.rels = append(p.rels, r)
		}
		if rapid.IntRange(0, 2).Draw(t, l+"path") == 0 {
			p.path = fmt.Sprint("p", len(known.paths), label)
			add(&known.paths, p.path)
		}
		c.patterns = append(c.patterns, p)
	}
	for _, p := range c.patterns {
		for _, r := range p.rels {
			if r.long {
				add(&known.lists, r.name)
			} else {
				add(&known.rels, r.name)
			}
		}
	}
	if len(known.nodes) > 0 {
		for i := range rapid.IntRange(0, 2).Draw(t, label+"conditions") {
			c.conditions = append(c.conditions, drawCondition(t, fmt.Sprint(label, "if", i), known.nodes, known.rels, known.lists, known.paths))
		}
	}
	return c
}

// hold asks the conditions: those that can fail only where the others hold.
func (c clauseForm) hold(w *world, a assignment) (bool, error) {
	for _, late := range []bool{false, true} {
		for _, e := range c.conditions {
			if e.late != late {
				continue
			}
			v, err := e.eval(w, a)
			if err != nil || v != any(true) {
				return false, err
			}
		}
	}
	return true, nil
}

func (c clauseForm) apply(w *world, rows []assignment) (out []assignment, err error) {
	for _, row := range rows {
		found := false
		w.match(c.patterns, row, func(a assignment) {
			ok, failed := c.hold(w, a)
			if failed != nil {
				err = failed
			}
			if ok {
				found = true
				out = append(out, a)
			}
		})
		if c.optional && !found {
			for _, name := range c.names {
				row = row.with(name, nil)
			}
			out = append(out, row)
		}
	}
	return out, err
}

func columnOf(name string, known *names) string {
	switch {
	case slices.Contains(known.lists, name):
		return fmt.Sprintf("[e IN %s | id(e)]", name)
	case slices.Contains(known.paths, name):
		return fmt.Sprintf("[e IN nodes(%s) | id(e)] + [e IN relationships(%s) | -id(e)]", name, name)
	}
	return fmt.Sprintf("id(%s)", name)
}

func cell(v any) string {
	ints := func(list []string) string { return "[" + strings.Join(list, ", ") + "]" }
	switch v := v.(type) {
	case []relID:
		var list []string
		for _, id := range v {
			list = append(list, fmt.Sprint(int(id)))
		}
		return ints(list)
	case walkedPath:
		var list []string
		for _, id := range v.nodes {
			list = append(list, fmt.Sprint(id))
		}
		for _, id := range v.rels {
			list = append(list, fmt.Sprint(-int(id)))
		}
		return ints(list)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// Any order in which patterns are matched, any index, any early condition must
// give what trying all assignments gives.
func TestMatchesAreThoseOfTryingEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		known := &names{}
		rows := []assignment{{}}
		var text []string
		var failed error
		for i := range rapid.IntRange(1, 3).Draw(t, "clauses") {
			c := drawClause(t, []string{"", "x", "y"}[i], known)
			text = append(text, c.String())
			var err error
			rows, err = c.apply(w, rows)
			if failed == nil {
				failed = err
			}
			if len(rows) > 3000 {
				t.Skip("too many rows")
			}
		}
		all := slices.Concat(known.nodes, known.rels, known.lists, known.paths)
		var shown, columns []string
		for _, name := range all {
			if rapid.IntRange(0, 2).Draw(t, "show"+name) > 0 {
				shown, columns = append(shown, name), append(columns, columnOf(name, known)+" AS "+name)
			}
		}
		var want []string
		if len(columns) == 0 {
			columns, want = []string{"count(*) AS n"}, []string{fmt.Sprint(len(rows))}
		} else {
			for _, a := range rows {
				var cells []string
				for _, name := range shown {
					cells = append(cells, cell(a[name]))
				}
				want = append(want, strings.Join(cells, " | "))
			}
		}
		result := "\nRETURN "
		switch rapid.IntRange(0, 3).Draw(t, "result") {
		case 0:
			slices.Sort(want)
			result, want = "\nRETURN DISTINCT ", slices.Compact(want)
		case 1:
			if len(shown) > 0 {
				seen := map[string]bool{}
				for _, a := range rows {
					if a[shown[0]] != nil {
						seen[cell(a[shown[0]])] = true
					}
				}
				columns = []string{"count(DISTINCT " + strings.TrimSuffix(columns[0], " AS "+shown[0]) + ")"}
				want = []string{fmt.Sprint(len(seen))}
			}
		}
		query := strings.Join(text, "\n") + result + strings.Join(columns, ", ")
		got, err := ask(w.memory, query, nil)
		if failed != nil {
			var f *fault.Error
			if !errors.As(err, &f) || f.Class != fault.Type {
				t.Fatalf("%s\ngave %d rows, %v; want a failure", query, len(got), err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s\n%v", query, err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			plan, _ := cypher.Run(context.Background(), "EXPLAIN "+query, nil, w.memory, testLimits)
			t.Fatalf("%s\nnodes %v %v\nrelationships %v\ngave %q\nwant %q\n%v", query, w.labels, w.x, w.rels, got, want, plan.Stats.Plan)
		}
	})
}
