package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// binding is where a matched relationship goes.
type binding struct {
	m          *machine
	walked     *walked
	avoid      []*walked
	slot       int
	keep       bool
	conditions []condition
	scratch    value.Rel
}

// bind takes a relationship, if it passes its conditions. These see it in a place that the next one will use,
// too: a copy is made only of what is kept.
func (b *binding) bind(r *value.Rel) (bool, error) {
	if len(b.conditions) > 0 {
		b.scratch = *r
		b.m.row[b.slot] = value.RelOf(&b.scratch)
		if ok, err := b.m.pass(b.conditions); !ok || err != nil {
			return false, err
		}
	}
	b.walked.id = r.ID
	if b.keep {
		kept := *r
		b.m.row[b.slot] = value.RelOf(&kept)
	}
	return true, nil
}

// expand follows relationships to nodes that are not bound yet.
type expand struct {
	link
	binding
	from, to int // slots
	dir      graph.Direction
	types    []string
	labels   []string

	at    uint64
	visit func(r value.Rel) bool
	err   error
}

func (e *expand) push() error {
	e.at, e.err = e.m.row[e.from].AsNode(), nil
	if err := e.m.env.Graph.Rels(e.m.env.Ctx, e.at, e.dir, e.types, e.visit); err != nil {
		return err
	}
	return e.err
}

func (e *expand) rel(r value.Rel) bool {
	e.err = e.follow(&r)
	return e.err == nil
}

func (e *expand) follow(r *value.Rel) error {
	if err := e.m.env.Budget.Expand(1); err != nil {
		return err
	}
	if taken(e.avoid, r.ID) {
		return nil
	}
	far := other(r, e.at)
	if ok, err := e.m.hasLabels(far, e.labels); !ok || err != nil {
		return err
	}
	e.m.row[e.to] = value.Node(far)
	if ok, err := e.bind(r); !ok || err != nil {
		return err
	}
	return e.next.push()
}

// direction is that of a pattern seen from its left end, or its right one.
func direction(d ast.Direction, back bool) graph.Direction {
	switch {
	case d == ast.Either:
		return graph.Both
	case (d == ast.Right) != back:
		return graph.Out
	}
	return graph.In
}

func opposite(d graph.Direction) graph.Direction {
	switch d {
	case graph.Out:
		return graph.In
	case graph.In:
		return graph.Out
	}
	return d
}
