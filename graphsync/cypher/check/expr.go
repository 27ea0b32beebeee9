package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// use is what an expression is for.
type use uint8

const (
	// grouped: aggregates may stand in it.
	grouped use = 1 << iota
	// aggregating: it is inside of an aggregate.
	aggregating
	// predicate: its value is asked for as true or false, so a pattern may be it.
	predicate
)

// expr checks an expression and says what is evident of its value.
func (c *checker) expr(e ast.Expr, sc *scope, u use) typ {
	if c.known != nil {
		if t, ok := c.known(e, sc); ok {
			return t
		}
	}
	in := u &^ predicate
	switch e := e.(type) {
	case *ast.Null:
		return nothing
	case *ast.Bool:
		return boolean
	case *ast.Int:
		return integer
	case *ast.Float:
		return float
	case *ast.String:
		return text
	case *ast.Param:
		c.param(e)
		return unknown
	case *ast.Var:
		return c.variable(e.At, e.Name, sc)
	case *ast.List:
		return c.list(e, sc, in)
	case *ast.Map:
		for _, x := range e.Values {
			c.expr(x, sc, in)
		}
		return mapping
	case *ast.Property:
		return c.property(e, sc, in)
	case *ast.Index:
		return c.index(e, sc, in)
	case *ast.Slice:
		return c.slice(e, sc, in)
	case *ast.Unary:
		return c.unary(e, sc, in)
	case *ast.Binary:
		return c.binary(e, sc, in)
	case *ast.Comparison:
		for _, x := range e.Items {
			c.expr(x, sc, in)
		}
		return boolean
	case *ast.IsNull:
		c.expr(e.X, sc, in)
		return boolean
	case *ast.HasLabels:
		c.want(e.X, c.expr(e.X, sc, in), function.Node|function.Relationship, "labels are asked of")
		return boolean
	case *ast.Call:
		return c.call(e, sc, in)
	case *ast.Case:
		return c.caseOf(e, sc, in)
	case *ast.MapProjection:
		return c.projected(e, sc, in)
	case *ast.PatternExpr:
		return c.patternExpr(e, sc, u)
	case *ast.Exists:
		c.weigh(e.At, sc.size())
		c.query(e.Query, sc)
		return boolean
	}
	return c.loop(e, sc, in)
}

// want refuses an expression whose value is evidently not of the allowed kinds.
func (c *checker) want(e ast.Expr, t typ, allowed function.Type, what string) {
	if t.not(allowed) {
		c.fail(e.Place(), "InvalidArgumentType", "%s %s, but this is %s", what, oneOf(allowed), t.words())
	}
}

// condition checks what must be true or false.
func (c *checker) condition(e ast.Expr, sc *scope, u use) {
	if e != nil {
		c.want(e, c.expr(e, sc, u|predicate), function.Boolean, "a condition is")
	}
}

func (c *checker) variable(pos fault.Pos, name string, sc *scope) typ {
	t, ok := sc.lookup(name)
	if !ok {
		if c.dropped[name] {
			c.fail(pos, "UndefinedVariable", "there is no variable %s here: behind WITH, DISTINCT and aggregates there is only what they give", name)
		}
		c.fail(pos, "UndefinedVariable", "there is no variable %s here", name)
		return unknown
	}
	return t
}

func (c *checker) param(e *ast.Param) {
	if c.opt.Params == nil {
		return
	}
	if _, ok := c.opt.Params[e.Name]; !ok && c.err == nil {
		c.err = fault.At(e.At, fault.Parameter, "MissingParameter", "the parameter $%s is not given", e.Name)
	}
}

func (c *checker) list(e *ast.List, sc *scope, u use) typ {
	if len(e.Items) == 0 {
		return listOf(unknown)
	}
	elem := c.expr(e.Items[0], sc, u)
	for _, x := range e.Items[1:] {
		elem = either(elem, c.expr(x, sc, u))
	}
	return listOf(elem)
}

// property is refused where it is evident from the text of the expression, or
// from a pattern, that there are none. A variable that a value was given to is
// left to the executor.
func (c *checker) property(e *ast.Property, sc *scope, u use) typ {
	t := c.expr(e.X, sc, u)
	switch e.X.(type) {
	case *ast.Var:
		if !t.only(function.Path) && !(t.only(function.List) && t.element().only(function.Relationship)) {
			return unknown
		}
	case *ast.Int, *ast.Float, *ast.String, *ast.Bool, *ast.List, *ast.PatternComp, *ast.PatternExpr:
	default:
		return unknown
	}
	if t.not(function.Map | function.Node | function.Relationship | temporal) {
		c.fail(e.X.Place(), "InvalidArgumentType", "%s has no properties", t.words())
	}
	return unknown
}

func (c *checker) index(e *ast.Index, sc *scope, u use) typ {
	x, i := c.expr(e.X, sc, u), c.expr(e.I, sc, u)
	c.want(e.X, x, function.List|function.Map|function.Node|function.Relationship, "what is indexed is")
	if x.only(function.List) {
		c.want(e.I, i, function.Integer, "the index of a list is")
		return either(x.element(), nothing)
	}
	return unknown
}

func (c *checker) slice(e *ast.Slice, sc *scope, u use) typ {
	x := c.expr(e.X, sc, u)
	c.want(e.X, x, function.List, "what is sliced is")
	for _, i := range []ast.Expr{e.From, e.To} {
		if i != nil {
			c.want(i, c.expr(i, sc, u), function.Integer, "the end of a slice is")
		}
	}
	return listOf(x.element())
}

func (c *checker) caseOf(e *ast.Case, sc *scope, u use) typ {
	out := nothing
	if e.Test != nil {
		c.expr(e.Test, sc, u)
	}
	for _, w := range e.Whens {
		if e.Test != nil {
			c.expr(w.If, sc, u)
		} else {
			c.condition(w.If, sc, u)
		}
		out = either(out, c.expr(w.Then, sc, u))
	}
	if e.Else != nil {
		out = either(out, c.expr(e.Else, sc, u))
	}
	return out
}

func (c *checker) projected(e *ast.MapProjection, sc *scope, u use) typ {
	t := c.expr(e.Var, sc, u)
	c.want(e.Var, t, function.Map|function.Node|function.Relationship, "a projection is of")
	for _, it := range e.Items {
		if it.X != nil {
			c.expr(it.X, sc, u)
		}
	}
	return mapping
}
