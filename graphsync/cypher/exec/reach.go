package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// reach finds the nodes that walks of min (0 or 1) to max relationships lead to,
// each once, breadth first.
//
// Only the way back to where it began is not simply a matter of distance: along a
// relationship that has no direction one cannot go there and back. For that it
// remembers by which relationship the way to each node began: there is a way back
// from a node along any other.
type reach struct {
	link
	m         *machine
	tests     *tests
	from, to  int
	into      bool
	min, max  int
	dir       graph.Direction
	types     []string
	labels    []string
	search    *search
	start     uint64
	found     map[uint64]branch
	edge, far []uint64
	at        uint64
	here      branch // of at
	back      bool   // there is a way back to the start
	visit     func(r value.Rel) bool
	err       error
	held      int
}

// branch is how far a node is, and the first relationship on the way to it.
type branch struct {
	depth int32
	first uint64
}

// branchBytes is about what a node takes that was reached.
const branchBytes = 64

func (r *reach) push() error {
	r.start = r.m.row[r.from].AsNode()
	if ok, err := r.tests.node(r.start); !ok || err != nil {
		return err
	}
	if r.into && r.m.row[r.to].AsNode() != r.start {
		return r.towards(r.m.row[r.to].AsNode())
	}
	if r.min == 0 {
		if err := r.give(r.start); err != nil || r.into {
			return err
		}
	}
	err := r.spread()
	r.m.env.Budget.Release(r.held)
	r.held, r.found = 0, nil
	return err
}

// towards asks whether there is a way to another node.
func (r *reach) towards(to uint64) error {
	if ok, err := r.tests.node(to); !ok || err != nil {
		return err
	}
	ok, err := r.search.run(r.start, to, r.max)
	r.search.done()
	if !ok || err != nil {
		return err
	}
	return r.next.push()
}

func (r *reach) give(node uint64) error {
	if ok, err := r.m.hasLabels(node, r.labels); !ok || err != nil {
		return err
	}
	r.m.row[r.to] = value.Node(node)
	return r.next.push()
}

// spread gives every node but the start as it is reached, and the start when there
// is a way back to it.
func (r *reach) spread() error {
	r.found = map[uint64]branch{r.start: {}}
	r.edge, r.back = append(r.edge[:0], r.start), r.min == 0
	for depth := 0; len(r.edge) > 0 && (r.max < 0 || depth < r.max); depth++ {
		r.far = r.far[:0]
		for _, r.at = range r.edge {
			r.here, r.err = r.found[r.at], nil
			if err := r.m.env.Graph.Rels(r.m.env.Ctx, r.at, r.dir, r.types, r.visit); err != nil {
				return err
			}
			if r.err != nil {
				return r.err
			}
			if r.into && r.back {
				return nil
			}
		}
		r.edge, r.far = r.far, r.edge
	}
	return nil
}

func (r *reach) rel(rel value.Rel) bool {
	r.err = r.follow(&rel)
	return r.err == nil
}

func (r *reach) follow(rel *value.Rel) error {
	if err := r.m.env.Budget.Expand(1); err != nil {
		return err
	}
	far := other(rel, r.at)
	known, seen := r.found[far]
	if seen && r.back {
		return nil
	}
	if ok, err := r.tests.rel(rel); !ok || err != nil {
		return err
	}
	first := r.here.first
	if r.at == r.start {
		first = rel.ID
	}
	if seen {
		return r.meet(rel, far, first, known)
	}
	if ok, err := r.tests.node(far); !ok || err != nil {
		return err
	}
	if err := r.m.env.Budget.Hold(branchBytes); err != nil {
		return err
	}
	r.held += branchBytes
	r.found[far] = branch{r.here.depth + 1, first}
	r.far = append(r.far, far)
	if r.into {
		return nil
	}
	return r.give(far)
}

// meet looks whether a relationship to a node that was seen before makes a way
// back to the start that is short enough.
func (r *reach) meet(rel *value.Rel, far uint64, first uint64, known branch) error {
	switch {
	case far == r.start && r.at == r.start:
	case far == r.start:
		if r.dir == graph.Both && rel.ID == r.here.first {
			return nil // the way it came
		}
	case r.dir != graph.Both || first == known.first:
		return nil
	}
	if length := int(r.here.depth) + int(known.depth) + 1; r.max >= 0 && length > r.max {
		return nil
	}
	r.back = true
	return r.give(r.start)
}
