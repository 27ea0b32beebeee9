package exec_test

import (
	"context"
	"errors"
	"slices"
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

// made is the graph that a few CREATE clauses of literals describe.
func made(t testing.TB, src string) *graph.Memory {
	t.Helper()
	g := graph.NewMemory()
	if src == "" {
		return g
	}
	q, err := parse.Parse(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	names := map[string]uint64{}
	props := func(e ast.Expr) value.Map {
		if e == nil {
			return nil
		}
		fn, err := (&eval.Compiler{Scope: eval.NewScope()}).Compile(e)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		v, err := fn(&function.Env{Budget: function.NewBudget(t.Context(), function.Limits{})}, nil)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		return v.AsMap()
	}
	for _, c := range q.Parts[0].Clauses {
		for _, p := range c.(*ast.Create).Patterns {
			ids := make([]uint64, len(p.Nodes))
			for i, n := range p.Nodes {
				id, ok := names[n.Var.Text]
				if !ok || n.Var.Text == "" {
					id = g.AddNode(n.Labels, props(n.Props))
				}
				names[n.Var.Text], ids[i] = id, id
			}
			for i, r := range p.Rels {
				from, to := ids[i], ids[i+1]
				if r.Dir == ast.Left {
					from, to = to, from
				}
				g.AddRel(r.Types[0], from, to, props(r.Props))
			}
		}
	}
	return g
}

var testLimits = cypher.Limits{Rows: 100_000, Expansions: 3_000_000, Bytes: 64 << 20, Time: time.Minute}

func ask(g graph.Reader, src string, params value.Map) ([]string, error) {
	r, err := cypher.Run(context.Background(), src, params, g, testLimits)
	if err != nil {
		return nil, err
	}
	rows := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		cells := make([]string, len(row))
		for j, v := range row {
			cells[j] = value.Format(v, cypher.Resolver(context.Background(), g))
		}
		rows[i] = strings.Join(cells, " | ")
	}
	return rows, nil
}

// spec is one example: the rows in any order, or in that order, or an error.
type spec struct {
	name   string
	graph  string
	query  string
	params value.Map
	want   []string
	sorted bool
	fails  string // Detail of the error
}

func run(t *testing.T, list []spec) {
	t.Helper()
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			g := made(t, s.graph)
			got, err := ask(g, s.query, s.params)
			if s.fails != "" {
				var f *fault.Error
				if !errors.As(err, &f) || f.Detail != s.fails {
					t.Fatalf("%s\ngave %q, %v; want error %s", s.query, got, err, s.fails)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", s.query, err)
			}
			want := slices.Clone(s.want)
			if !s.sorted {
				slices.Sort(got)
				slices.Sort(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s\ngave %q\nwant %q", s.query, got, want)
			}
		})
	}
}
