package parse

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// pattern is a pattern of MATCH: perhaps named, perhaps a shortest path.
func (p *parser) pattern() *ast.Pattern {
	pos := p.tok().Pos
	var name ast.Name
	if p.tok().Name() && p.peek(1).Is("=") {
		name = p.newName("a variable")
		p.next()
	}
	var out *ast.Pattern
	if p.shortestAhead() {
		out = p.shortest()
	} else {
		out = p.element()
	}
	out.Pos, out.Var = pos, name
	return out
}

// shortestAhead says that shortestPath( or allShortestPaths( is next.
func (p *parser) shortestAhead() bool {
	t := p.tok()
	return (t.Keyword("SHORTESTPATH") || t.Keyword("ALLSHORTESTPATHS")) && p.peek(1).Is("(")
}

func (p *parser) shortest() *ast.Pattern {
	t := p.next()
	p.expect("(")
	out := p.element()
	p.expect(")")
	out.Pos, out.Func = t.Pos, ast.ShortestPath
	if t.Key == "ALLSHORTESTPATHS" {
		out.Func = ast.AllShortestPaths
	}
	return out
}

// element is a chain of nodes and relationships, or one in parentheses.
func (p *parser) element() *ast.Pattern {
	defer p.enter()()
	pos := p.tok().Pos
	if p.is("(") && (p.peek(1).Is("(") || p.peek(1).Name() && p.peek(2).Is("=")) {
		p.next()
		if p.peek(1).Is("=") {
			p.unsupported(p.tok(), "a name inside of parentheses is not supported: write p = (a)-->(b)")
		}
		out := p.element()
		p.expect(")")
		if p.is("{") || p.is("+") || p.is("*") {
			p.unsupported(p.tok(), "quantified path patterns are not supported: write -[:T*1..3]->")
		}
		return out
	}
	out := &ast.Pattern{Pos: pos, Nodes: []*ast.NodePattern{p.node()}}
	for p.drawn(p.at, "-") || p.drawn(p.at, "<") && p.drawn(p.at+1, "-") {
		out.Rels = append(out.Rels, p.rel())
		out.Nodes = append(out.Nodes, p.node())
	}
	return out
}

func (p *parser) node() *ast.NodePattern {
	n := &ast.NodePattern{Pos: p.tok().Pos}
	p.expect("(")
	if p.elementAt(p.at) {
		n.Var = p.newName("a variable")
	}
	for p.accept(":") {
		if p.is("(") || p.is("!") || p.is("%") {
			p.unsupported(p.tok(), "label expressions are not supported: write (n:A:B), or WHERE n:A OR n:B")
		}
		n.Labels = append(n.Labels, p.anyName("a label").Text)
		if p.is("|") || p.is("&") {
			p.unsupported(p.tok(), "label expressions are not supported: write (n:A:B), or WHERE n:A OR n:B")
		}
	}
	n.Props = p.props()
	if p.keyword("WHERE") {
		p.unsupported(p.tok(), "WHERE inside of a pattern is not supported: write it behind the pattern")
	}
	p.expect(")")
	return n
}

// props are {…} or a parameter, or nothing.
func (p *parser) props() ast.Expr {
	switch {
	case p.is("{"):
		return p.mapLiteral()
	case p.tok().Kind == param:
		t := p.next()
		return &ast.Param{At: t.Pos, Name: t.Text}
	}
	return nil
}

func (p *parser) rel() *ast.RelPattern {
	r := &ast.RelPattern{Pos: p.tok().Pos}
	left := p.draw("<")
	if !p.draw("-") {
		p.unexpected("-")
	}
	if p.is("[") {
		p.detail(r)
	}
	if !p.draw("-") {
		p.unexpected("-")
	}
	right := p.draw(">")
	switch {
	case left && !right:
		r.Dir = ast.Left
	case right && !left:
		r.Dir = ast.Right
	}
	if p.is("{") || p.is("+") || p.is("*") {
		p.unsupported(p.tok(), "quantified relationships are not supported: write -[:T*1..3]->")
	}
	return r
}

func (p *parser) draw(s string) bool {
	if p.drawn(p.at, s) {
		p.next()
		return true
	}
	return false
}

// detail is [v:A|B*1..3 {k: 1}].
func (p *parser) detail(r *ast.RelPattern) {
	p.expect("[")
	if p.elementAt(p.at) {
		r.Var = p.newName("a variable")
	}
	if p.accept(":") {
		for again := true; again; {
			if p.is("(") || p.is("!") || p.is("%") {
				p.unsupported(p.tok(), "type expressions are not supported: write [:A|B]")
			}
			r.Types = append(r.Types, p.anyName("a relationship type").Text)
			if again = p.accept("|"); again {
				p.accept(":")
			}
		}
		if p.is("&") {
			p.unsupported(p.tok(), "type expressions are not supported: write [:A|B]")
		}
	}
	switch {
	case p.is("*"):
		r.Range = p.lengths()
	case p.is(".."):
		p.fail(p.tok().Pos, "InvalidRelationshipPattern", "the length of a path begins with *: write *%s", p.span())
	}
	r.Props = p.props()
	if p.keyword("WHERE") {
		p.unsupported(p.tok(), "WHERE inside of a pattern is not supported: write it behind the pattern")
	}
	p.expect("]")
}

// span is what stands from here to the closing bracket of the relationship, for
// an error to show.
func (p *parser) span() string {
	if p.peek(1).Kind == lex.Int {
		return ".." + p.peek(1).Text
	}
	return ".."
}

// lengths are *, *n, *n.., *..n and *n..m.
func (p *parser) lengths() *ast.Range {
	p.expect("*")
	r := &ast.Range{Min: p.length()}
	if p.accept("..") {
		r.Max = p.length()
	} else if r.Min != nil {
		r.Max = r.Min
	}
	return r
}

func (p *parser) length() *int64 {
	t := p.tok()
	switch {
	case t.Is("-") && p.peek(1).Kind == lex.Int:
		p.fail(t.Pos, "InvalidRelationshipPattern", "the length of a path cannot be negative")
	case t.Kind == lex.Bad && t.Number:
		panic(bail{t.Err})
	case t.Kind != lex.Int:
		return nil
	}
	p.next()
	return p.integer(t.Int, t.Pos)
}

func (p *parser) integer(v uint64, pos fault.Pos) *int64 {
	if v > math.MaxInt64 {
		panic(bail{lex.Overflow(pos)})
	}
	n := int64(v)
	return &n
}
