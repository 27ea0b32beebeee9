package parse

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// The levels of precedence, loosest first.
const (
	levelOr = iota + 1
	levelXor
	levelAnd
	levelNot
	levelComparison
	levelPredicate // IN, STARTS WITH, IS NULL and the like
	levelAdd
	levelMul
	levelPow
)

// expr is a whole expression.
func (p *parser) expr() ast.Expr {
	defer p.enter()()
	return p.binary(levelOr)
}

// operator is the operator that stands next, its level, and how many tokens it
// has; no level is none.
func (p *parser) operator() (op ast.Op, level, tokens int) {
	t := p.tok()
	switch t.Kind {
	case lex.Sign:
		switch t.Text {
		case "=":
			return ast.Eq, levelComparison, 1
		case "<>":
			return ast.Ne, levelComparison, 1
		case "<":
			return ast.Lt, levelComparison, 1
		case "<=":
			return ast.Le, levelComparison, 1
		case ">":
			return ast.Gt, levelComparison, 1
		case ">=":
			return ast.Ge, levelComparison, 1
		case "=~":
			return ast.Matches, levelPredicate, 1
		case "+":
			return ast.Add, levelAdd, 1
		case "-":
			return ast.Sub, levelAdd, 1
		case "*":
			return ast.Mul, levelMul, 1
		case "/":
			return ast.Div, levelMul, 1
		case "%":
			return ast.Mod, levelMul, 1
		case "^":
			return ast.Pow, levelPow, 1
		}
	case lex.Word:
		switch t.Key {
		case "OR":
			return ast.Or, levelOr, 1
		case "XOR":
			return ast.Xor, levelXor, 1
		case "AND":
			return ast.And, levelAnd, 1
		case "IN":
			return ast.In, levelPredicate, 1
		case "CONTAINS":
			return ast.Contains, levelPredicate, 1
		case "STARTS":
			return ast.StartsWith, levelPredicate, 2
		case "ENDS":
			return ast.EndsWith, levelPredicate, 2
		case "IS":
			return 0, levelPredicate, 0
		}
	}
	return 0, 0, 0
}

// binary is an expression of operators that bind at least as tightly as level.
// All of them are left-associative, ^ too; comparisons make a chain.
func (p *parser) binary(level int) ast.Expr {
	before := p.height
	p.height = 0
	left := p.prefix(level)
	for {
		op, l, tokens := p.operator()
		if l < level || l == 0 {
			p.height = max(before, p.height)
			return left
		}
		at := p.tok().Pos
		switch {
		case l == levelComparison:
			left = p.comparison(left)
		case tokens == 0:
			left = p.isNull(left)
		default:
			p.next()
			if tokens == 2 {
				p.expectWord("WITH")
			}
			left = &ast.Binary{At: at, Op: op, L: left, R: p.binary(l + 1)}
		}
		p.rise()
	}
}

// comparison is the rest of a < b < c.
func (p *parser) comparison(first ast.Expr) ast.Expr {
	c := &ast.Comparison{At: p.tok().Pos, Items: []ast.Expr{first}}
	for {
		op, l, _ := p.operator()
		if l != levelComparison {
			return c
		}
		p.next()
		c.Ops = append(c.Ops, op)
		c.Items = append(c.Items, p.binary(levelComparison+1))
	}
}

func (p *parser) isNull(x ast.Expr) ast.Expr {
	t := p.expectWord("IS")
	not := p.acceptWord("NOT")
	if p.is("::") || p.keyword("TYPED") || p.keyword("NORMALIZED") {
		p.unsupported(p.tok(), "IS %s is not supported", p.tok().Text)
	}
	p.expectWord("NULL")
	return &ast.IsNull{At: t.Pos, X: x, Not: not}
}

// prefix is an operand with the operators before it.
func (p *parser) prefix(level int) ast.Expr {
	t := p.tok()
	switch {
	case t.Keyword("NOT") && level <= levelNot:
		defer p.enter()()
		p.next()
		return &ast.Unary{At: t.Pos, Op: ast.Not, X: p.binary(levelNot)}
	case t.Is("-"):
		defer p.enter()()
		p.next()
		if n := p.tok(); n.Kind == lex.Int && n.Int == 1<<63 {
			p.next()
			return p.postfix(&ast.Int{At: t.Pos, Value: math.MinInt64})
		}
		return &ast.Unary{At: t.Pos, Op: ast.Neg, X: p.prefix(levelPow + 1)}
	case t.Is("+"):
		defer p.enter()()
		p.next()
		return &ast.Unary{At: t.Pos, Op: ast.Pos, X: p.prefix(levelPow + 1)}
	}
	return p.postfix(p.atom())
}

// postfix is x with what stands behind it: .key, [i], [a..b], :Label.
func (p *parser) postfix(x ast.Expr) ast.Expr {
	for {
		t := p.tok()
		switch {
		case t.Is("."):
			p.next()
			x = &ast.Property{At: t.Pos, X: x, Key: p.anyName("a property").Text}
		case t.Is("["):
			x = p.index(x, t.Pos)
		case t.Is(":"):
			h := &ast.HasLabels{At: t.Pos, X: x}
			for p.accept(":") {
				h.Labels = append(h.Labels, p.anyName("a label").Text)
				if p.is("&") {
					p.unsupported(p.tok(), "label expressions are not supported: write n:A AND n:B")
				}
			}
			x = h
		case t.Is("::"):
			p.unsupported(t, "type predicates are not supported")
		default:
			return x
		}
		p.rise()
	}
}

// index is x[i] or x[a..b].
func (p *parser) index(x ast.Expr, at fault.Pos) ast.Expr {
	p.expect("[")
	var from, to ast.Expr
	if !p.is("..") {
		from = p.expr()
		if p.accept("]") {
			return &ast.Index{At: at, X: x, I: from}
		}
	}
	if !p.accept("..") {
		p.unexpected("] or ..")
	}
	if !p.is("]") {
		to = p.expr()
	}
	p.expect("]")
	return &ast.Slice{At: at, X: x, From: from, To: to}
}
