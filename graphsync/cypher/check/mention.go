package check

import "github.com/meshd/meshd/graphsync/cypher/ast"

// queryNames calls fn with every name that a query speaks of, its own as well.
func queryNames(q *ast.Query, fn func(name string)) {
	for _, part := range q.Parts {
		for _, cl := range part.Clauses {
			switch cl := cl.(type) {
			case *ast.Match:
				for _, p := range cl.Patterns {
					patternMentions(p, fn)
				}
				exprNames(cl.Where, fn)
			case *ast.Unwind:
				exprNames(cl.List, fn)
			case *ast.With:
				projectionNames(&cl.Projection, fn)
				exprNames(cl.Where, fn)
			case *ast.Return:
				projectionNames(&cl.Projection, fn)
			}
		}
	}
}

func projectionNames(p *ast.Projection, fn func(name string)) {
	for _, it := range p.Items {
		exprNames(it.Expr, fn)
	}
	for _, s := range p.OrderBy {
		exprNames(s.Expr, fn)
	}
}

func patternMentions(p *ast.Pattern, fn func(name string)) {
	each(p.Names(), fn)
	for _, x := range patternProps(p) {
		exprNames(x, fn)
	}
}

// exprNames calls fn with every name that an expression has in it.
func exprNames(e ast.Expr, fn func(name string)) {
	switch e := e.(type) {
	case nil:
		return
	case *ast.Var:
		fn(e.Name)
	case *ast.PatternComp:
		each(e.Pattern.Names(), fn)
	case *ast.PatternExpr:
		each(e.Pattern.Names(), fn)
	case *ast.Exists:
		queryNames(e.Query, fn)
	}
	parts(e, func(x ast.Expr, _ []string) { exprNames(x, fn) })
}
