package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// loop checks the expressions that have variables of their own. Aggregates may
// stand in the list that they go through, but not in what is done for each
// element.
func (c *checker) loop(e ast.Expr, sc *scope, u use) typ {
	each := u &^ grouped
	switch e := e.(type) {
	case *ast.ListComp:
		elem := c.each(e.List, sc, u)
		in := sc.with(e.Var.Text, elem)
		c.condition(e.Where, in, each)
		if e.X != nil {
			elem = c.expr(e.X, in, each)
		}
		return listOf(elem)
	case *ast.Quantified:
		in := sc.with(e.Var.Text, c.each(e.List, sc, u))
		c.condition(e.Where, in, each)
		return boolean
	case *ast.Reduce:
		c.expr(e.Init, sc, u)
		in := sc.with(e.Var.Text, c.each(e.List, sc, u))
		if e.Acc.Text == e.Var.Text {
			c.fail(e.Var.Pos, "VariableAlreadyBound", "the variable %s is both the sum and the element", e.Var.Text)
		}
		in.vars[e.Acc.Text] = unknown
		c.expr(e.X, in, each)
		return unknown
	case *ast.PatternComp:
		c.weigh(e.At, sc.size())
		in := inside(sc)
		c.match([]*ast.Pattern{e.Pattern}, in, each)
		c.condition(e.Where, in, each)
		return listOf(c.expr(e.X, in, each))
	}
	return unknown
}

// each is what the elements of a list are that is gone through.
func (c *checker) each(list ast.Expr, sc *scope, u use) typ {
	t := c.expr(list, sc, u)
	c.want(list, t, function.List, "what is gone through is")
	return t.element()
}
