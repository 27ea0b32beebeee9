package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// search looks for shortest walks between two nodes, breadth first from both ends:
// always a whole level further from the end that has fewer nodes to go on from.
//
// Two different nodes are joined by no shortest walk that meets a node twice, so
// that relationships are followed once each without asking.
type search struct {
	m       *machine
	tests   *tests
	types   []string
	all     bool // all shortest walks, not one
	banned  uint64
	bans    bool // banned is not to be followed
	sides   [2]side
	meeting []uint64
	length  int

	// of the level that is gone through now
	side  *side
	far   *side
	at    uint64
	visit func(r value.Rel) bool
	err   error
	held  int
}

// side is what one end has reached.
type side struct {
	dir   graph.Direction
	depth int32
	found map[uint64]reached
	edge  []uint64 // the nodes of the last level
	next  []uint64
	steps []back
}

// reached is a node: how far it is, and the last of the steps that lead to it.
type reached struct {
	depth int32
	step  int32 // in steps, or -1
}

// back is one step from a node towards the end where its side began.
type back struct {
	rel  value.Rel
	from uint64
	more int32 // another step that leads to the same node, or -1
}

// reachedBytes is about what one node that was reached takes.
const reachedBytes = 160

func newSearch(m *machine, t *tests, types []string, dir graph.Direction) *search {
	s := &search{m: m, tests: t, types: types}
	s.sides[0].dir, s.sides[1].dir = dir, opposite(dir)
	s.visit = s.rel
	return s
}

// run looks for walks of at most most relationships (-1: any number) between two
// different nodes that have passed the tests. It says whether there are any.
func (s *search) run(from, to uint64, most int) (bool, error) {
	s.done()
	s.meeting, s.length = s.meeting[:0], 0
	for i, start := range []uint64{from, to} {
		side := &s.sides[i]
		side.depth, side.found = 0, map[uint64]reached{start: {0, -1}}
		side.edge, side.steps = append(side.edge[:0], start), side.steps[:0]
	}
	for most < 0 || s.length < most {
		s.side, s.far = &s.sides[0], &s.sides[1]
		if len(s.far.edge) < len(s.side.edge) {
			s.side, s.far = s.far, s.side
		}
		if len(s.side.edge) == 0 {
			return false, nil
		}
		s.length++
		if err := s.level(); err != nil {
			return false, err
		}
		if len(s.meeting) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// done gives back what the search holds.
func (s *search) done() {
	s.m.env.Budget.Release(s.held)
	s.held = 0
	s.sides[0].found, s.sides[1].found = nil, nil
}

// level goes one level further on one side.
func (s *search) level() error {
	s.side.depth++
	s.side.next = s.side.next[:0]
	for _, s.at = range s.side.edge {
		s.err = nil
		if err := s.m.env.Graph.Rels(s.m.env.Ctx, s.at, s.side.dir, s.types, s.visit); err != nil {
			return err
		}
		if s.err != nil {
			return s.err
		}
		if !s.all && len(s.meeting) > 0 {
			break
		}
	}
	s.side.edge, s.side.next = s.side.next, s.side.edge
	return nil
}

func (s *search) rel(r value.Rel) bool {
	s.err = s.follow(&r)
	return s.err == nil && (s.all || len(s.meeting) == 0)
}

func (s *search) follow(r *value.Rel) error {
	if err := s.m.env.Budget.Expand(1); err != nil {
		return err
	}
	if s.bans && r.ID == s.banned {
		return nil
	}
	far := other(r, s.at)
	known, ok := s.side.found[far]
	if ok && (known.depth < s.side.depth || !s.all) {
		return nil
	}
	if pass, err := s.tests.rel(r); !pass || err != nil {
		return err
	}
	if !ok {
		if pass, err := s.tests.node(far); !pass || err != nil {
			return err
		}
		known = reached{s.side.depth, -1}
		s.side.next = append(s.side.next, far)
		if _, met := s.far.found[far]; met {
			s.meeting = append(s.meeting, far)
		}
	}
	if err := s.m.env.Budget.Hold(reachedBytes); err != nil {
		return err
	}
	s.held += reachedBytes
	s.side.steps = append(s.side.steps, back{rel: *r, from: s.at, more: known.step})
	known.step = int32(len(s.side.steps) - 1)
	s.side.found[far] = known
	return nil
}

// each calls fn with the relationships of every shortest walk, from the first end
// to the second. The slice is used again.
func (s *search) each(fn func(rels []*value.Rel) error) error {
	walk := make([]*value.Rel, s.length)
	for _, node := range s.meeting {
		middle := int(s.sides[0].found[node].depth)
		err := s.trace(&s.sides[0], node, walk, middle-1, -1, func() error {
			return s.trace(&s.sides[1], node, walk, middle, 1, func() error { return fn(walk) })
		})
		if err != nil {
			return err
		}
		if !s.all {
			return nil
		}
	}
	return nil
}

// trace goes back from a node to where its side began in every way, without
// calling itself for each step, and fills in the walk at place, place+by, …
func (s *search) trace(side *side, node uint64, walk []*value.Rel, place, by int, then func() error) error {
	depth := int(side.found[node].depth)
	ways := []int32{side.found[node].step}
	for len(ways) > 0 {
		top := len(ways) - 1
		if ways[top] < 0 {
			// Either this is where the side began, or all ways are gone.
			if top == depth {
				if err := then(); err != nil {
					return err
				}
			}
			ways = ways[:top]
			if top > 0 {
				ways[top-1] = side.steps[ways[top-1]].more
			}
			continue
		}
		step := &side.steps[ways[top]]
		walk[place+top*by] = &step.rel
		if err := s.m.env.Budget.Expand(1); err != nil {
			return err
		}
		ways = append(ways, side.found[step.from].step)
	}
	return nil
}
