package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

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
