package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// projection checks WITH or RETURN and gives the scope behind it. Behind a star it
// is the scope before, to which the items are added.
func (c *checker) projection(p *ast.Projection, cl ast.Clause, in, outer *scope) *scope {
	with, _ := cl.(*ast.With)
	if p.Star && with == nil && in.empty() {
		c.fail(cl.Place(), "NoVariablesInScope", "RETURN * has nothing to return: there are no variables")
	}
	c.weigh(cl.Place(), len(p.Items)*len(p.OrderBy))
	aggregated := false
	types := make([]typ, len(p.Items))
	for i, it := range p.Items {
		types[i] = c.expr(it.Expr, in, grouped)
		aggregated = aggregated || c.hasAggregate(it.Expr)
	}
	if aggregated {
		c.groups(p, in)
	}
	out := in
	if !p.Star {
		out = inside(outer)
	}
	for i, it := range p.Items {
		c.column(it, types[i], with != nil, out)
	}
	for name := range in.vars {
		if p.Star {
			break
		}
		if _, ok := out.vars[name]; !ok {
			c.dropped[name] = true
		}
	}
	behind := out // what ORDER BY and WHERE see
	if !aggregated && !p.Distinct && !p.Star {
		behind = &scope{outer: in, vars: out.vars}
	}
	if behind == out && !p.Star {
		before := c.gone
		c.gone = in
		defer func() { c.gone = before }()
	}
	c.order(p, behind, aggregated)
	c.count(p.Skip, in, "SKIP")
	c.count(p.Limit, in, "LIMIT")
	if with != nil {
		c.condition(with.Where, behind, 0)
	}
	return out
}

// column adds the variable that an item becomes.
func (c *checker) column(it ast.Item, t typ, with bool, out *scope) {
	name, pos := it.Column(), it.Expr.Place()
	if it.Alias.Text != "" {
		pos = it.Alias.Pos
	}
	v, isVar := it.Expr.(*ast.Var)
	if with && it.Alias.Text == "" && (!isVar || v.Name != name) {
		c.fail(pos, "NoExpressionAlias", "an expression of WITH needs a name: write %s AS name", short(it.Text))
	}
	if _, ok := out.vars[name]; ok {
		c.fail(pos, "ColumnNameConflict", "there are two columns %s", short(name))
	}
	if _, ok := out.outer.lookup(name); ok && with && !(isVar && v.Name == name) {
		c.alreadyBound(pos, name)
	}
	out.vars[name] = t
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// count checks SKIP and LIMIT, which are the same for all rows.
func (c *checker) count(e ast.Expr, in *scope, word string) {
	if e == nil {
		return
	}
	if pos, ok := c.variableIn(e, nil); ok {
		c.fail(pos, "NonConstantExpression", "%s cannot depend on variables or patterns", word)
		return
	}
	t := c.expr(e, in, 0)
	switch n := e.(type) {
	case *ast.Int:
		c.negative(n.At, n.Value < 0, word)
	case *ast.Unary:
		if i, ok := n.X.(*ast.Int); ok && n.Op == ast.Neg {
			c.negative(n.At, i.Value > 0, word)
		}
	}
	if t.not(function.Integer) || t.only(null) {
		c.fail(e.Place(), "InvalidArgumentType", "%s is a number of rows", word)
	}
}

func (c *checker) negative(pos fault.Pos, is bool, word string) {
	if is {
		c.fail(pos, "NegativeIntegerArgument", "%s cannot be negative", word)
	}
}

// variableIn finds a variable, a pattern or a query in e that is not of its own
// making.
func (c *checker) variableIn(e ast.Expr, own []string) (pos fault.Pos, found bool) {
	switch e := e.(type) {
	case *ast.Var:
		for _, name := range own {
			if name == e.Name {
				return pos, false
			}
		}
		return e.At, true
	case *ast.PatternComp, *ast.PatternExpr, *ast.Exists:
		return e.Place(), true
	}
	parts(e, func(x ast.Expr, inner []string) {
		if !found {
			pos, found = c.variableIn(x, append(own[:len(own):len(own)], inner...))
		}
	})
	return pos, found
}
