package parse

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// callAhead says that a function is next: name( or a.b.name(.
func (p *parser) callAhead() bool {
	i := p.at + 1
	for p.token(i).Is(".") && p.token(i+1).Name() {
		i += 2
	}
	return p.token(i).Is("(")
}

// call is a function with its arguments.
func (p *parser) call() ast.Expr {
	t := p.next()
	c := &ast.Call{At: t.Pos, Name: t.Text}
	for p.accept(".") {
		c.Name += "." + p.anyName("the name of a function").Text
	}
	p.expect("(")
	if p.is("*") && t.Keyword("COUNT") && c.Name == t.Text {
		p.next()
		p.expect(")")
		c.Star = true
		return c
	}
	c.Distinct = p.acceptWord("DISTINCT")
	for !p.is(")") {
		if len(c.Args) > 0 {
			if !p.is(",") {
				p.unexpected(", or )")
			}
			p.next()
		}
		c.Args = append(c.Args, p.expr())
	}
	p.expect(")")
	return c
}

var quantifiers = map[string]ast.Quantifier{"ALL": ast.All, "ANY": ast.Any, "NONE": ast.None, "SINGLE": ast.Single}

// quantified is all(v IN list WHERE w) and its like.
func (p *parser) quantified(kind string) ast.Expr {
	q := &ast.Quantified{At: p.next().Pos, Kind: quantifiers[kind]}
	p.expect("(")
	q.Var, q.List, q.Where = p.each()
	p.expect(")")
	return q
}

// each is v IN list, and WHERE.
func (p *parser) each() (v ast.Name, list, where ast.Expr) {
	v = p.variable()
	p.expectWord("IN")
	list = p.expr()
	if p.acceptWord("WHERE") {
		where = p.expr()
	}
	return v, list, where
}

// reduce is reduce(acc = x, v IN list | y).
func (p *parser) reduce() ast.Expr {
	r := &ast.Reduce{At: p.next().Pos}
	p.expect("(")
	r.Acc = p.variable()
	p.expect("=")
	r.Init = p.expr()
	p.expect(",")
	r.Var = p.variable()
	p.expectWord("IN")
	r.List = p.expr()
	p.expect("|")
	r.X = p.expr()
	p.expect(")")
	return r
}

// list is a list, a list comprehension or a pattern comprehension.
func (p *parser) list() ast.Expr {
	b := p.open[p.at]
	switch pattern := p.at + 1; {
	case !b.comma && p.variableAt(p.at+1) && p.peek(2).Keyword("IN"):
		return p.listComp()
	case b.bar && p.variableAt(p.at+1) && p.peek(2).Is("="):
		pattern += 2
		fallthrough
	case b.bar && p.token(pattern).Is("("):
		if p.patternAhead(pattern) {
			return p.patternComp()
		}
	}
	l := &ast.List{At: p.expect("[").Pos}
	for !p.is("]") {
		if len(l.Items) > 0 {
			if !p.is(",") {
				p.unexpected(", or ]")
			}
			p.next()
		}
		l.Items = append(l.Items, p.expr())
	}
	p.expect("]")
	return l
}

func (p *parser) listComp() ast.Expr {
	c := &ast.ListComp{At: p.expect("[").Pos}
	c.Var, c.List, c.Where = p.each()
	if p.accept("|") {
		c.X = p.expr()
	}
	p.expect("]")
	return c
}

func (p *parser) patternComp() ast.Expr {
	c := &ast.PatternComp{At: p.expect("[").Pos}
	c.Pattern = p.pattern()
	if p.acceptWord("WHERE") {
		c.Where = p.expr()
	}
	p.expect("|")
	c.X = p.expr()
	p.expect("]")
	return c
}

// mapProjection is v {.key, .*, other, k: x}.
func (p *parser) mapProjection(v *ast.Var) ast.Expr {
	m := &ast.MapProjection{At: v.At, Var: v}
	p.expect("{")
	for !p.is("}") {
		if len(m.Items) > 0 {
			p.expect(",")
		}
		m.Items = append(m.Items, p.mapItem())
	}
	p.expect("}")
	return m
}

func (p *parser) mapItem() ast.MapItem {
	if p.accept(".") {
		if p.accept("*") {
			return ast.MapItem{All: true}
		}
		return ast.MapItem{Key: p.anyName("a property, or *").Text}
	}
	t := p.tok()
	key := p.anyName("a key, a variable, .key or .*").Text
	if p.accept(":") {
		return ast.MapItem{Key: key, X: p.expr()}
	}
	return ast.MapItem{Key: key, X: &ast.Var{At: t.Pos, Name: key}}
}
