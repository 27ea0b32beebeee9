package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// match declares the variables of patterns that are matched together, and checks
// them. All are there before any property is looked at: one may speak of another.
func (c *checker) match(patterns []*ast.Pattern, sc *scope, u use) {
	rels := map[string]bool{}
	for _, p := range patterns {
		c.elements(p, sc, rels)
		if p.Var.Text != "" {
			c.bindPath(p.Var, sc)
		}
		if p.Func != ast.AllPaths {
			c.shortest(p)
		}
	}
	for _, p := range patterns {
		c.props(p, sc, u)
	}
}

// elements declares nodes and relationships; rels are those of this clause.
func (c *checker) elements(p *ast.Pattern, sc *scope, rels map[string]bool) {
	for i, n := range p.Nodes {
		c.bind(n.Var, sc, node)
		if i == len(p.Rels) {
			return
		}
		r := p.Rels[i]
		t := rel
		if r.Range != nil {
			t = listOf(rel)
		}
		if !c.bind(r.Var, sc, t) {
			continue
		}
		if rels[r.Var.Text] {
			c.fail(r.Var.Pos, "RelationshipUniquenessViolation", "the relationship %s cannot be matched twice by one clause", r.Var.Text)
		}
		rels[r.Var.Text] = r.Var.Text != ""
	}
}

// bind declares a variable as what a pattern makes of it. One that is there must
// be able to be that.
func (c *checker) bind(n ast.Name, sc *scope, t typ) bool {
	if n.Text == "" {
		return true
	}
	if old, ok := sc.lookup(n.Text); ok {
		if old.not(t.set) || t.elem != nil && old.element().not(t.elem.set) {
			c.fail(n.Pos, "VariableTypeConflict", "the variable %s is %s and cannot be %s too", n.Text, old.words(), t.words())
			return false
		}
		if t.only(old.set) {
			sc.set(n.Text, t)
		}
		return true
	}
	if _, ok := c.gone.lookup(n.Text); ok {
		c.variable(n.Pos, n.Text, sc)
	}
	sc.vars[n.Text] = t
	return true
}

func (c *checker) bindPath(n ast.Name, sc *scope) {
	if _, ok := sc.lookup(n.Text); ok {
		c.fail(n.Pos, "VariableAlreadyBound", "there is a variable %s already", n.Text)
		return
	}
	sc.vars[n.Text] = path
}

// props checks the properties of nodes and relationships.
func (c *checker) props(p *ast.Pattern, sc *scope, u use) {
	for _, x := range patternProps(p) {
		if param, ok := x.(*ast.Param); ok {
			c.fail(param.At, "InvalidParameterUse", "a parameter cannot be all properties of a pattern: write {key: $%s.key}", param.Name)
			return
		}
		if x != nil {
			c.expr(x, sc, u&^(grouped|predicate))
		}
	}
}

// shortest refuses what shortestPath is not defined for.
func (c *checker) shortest(p *ast.Pattern) {
	if len(p.Rels) != 1 {
		c.fail(p.Pos, "InvalidRelationshipPattern", "a shortest path is of one relationship pattern, as in shortestPath((a)-[*]-(b))")
		return
	}
	r := p.Rels[0]
	if r.Range != nil && r.Range.Min != nil && *r.Range.Min > 1 {
		c.unsupported(r.Pos, "a shortest path has no least length above 1")
	}
}

// patternExpr checks a pattern among expressions: it introduces no variables, and
// it has no value but that of a predicate.
func (c *checker) patternExpr(e *ast.PatternExpr, sc *scope, u use) typ {
	p := e.Pattern
	c.weigh(e.At, sc.size())
	if p.Func == ast.AllPaths && !e.Exists && u&predicate == 0 {
		c.fail(e.At, "UnexpectedSyntax", "a pattern is only a condition here: write exists((a)-->(b)), or a pattern comprehension")
		return boolean
	}
	for i, n := range p.Nodes {
		c.bound(n.Var, sc)
		if i < len(p.Rels) {
			c.bound(p.Rels[i].Var, sc)
		}
	}
	c.elements(p, inside(sc), map[string]bool{})
	c.props(p, sc, u)
	switch p.Func {
	case ast.ShortestPath:
		c.shortest(p)
		return either(path, nothing)
	case ast.AllShortestPaths:
		c.shortest(p)
		return listOf(path)
	}
	return boolean
}

func (c *checker) bound(n ast.Name, sc *scope) {
	if n.Text != "" {
		c.variable(n.Pos, n.Text, sc)
	}
}

func (c *checker) alreadyBound(pos fault.Pos, name string) {
	c.fail(pos, "VariableAlreadyBound", "there is a variable %s already", name)
}
