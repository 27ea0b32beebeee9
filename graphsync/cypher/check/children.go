package check

import "github.com/meshd/meshd/graphsync/cypher/ast"

// parts calls fn with each expression directly inside of e; inner are the names
// that only that part sees. The queries of EXISTS are not gone into.
func parts(e ast.Expr, fn func(x ast.Expr, inner []string)) {
	each := func(inner []string, list ...ast.Expr) {
		for _, x := range list {
			if x != nil {
				fn(x, inner)
			}
		}
	}
	switch e := e.(type) {
	case *ast.List:
		each(nil, e.Items...)
	case *ast.Map:
		each(nil, e.Values...)
	case *ast.Property:
		each(nil, e.X)
	case *ast.Index:
		each(nil, e.X, e.I)
	case *ast.Slice:
		each(nil, e.X, e.From, e.To)
	case *ast.Unary:
		each(nil, e.X)
	case *ast.Binary:
		each(nil, e.L, e.R)
	case *ast.Comparison:
		each(nil, e.Items...)
	case *ast.IsNull:
		each(nil, e.X)
	case *ast.HasLabels:
		each(nil, e.X)
	case *ast.Call:
		each(nil, e.Args...)
	case *ast.Case:
		each(nil, e.Test, e.Else)
		for _, w := range e.Whens {
			each(nil, w.If, w.Then)
		}
	case *ast.ListComp:
		each(nil, e.List)
		each([]string{e.Var.Text}, e.Where, e.X)
	case *ast.Quantified:
		each(nil, e.List)
		each([]string{e.Var.Text}, e.Where)
	case *ast.Reduce:
		each(nil, e.Init, e.List)
		each([]string{e.Acc.Text, e.Var.Text}, e.X)
	case *ast.PatternComp:
		names := e.Pattern.Names()
		each(names, patternProps(e.Pattern)...)
		each(names, e.Where, e.X)
	case *ast.PatternExpr:
		each(nil, patternProps(e.Pattern)...)
	case *ast.MapProjection:
		each(nil, e.Var)
		for _, it := range e.Items {
			each(nil, it.X)
		}
	}
}

func patternProps(p *ast.Pattern) []ast.Expr {
	var out []ast.Expr
	for i, n := range p.Nodes {
		out = append(out, n.Props)
		if i < len(p.Rels) {
			out = append(out, p.Rels[i].Props)
		}
	}
	return out
}
