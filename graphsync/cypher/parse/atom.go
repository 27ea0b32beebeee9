package parse

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// atom is an operand without operators.
func (p *parser) atom() ast.Expr {
	t := p.tok()
	switch t.Kind {
	case lex.Int:
		p.next()
		return &ast.Int{At: t.Pos, Value: *p.integer(t.Int, t.Pos)}
	case lex.Float:
		p.next()
		return &ast.Float{At: t.Pos, Value: t.Float}
	case lex.String:
		p.next()
		return &ast.String{At: t.Pos, Value: t.Text}
	case lex.Param:
		p.next()
		return &ast.Param{At: t.Pos, Name: t.Text}
	case lex.Bad:
		panic(bail{t.Err})
	case lex.Sign:
		return p.bracketed()
	case lex.Word:
		if e := p.word(); e != nil {
			return e
		}
	}
	return p.named()
}

// bracketed is what begins with a bracket.
func (p *parser) bracketed() ast.Expr {
	t := p.tok()
	switch t.Text {
	case "(":
		if p.patternAhead(p.at) {
			return &ast.PatternExpr{At: t.Pos, Pattern: p.element()}
		}
		p.next()
		x := p.expr()
		p.expect(")")
		return x
	case "[":
		return p.list()
	case "{":
		return p.mapLiteral()
	}
	p.unexpected("an expression")
	return nil
}

// word is what a keyword begins, or nil if it is a name here.
func (p *parser) word() ast.Expr {
	t, behind := p.tok(), p.peek(1)
	switch t.Key {
	case "NULL":
		p.next()
		return &ast.Null{At: t.Pos}
	case "TRUE", "FALSE":
		p.next()
		return &ast.Bool{At: t.Pos, Value: t.Key == "TRUE"}
	case "CASE":
		return p.caseOf()
	case "EXISTS":
		if behind.Is("{") {
			return p.exists()
		}
		if behind.Is("(") {
			return p.existsCall()
		}
	case "COUNT", "COLLECT":
		if behind.Is("{") && (p.peek(2).Is("(") || p.peek(2).Kind == lex.Word && reserved[p.peek(2).Key]) {
			p.unsupported(t, "%s { } is not supported: use EXISTS { } or a pattern comprehension", t.Key)
		}
	case "ALL", "ANY", "NONE", "SINGLE":
		if behind.Is("(") && p.variableAt(p.at+2) && p.peek(3).Keyword("IN") {
			return p.quantified(t.Key)
		}
	case "REDUCE":
		if behind.Is("(") && p.variableAt(p.at+2) && p.peek(3).Is("=") {
			return p.reduce()
		}
	case "SHORTESTPATH", "ALLSHORTESTPATHS":
		if behind.Is("(") {
			return &ast.PatternExpr{At: t.Pos, Pattern: p.shortest()}
		}
	}
	return nil
}

// named is a variable, a function or a map projection.
func (p *parser) named() ast.Expr {
	if !p.variableAt(p.at) {
		p.unexpected("an expression")
	}
	if p.callAhead() {
		return p.call()
	}
	t := p.next()
	v := &ast.Var{At: t.Pos, Name: t.Text}
	if p.is("{") {
		return p.mapProjection(v)
	}
	return v
}

// caseOf is CASE … END.
func (p *parser) caseOf() ast.Expr {
	c := &ast.Case{At: p.next().Pos}
	if !p.keyword("WHEN") {
		c.Test = p.expr()
	}
	for p.acceptWord("WHEN") {
		w := ast.When{If: p.expr()}
		if p.is(",") {
			p.unsupported(p.tok(), "several values behind one WHEN are not supported")
		}
		p.expectWord("THEN")
		w.Then = p.expr()
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		p.unexpected("WHEN")
	}
	if p.acceptWord("ELSE") {
		c.Else = p.expr()
	}
	p.expectWord("END")
	return c
}

// exists is EXISTS { … }.
func (p *parser) exists() ast.Expr {
	defer p.enter()()
	e := &ast.Exists{At: p.next().Pos}
	p.expect("{")
	p.inExists++
	if t := p.tok(); t.Is("(") || t.Name() && p.peek(1).Is("=") || p.shortestAhead() {
		m := &ast.Match{Pos: t.Pos, Patterns: p.patterns()}
		if p.acceptWord("WHERE") {
			m.Where = p.expr()
		}
		e.Query = &ast.Query{Parts: []*ast.SingleQuery{{Clauses: []ast.Clause{m}}}}
	} else {
		e.Query = p.query()
	}
	p.inExists--
	if !p.is("}") {
		p.refuse()
	}
	p.expect("}")
	return e
}

// existsCall is exists(…) of a pattern or a property.
func (p *parser) existsCall() ast.Expr {
	t := p.tok()
	if p.patternAhead(p.at + 2) {
		p.next()
		p.next()
		pattern := p.element()
		if p.is(")") {
			p.next()
			return &ast.PatternExpr{At: t.Pos, Pattern: pattern, Exists: true}
		}
		p.unexpected(")")
	}
	return p.call()
}

// mapLiteral is {k: x}.
func (p *parser) mapLiteral() ast.Expr {
	m := &ast.Map{At: p.expect("{").Pos}
	for !p.is("}") {
		if len(m.Keys) > 0 {
			p.expect(",")
		}
		m.Keys = append(m.Keys, p.anyName("a key").Text)
		p.expect(":")
		m.Values = append(m.Values, p.expr())
	}
	p.expect("}")
	return m
}
