package parse

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// projection is what stands behind WITH and RETURN, which differ in what may be
// an alias.
func (p *parser) projection(alias func(want string) ast.Name) ast.Projection {
	pr := ast.Projection{Distinct: p.acceptWord("DISTINCT")}
	if p.accept("*") {
		pr.Star = true
	} else {
		pr.Items = append(pr.Items, p.item(alias))
	}
	for p.accept(",") {
		pr.Items = append(pr.Items, p.item(alias))
	}
	if p.acceptWord("ORDER") {
		p.expectWord("BY")
		pr.OrderBy = append(pr.OrderBy, p.sortItem())
		for p.accept(",") {
			pr.OrderBy = append(pr.OrderBy, p.sortItem())
		}
	}
	if p.acceptWord("SKIP") {
		pr.Skip = p.expr()
	}
	if p.acceptWord("LIMIT") {
		pr.Limit = p.expr()
	}
	return pr
}

func (p *parser) item(alias func(want string) ast.Name) ast.Item {
	first, from := p.tok(), p.at
	it := ast.Item{Expr: p.expr()}
	it.Text = strings.TrimSpace(p.src[first.Pos.Offset:p.token(p.at-1).End])
	if p.at == from+1 && first.Kind == lex.Quoted {
		it.Text = first.Text // the column of `a b` is a b
	}
	if p.acceptWord("AS") {
		it.Alias = alias("an alias")
	}
	return it
}

func (p *parser) sortItem() ast.SortItem {
	s := ast.SortItem{Expr: p.expr()}
	switch {
	case p.acceptWord("DESC"), p.acceptWord("DESCENDING"):
		s.Desc = true
	case p.acceptWord("ASC"), p.acceptWord("ASCENDING"):
	}
	return s
}
