package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// inner is a query inside of an expression: it is run on the frame of the row that
// the expression is asked for, in slots of its own.
type inner struct {
	parts []chain
	found func() error // takes a row of the answer
}

// sink is the end of a chain: it hands rows on.
type sink struct {
	link
	take func() error
}

func (s *sink) open() error  { return nil }
func (s *sink) close() error { return nil }
func (s *sink) push() error  { return s.take() }

func (b *builder) inner(s *eval.Scope, q *ast.Query, exists bool) (*inner, [][]int, error) {
	p, err := b.planner.Inner(q, s.Names(), exists)
	if err != nil {
		return nil, nil, err
	}
	b.program.inner = append(b.program.inner, p)
	in := &inner{}
	var columns [][]int
	for _, part := range p.Parts {
		sub := b.program.builder(s)
		if err := sub.steps(part.Steps); err != nil {
			return nil, nil, err
		}
		slots, err := sub.slots(part.Columns)
		if err != nil {
			return nil, nil, err
		}
		columns = append(columns, slots)
		sub.chain.add(&sink{take: func() error { return in.found() }})
		in.parts = append(in.parts, sub.chain)
	}
	return in, columns, nil
}

// exists compiles EXISTS: whether there is a row.
func (b *builder) exists(s *eval.Scope, q *ast.Query) (eval.Fn, error) {
	in, _, err := b.inner(s, q, true)
	if err != nil {
		return nil, err
	}
	found := false
	in.found = func() error {
		found = true
		return errStop
	}
	return func(*function.Env, eval.Row) (value.Value, error) {
		found = false
		for i := range in.parts {
			if err := in.parts[i].run(); err != nil {
				return value.Null, err
			}
			if found {
				break
			}
		}
		return value.Bool(found), nil
	}, nil
}

// gather compiles a query to the list of its only column.
func (b *builder) gather(s *eval.Scope, q *ast.Query, one bool) (eval.Fn, error) {
	in, columns, err := b.inner(s, q, false)
	if err != nil {
		return nil, err
	}
	slot := columns[0][0]
	var list []value.Value
	held := 0
	in.found = func() error {
		v := b.m.row[slot]
		bytes := value.Size(v)
		if err := b.m.env.Budget.Hold(bytes); err != nil {
			return err
		}
		held += bytes
		list = append(list, v)
		if one {
			return errStop
		}
		return nil
	}
	return func(env *function.Env, _ eval.Row) (value.Value, error) {
		list, held = nil, 0
		err := in.parts[0].run()
		env.Budget.Release(held)
		if err != nil {
			return value.Null, err
		}
		out := list
		list = nil
		if one {
			if len(out) == 0 {
				return value.Null, nil
			}
			return out[0], nil
		}
		return value.List(out), nil
	}, nil
}

// wrap makes a query that matches a pattern and returns one thing for each match.
func (b *builder) wrap(p *ast.Pattern, where, x ast.Expr) *ast.Query {
	item := ast.Item{Expr: x, Alias: ast.Name{Text: b.planner.Hidden(), Pos: p.Pos}}
	return &ast.Query{Parts: []*ast.SingleQuery{{Clauses: []ast.Clause{
		&ast.Match{Pos: p.Pos, Patterns: []*ast.Pattern{p}, Where: where},
		&ast.Return{Pos: p.Pos, Projection: ast.Projection{Items: []ast.Item{item}}},
	}}}}
}

// pattern compiles a pattern comprehension.
func (b *builder) pattern(s *eval.Scope, p *ast.Pattern, where, x ast.Expr) (eval.Fn, error) {
	return b.gather(s, b.wrap(p, where, x), false)
}

// pathExpr compiles shortestPath and allShortestPaths as expressions.
func (b *builder) pathExpr(s *eval.Scope, p *ast.Pattern) (eval.Fn, error) {
	named := *p
	named.Var = ast.Name{Text: b.planner.Hidden(), Pos: p.Pos}
	return b.gather(s, b.wrap(&named, nil, &ast.Var{At: p.Pos, Name: named.Var.Text}), p.Func == ast.ShortestPath)
}
