package check

import "github.com/meshd/meshd/graphsync/cypher/ast"

// order checks ORDER BY. Behind a projection that groups or drops duplicates,
// only what it has computed is left: its columns, and expressions written like
// its items. Otherwise the variables before it are seen too.
func (c *checker) order(p *ast.Projection, behind *scope, aggregated bool) {
	if !aggregated && !p.Distinct {
		for _, s := range p.OrderBy {
			c.expr(s.Expr, behind, 0)
		}
		return
	}
	if len(p.OrderBy) == 0 {
		return
	}
	before := c.known
	defer func() { c.known = before }()
	items := map[int]ast.Item{}
	for _, it := range p.Items {
		items[c.terms.number(it.Expr)] = it
	}
	for _, s := range p.OrderBy {
		k := &computed{c: c, items: items, behind: behind, whole: s.Expr, mixed: aggregated && c.hasAggregate(s.Expr)}
		c.known = k.find
		c.expr(s.Expr, behind, 0)
	}
}

// computed are the items of a projection, for one sort key behind it.
type computed struct {
	c      *checker
	items  map[int]ast.Item
	behind *scope
	whole  ast.Expr
	// mixed says that the key has an aggregate in it: then, as in an item, only
	// simple expressions and aggregates may be spoken of by their parts.
	mixed bool
}

func (k *computed) find(e ast.Expr, sc *scope) (typ, bool) {
	if v, ok := e.(*ast.Var); ok {
		if _, ok := sc.lookup(v.Name); ok {
			return typ{}, false
		}
	}
	it, ok := k.items[k.c.terms.number(e)]
	if !ok || k.hidden(e, sc) {
		return typ{}, false
	}
	if k.mixed && e != k.whole && !simple(e) && !k.c.hasAggregate(e) && !constant(e) {
		k.c.fail(e.Place(), "AmbiguousAggregationExpression", "beside an aggregate, ORDER BY takes columns, their variables and properties: give this expression a name and use that")
	}
	t, _ := k.behind.lookup(it.Column())
	return t, true
}

// hidden says that e speaks of a variable of a comprehension around it.
func (k *computed) hidden(e ast.Expr, sc *scope) bool {
	found := false
	for ; sc != k.behind && sc != nil; sc = sc.outer {
		exprNames(e, func(name string) {
			_, own := sc.vars[name]
			found = found || own
		})
	}
	return found
}

// constant says that an expression speaks of no variable.
func constant(e ast.Expr) bool {
	found := false
	exprNames(e, func(string) { found = true })
	return !found
}
