package eval_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// bench is a small graph with variables bound to its parts:
// p = (a:A:B {x: 1, name: 'Ann', list: [1, 2]})-[r:T {since: 2000}]->(b:B).
type bench struct {
	graph *graph.Memory
	vars  value.Map
}

func newBench() *bench {
	g := graph.NewMemory()
	a := g.AddNode([]string{"A", "B"}, value.Map{
		"x": value.Int(1), "name": value.String("Ann"), "list": value.List([]value.Value{value.Int(1), value.Int(2)}),
	})
	b := g.AddNode([]string{"B"}, nil)
	id := g.AddRel("T", a, b, value.Map{"since": value.Int(2000)})
	r, _, err := g.Rel(context.Background(), id)
	if err != nil {
		panic(err)
	}
	return &bench{g, value.Map{
		"a": value.Node(a), "b": value.Node(b), "r": value.RelOf(&r), "nothing": value.Null,
		"p": value.PathOf(&value.Path{Nodes: []uint64{a, b}, Rels: []*value.Rel{&r}}),
	}}
}

func (b *bench) env(limits function.Limits) *function.Env {
	ctx := context.Background()
	var tens []value.Value
	for i := range int64(10) {
		tens = append(tens, value.Int(10*i))
	}
	long := value.List(tens)
	return &function.Env{
		Ctx: ctx, Graph: b.graph, Now: time.Unix(1700000000, 5e6), Random: func() float64 { return 0.25 },
		Params: value.Map{
			"long": long, "longNull": value.List(append(long.AsList(), value.Null)),
			"one": value.Int(1), "null": value.Null, "text": value.String("text"),
			"list": value.List([]value.Value{value.Int(1), value.Null}),
		},
		Budget: function.NewBudget(ctx, limits),
	}
}

func expression(text string) (ast.Expr, error) {
	q, err := parse.Parse("RETURN " + text)
	if err != nil {
		return nil, err
	}
	last, ok := q.Parts[0].Clauses[len(q.Parts[0].Clauses)-1].(*ast.Return)
	if !ok || len(last.Items) != 1 {
		return nil, fault.At(fault.Pos{Line: 1, Column: 1}, fault.Syntax, "UnexpectedSyntax", "no expression")
	}
	return last.Items[0].Expr, nil
}

func (b *bench) eval(text string, limits function.Limits) (value.Value, error) {
	e, err := expression(text)
	if err != nil {
		return value.Null, err
	}
	c := &eval.Compiler{Scope: eval.NewScope()}
	slots := map[string]int{}
	for name := range b.vars {
		slots[name] = c.Scope.Bind(name)
	}
	fn, err := c.Compile(e)
	if err != nil {
		return value.Null, err
	}
	row := make(eval.Row, c.Scope.Size())
	for name, v := range b.vars {
		row[slots[name]] = v
	}
	return fn(b.env(limits), row)
}

func shown(g graph.Reader, v value.Value, err error) string {
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.Class == fault.Limit:
		return "limit " + f.Limit
	case errors.As(err, &f):
		return fmt.Sprintf("%s %s", f.Class, f.Detail)
	case err != nil:
		return err.Error()
	}
	return value.Format(v, cypher.Resolver(context.Background(), g))
}

// TestSpecification computes what testdata says of the language, line by line:
// an expression, =>, and its value, or the class and the detail of its error.
func TestSpecification(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no specification", err)
	}
	b := newBench()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(text), "\n") {
				if line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				expr, want, ok := strings.Cut(line, " => ")
				if !ok {
					t.Fatalf("%s:%d: no =>", file, i+1)
				}
				want = strings.TrimSpace(want)
				v, err := b.eval(expr, function.Limits{Bytes: 1 << 20})
				if got := shown(b.graph, v, err); got != want {
					t.Errorf("%s:%d: %s is %s, want %s (%v)", file, i+1, strings.TrimSpace(expr), got, want, err)
				}
				// In a variable, what can be folded is not: the answers must be the same.
				if err != nil || strings.Contains(expr, "rand") {
					continue
				}
				v, err = b.eval("[x IN [0] | "+expr+"][0]", function.Limits{Bytes: 1 << 20})
				if got := shown(b.graph, v, err); got != want {
					t.Errorf("%s:%d: in a comprehension, %s is %s, want %s (%v)", file, i+1, strings.TrimSpace(expr), got, want, err)
				}
			}
		})
	}
}
