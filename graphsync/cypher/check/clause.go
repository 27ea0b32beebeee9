package check

import (
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// query checks a query and gives its columns. The outer scope is that of the
// EXISTS it stands in; nil is none.
func (c *checker) query(q *ast.Query, outer *scope) []string {
	for i := 1; i < len(q.All); i++ {
		if q.All[i] != q.All[0] {
			c.fail(q.Parts[i+1].Clauses[0].Place(), "InvalidClauseComposition", "UNION and UNION ALL cannot be mixed")
		}
	}
	columns := c.single(q.Parts[0], outer, len(q.Parts) > 1)
	for _, part := range q.Parts[1:] {
		other := c.single(part, outer, true)
		if !slices.Equal(columns, other) {
			c.fail(part.Clauses[len(part.Clauses)-1].Place(), "DifferentColumnsInUnion", "the columns of the queries of a UNION differ: %q and %q", columns, other)
		}
	}
	return columns
}

// single checks a chain of clauses. That of EXISTS needs no RETURN, unless it is
// part of a UNION.
func (c *checker) single(s *ast.SingleQuery, outer *scope, union bool) (columns []string) {
	sc := inside(outer)
	for i, cl := range s.Clauses {
		last := i == len(s.Clauses)-1
		c.weigh(cl.Place(), sc.size())
		switch cl := cl.(type) {
		case *ast.Match:
			c.match(cl.Patterns, sc, 0)
			c.condition(cl.Where, sc, 0)
		case *ast.Unwind:
			t := c.expr(cl.List, sc, 0)
			if _, ok := sc.lookup(cl.Var.Text); ok {
				c.alreadyBound(cl.Var.Pos, cl.Var.Text)
			}
			if t.only(function.List) {
				sc.vars[cl.Var.Text] = t.element()
			} else {
				sc.vars[cl.Var.Text] = unknown
			}
		case *ast.With:
			sc = c.projection(&cl.Projection, cl, sc, outer)
			if last && (outer == nil || union) {
				c.fail(cl.Pos, "InvalidClauseComposition", "a query cannot end with WITH: it ends with RETURN")
			}
		case *ast.Return:
			columns = c.columns(&cl.Projection, sc)
			c.projection(&cl.Projection, cl, sc, outer)
			if !last {
				c.fail(s.Clauses[i+1].Place(), "InvalidClauseComposition", "nothing stands behind RETURN")
			}
		case *ast.Create:
			c.create(cl, sc)
		}
		switch cl.(type) {
		case *ast.Match, *ast.Unwind:
			if last && (outer == nil || union) {
				c.fail(cl.Place(), "InvalidClauseComposition", "a query ends with RETURN")
			}
		}
	}
	return columns
}

// columns are the names of what a projection gives, in order.
func (c *checker) columns(p *ast.Projection, sc *scope) []string {
	var out []string
	if p.Star {
		out = sc.names()
	}
	for _, it := range p.Items {
		out = append(out, it.Column())
	}
	return out
}
