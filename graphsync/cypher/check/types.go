package check

import (
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// typ is what is evident of an expression: the kinds that its value may have, and
// of a list what its elements are.
type typ struct {
	set   function.Type
	elem  *typ
	depth uint8 // of lists in lists
}

// maxDepth is how deep lists in lists are followed: queries can build them as
// deep as they are long.
const maxDepth = 8

// null is the bit of null, which functions take for granted and evidence cannot.
const null = function.Type(1) << value.KindNull

var (
	unknown  = typ{set: function.Any | null}
	boolean  = typ{set: function.Boolean}
	integer  = typ{set: function.Integer}
	float    = typ{set: function.Float}
	text     = typ{set: function.String}
	node     = typ{set: function.Node}
	rel      = typ{set: function.Relationship}
	path     = typ{set: function.Path}
	mapping  = typ{set: function.Map}
	nothing  = typ{set: null}
	temporal = function.Temporal | function.Duration
)

func listOf(elem typ) typ {
	if elem.depth == maxDepth {
		elem = unknown
	}
	return typ{set: function.List, elem: &elem, depth: elem.depth + 1}
}

// of is a type that functions know.
func of(t function.Type) typ {
	if t == 0 || t == function.Any {
		return unknown
	}
	return typ{set: t}
}

// not says that a value of t is evidently of none of the allowed kinds.
func (t typ) not(allowed function.Type) bool { return t.set&(allowed|null) == 0 }

// only says that t is evidently of the kinds and can be nothing else.
func (t typ) only(kinds function.Type) bool { return t.set&^kinds == 0 }

// element is what the elements of a list are.
func (t typ) element() typ {
	if t.set&^null == function.List && t.elem != nil {
		return *t.elem
	}
	return unknown
}

// either is what is of one type or of the other.
func either(a, b typ) typ {
	out := typ{set: a.set | b.set, depth: max(a.depth, b.depth)}
	switch {
	case a.set&function.List == 0:
		out.elem = b.elem
	case b.set&function.List == 0:
		out.elem = a.elem
	case a.elem != nil && b.elem != nil:
		e := either(*a.elem, *b.elem)
		out.elem = &e
	}
	return out
}

// words name a type for an error.
func (t typ) words() string {
	for k := value.KindBool; k <= value.KindDuration; k++ {
		if t.set&^null == function.TypeOf(k) {
			return k.String()
		}
	}
	return "something else"
}
