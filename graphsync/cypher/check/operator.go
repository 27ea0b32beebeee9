package check

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *checker) unary(e *ast.Unary, sc *scope, u use) typ {
	if e.Op == ast.Not {
		c.want(e.X, c.expr(e.X, sc, u|predicate), function.Boolean, "NOT is of")
		return boolean
	}
	t := c.expr(e.X, sc, u)
	c.want(e.X, t, function.Number|function.Duration, "a sign stands before")
	return t
}

func (c *checker) binary(e *ast.Binary, sc *scope, u use) typ {
	switch e.Op {
	case ast.And, ast.Or, ast.Xor:
		u |= predicate
	}
	l, r := c.expr(e.L, sc, u), c.expr(e.R, sc, u)
	switch e.Op {
	case ast.And, ast.Or, ast.Xor:
		c.want(e.L, l, function.Boolean, "AND, OR and XOR are of")
		c.want(e.R, r, function.Boolean, "AND, OR and XOR are of")
	case ast.In:
		c.want(e.R, r, function.List, "behind IN is")
	case ast.StartsWith, ast.EndsWith, ast.Contains, ast.Matches:
	default:
		return c.arithmetic(e, l, r)
	}
	return boolean
}

// operands are what arithmetic takes, on either side. + takes lists besides, and
// anything beside a list.
var operands = map[ast.Op]function.Type{
	ast.Add: function.Number | function.String | temporal,
	ast.Sub: function.Number | temporal,
	ast.Mul: function.Number | function.Duration,
	ast.Div: function.Number | function.Duration,
	ast.Mod: function.Number,
	ast.Pow: function.Number,
}

func (c *checker) arithmetic(e *ast.Binary, l, r typ) typ {
	if e.Op == ast.Add && (l.set|r.set)&function.List != 0 {
		if l.only(function.List) && r.only(function.List) {
			return listOf(either(l.element(), r.element()))
		}
		if l.only(function.List) || r.only(function.List) {
			return listOf(unknown)
		}
		return unknown
	}
	c.want(e.L, l, operands[e.Op], "an operand is")
	c.want(e.R, r, operands[e.Op], "an operand is")
	switch both := l.set | r.set; {
	case e.Op == ast.Pow:
		return either(float, nothing)
	case both == function.Integer:
		return integer
	case l.only(function.Number) && r.only(function.Number) && (l.set == function.Float || r.set == function.Float):
		return float
	case e.Op == ast.Add && both&^(function.String|function.Number) == 0 && (l.set == function.String || r.set == function.String):
		return text
	}
	return unknown
}

// oneOf names the kinds of a type.
func oneOf(t function.Type) string {
	var names []string
	for k := value.KindBool; k <= value.KindDuration; k++ {
		if t&function.TypeOf(k) != 0 {
			names = append(names, k.String())
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
	return strings.Join(names, "")
}
