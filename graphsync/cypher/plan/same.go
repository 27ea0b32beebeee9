package plan

import (
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// Same says that two expressions are written alike, wherever they stand. It
// refuses those with patterns, queries or chance in them.
func Same(a, b ast.Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if !sameHead(a, b) {
		return false
	}
	type part struct {
		x     ast.Expr
		inner []string
	}
	gather := func(e ast.Expr) (list []part, ok bool) {
		ok = true
		children(e, func(x ast.Expr, inner ...string) { list = append(list, part{x, inner}) }, func(any) { ok = false })
		return list, ok
	}
	left, ok := gather(a)
	if !ok {
		return false
	}
	right, _ := gather(b)
	return slices.EqualFunc(left, right, func(l, r part) bool {
		return slices.Equal(l.inner, r.inner) && Same(l.x, r.x)
	})
}

// sameHead compares what is not an expression itself.
func sameHead(a, b ast.Expr) bool {
	switch a := a.(type) {
	case *ast.Null:
		_, ok := b.(*ast.Null)
		return ok
	case *ast.Bool:
		b, ok := b.(*ast.Bool)
		return ok && a.Value == b.Value
	case *ast.Int:
		b, ok := b.(*ast.Int)
		return ok && a.Value == b.Value
	case *ast.Float:
		b, ok := b.(*ast.Float)
		return ok && a.Value == b.Value
	case *ast.String:
		b, ok := b.(*ast.String)
		return ok && a.Value == b.Value
	case *ast.Param:
		b, ok := b.(*ast.Param)
		return ok && a.Name == b.Name
	case *ast.Var:
		b, ok := b.(*ast.Var)
		return ok && a.Name == b.Name
	case *ast.List:
		_, ok := b.(*ast.List)
		return ok
	case *ast.Map:
		b, ok := b.(*ast.Map)
		return ok && slices.Equal(a.Keys, b.Keys)
	case *ast.Property:
		b, ok := b.(*ast.Property)
		return ok && a.Key == b.Key
	case *ast.Index:
		_, ok := b.(*ast.Index)
		return ok
	case *ast.Slice:
		b, ok := b.(*ast.Slice)
		return ok && (a.From == nil) == (b.From == nil) && (a.To == nil) == (b.To == nil)
	case *ast.Unary:
		b, ok := b.(*ast.Unary)
		return ok && a.Op == b.Op
	case *ast.Binary:
		b, ok := b.(*ast.Binary)
		return ok && a.Op == b.Op
	case *ast.Comparison:
		b, ok := b.(*ast.Comparison)
		return ok && slices.Equal(a.Ops, b.Ops)
	case *ast.IsNull:
		b, ok := b.(*ast.IsNull)
		return ok && a.Not == b.Not
	case *ast.HasLabels:
		b, ok := b.(*ast.HasLabels)
		return ok && slices.Equal(a.Labels, b.Labels)
	case *ast.Call:
		b, ok := b.(*ast.Call)
		return ok && sameFunction(a, b)
	case *ast.Case:
		b, ok := b.(*ast.Case)
		return ok && (a.Test == nil) == (b.Test == nil) && (a.Else == nil) == (b.Else == nil) && len(a.Whens) == len(b.Whens)
	case *ast.ListComp:
		b, ok := b.(*ast.ListComp)
		return ok && a.Var.Text == b.Var.Text && (a.Where == nil) == (b.Where == nil) && (a.X == nil) == (b.X == nil)
	case *ast.Quantified:
		b, ok := b.(*ast.Quantified)
		return ok && a.Kind == b.Kind && a.Var.Text == b.Var.Text && (a.Where == nil) == (b.Where == nil)
	case *ast.Reduce:
		b, ok := b.(*ast.Reduce)
		return ok && a.Acc.Text == b.Acc.Text && a.Var.Text == b.Var.Text
	case *ast.MapProjection:
		b, ok := b.(*ast.MapProjection)
		return ok && slices.EqualFunc(a.Items, b.Items, func(x, y ast.MapItem) bool {
			return x.All == y.All && x.Key == y.Key && (x.X == nil) == (y.X == nil)
		})
	default: // with patterns in it
		return false
	}
}

func sameFunction(a, b *ast.Call) bool {
	if a.Star != b.Star || a.Distinct != b.Distinct {
		return false
	}
	f, ok := function.Lookup(a.Name)
	if !ok {
		return false
	}
	g, _ := function.Lookup(b.Name)
	return f == g && (f.Pure || f.Aggregate || steady[f.Name])
}

// steady are the functions that look at the graph alone: of the same arguments
// they give the same within one query.
var steady = map[string]bool{
	"id": true, "elementId": true, "labels": true, "type": true, "keys": true, "properties": true,
	"nodes": true, "relationships": true, "startNode": true, "endNode": true, "length": true, "size": true,
}
