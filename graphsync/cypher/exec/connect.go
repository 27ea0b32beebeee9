package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// connect finds the relationships between two nodes that are bound.
type connect struct {
	link
	binding
	from, to int
	dir      graph.Direction
	types    []string

	at, far uint64
	left    int // how many more may be looked at from this end
	found   []value.Rel
	visit   func(r value.Rel) bool
	err     error
}

// firstLook is how many relationships of one end are looked at before those of
// the other end are tried.
const firstLook = 16

// push looks from both ends by turns, further each time, since either may have a
// great many relationships: it takes a few times what the smaller end has.
func (c *connect) push() error {
	from, to := c.m.row[c.from].AsNode(), c.m.row[c.to].AsNode()
	dir, limit := c.dir, firstLook
	for c.at, c.far = from, to; ; limit *= 2 {
		c.left, c.found, c.err = limit, c.found[:0], nil
		if err := c.m.env.Graph.Rels(c.m.env.Ctx, c.at, dir, c.types, c.visit); err != nil {
			return err
		}
		if c.err != nil {
			return c.err
		}
		if c.left >= 0 {
			break
		}
		c.at, c.far, dir = c.far, c.at, opposite(dir)
	}
	for i := range c.found {
		ok, err := c.bind(&c.found[i])
		if err == nil && ok {
			err = c.next.push()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *connect) rel(r value.Rel) bool {
	if c.left--; c.left < 0 {
		return false
	}
	if c.err = c.m.env.Budget.Expand(1); c.err != nil {
		return false
	}
	if other(&r, c.at) == c.far && !taken(c.avoid, r.ID) {
		c.found = append(c.found, r)
	}
	return true
}
