package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// create checks the patterns of CREATE and declares their variables.
func (c *checker) create(cl *ast.Create, sc *scope) {
	if !c.opt.AllowCreate {
		c.unsupported(cl.Pos, "CREATE is not supported: queries only read; write with POST /graph/batch")
		return
	}
	for _, p := range cl.Patterns {
		for i, n := range p.Nodes {
			_, ok := sc.lookup(n.Var.Text)
			if ok && (len(p.Rels) == 0 || len(n.Labels) > 0 || n.Props != nil) {
				c.alreadyBound(n.Var.Pos, n.Var.Text)
			}
			c.bind(n.Var, sc, node)
			if i < len(p.Rels) {
				c.createRel(p.Rels[i], sc)
			}
		}
		if p.Var.Text != "" {
			c.bindPath(p.Var, sc)
		}
		for _, x := range patternProps(p) {
			if x != nil {
				c.want(x, c.expr(x, sc, 0), function.Map, "properties are")
			}
		}
	}
}

func (c *checker) createRel(r *ast.RelPattern, sc *scope) {
	if _, ok := sc.lookup(r.Var.Text); ok {
		c.alreadyBound(r.Var.Pos, r.Var.Text)
	}
	switch {
	case len(r.Types) != 1:
		c.fail(r.Pos, "NoSingleRelationshipType", "a relationship is created with one type")
	case r.Dir == ast.Either:
		c.fail(r.Pos, "RequiresDirectedRelationship", "a relationship is created with a direction")
	case r.Range != nil:
		c.fail(r.Pos, "CreatingVarLength", "a relationship is created without a length")
	}
	c.bind(r.Var, sc, rel)
}
