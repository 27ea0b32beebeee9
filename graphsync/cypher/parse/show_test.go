package parse_test

import (
	"fmt"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// shower writes a query down so that it parses to the same form: every operator
// in parentheses, every name between backticks.
type shower struct{ b strings.Builder }

func showQuery(q *ast.Query) string {
	s := &shower{}
	if q.Explain {
		s.add("EXPLAIN ")
	}
	s.query(q)
	return s.b.String()
}

func showExpr(e ast.Expr) string {
	s := &shower{}
	s.expr(e)
	return s.b.String()
}

func (s *shower) add(format string, args ...any) { fmt.Fprintf(&s.b, format, args...) }

func name(n string) string { return "`" + strings.ReplaceAll(n, "`", "``") + "`" }

func quote(t string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(t) + "'"
}

func (s *shower) query(q *ast.Query) {
	for i, part := range q.Parts {
		if i > 0 {
			s.add(" UNION ")
			if q.All[i-1] {
				s.add("ALL ")
			}
		}
		for j, c := range part.Clauses {
			if j > 0 {
				s.add(" ")
			}
			s.clause(c)
		}
	}
}

func (s *shower) clause(c ast.Clause) {
	switch c := c.(type) {
	case *ast.Match:
		if c.Optional {
			s.add("OPTIONAL ")
		}
		s.add("MATCH ")
		s.patterns(c.Patterns)
		s.tail(" WHERE ", c.Where)
	case *ast.Unwind:
		s.add("UNWIND ")
		s.expr(c.List)
		s.add(" AS %s", name(c.Var.Text))
	case *ast.With:
		s.add("WITH ")
		s.projection(&c.Projection)
		s.tail(" WHERE ", c.Where)
	case *ast.Return:
		s.add("RETURN ")
		s.projection(&c.Projection)
	case *ast.Create:
		s.add("CREATE ")
		s.patterns(c.Patterns)
	}
}

func (s *shower) projection(p *ast.Projection) {
	if p.Distinct {
		s.add("DISTINCT ")
	}
	if p.Star {
		s.add("*")
	}
	for i, it := range p.Items {
		if i > 0 || p.Star {
			s.add(", ")
		}
		s.expr(it.Expr)
		if it.Alias.Text != "" {
			s.add(" AS %s", name(it.Alias.Text))
		}
	}
	for i, key := range p.OrderBy {
		s.b.WriteString([]string{" ORDER BY ", ", "}[min(i, 1)])
		s.expr(key.Expr)
		if key.Desc {
			s.add(" DESC")
		}
	}
	s.tail(" SKIP ", p.Skip)
	s.tail(" LIMIT ", p.Limit)
}

func (s *shower) tail(word string, e ast.Expr) {
	if e != nil {
		s.add("%s", word)
		s.expr(e)
	}
}

func (s *shower) patterns(list []*ast.Pattern) {
	for i, p := range list {
		if i > 0 {
			s.add(", ")
		}
		s.pattern(p)
	}
}

func (s *shower) pattern(p *ast.Pattern) {
	if p.Var.Text != "" {
		s.add("%s = ", name(p.Var.Text))
	}
	if p.Func != ast.AllPaths {
		s.b.WriteString([]string{"", "shortestPath(", "allShortestPaths("}[p.Func])
		defer s.add(")")
	}
	for i, n := range p.Nodes {
		if i > 0 {
			s.rel(p.Rels[i-1])
		}
		s.add("(")
		if n.Var.Text != "" {
			s.add("%s", name(n.Var.Text))
		}
		for _, l := range n.Labels {
			s.add(":%s", name(l))
		}
		s.tail(" ", n.Props)
		s.add(")")
	}
}

func (s *shower) rel(r *ast.RelPattern) {
	s.b.WriteString([]string{"-[", "-[", "<-["}[r.Dir])
	if r.Var.Text != "" {
		s.add("%s", name(r.Var.Text))
	}
	for i, t := range r.Types {
		s.add("%s%s", []string{":", "|"}[min(i, 1)], name(t))
	}
	if r.Range != nil {
		s.add("*")
		if r.Range.Min != nil {
			s.add("%d", *r.Range.Min)
		}
		s.add("..")
		if r.Range.Max != nil {
			s.add("%d", *r.Range.Max)
		}
	}
	s.tail(" ", r.Props)
	s.b.WriteString([]string{"]-", "]->", "]-"}[r.Dir])
}

var ops = map[ast.Op]string{
	ast.Or: "OR", ast.Xor: "XOR", ast.And: "AND", ast.Not: "NOT ", ast.Eq: "=", ast.Ne: "<>", ast.Lt: "<", ast.Le: "<=",
	ast.Gt: ">", ast.Ge: ">=", ast.Add: "+", ast.Sub: "-", ast.Mul: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "^",
	ast.Neg: "-", ast.Pos: "+", ast.In: "IN", ast.StartsWith: "STARTS WITH", ast.EndsWith: "ENDS WITH",
	ast.Contains: "CONTAINS", ast.Matches: "=~",
}

func (s *shower) list(items []ast.Expr) {
	for i, x := range items {
		if i > 0 {
			s.add(", ")
		}
		s.expr(x)
	}
}

func (s *shower) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.Null:
		s.add("null")
	case *ast.Bool:
		s.add("%t", e.Value)
	case *ast.Int:
		s.add("%d", e.Value)
	case *ast.Float:
		s.add("%.17e", e.Value)
	case *ast.String:
		s.add("%s", quote(e.Value))
	case *ast.Param:
		s.add("$%s", name(e.Name))
	case *ast.Var:
		s.add("%s", name(e.Name))
	case *ast.List:
		s.add("[")
		s.list(e.Items)
		s.add("]")
	case *ast.Map:
		s.add("{")
		for i, k := range e.Keys {
			if i > 0 {
				s.add(", ")
			}
			s.add("%s: ", name(k))
			s.expr(e.Values[i])
		}
		s.add("}")
	case *ast.Property:
		s.operand(e.X)
		s.add(".%s", name(e.Key))
	case *ast.Index:
		s.operand(e.X)
		s.add("[")
		s.expr(e.I)
		s.add("]")
	case *ast.Slice:
		s.operand(e.X)
		s.add("[")
		s.tail("", e.From)
		s.add("..")
		s.tail("", e.To)
		s.add("]")
	case *ast.Unary:
		s.add("(%s", ops[e.Op])
		s.expr(e.X)
		s.add(")")
	case *ast.Binary:
		s.add("(")
		s.expr(e.L)
		s.add(" %s ", ops[e.Op])
		s.expr(e.R)
		s.add(")")
	case *ast.Comparison:
		s.add("(")
		for i, x := range e.Items {
			if i > 0 {
				s.add(" %s ", ops[e.Ops[i-1]])
			}
			s.expr(x)
		}
		s.add(")")
	case *ast.IsNull:
		s.add("(")
		s.expr(e.X)
		s.add(" IS %sNULL)", map[bool]string{true: "NOT "}[e.Not])
	case *ast.HasLabels:
		s.operand(e.X)
		for _, l := range e.Labels {
			s.add(":%s", name(l))
		}
	case *ast.Call:
		if e.Star {
			s.add("count(*)")
			return
		}
		s.add("%s(", strings.ReplaceAll(name(e.Name), ".", "`.`"))
		if e.Distinct {
			s.add("DISTINCT ")
		}
		s.list(e.Args)
		s.add(")")
	default:
		s.compound(e)
	}
}

// operand is what may stand before . and [.
func (s *shower) operand(e ast.Expr) {
	s.add("(")
	s.expr(e)
	s.add(")")
}

func (s *shower) compound(e ast.Expr) {
	switch e := e.(type) {
	case *ast.Case:
		s.add("CASE")
		s.tail(" ", e.Test)
		for _, w := range e.Whens {
			s.tail(" WHEN ", w.If)
			s.tail(" THEN ", w.Then)
		}
		s.tail(" ELSE ", e.Else)
		s.add(" END")
	case *ast.ListComp:
		s.add("[%s IN ", name(e.Var.Text))
		s.expr(e.List)
		s.tail(" WHERE ", e.Where)
		s.tail(" | ", e.X)
		s.add("]")
	case *ast.Quantified:
		s.add("%s(%s IN ", []string{"all", "any", "none", "single"}[e.Kind], name(e.Var.Text))
		s.expr(e.List)
		s.tail(" WHERE ", e.Where)
		s.add(")")
	case *ast.Reduce:
		s.add("reduce(%s = ", name(e.Acc.Text))
		s.expr(e.Init)
		s.add(", %s IN ", name(e.Var.Text))
		s.expr(e.List)
		s.tail(" | ", e.X)
		s.add(")")
	case *ast.PatternComp:
		s.add("[")
		s.pattern(e.Pattern)
		s.tail(" WHERE ", e.Where)
		s.tail(" | ", e.X)
		s.add("]")
	case *ast.PatternExpr:
		if e.Exists {
			s.add("exists(")
			defer s.add(")")
		}
		s.pattern(e.Pattern)
	case *ast.Exists:
		s.add("EXISTS { ")
		s.query(e.Query)
		s.add(" }")
	case *ast.MapProjection:
		s.add("%s {", name(e.Var.Name))
		for i, it := range e.Items {
			if i > 0 {
				s.add(", ")
			}
			switch {
			case it.All:
				s.add(".*")
			case it.X == nil:
				s.add(".%s", name(it.Key))
			default:
				s.add("%s: ", name(it.Key))
				s.expr(it.X)
			}
		}
		s.add("}")
	}
}
