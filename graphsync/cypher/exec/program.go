package exec

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Program is a query that is ready to be run once.
type Program struct {
	program
	plan    *plan.Plan
	parts   []chain
	columns [][]int
	size    func() int
	emit    func(row []value.Value) error
	seen    map[string]struct{}
	key     []byte
	out     []value.Value
}

// New plans and compiles a query for an environment, which it belongs to from
// then on.
func New(q *ast.Query, env *function.Env) (*Program, error) {
	p := &Program{program: program{m: &machine{env: env}, planner: plan.New(env.Graph)}, seen: map[string]struct{}{}}
	var err error
	if p.plan, err = p.planner.Query(q); err != nil {
		return nil, err
	}
	around := eval.NewScope()
	p.size = around.Size
	for i, part := range p.plan.Parts {
		b := p.builder(around)
		if err := b.steps(part.Steps); err != nil {
			return nil, err
		}
		slots, err := b.slots(part.Columns)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, slots)
		b.chain.add(&sink{take: func() error { return p.row(i) }})
		p.parts = append(p.parts, b.chain)
	}
	return p, nil
}

// Columns are the names of the columns of the answer.
func (p *Program) Columns() []string { return p.plan.Columns }

// Run runs the program and calls emit with each row of the answer, which is
// written over afterwards.
func (p *Program) Run(emit func(row []value.Value) error) error {
	p.emit = emit
	p.m.row = make(eval.Row, p.size())
	p.out = make([]value.Value, len(p.plan.Columns))
	for i := range p.parts {
		if err := p.parts[i].run(); err != nil {
			return err
		}
	}
	return nil
}

// row hands on a row of one part.
func (p *Program) row(part int) error {
	for i, slot := range p.columns[part] {
		p.out[i] = p.m.row[slot]
	}
	if part < p.plan.Distinct {
		p.key = p.key[:0]
		for _, v := range p.out {
			p.key = value.AppendKey(p.key, v)
		}
		if _, ok := p.seen[string(p.key)]; ok {
			return nil
		}
		if err := p.m.env.Budget.Hold(len(p.key) + seenBytes); err != nil {
			return err
		}
		p.seen[string(p.key)] = struct{}{}
	}
	return p.emit(p.out)
}

// Explain writes the plan as text, and below it those of the queries inside of
// its expressions.
func (p *Program) Explain() string {
	text := p.plan.Explain()
	for _, q := range p.inner {
		text += "Inside of an expression:\n  " + strings.ReplaceAll(strings.TrimSuffix(q.Explain(), "\n"), "\n", "\n  ") + "\n"
	}
	return text
}
