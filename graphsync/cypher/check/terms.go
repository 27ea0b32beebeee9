package check

import (
	"fmt"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// terms numbers expressions so that those written alike have one number, in time
// linear in the text however they nest. Those with patterns, queries or chance in
// them are like no other.
type terms struct {
	numbers map[string]int
	of      map[ast.Expr]int
	last    int
	// aggregated remembers which expressions have an aggregate in them.
	aggregated map[ast.Expr]bool
}

func newTerms() *terms {
	return &terms{numbers: map[string]int{}, of: map[ast.Expr]int{}, aggregated: map[ast.Expr]bool{}}
}

func (t *terms) number(e ast.Expr) int {
	if n, ok := t.of[e]; ok {
		return n
	}
	form, ok := form(e)
	var b strings.Builder
	b.WriteString(form)
	parts(e, func(x ast.Expr, _ []string) {
		fmt.Fprintf(&b, " %d", t.number(x))
	})
	n := t.numbers[b.String()]
	if n == 0 || !ok {
		t.last++
		n = t.last
		t.numbers[b.String()] = n
	}
	t.of[e] = n
	return n
}

// form is all that an expression is besides its parts.
func form(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.Null:
		return "null", true
	case *ast.Bool:
		return fmt.Sprintf("bool %t", e.Value), true
	case *ast.Int:
		return fmt.Sprintf("int %d", e.Value), true
	case *ast.Float:
		return fmt.Sprintf("float %x", e.Value), true
	case *ast.String:
		return fmt.Sprintf("string %q", e.Value), true
	case *ast.Param:
		return fmt.Sprintf("param %q", e.Name), true
	case *ast.Var:
		return fmt.Sprintf("var %q", e.Name), true
	case *ast.List:
		return "list", true
	case *ast.Map:
		return fmt.Sprintf("map %q", e.Keys), true
	case *ast.Property:
		return fmt.Sprintf("property %q", e.Key), true
	case *ast.Index:
		return "index", true
	case *ast.Slice:
		return fmt.Sprintf("slice %t %t", e.From != nil, e.To != nil), true
	case *ast.Unary:
		return fmt.Sprintf("unary %d", e.Op), true
	case *ast.Binary:
		return fmt.Sprintf("binary %d", e.Op), true
	case *ast.Comparison:
		return fmt.Sprintf("comparison %d", e.Ops), true
	case *ast.IsNull:
		return fmt.Sprintf("isnull %t", e.Not), true
	case *ast.HasLabels:
		return fmt.Sprintf("labels %q", e.Labels), true
	case *ast.Call:
		name := strings.ToLower(e.Name)
		return fmt.Sprintf("call %q %t %t", name, e.Distinct, e.Star), !random(name)
	case *ast.Case:
		return fmt.Sprintf("case %t %t", e.Test != nil, e.Else != nil), true
	case *ast.ListComp:
		return fmt.Sprintf("listcomp %q %t %t", e.Var.Text, e.Where != nil, e.X != nil), true
	case *ast.Quantified:
		return fmt.Sprintf("quantified %d %q %t", e.Kind, e.Var.Text, e.Where != nil), true
	case *ast.Reduce:
		return fmt.Sprintf("reduce %q %q", e.Acc.Text, e.Var.Text), true
	case *ast.MapProjection:
		var b strings.Builder
		for _, it := range e.Items {
			fmt.Fprintf(&b, " %t %q %t", it.All, it.Key, it.X != nil)
		}
		return "projection" + b.String(), true
	}
	return fmt.Sprintf("%T", e), false
}

// random says that two calls of the function may differ within one row.
func random(name string) bool { return name == "rand" || name == "randomuuid" }
