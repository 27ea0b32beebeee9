package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// path puts a path together from what was matched.
type path struct {
	link
	m     *machine
	slot  int
	nodes []int
	rels  []int
}

func (b *builder) path(op *plan.Path) error {
	nodes, err := b.slots(op.Nodes)
	if err != nil {
		return err
	}
	rels := make([]int, len(op.Rels))
	for i, r := range op.Rels {
		rels[i] = b.bind(r.Var)
	}
	b.chain.add(&path{m: b.m, slot: b.bind(op.Var), nodes: nodes, rels: rels})
	return nil
}

func (p *path) push() error {
	row := p.m.row
	at := row[p.nodes[0]].AsNode()
	out := &value.Path{Nodes: []uint64{at}}
	add := func(r *value.Rel) {
		at = other(r, at)
		out.Rels = append(out.Rels, r)
		out.Nodes = append(out.Nodes, at)
	}
	for _, slot := range p.rels {
		if v := row[slot]; v.Kind() == value.KindRel {
			add(v.AsRel())
		} else {
			for _, x := range v.AsList() {
				add(x.AsRel())
			}
		}
	}
	row[p.slot] = value.PathOf(out)
	return p.next.push()
}

// optional runs a chain for each row, and lets the row pass with nulls where that
// gives none.
type optional struct {
	link
	m     *machine
	inner chain
	binds []int
	found bool
}

func (b *builder) optional(op *plan.Optional) error {
	o := &optional{m: b.m}
	outer := b.chain
	b.chain = chain{}
	if err := b.steps(op.Steps); err != nil {
		return err
	}
	b.chain.add(&matched{o: o})
	o.inner, b.chain = b.chain, outer
	for _, name := range op.Binds {
		o.binds = append(o.binds, b.bind(name))
	}
	b.chain.add(o)
	return nil
}

func (o *optional) open() error {
	if err := o.inner.first.open(); err != nil {
		return err
	}
	return o.next.open()
}

func (o *optional) push() error {
	o.found = false
	if err := o.inner.first.push(); err != nil || o.found {
		return err
	}
	for _, slot := range o.binds {
		o.m.row[slot] = value.Null
	}
	return o.next.push()
}

// matched is the end of the chain of an optional.
type matched struct {
	link
	o *optional
}

func (e *matched) open() error  { return nil }
func (e *matched) close() error { return nil }

func (e *matched) push() error {
	e.o.found = true
	return e.o.next.push()
}

// unwind gives one row for each element of a list.
type unwind struct {
	link
	m    *machine
	list fn
	pos  fault.Pos
	slot int
}

func (u *unwind) push() error {
	v, err := u.list(u.m.env, u.m.row)
	switch {
	case err != nil || v.IsNull():
		return err
	case v.Kind() != value.KindList:
		return fault.Run(u.pos, fault.Type, "InvalidArgumentType", "UNWIND takes a list, but this is %s", v.Kind())
	}
	for _, x := range v.AsList() {
		if err := u.m.env.Budget.Step(1); err != nil {
			return err
		}
		u.m.row[u.slot] = x
		if err := u.next.push(); err != nil {
			return err
		}
	}
	return nil
}

// count gives what the graph has counted.
type count struct {
	link
	m     *machine
	slot  int
	rels  bool
	label string
}

func (c *count) push() error {
	n := uint64(0)
	if c.rels {
		n, _ = c.m.env.Graph.CountRels(c.label)
	} else {
		n, _ = c.m.env.Graph.CountNodes(c.label)
	}
	c.m.row[c.slot] = value.Int(int64(n))
	return c.next.push()
}
