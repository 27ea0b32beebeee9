package exec

import (
	"errors"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// shortest finds a shortest walk between two nodes, or all of them: of those that
// pass the conditions, and with no relationship twice.
//
// Breadth first search finds them where they are simple. Where they may not be,
// since the shortest of all pass no condition that asks for more, every walk is
// tried in order of length.
type shortest struct {
	link
	m          *machine
	tests      *tests
	from, to   int
	rels       int // slot of the list of relationships
	keepRels   bool
	single     bool // rels is the slot of one relationship
	path       int
	keepPath   bool
	conditions []condition
	min, max   int // min is 0 or 1: check refuses others
	dir        graph.Direction
	all        bool

	search *search
	trail  *trail
	found  bool
}

func (s *shortest) push() error {
	from, to := s.m.row[s.from].AsNode(), s.m.row[s.to].AsNode()
	for _, end := range []uint64{from, to} {
		if ok, err := s.tests.node(end); !ok || err != nil {
			return err
		}
	}
	s.found = false
	var next int
	switch {
	case from == to && s.min == 0:
		if err := s.offer(from, nil); err != nil {
			return s.settle(err)
		}
		next = 1
	case from == to:
		length, err := s.round(from)
		if err != nil || s.found || length < 0 {
			return s.settle(err)
		}
		next = length + 1
	default:
		ok, err := s.straight(from, to)
		if err != nil || s.found || !ok {
			return s.settle(err)
		}
		next = s.search.length + 1
	}
	if s.found {
		return nil
	}
	return s.settle(s.exhaust(from, next))
}

// settle ends a search that has found its one walk.
func (s *shortest) settle(err error) error {
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

var errFound = errors.New("the one shortest path is found")

// offer takes a walk, if it passes. The relationships are copied if they are kept.
func (s *shortest) offer(from uint64, rels []*value.Rel) error {
	if s.keepRels || s.keepPath || len(s.conditions) > 0 {
		s.bind(from, rels)
	}
	if ok, err := s.m.pass(s.conditions); !ok || err != nil {
		return err
	}
	s.found = true
	if err := s.next.push(); err != nil {
		return err
	}
	if !s.all {
		return errFound
	}
	return nil
}

func (s *shortest) bind(from uint64, rels []*value.Rel) {
	list := make([]value.Value, len(rels))
	path := &value.Path{Nodes: make([]uint64, 1, len(rels)+1), Rels: make([]*value.Rel, len(rels))}
	path.Nodes[0] = from
	for i, r := range rels {
		kept := *r
		path.Rels[i] = &kept
		list[i] = value.RelOf(&kept)
		from = other(r, from)
		path.Nodes = append(path.Nodes, from)
	}
	if s.single {
		s.m.row[s.rels] = list[0]
	} else {
		s.m.row[s.rels] = value.List(list)
	}
	s.m.row[s.path] = value.PathOf(path)
}

// straight offers the shortest walks between two different nodes. They are the
// shortest of all: if none passes the conditions, longer ones may.
func (s *shortest) straight(from, to uint64) (bool, error) {
	defer s.search.done()
	s.search.bans = false
	// One walk that fails says nothing about others of its length.
	s.search.all = s.all || len(s.conditions) > 0
	ok, err := s.search.run(from, to, s.max)
	if !ok || err != nil {
		return false, err
	}
	return true, s.search.each(func(rels []*value.Rel) error { return s.offer(from, rels) })
}

// exhaust tries every walk of each length, beginning with length.
func (s *shortest) exhaust(from uint64, length int) error {
	s.trail.give = func(rels []*value.Rel) error { return s.offer(from, rels) }
	w := s.trail.walk
	for ; (s.max < 0 || length <= s.max) && !s.found; length++ {
		w.min, w.max, w.longest = length, length, 0
		if err := w.push(); err != nil {
			return err
		}
		if w.longest < length {
			return nil
		}
	}
	return nil
}

// trail gives the walks of one length between the same two nodes.
type trail struct {
	link
	walk *walk
	give func(rels []*value.Rel) error
	rels []*value.Rel
}

func (t *trail) push() error {
	t.rels = t.rels[:0]
	for i := 1; i < len(t.walk.steps); i++ {
		t.rels = append(t.rels, &t.walk.steps[i].rel)
	}
	return t.give(t.rels)
}
