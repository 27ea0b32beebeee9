// Package exec runs plans.
//
// Rows are pushed from operator to operator over one frame of slots that all of
// them share: nothing is copied but where an operator has to see many rows before
// it can give one (sorting, grouping). The callbacks that the graph is read with are
// made once, so that following a relationship allocates nothing.
//
// A program belongs to one run and one goroutine. Everything it does is counted
// by the budget of its environment.
package exec

import (
	"errors"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// errStop says that no more rows are needed. It ends what pushes; then the
// operators are closed as usual.
var errStop = errors.New("no more rows are needed")

// machine is what all operators of a program share.
type machine struct {
	env *function.Env
	row eval.Row
}

// operator takes rows, which stand in the machine's frame. A run of an operator is
// open, any number of push, and close; open begins anew whatever was before.
type operator interface {
	open() error
	push() error
	close() error
	feed(next operator)
}

// link is an operator's way to the next one.
type link struct{ next operator }

func (l *link) open() error        { return l.next.open() }
func (l *link) close() error       { return l.next.close() }
func (l *link) feed(next operator) { l.next = next }

// chain is operators that push one to the next.
type chain struct {
	first operator
	last  operator
}

func (c *chain) add(op operator) {
	if c.first == nil {
		c.first = op
	} else {
		c.last.feed(op)
	}
	c.last = op
}

// run runs the chain on the row as it is.
func (c *chain) run() error {
	if err := c.first.open(); err != nil {
		return err
	}
	if err := c.first.push(); err != nil && !errors.Is(err, errStop) {
		return err
	}
	return c.first.close()
}

// fatal says that an error is not about a value: it ends the query wherever it
// comes up.
func fatal(err error) bool {
	var f *fault.Error
	return !errors.As(err, &f) || f.Class == fault.Limit
}

// walked is a relationship pattern as it is matched now, for those that must be
// others.
type walked struct {
	id   uint64
	ids  []uint64 // of a list that was given
	walk *walk    // of a walk
}

func (w *walked) has(id uint64) bool {
	switch {
	case w.walk != nil:
		return w.walk.has(id)
	case w.ids != nil:
		return slices.Contains(w.ids, id)
	}
	return w.id == id
}

func taken(avoid []*walked, id uint64) bool {
	for _, w := range avoid {
		if w.has(id) {
			return true
		}
	}
	return false
}

// hasLabels says whether a node has all labels.
func (m *machine) hasLabels(id uint64, labels []string) (bool, error) {
	for _, l := range labels {
		if ok, err := m.env.Graph.HasLabel(m.env.Ctx, id, l); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// other is the end of r that is not at.
func other(r *value.Rel, at uint64) uint64 {
	if r.From == at {
		return r.To
	}
	return r.From
}

func hasType(types []string, t string) bool {
	return len(types) == 0 || slices.Contains(types, t)
}
