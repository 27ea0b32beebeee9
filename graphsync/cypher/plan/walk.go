package plan

import "github.com/meshd/meshd/graphsync/cypher/ast"

// children calls fn with the parts of an expression; inner are the variables that
// only that part sees. Patterns and queries inside of it are given to sub.
func children(e ast.Expr, fn func(x ast.Expr, inner ...string), sub func(any)) {
	some := func(x ast.Expr, inner ...string) {
		if x != nil {
			fn(x, inner...)
		}
	}
	switch e := e.(type) {
	case *ast.List:
		for _, x := range e.Items {
			fn(x)
		}
	case *ast.Map:
		for _, x := range e.Values {
			fn(x)
		}
	case *ast.Property:
		fn(e.X)
	case *ast.Index:
		fn(e.X)
		fn(e.I)
	case *ast.Slice:
		fn(e.X)
		some(e.From)
		some(e.To)
	case *ast.Unary:
		fn(e.X)
	case *ast.Binary:
		fn(e.L)
		fn(e.R)
	case *ast.Comparison:
		for _, x := range e.Items {
			fn(x)
		}
	case *ast.IsNull:
		fn(e.X)
	case *ast.HasLabels:
		fn(e.X)
	case *ast.Call:
		for _, x := range e.Args {
			fn(x)
		}
	case *ast.Case:
		some(e.Test)
		for _, w := range e.Whens {
			fn(w.If)
			fn(w.Then)
		}
		some(e.Else)
	case *ast.ListComp:
		fn(e.List)
		some(e.Where, e.Var.Text)
		some(e.X, e.Var.Text)
	case *ast.Quantified:
		fn(e.List)
		some(e.Where, e.Var.Text)
	case *ast.Reduce:
		fn(e.Init)
		fn(e.List)
		some(e.X, e.Acc.Text, e.Var.Text)
	case *ast.PatternComp:
		sub(e.Pattern)
		names := e.Pattern.Names()
		some(e.Where, names...)
		some(e.X, names...)
	case *ast.PatternExpr:
		sub(e.Pattern)
	case *ast.Exists:
		sub(e.Query)
	case *ast.MapProjection:
		fn(e.Var)
		for _, item := range e.Items {
			some(item.X)
		}
	}
}

// mentions calls fn with every name that an expression has in it, whether it is a
// variable from outside or one of its own.
func mentions(e ast.Expr, fn func(name string)) {
	if e == nil {
		return
	}
	if v, ok := e.(*ast.Var); ok {
		fn(v.Name)
		return
	}
	children(e, func(x ast.Expr, _ ...string) { mentions(x, fn) }, func(s any) {
		switch s := s.(type) {
		case *ast.Pattern:
			patternMentions(s, fn)
		case *ast.Query:
			queryMentions(s, fn)
		}
	})
}

func patternMentions(p *ast.Pattern, fn func(name string)) {
	for _, name := range p.Names() {
		fn(name)
	}
	for _, n := range p.Nodes {
		mentions(n.Props, fn)
	}
	for _, r := range p.Rels {
		mentions(r.Props, fn)
	}
}

func queryMentions(q *ast.Query, fn func(name string)) {
	for _, part := range q.Parts {
		for _, c := range part.Clauses {
			clauseMentions(c, fn)
		}
	}
}

// star stands for all names, in what clauseMentions tells.
const star = "*"

func clauseMentions(c ast.Clause, fn func(name string)) {
	switch c := c.(type) {
	case *ast.Match:
		for _, p := range c.Patterns {
			patternMentions(p, fn)
		}
		mentions(c.Where, fn)
	case *ast.Unwind:
		mentions(c.List, fn)
	case *ast.With:
		projectionMentions(&c.Projection, fn)
		mentions(c.Where, fn)
	case *ast.Return:
		projectionMentions(&c.Projection, fn)
	}
}

func projectionMentions(p *ast.Projection, fn func(name string)) {
	if p.Star {
		fn(star)
	}
	for _, item := range p.Items {
		mentions(item.Expr, fn)
	}
	for _, s := range p.OrderBy {
		mentions(s.Expr, fn)
	}
}

// holdsQuery says that there is a pattern or a query in an expression. Such a one
// stands in one place of a plan only: if each level of queries inside of one
// another stood in two, the plan would double with each.
func holdsQuery(e ast.Expr) bool {
	if e == nil {
		return false
	}
	found := false
	children(e, func(x ast.Expr, _ ...string) { found = found || holdsQuery(x) }, func(any) { found = true })
	return found
}

func mentionsAny(e ast.Expr, names map[string]bool) bool {
	found := false
	mentions(e, func(name string) { found = found || names[name] })
	return found
}
