package exec

import (
	"unsafe"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// tests are what each part of a walk must pass.
type tests struct {
	m            *machine
	rels, nodes  []test
	relationship value.Rel
}

type test struct {
	slot int
	pred eval.Pred
}

// rel says whether a relationship passes. It is seen in a place that the next one
// will use, too.
func (t *tests) rel(r *value.Rel) (bool, error) {
	for i := range t.rels {
		t.relationship = *r
		t.m.row[t.rels[i].slot] = value.RelOf(&t.relationship)
		if ok, err := t.rels[i].pred(t.m.env, t.m.row); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (t *tests) node(id uint64) (bool, error) {
	for i := range t.nodes {
		t.m.row[t.nodes[i].slot] = value.Node(id)
		if ok, err := t.nodes[i].pred(t.m.env, t.m.row); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// walk follows any number of relationships, depth first. It does so without
// calling itself: a walk may be as long as the graph is large.
type walk struct {
	link
	m          *machine
	tests      *tests
	avoid      []*walked
	from, to   int
	slot       int
	keep       bool
	back, into bool
	min, max   int
	dir        graph.Direction
	types      []string
	labels     []string

	steps []stepped
	cand  []value.Rel // relationships still to be followed, of all steps
	seen  map[uint64]bool
	held  int
	// longest is how long a walk there was.
	longest int
	visit   func(r value.Rel) bool
	err     error
}

// stepped is one node of the walk, how it was reached, and which relationships of
// it are to be followed.
type stepped struct {
	node  uint64
	rel   value.Rel
	kept  *value.Rel
	start int // in cand
	at    int
	end   int
}

// manySteps is how long a walk is before it remembers its relationships in a set.
const manySteps = 32

var (
	candBytes = int(unsafe.Sizeof(value.Rel{}))
	stepBytes = int(unsafe.Sizeof(stepped{}))
)

// has says whether a relationship is on the walk.
func (w *walk) has(id uint64) bool {
	if len(w.steps) > manySteps {
		return w.seen[id]
	}
	for i := 1; i < len(w.steps); i++ {
		if w.steps[i].rel.ID == id {
			return true
		}
	}
	return false
}

func (w *walk) push() error {
	err := w.walk(w.m.row[w.from].AsNode())
	w.m.env.Budget.Release(w.held)
	w.steps, w.cand, w.held = w.steps[:0], w.cand[:0], 0
	return err
}

func (w *walk) walk(start uint64) error {
	if ok, err := w.tests.node(start); !ok || err != nil {
		return err
	}
	if err := w.enter(stepped{node: start}); err != nil {
		return err
	}
	for len(w.steps) > 0 {
		top := &w.steps[len(w.steps)-1]
		if top.at == top.end {
			w.leave()
			continue
		}
		r := &w.cand[top.at]
		top.at++
		if w.has(r.ID) || taken(w.avoid, r.ID) {
			continue
		}
		if ok, err := w.tests.rel(r); err != nil {
			return err
		} else if !ok {
			continue
		}
		far := other(r, top.node)
		if ok, err := w.tests.node(far); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := w.enter(stepped{node: far, rel: *r}); err != nil {
			return err
		}
	}
	return nil
}

// enter goes on to a node: it gives the walk so far, if it is one that is looked
// for, and gathers what to follow from there.
func (w *walk) enter(s stepped) error {
	s.start, s.at, s.end = len(w.cand), len(w.cand), len(w.cand)
	w.steps = append(w.steps, s)
	depth := len(w.steps) - 1
	if err := w.hold(stepBytes); err != nil {
		return err
	}
	w.remember(s.rel.ID)
	w.longest = max(w.longest, depth)
	if depth >= w.min {
		if err := w.emit(s.node); err != nil {
			return err
		}
	}
	if w.max >= 0 && depth >= w.max {
		return nil
	}
	w.err = nil
	if err := w.m.env.Graph.Rels(w.m.env.Ctx, s.node, w.dir, w.types, w.visit); err != nil {
		return err
	}
	if w.err != nil {
		return w.err
	}
	w.steps[depth].end = len(w.cand)
	return w.hold(candBytes * (len(w.cand) - s.start))
}

func (w *walk) hold(bytes int) error {
	err := w.m.env.Budget.Hold(bytes)
	if err == nil {
		w.held += bytes
	}
	return err
}

func (w *walk) candidate(r value.Rel) bool {
	if w.err = w.m.env.Budget.Expand(1); w.err != nil {
		return false
	}
	w.cand = append(w.cand, r)
	return true
}

// remember keeps the set of relationships once the walk is long.
func (w *walk) remember(id uint64) {
	switch {
	case len(w.steps) == manySteps+1:
		w.seen = make(map[uint64]bool, 2*manySteps)
		for i := 1; i < len(w.steps); i++ {
			w.seen[w.steps[i].rel.ID] = true
		}
	case len(w.steps) > manySteps+1:
		w.seen[id] = true
	}
}

func (w *walk) leave() {
	last := len(w.steps) - 1
	s := &w.steps[last]
	if len(w.steps) > manySteps+1 {
		delete(w.seen, s.rel.ID)
	}
	bytes := stepBytes + candBytes*(len(w.cand)-s.start)
	w.m.env.Budget.Release(bytes)
	w.held -= bytes
	w.cand = w.cand[:s.start]
	w.steps[last] = stepped{}
	w.steps = w.steps[:last]
}

func (w *walk) emit(end uint64) error {
	if w.into {
		if w.m.row[w.to].AsNode() != end {
			return nil
		}
	} else {
		if ok, err := w.m.hasLabels(end, w.labels); !ok || err != nil {
			return err
		}
		w.m.row[w.to] = value.Node(end)
	}
	if w.keep {
		w.m.row[w.slot] = w.list()
	}
	return w.next.push()
}

// list is the relationships of the walk in the order of the pattern.
func (w *walk) list() value.Value {
	list := make([]value.Value, len(w.steps)-1)
	for i := range list {
		s := &w.steps[i+1]
		if s.kept == nil {
			kept := s.rel
			s.kept = &kept
		}
		if w.back {
			list[len(list)-1-i] = value.RelOf(s.kept)
		} else {
			list[i] = value.RelOf(s.kept)
		}
	}
	return value.List(list)
}
