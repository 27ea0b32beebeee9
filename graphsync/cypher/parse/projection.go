package parse

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// projection is what stands behind WITH and RETURN. What RETURN names is no
// variable, so every word will do.
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
	from := p.tok().Pos.Offset
	it := ast.Item{Expr: p.expr()}
	it.Text = strings.TrimSpace(p.src[from:p.token(p.at-1).End])
	if v, ok := it.Expr.(*ast.Var); ok {
		it.Text = v.Name // the column of `a b` is a b
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
