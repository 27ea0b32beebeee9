package graphsync

import (
	"slices"

	"github.com/meshd/meshd/consensus"
)

// Direction says which edges a walk follows.
type Direction string

// Directions of a walk.
const (
	Out  Direction = "out"
	In   Direction = "in"
	Both Direction = "both"
)

func checkDirection(d Direction) (Direction, *consensus.Refusal) {
	switch d {
	case "":
		return Both, nil
	case Out, In, Both:
		return d, nil
	case "outgoing":
		return Out, nil
	case "incoming":
		return In, nil
	}
	return "", invalid("direction", "must be out, in or both")
}

// reverse is the direction seen from the other end.
func (d Direction) reverse() Direction {
	switch d {
	case Out:
		return In
	case In:
		return Out
	}
	return Both
}

// budget bounds the edges one walk looks at.
type budget struct {
	left int
	over bool
}

func (b *budget) spend() bool {
	if b.left == 0 {
		b.over = true
		return false
	}
	b.left--
	return true
}

// eachEdge calls fn for the edges of a node in a direction, in the order of
// their keys, until fn or the budget says no. A loop is seen once.
func (v *view) eachEdge(ns nsID, id uint64, d Direction, typ symbol, b *budget, fn func(at triple, other uint64, val []byte) bool) error {
	prefix := appendSpan(nil, ns, id, typ, 0)
	end := after(prefix)
	on := true
	look := func([]byte) bool {
		on = on && b.spend()
		return on
	}
	if d != In {
		err := v.edgesIn(tSPO, prefix, end, look, func(at triple, val []byte) bool {
			on = fn(at, at.target, val)
			return on
		})
		if err != nil || d == Out || !on {
			return err
		}
	}
	return v.edgesIn(tOPS, prefix, end, look, func(at triple, val []byte) bool {
		if d == Both && at.source == id {
			return true
		}
		on = fn(at, at.source, val)
		return on
	})
}

// resolve turns the id or key a reader names into a node of the namespace.
func (v *view) resolve(ns nsID, id uint64, key, field string) (uint64, error) {
	if id != 0 {
		if key != "" {
			return 0, invalid(field, "must be an id or a key, not both")
		}
		got, _, ok := v.everNode(id)
		if !ok || ns == 0 || got != ns || !v.seesNode(ns, id) {
			return 0, refuse(CodeNotFound, field, "no node has the id %d", id)
		}
		return id, nil
	}
	norm, r := checkKey(field, key)
	if r != nil {
		return 0, r
	}
	if found := v.seeKey(ns, norm); found != 0 && v.seesNode(ns, found) {
		return found, nil
	}
	return 0, noKey(field, key)
}

// lookup is the namespace and the type filter of a walk; none says that
// nothing can match the type.
func (v *view) lookup(namespace, typ string) (ns nsID, sym symbol, none bool) {
	ns = v.namespace(namespace)
	if typ != "" {
		sym = v.symbol(symType, typ)
		none = sym == 0
	}
	return ns, sym, none
}

// maxTypes bounds the types one walk is told to follow.
const maxTypes = 32

func checkTypes(field string, types []string) *consensus.Refusal {
	if len(types) > maxTypes {
		return invalid(field, "names %d types, at most %d are allowed", len(types), maxTypes)
	}
	for _, typ := range types {
		if r := checkType(field, typ); r != nil {
			return r
		}
	}
	return nil
}

// typesOf are the symbols of types to follow, in their order; the symbol 0 for
// all where none is named. None says that nothing can match.
func (v *view) typesOf(names []string) (types []symbol, none bool) {
	if len(names) == 0 {
		return []symbol{0}, false
	}
	for _, name := range names {
		if typ := v.symbol(symType, name); typ != 0 {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return slices.Compact(types), len(types) == 0
}
