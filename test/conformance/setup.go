package conformance

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// ErrSetup says that a graph could not be set up as the scenario asks.
var ErrSetup = errors.New("the graph could not be set up")

// setup executes a query with CREATE on a graph in memory: what is read before a
// CREATE is a query of its own, and the CREATE is done for each of its rows.
type setup struct {
	g    *graph.Memory
	src  string
	rows []value.Map
}

// Create adds to a graph what a query of MATCH, UNWIND, WITH and CREATE makes.
func Create(ctx context.Context, g *graph.Memory, src string, params value.Map) error {
	q, err := parse.Parse(src)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSetup, err)
	}
	if len(q.Parts) != 1 {
		return fmt.Errorf("%w: it is a union", ErrSetup)
	}
	s := setup{g: g, src: src, rows: []value.Map{{}}}
	read := -1
	for _, c := range q.Parts[0].Clauses {
		create, ok := c.(*ast.Create)
		if !ok {
			if read < 0 {
				read = int(c.Place().Offset)
			}
			continue
		}
		if read >= 0 {
			if err := s.read(ctx, src[read:create.Pos.Offset], params); err != nil {
				return fmt.Errorf("%w: %w", ErrSetup, err)
			}
			read = -1
		}
		for _, row := range s.rows {
			if err := s.create(ctx, create.Patterns, row, params); err != nil {
				return fmt.Errorf("%w: %w", ErrSetup, err)
			}
		}
	}
	return nil
}

// read replaces the rows by those of the clauses, which may use the old ones.
func (s *setup) read(ctx context.Context, clauses string, params value.Map) error {
	var names []string
	for name := range s.rows[0] {
		names = append(names, name)
	}
	sort.Strings(names)
	all := value.Map{}
	for k, v := range params {
		all[k] = v
	}
	head := ""
	if len(names) > 0 {
		var list []value.Value
		for _, row := range s.rows {
			list = append(list, value.MapOf(row))
		}
		all["rows before"] = value.List(list)
		var items []string
		for _, n := range names {
			items = append(items, fmt.Sprintf("`row before`.`%s` AS `%s`", n, n))
		}
		head = "UNWIND $`rows before` AS `row before` WITH " + strings.Join(items, ", ") + " "
	}
	res, err := cypher.Run(ctx, head+clauses+" RETURN *", all, s.g, cypher.Limits{Rows: 100_000, Expansions: 10_000_000, Time: 10 * time.Second})
	if err != nil {
		return err
	}
	s.rows = nil
	for _, r := range res.Rows {
		row := value.Map{}
		for i, c := range res.Columns {
			row[c] = r[i]
		}
		s.rows = append(s.rows, row)
	}
	return nil
}

func (s *setup) create(ctx context.Context, patterns []*ast.Pattern, row value.Map, params value.Map) error {
	for _, p := range patterns {
		ids := make([]uint64, len(p.Nodes))
		for i, n := range p.Nodes {
			if v, bound := row[n.Var.Text]; bound && n.Var.Text != "" {
				if v.Kind() != value.KindNode {
					return fault.Run(n.Pos, fault.Type, "InvalidArgumentType", "%s is no node", n.Var.Text)
				}
				ids[i] = v.AsNode()
				continue
			}
			props, err := s.properties(ctx, n.Props, row, params)
			if err != nil {
				return err
			}
			ids[i] = s.g.AddNode(n.Labels, props)
			if n.Var.Text != "" {
				row[n.Var.Text] = value.Node(ids[i])
			}
		}
		for i, r := range p.Rels {
			if len(r.Types) != 1 || r.Range != nil {
				return fault.Run(r.Pos, fault.Syntax, "NoSingleRelationshipType", "a relationship that is created has one type")
			}
			props, err := s.properties(ctx, r.Props, row, params)
			if err != nil {
				return err
			}
			from, to := ids[i], ids[i+1]
			if r.Dir == ast.Left {
				from, to = to, from
			}
			id := s.g.AddRel(r.Types[0], from, to, props)
			if r.Var.Text != "" {
				row[r.Var.Text] = value.RelOf(&value.Rel{ID: id, From: from, To: to, Type: r.Types[0]})
			}
		}
	}
	return nil
}

func (s *setup) properties(ctx context.Context, e ast.Expr, row value.Map, params value.Map) (value.Map, error) {
	if e == nil {
		return value.Map{}, nil
	}
	scope := eval.NewScope()
	slots := map[string]int{}
	for name := range row {
		slots[name] = scope.Bind(name)
	}
	fn, err := (&eval.Compiler{Scope: scope}).Compile(e)
	if err != nil {
		return nil, err
	}
	frame := make(eval.Row, scope.Size())
	for name, slot := range slots {
		frame[slot] = row[name]
	}
	env := &function.Env{Ctx: ctx, Graph: s.g, Params: params, Now: time.Now(), Random: func() float64 { return 0.5 },
		Budget: function.NewBudget(ctx, function.Limits{Time: 10 * time.Second})}
	v, err := fn(env, frame)
	if err != nil {
		return nil, err
	}
	return v.AsMap(), nil
}
