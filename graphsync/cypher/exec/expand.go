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

// placing puts a relationship that is known into a pattern whose ends may be
// known, too.
type placing struct {
	binding
	from, to       int
	hasFrom, hasTo bool
	dir            ast.Direction
	left, right    []string
}

// each calls then for every way in which r fits the pattern: two, if the pattern
// has no direction and r is no loop.
func (p *placing) each(r *value.Rel, then func() error) error {
	if taken(p.avoid, r.ID) {
		return nil
	}
	if p.dir != ast.Left {
		if err := p.place(r, r.From, r.To, then); err != nil {
			return err
		}
	}
	if p.dir == ast.Left || p.dir == ast.Either && r.From != r.To {
		return p.place(r, r.To, r.From, then)
	}
	return nil
}

func (p *placing) place(r *value.Rel, from, to uint64, then func() error) error {
	if ok, err := p.ends(from, to); !ok || err != nil {
		return err
	}
	if ok, err := p.bind(r); !ok || err != nil {
		return err
	}
	return then()
}

// ends holds both ends against what is bound, and binds what is not.
func (p *placing) ends(from, to uint64) (bool, error) {
	row := p.m.row
	if p.from == p.to && from != to || p.hasFrom && row[p.from].AsNode() != from || p.hasTo && row[p.to].AsNode() != to {
		return false, nil
	}
	if !p.hasFrom {
		if ok, err := p.m.hasLabels(from, p.left); !ok || err != nil {
			return false, err
		}
		row[p.from] = value.Node(from)
	}
	if !p.hasTo {
		if ok, err := p.m.hasLabels(to, p.right); !ok || err != nil {
			return false, err
		}
		row[p.to] = value.Node(to)
	}
	return true, nil
}

// relScan goes through all relationships.
type relScan struct {
	link
	placing
	types []string
	id    fn // of the only ones that are looked for, or nil
	many  bool
	seen  map[string]bool
	visit func(r value.Rel) bool
	err   error
}

func (s *relScan) push() error {
	s.err = nil
	if s.id != nil {
		list, ok, err := s.m.wanted(s.id, s.many, s.seen)
		if ok || err != nil {
			return s.byID(list, err)
		}
	}
	if err := s.m.env.Graph.EachRel(s.m.env.Ctx, s.types, s.visit); err != nil {
		return err
	}
	return s.err
}

func (s *relScan) byID(list []value.Value, err error) error {
	seen := make(map[uint64]bool, len(list))
	for _, v := range list {
		id, ok := idOf(v)
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		r, ok, err := s.m.env.Graph.Rel(s.m.env.Ctx, id)
		if err != nil {
			return err
		}
		if ok && hasType(s.types, r.Type) && !s.rel(r) {
			return s.err
		}
	}
	return err
}

func (s *relScan) rel(r value.Rel) bool {
	if s.err = s.m.env.Budget.Expand(1); s.err == nil {
		s.err = s.each(&r, s.next.push)
	}
	return s.err == nil
}

// held matches a relationship that is bound already.
type held struct {
	link
	placing
	name  string
	types []string
}

func (h *held) push() error {
	v := h.m.row[h.slot]
	switch v.Kind() {
	case value.KindRel:
	case value.KindNull:
		return nil
	default:
		return notA("relationship", h.name, v)
	}
	if r := v.AsRel(); hasType(h.types, r.Type) {
		return h.each(r, h.next.push)
	}
	return nil
}
