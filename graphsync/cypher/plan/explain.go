package plan

import (
	"fmt"
	"math"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// Explain writes a plan as text: one line for each step, in the order in which
// rows run through them, with about how many rows leave it.
func (p *Plan) Explain() string {
	var b strings.Builder
	for i, part := range p.Parts {
		if i > 0 {
			fmt.Fprintf(&b, "UNION%s\n", map[bool]string{true: "", false: " ALL"}[i < p.Distinct])
		}
		explain(&b, part.Steps, "")
		if part.Columns != nil {
			fmt.Fprintf(&b, "Answer %s\n", strings.Join(part.Columns, ", "))
		}
	}
	return b.String()
}

func explain(b *strings.Builder, steps []Step, indent string) {
	for _, s := range steps {
		line := describe(s.Op)
		if line == "" {
			continue
		}
		fmt.Fprintf(b, "%s%s  ~%s\n", indent, line, rowsText(s.Rows))
		if o, ok := s.Op.(*Optional); ok {
			explain(b, o.Steps, indent+"  ")
		}
	}
}

func rowsText(rows float64) string {
	if rows < 10 {
		return fmt.Sprintf("%.2g", rows)
	}
	return fmt.Sprintf("%.0f", math.Round(rows))
}

// describe is one line about an operator; those that do nothing have none.
func describe(op Op) string {
	for _, kind := range []func(Op) string{describeStart, describeWay, describeClause} {
		if line := kind(op); line != "" {
			return line
		}
	}
	return ""
}

// describeStart is about those that find where a pattern begins.
func describeStart(op Op) string {
	switch op := op.(type) {
	case *Nodes:
		if op.Label == "" {
			return "AllNodes " + node(op.Var, op.Labels)
		}
		return "NodesByLabel " + node(op.Var, append([]string{op.Label}, op.Labels...))
	case *ByID:
		return fmt.Sprintf("NodeByID %s id %s %s", node(op.Var, op.Labels), equals(op.Many), text(op.ID))
	case *Find:
		return fmt.Sprintf("NodeByIndex %s %s %s %s", node(op.Var, op.Labels), op.Property, equals(op.Many), text(op.Value))
	case *Hashed:
		return fmt.Sprintf("NodeByHash %s %s = %s", node(op.Var, append(without([]string{op.Label}, ""), op.Labels...)), op.Property, text(op.Value))
	case *Given:
		return "Given " + node(op.Var, op.Labels)
	case *Scan:
		name := "AllRelationships "
		if op.ID != nil {
			name = "RelationshipByID " + equals(op.Many) + " " + text(op.ID) + " "
		}
		return name + node(op.From, op.Left) + relText(op.Rel) + node(op.To, op.Right) + where(op.Filters)
	case *Count:
		what := "nodes"
		if op.Rels {
			what = "relationships"
		}
		return "Counted " + what + labels(without([]string{op.Label}, ""))
	}
	return ""
}

// describeWay is about those that follow relationships.
func describeWay(op Op) string {
	switch op := op.(type) {
	case *Expand:
		if op.Into {
			return "ExpandInto " + between(op.Rel) + where(op.Filters)
		}
		return "Expand " + towards(op.Rel, op.Back, op.Labels) + where(op.Filters)
	case *Held:
		return "GivenRelationship " + between(op.Rel)
	case *Walk:
		if op.Into {
			return "WalkInto " + between(op.Rel) + tested(op.Tests)
		}
		return "Walk " + towards(op.Rel, op.Back, op.Labels) + tested(op.Tests)
	case *Reach:
		if op.Into {
			return "ReachInto " + between(op.Rel) + tested(op.Tests)
		}
		return "Reach " + towards(op.Rel, op.Back, op.Labels) + tested(op.Tests)
	case *HeldList:
		return "GivenWalk " + between(op.Rel) + tested(op.Tests)
	case *Shortest:
		name := "ShortestPath "
		if op.All {
			name = "AllShortestPaths "
		}
		return name + between(op.Rel) + tested(op.Tests) + where(op.Filters)
	case *Path:
		return "Path " + op.Var
	}
	return ""
}

// describeClause is about those that work on rows, whatever is in them.
func describeClause(op Op) string {
	switch op := op.(type) {
	case *Filters:
		return "Filter" + strings.TrimPrefix(where(op.List), " where")
	case *Optional:
		return "Optional"
	case *Unwind:
		return "Unwind " + text(op.List) + " AS " + op.Var
	case *Aggregate:
		var calls []string
		for _, c := range op.Calls {
			calls = append(calls, text(c))
		}
		return "Aggregate " + strings.Join(calls, ", ") + by(op.Keys)
	case *Project:
		return "Project " + items(op.Items)
	case *Distinct:
		return "Distinct " + strings.Join(op.Columns, ", ")
	case *Sort:
		var keys []string
		for _, k := range op.By {
			keys = append(keys, text(k.Expr)+map[bool]string{true: " DESC"}[k.Desc])
		}
		name := "Sort "
		if op.Limit != nil {
			name = "Top "
		}
		return name + strings.Join(keys, ", ")
	case *Slice:
		s := "Slice"
		if op.Skip != nil {
			s += " skip " + text(op.Skip)
		}
		if op.Limit != nil {
			s += " limit " + text(op.Limit)
		}
		return s
	}
	return ""
}

func node(name string, list []string) string { return "(" + shown(name) + labels(list) + ")" }

func between(r *Rel) string { return node(r.From, nil) + relText(r) + node(r.To, nil) }

// towards shows a pattern in the direction in which it is followed.
func towards(r *Rel, back bool, far []string) string {
	if !back {
		return node(r.From, nil) + relText(r) + node(r.To, far)
	}
	turned := *r
	switch r.Dir {
	case ast.Right:
		turned.Dir = ast.Left
	case ast.Left:
		turned.Dir = ast.Right
	}
	return node(r.To, nil) + relText(&turned) + node(r.From, far)
}

func equals(many bool) string {
	if many {
		return "IN"
	}
	return "="
}

func where(list []Filter) string {
	if len(list) == 0 {
		return ""
	}
	var parts []string
	for _, f := range list {
		s := text(f.Expr)
		if f.Soft {
			s += "?"
		}
		parts = append(parts, s)
	}
	return " where " + strings.Join(parts, " AND ")
}

func tested(list []Test) string {
	if len(list) == 0 {
		return ""
	}
	var parts []string
	for _, t := range list {
		parts = append(parts, text(t.Expr))
	}
	return " each " + strings.Join(parts, " AND ")
}

func items(list []Item) string {
	var parts []string
	for _, i := range list {
		s := text(i.Expr)
		if s != i.Name {
			s += " AS " + shown(i.Name)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func by(keys []Item) string {
	if len(keys) == 0 {
		return ""
	}
	return " by " + items(keys)
}
