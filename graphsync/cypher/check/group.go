package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// hasAggregate says that an aggregate stands in e, so that e is one value a group.
func (c *checker) hasAggregate(e ast.Expr) bool {
	if has, ok := c.terms.aggregated[e]; ok {
		return has
	}
	call, ok := e.(*ast.Call)
	has := ok && isAggregate(call)
	if !has {
		parts(e, func(x ast.Expr, _ []string) { has = c.hasAggregate(x) || has })
	}
	c.terms.aggregated[e] = has
	return has
}

// groups refuses items that mix an aggregate with something that has no one value
// in a group. What has one are the variables, and the properties of variables,
// that are items themselves.
func (c *checker) groups(p *ast.Projection, in *scope) {
	keys := map[int]bool{}
	names := map[string]bool{}
	if p.Star {
		for name := range in.vars {
			names[name] = true
		}
	}
	for _, it := range p.Items {
		if c.hasAggregate(it.Expr) || !simple(it.Expr) {
			continue
		}
		keys[c.terms.number(it.Expr)] = true
		if v, ok := it.Expr.(*ast.Var); ok {
			names[v.Name] = true
		}
	}
	for _, it := range p.Items {
		if c.hasAggregate(it.Expr) {
			g := grouping{c: c, keys: keys, names: names, in: in}
			g.look(it.Expr, nil)
		}
	}
}

// simple says that an expression may be a key that other items speak of.
func simple(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Var:
		return true
	case *ast.Property:
		return simple(e.X)
	}
	return false
}

func isAggregate(e *ast.Call) bool {
	f, ok := function.Lookup(e.Name)
	return ok && f.Aggregate
}

// grouping looks through one item for what is neither a key nor aggregated.
type grouping struct {
	c     *checker
	keys  map[int]bool
	names map[string]bool
	in    *scope
}

// look goes through e; own are the variables of the comprehensions around it.
func (g *grouping) look(e ast.Expr, own map[string]bool) {
	switch e := e.(type) {
	case *ast.Var:
		g.name(e, e.Name, own)
		return
	case *ast.Call:
		if isAggregate(e) {
			return
		}
	case *ast.Property:
		if root(e, own) && g.keys[g.c.terms.number(e)] {
			return
		}
	case *ast.PatternComp, *ast.PatternExpr, *ast.Exists:
		g.mentions(e, own)
	}
	parts(e, func(x ast.Expr, inner []string) {
		if _, ok := e.(*ast.PatternComp); ok {
			inner = g.fresh(inner)
		}
		seen := own
		if len(inner) > 0 {
			seen = map[string]bool{}
			for name := range own {
				seen[name] = true
			}
			for _, name := range inner {
				seen[name] = true
			}
		}
		g.look(x, seen)
	})
}

func (g *grouping) name(e ast.Expr, name string, own map[string]bool) {
	if !own[name] && !g.names[name] {
		g.c.fail(e.Place(), "AmbiguousAggregationExpression", "%s is neither aggregated nor one of the columns that group: put it into a WITH or a column of its own", name)
	}
}

// fresh are the names of a pattern that it binds itself.
func (g *grouping) fresh(names []string) []string {
	var out []string
	for _, name := range names {
		if _, ok := g.in.lookup(name); !ok {
			out = append(out, name)
		}
	}
	return out
}

// mentions looks at the variables that patterns and queries take from outside.
func (g *grouping) mentions(e ast.Expr, own map[string]bool) {
	outside := func(name string) {
		if _, ok := g.in.lookup(name); ok {
			g.name(e, name, own)
		}
	}
	switch e := e.(type) {
	case *ast.PatternComp:
		each(e.Pattern.Names(), outside)
	case *ast.PatternExpr:
		each(e.Pattern.Names(), outside)
	case *ast.Exists:
		queryNames(e.Query, outside)
	}
}

func each(names []string, fn func(string)) {
	for _, name := range names {
		fn(name)
	}
}

// root says that the variable at the root of a property is not one of own.
func root(e ast.Expr, own map[string]bool) bool {
	for {
		switch x := e.(type) {
		case *ast.Property:
			e = x.X
		case *ast.Var:
			return !own[x.Name]
		default:
			return false
		}
	}
}
