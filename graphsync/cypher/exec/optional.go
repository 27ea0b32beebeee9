package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

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
