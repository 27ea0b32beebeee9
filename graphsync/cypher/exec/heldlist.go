package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// heldList matches a list of relationships that is bound already: it must be a
// walk, in the order of the list.
type heldList struct {
	link
	placing
	pos      fault.Pos
	name     string
	types    []string
	tests    *tests
	min, max int
}

func (h *heldList) push() error {
	v := h.m.row[h.slot]
	switch v.Kind() {
	case value.KindList:
	case value.KindNull:
		return nil
	default:
		return notA(h.pos, "list of relationships", h.name, v)
	}
	list := v.AsList()
	if len(list) < h.min || h.max >= 0 && len(list) > h.max {
		return nil
	}
	ids := make([]uint64, 0, len(list))
	seen := make(map[uint64]bool, len(list))
	for _, x := range list {
		switch x.Kind() {
		case value.KindRel:
		case value.KindNull:
			return nil
		default:
			return notA(h.pos, "list of relationships", h.name, v)
		}
		r := x.AsRel()
		if seen[r.ID] || taken(h.avoid, r.ID) || !hasType(h.types, r.Type) {
			return nil
		}
		if ok, err := h.tests.rel(r); !ok || err != nil {
			return err
		}
		seen[r.ID] = true
		ids = append(ids, r.ID)
	}
	h.walked.ids = ids
	if len(list) == 0 {
		at := h.m.row[h.from]
		if !h.hasFrom {
			at = h.m.row[h.to]
		}
		return h.along(list, at.AsNode())
	}
	first := list[0].AsRel()
	if h.dir != ast.Left {
		if err := h.along(list, first.From); err != nil {
			return err
		}
	}
	if h.dir == ast.Left || h.dir == ast.Either && first.From != first.To {
		return h.along(list, first.To)
	}
	return nil
}

// along walks the list from a node.
func (h *heldList) along(list []value.Value, start uint64) error {
	if err := h.m.env.Budget.Expand(len(list)); err != nil {
		return err
	}
	at := start
	for i := -1; i < len(list); i++ {
		if i >= 0 {
			r := list[i].AsRel()
			if !(h.dir != ast.Left && r.From == at || h.dir != ast.Right && r.To == at) {
				return nil
			}
			at = other(r, at)
		}
		if ok, err := h.tests.node(at); !ok || err != nil {
			return err
		}
	}
	if ok, err := h.ends(start, at); !ok || err != nil {
		return err
	}
	return h.next.push()
}
