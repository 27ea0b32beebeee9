package plan

import (
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// count answers MATCH (n:L) and MATCH ()-[r:T]->(), followed by nothing but their
// number, from what the graph counts anyway, if that is exact.
func (b *building) count(m *ast.Match, next ast.Clause) (*Count, bool) {
	if m.Optional || m.Where != nil || len(m.Patterns) != 1 || len(b.part.Steps) > 0 || len(b.sc.names) > 0 {
		return nil, false
	}
	p := projectionOf(next)
	if p == nil || p.Star || len(p.Items) != 1 || len(p.OrderBy) > 0 {
		return nil, false
	}
	call, ok := p.Items[0].Expr.(*ast.Call)
	if !ok {
		return nil, false
	}
	f, ok := function.Lookup(call.Name)
	if !ok || f.Name != "count" || call.Distinct {
		return nil, false
	}
	pat := m.Patterns[0]
	if !call.Star {
		v, ok := call.Args[0].(*ast.Var)
		if !ok || !slices.Contains(pat.Names(), v.Name) {
			return nil, false
		}
	}
	op, ok := countable(pat)
	if !ok {
		return nil, false
	}
	exact := false
	if op.Rels {
		_, exact = b.guess.stats.CountRels(op.Label)
	} else {
		_, exact = b.guess.stats.CountNodes(op.Label)
	}
	op.Var = b.Hidden()
	return op, exact
}

func projectionOf(c ast.Clause) *ast.Projection {
	switch c := c.(type) {
	case *ast.With:
		return &c.Projection
	case *ast.Return:
		return &c.Projection
	}
	return nil
}

func countable(p *ast.Pattern) (*Count, bool) {
	if p.Func != ast.AllPaths || len(p.Rels) > 1 {
		return nil, false
	}
	for _, n := range p.Nodes {
		if n.Props != nil {
			return nil, false
		}
	}
	first := p.Nodes[0]
	if len(p.Rels) == 0 {
		if len(first.Labels) > 1 {
			return nil, false
		}
		op := &Count{}
		if len(first.Labels) == 1 {
			op.Label = first.Labels[0]
		}
		return op, true
	}
	r, second := p.Rels[0], p.Nodes[1]
	// A loop stands for itself in both directions, so that -- is not twice -->.
	if r.Dir == ast.Either || r.Range != nil || r.Props != nil || len(r.Types) > 1 || len(first.Labels)+len(second.Labels) > 0 {
		return nil, false
	}
	if first.Var.Text != "" && first.Var.Text == second.Var.Text {
		return nil, false
	}
	op := &Count{Rels: true}
	if len(r.Types) == 1 {
		op.Label = r.Types[0]
	}
	return op, true
}

// counted plans what follows such a count.
func (b *building) counted(op *Count, next ast.Clause) error {
	b.rows = 1
	b.add(op)
	p := *projectionOf(next)
	var where ast.Expr
	if w, ok := next.(*ast.With); ok {
		where = w.Where
	}
	items := []Item{{Name: p.Items[0].Column(), Expr: &ast.Var{At: p.Items[0].Expr.Place(), Name: op.Var}}}
	b.add(&Project{Items: items})
	b.finish(&p, items, where, nil)
	if _, ok := next.(*ast.Return); ok {
		b.part.Columns = b.columns
	}
	return nil
}
