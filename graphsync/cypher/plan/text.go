package plan

import (
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

var opText = map[ast.Op]string{
	ast.Or: "OR", ast.Xor: "XOR", ast.And: "AND", ast.Not: "NOT ", ast.Eq: "=", ast.Ne: "<>", ast.Lt: "<", ast.Le: "<=",
	ast.Gt: ">", ast.Ge: ">=", ast.Add: "+", ast.Sub: "-", ast.Mul: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "^",
	ast.Neg: "-", ast.Pos: "+", ast.In: "IN", ast.StartsWith: "STARTS WITH", ast.EndsWith: "ENDS WITH",
	ast.Contains: "CONTAINS", ast.Matches: "=~",
}

// text is an expression as EXPLAIN shows it: what is long is cut short.
func text(e ast.Expr) string {
	var b strings.Builder
	writeExpr(&b, e)
	s := b.String()
	if r := []rune(s); len(r) > 120 {
		return string(r[:117]) + "..."
	}
	return s
}

func writeList(b *strings.Builder, open string, list []ast.Expr, end string) {
	b.WriteString(open)
	for i, x := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		writeExpr(b, x)
	}
	b.WriteString(end)
}

// textEnough is how much of an expression is written before the rest is left out.
const textEnough = 200

// writeExpr writes what is there of an expression; nil is nothing.
func writeExpr(b *strings.Builder, e ast.Expr) {
	if e == nil || b.Len() > textEnough {
		return
	}
	if !writeValue(b, e) && !writeOperation(b, e) {
		writeScoped(b, e)
	}
}

// writeValue writes literals, parameters and variables, and what lists them.
func writeValue(b *strings.Builder, e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Null:
		b.WriteString("null")
	case *ast.Bool:
		b.WriteString(strconv.FormatBool(e.Value))
	case *ast.Int:
		b.WriteString(strconv.FormatInt(e.Value, 10))
	case *ast.Float:
		b.WriteString(strconv.FormatFloat(e.Value, 'g', -1, 64))
	case *ast.String:
		s := e.Value
		if len(s) > textEnough {
			s = strings.ToValidUTF8(s[:textEnough], "")
		}
		b.WriteString("'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'")
	case *ast.Param:
		b.WriteString("$" + e.Name)
	case *ast.Var:
		b.WriteString(shown(e.Name))
	case *ast.List:
		writeList(b, "[", e.Items, "]")
	case *ast.Map:
		b.WriteString("{")
		for i, k := range e.Keys {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(k + ": ")
			writeExpr(b, e.Values[i])
		}
		b.WriteString("}")
	default:
		return false
	}
	return true
}

// writeOperation writes operators and calls.
func writeOperation(b *strings.Builder, e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Property:
		writeExpr(b, e.X)
		b.WriteString("." + e.Key)
	case *ast.Index:
		writeExpr(b, e.X)
		writeList(b, "[", []ast.Expr{e.I}, "]")
	case *ast.Slice:
		writeExpr(b, e.X)
		b.WriteString("[")
		writeExpr(b, e.From)
		b.WriteString("..")
		writeExpr(b, e.To)
		b.WriteString("]")
	case *ast.Unary:
		b.WriteString(opText[e.Op])
		writeExpr(b, e.X)
	case *ast.Binary:
		b.WriteString("(")
		writeExpr(b, e.L)
		b.WriteString(" " + opText[e.Op] + " ")
		writeExpr(b, e.R)
		b.WriteString(")")
	case *ast.Comparison:
		for i, x := range e.Items {
			if i > 0 {
				b.WriteString(" " + opText[e.Ops[i-1]] + " ")
			}
			writeExpr(b, x)
		}
	case *ast.IsNull:
		writeExpr(b, e.X)
		b.WriteString(map[bool]string{false: " IS NULL", true: " IS NOT NULL"}[e.Not])
	case *ast.HasLabels:
		writeExpr(b, e.X)
		b.WriteString(labels(e.Labels))
	case *ast.Call:
		b.WriteString(e.Name)
		open := "("
		if e.Distinct {
			open += "DISTINCT "
		}
		if e.Star {
			open += "*"
		}
		writeList(b, open, e.Args, ")")
	case *ast.Case:
		writeCase(b, e)
	default:
		return false
	}
	return true
}

func writeCase(b *strings.Builder, e *ast.Case) {
	b.WriteString("CASE")
	if e.Test != nil {
		b.WriteString(" ")
		writeExpr(b, e.Test)
	}
	for _, w := range e.Whens {
		b.WriteString(" WHEN ")
		writeExpr(b, w.If)
		b.WriteString(" THEN ")
		writeExpr(b, w.Then)
	}
	if e.Else != nil {
		b.WriteString(" ELSE ")
		writeExpr(b, e.Else)
	}
	b.WriteString(" END")
}

// writeScoped writes what has variables of its own, or a query in it.
func writeScoped(b *strings.Builder, e ast.Expr) {
	switch e := e.(type) {
	case *ast.ListComp:
		b.WriteString("[" + e.Var.Text + " IN ")
		writeExpr(b, e.List)
		writeTail(b, e.Where, e.X)
		b.WriteString("]")
	case *ast.Quantified:
		b.WriteString([]string{"all", "any", "none", "single"}[e.Kind] + "(" + e.Var.Text + " IN ")
		writeExpr(b, e.List)
		writeTail(b, e.Where, nil)
		b.WriteString(")")
	case *ast.Reduce:
		b.WriteString("reduce(" + e.Acc.Text + " = ")
		writeExpr(b, e.Init)
		b.WriteString(", " + e.Var.Text + " IN ")
		writeExpr(b, e.List)
		writeTail(b, nil, e.X)
		b.WriteString(")")
	case *ast.PatternComp:
		b.WriteString("[")
		writePattern(b, e.Pattern)
		writeTail(b, e.Where, e.X)
		b.WriteString("]")
	case *ast.PatternExpr:
		writePattern(b, e.Pattern)
	case *ast.Exists:
		b.WriteString("EXISTS { ... }")
	case *ast.MapProjection:
		writeExpr(b, e.Var)
		b.WriteString(" {...}")
	}
}

func writeTail(b *strings.Builder, where, x ast.Expr) {
	if where != nil {
		b.WriteString(" WHERE ")
		writeExpr(b, where)
	}
	if x != nil {
		b.WriteString(" | ")
		writeExpr(b, x)
	}
}

func writePattern(b *strings.Builder, p *ast.Pattern) {
	for i, n := range p.Nodes {
		if i > 0 {
			r := p.Rels[i-1]
			rel := &Rel{Var: r.Var.Text, Types: r.Types, Dir: r.Dir, Long: r.Range != nil, Max: -1}
			rel.Min, rel.Max = bounds(r.Range)
			b.WriteString(relText(rel))
		}
		b.WriteString("(" + n.Var.Text + labels(n.Labels) + ")")
	}
}

func relText(r *Rel) string {
	s := ""
	if !hidden(r.Var) {
		s = r.Var
	}
	for i, t := range r.Types {
		s += map[bool]string{true: ":", false: "|"}[i == 0] + t
	}
	if r.Long {
		s += "*" + strconv.Itoa(r.Min) + ".."
		if r.Max >= 0 {
			s += strconv.Itoa(r.Max)
		}
	}
	if s != "" {
		s = "[" + s + "]"
	}
	switch r.Dir {
	case ast.Right:
		return "-" + s + "->"
	case ast.Left:
		return "<-" + s + "-"
	default:
		return "-" + s + "-"
	}
}

func labels(list []string) string {
	s := ""
	for _, l := range list {
		s += ":" + l
	}
	return s
}
