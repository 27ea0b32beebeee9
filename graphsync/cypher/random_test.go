package cypher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// writer draws queries that have a meaning more often than not.
type writer struct {
	t     *rapid.T
	n     int
	nodes []string
	other []string // variables that are anything else
}

func (w *writer) pick(list ...string) string {
	w.n++
	return rapid.SampledFrom(list).Draw(w.t, fmt.Sprint("pick", w.n))
}

func (w *writer) roll(sides int) int {
	w.n++
	return rapid.IntRange(0, sides-1).Draw(w.t, fmt.Sprint("roll", w.n))
}

func (w *writer) name() string {
	w.n++
	return fmt.Sprint("v", w.n)
}

func (w *writer) variable() string {
	if all := append(slices.Clone(w.nodes), w.other...); len(all) > 0 {
		return w.pick(all...)
	}
	return "1"
}

func (w *writer) node() string {
	name := ""
	switch w.roll(4) {
	case 0:
	case 1:
		if len(w.nodes) > 0 {
			name = w.pick(w.nodes...)
			break
		}
		fallthrough
	default:
		name = w.name()
		w.nodes = append(w.nodes, name)
	}
	return "(" + name + w.pick("", "", ":A", ":B", " {x: 1}", ":A {x: 2}", ":A {x: "+w.scalar(1)+"}") + ")"
}

func (w *writer) pattern(named bool) string {
	s := w.node()
	for range w.roll(3) {
		inside := w.pick("", ":T", ":U", ":T|U", "*", ":T*1..2", "*0..1", " {w: 0.5}")
		if named && w.roll(3) == 0 {
			name := w.name()
			w.other = append(w.other, name)
			inside = name + inside
		}
		s += strings.Replace(w.pick("-[]->", "<-[]-", "-[]-"), "[]", "["+inside+"]", 1) + w.node()
	}
	return s
}

func (w *writer) scalar(depth int) string {
	if depth > 3 {
		return w.pick("1", "2", "null", "'text'", w.variable())
	}
	switch w.roll(12) {
	case 0, 1, 2:
		return w.variable() + "." + w.pick("x", "s", "l", "w")
	case 3:
		return w.variable()
	case 4:
		return w.scalar(depth+1) + w.pick(" + ", " - ", " * ", " % ") + w.scalar(depth+1)
	case 5:
		return "[" + w.scalar(depth+1) + ", " + w.scalar(depth+1) + "]"
	case 6:
		return w.pick("coalesce", "toString", "size", "id", "labels", "type", "keys", "length", "abs", "head") + "(" + w.scalar(depth+1) + ")"
	case 7:
		return "CASE WHEN " + w.truth(depth+1) + " THEN " + w.scalar(depth+1) + " ELSE " + w.scalar(depth+1) + " END"
	case 8:
		return "[y IN " + w.pick("[1, 2, null]", w.variable()+".l", "range(0, 3)") + " WHERE " + w.truth(depth+1) + " | y]"
	case 9:
		if len(w.nodes) > 0 {
			from := w.pick(w.nodes...)
			return "[(" + from + ")--(z) WHERE " + w.truth(depth+1) + " | z.x]"
		}
		return "1"
	case 10:
		return "{k: " + w.scalar(depth+1) + "}.k"
	default:
		return w.pick("1", "2.5", "null", "'text'", "$p", "[]")
	}
}

func (w *writer) truth(depth int) string {
	if depth > 3 {
		return w.variable() + ".x = 1"
	}
	switch w.roll(9) {
	case 0, 1:
		return w.scalar(depth+1) + w.pick(" = ", " < ", " <> ", " >= ") + w.scalar(depth+1)
	case 2:
		return w.scalar(depth+1) + w.pick(" IS NULL", " IS NOT NULL")
	case 3:
		return "(" + w.truth(depth+1) + w.pick(" AND ", " OR ", " XOR ") + w.truth(depth+1) + ")"
	case 4:
		return "NOT (" + w.truth(depth+1) + ")"
	case 5:
		if len(w.nodes) > 0 {
			return "(" + w.pick(w.nodes...) + ")" + w.pick("-->", "<-[:T]-", "-[*1..2]-") + "(" + w.pick(append(w.nodes, "")...) + ")"
		}
		return "true"
	case 6:
		if len(w.nodes) > 0 {
			from := w.pick(w.nodes...)
			return "EXISTS { " + w.pick("", "MATCH ") + "(" + from + ")-->(e) WHERE " + w.truth(depth+1) + " }"
		}
		return "false"
	case 7:
		return w.scalar(depth+1) + " IN " + "[1, " + w.scalar(depth+1) + "]"
	default:
		return w.pick("any", "all", "none", "single") + "(q IN [1, 2, " + w.scalar(depth+1) + "] WHERE " + w.truth(depth+1) + ")"
	}
}

func (w *writer) item(grouped bool) string {
	if grouped && w.roll(2) == 0 {
		return w.pick("count(*)", "count("+w.scalar(1)+")", "collect(DISTINCT "+w.scalar(1)+")", "max("+w.scalar(1)+")", "1 + count(DISTINCT "+w.variable()+")")
	}
	return w.scalar(1)
}

// projection draws items, what can be seen behind them, and how they are ordered.
func (w *writer) projection(last bool) string {
	grouped := w.roll(3) == 0
	before := w.nodes
	var items, nodes, other []string
	for _, name := range before {
		if w.roll(2) == 0 {
			items, nodes = append(items, name), append(nodes, name)
		}
	}
	for range 1 + w.roll(2) {
		name := w.name()
		items, other = append(items, w.item(grouped)+" AS "+name), append(other, name)
	}
	s := w.pick("", "", "DISTINCT ") + strings.Join(items, ", ")
	w.nodes, w.other = nodes, other
	if w.roll(3) == 0 {
		s += " ORDER BY " + w.scalar(1) + w.pick("", " DESC")
	}
	if !last && w.roll(3) == 0 {
		s += " WHERE " + w.truth(1)
	}
	return s
}

func (w *writer) query() string {
	var parts []string
	for range 1 + w.roll(3) {
		switch w.roll(5) {
		case 0:
			list := w.pick("[1, 2, 2, null]", "range(0, 2)", "[]", w.variable()+".l")
			name := w.name()
			parts, w.other = append(parts, "UNWIND "+list+" AS "+name), append(w.other, name)
		case 1:
			parts = append(parts, "WITH "+w.projection(false))
		default:
			s := w.pick("MATCH ", "MATCH ", "OPTIONAL MATCH ") + w.pattern(true)
			if w.roll(3) == 0 {
				s += ", " + w.pattern(true)
			}
			if w.roll(2) == 0 {
				s += " WHERE " + w.truth(1)
			}
			parts = append(parts, s)
		}
	}
	return strings.Join(append(parts, "RETURN "+w.projection(true)), "\n")
}

// What passes the check can be planned and run, has the columns that the check has
// seen, and an index changes no answer.
func TestRandomQueries(t *testing.T) {
	plain, indexed := ring(), ring()
	plain = withoutIndex(plain)
	params := value.Map{"p": value.Int(1)}
	answered, refused := 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		src := (&writer{t: t}).query()
		form, err := parse.Parse(src)
		if err != nil {
			t.Fatalf("%s\n%v", src, err)
		}
		info, err := check.Check(form, check.Options{Params: params})
		if err != nil {
			var f *fault.Error
			errors.As(err, &f)
			refused[f.Detail]++
			t.Skip("refused")
		}
		var answers [][]string
		for _, g := range []*graph.Memory{plain, indexed} {
			r, err := cypher.Run(context.Background(), src, params, g, fuzzLimits)
			if err != nil {
				var f *fault.Error
				if !errors.As(err, &f) || f.Compile {
					t.Fatalf("%s\n%v", src, err)
				}
				refused[string(f.Class)]++
				return
			}
			answered++
			if !slices.Equal(r.Columns, info.Columns) {
				t.Fatalf("%s\ncolumns %v, but the check saw %v", src, r.Columns, info.Columns)
			}
			var rows []string
			for _, row := range r.Rows {
				var cells []string
				for _, v := range row {
					cells = append(cells, sortedText(v))
				}
				rows = append(rows, strings.Join(cells, " | "))
			}
			slices.Sort(rows)
			answers = append(answers, rows)
		}
		if !slices.Equal(answers[0], answers[1]) {
			t.Fatalf("%s\nwithout an index %q\nwith one %q", src, answers[0], answers[1])
		}
	})
	t.Logf("%d answers; refused: %v", answered, refused)
}

// sortedText writes a value with the elements of lists in order: collect gives them
// as they come.
func sortedText(v value.Value) string {
	if v.Kind() != value.KindList {
		return value.Format(v, nil)
	}
	var parts []string
	for _, x := range v.AsList() {
		parts = append(parts, sortedText(x))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// withoutIndex hides the indexes of a graph.
func withoutIndex(g *graph.Memory) *graph.Memory {
	out := graph.NewMemory()
	n, _ := g.CountNodes("")
	for id := range n {
		node, _, _ := g.Node(context.Background(), id)
		out.AddNode(node.Labels, node.Properties)
	}
	_ = g.EachRel(context.Background(), nil, func(r value.Rel) bool {
		props, _ := g.RelProperties(context.Background(), &r)
		out.AddRel(r.Type, r.From, r.To, props)
		return true
	})
	return out
}
