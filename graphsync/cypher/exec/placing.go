package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

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
	pos   fault.Pos
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
		return notA(h.pos, "relationship", h.name, v)
	}
	if r := v.AsRel(); hasType(h.types, r.Type) {
		return h.each(r, h.next.push)
	}
	return nil
}
