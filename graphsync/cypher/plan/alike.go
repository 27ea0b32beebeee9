package plan

import (
	"hash/maphash"
	"maps"
	"math"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// Alike finds which of many expressions another one is the Same as, without
// comparing it with each: a query may have thousands. The zero Alike is empty.
type Alike struct {
	list   []ast.Expr
	of     map[uint64][]int // by their shapes
	shapes map[ast.Expr]uint64
}

// Add adds an expression; those that are added are counted from 0.
func (a *Alike) Add(e ast.Expr) {
	if a.of == nil {
		a.of, a.shapes = map[uint64][]int{}, map[ast.Expr]uint64{}
	}
	h := a.shape(e)
	a.of[h] = append(a.of[h], len(a.list))
	a.list = append(a.list, e)
}

// Find is the first that is the Same as e, or -1.
func (a *Alike) Find(e ast.Expr) int {
	if len(a.list) == 0 {
		return -1
	}
	for _, i := range a.of[a.shape(e)] {
		if Same(e, a.list[i]) {
			return i
		}
	}
	return -1
}

// Uses finds the parts of e, which stands behind a projection, that are written
// like one of the expressions: their value is known. It calls found with the part
// and the number of the expression. A part that is a variable means what is called
// so now, unless nothing is.
func (a *Alike) Uses(e ast.Expr, names func(name string) bool, found func(x ast.Expr, i int)) {
	a.uses(e, nil, names, found)
}

// uses leaves out expressions that speak of hidden variables, which are others
// inside of a comprehension.
func (a *Alike) uses(e ast.Expr, hidden map[string]bool, names func(name string) bool, found func(x ast.Expr, i int)) {
	if e == nil {
		return
	}
	if v, ok := e.(*ast.Var); !ok || !names(v.Name) {
		if i := a.Find(e); i >= 0 && !mentionsAny(a.list[i], hidden) {
			found(e, i)
			return
		}
	}
	children(e, func(x ast.Expr, inner ...string) {
		within := hidden
		if len(inner) > 0 {
			within = maps.Clone(hidden)
			if within == nil {
				within = map[string]bool{}
			}
			for _, name := range inner {
				within[name] = true
			}
		}
		a.uses(x, within, names, found)
	}, func(any) {})
}

var shapeSeed = maphash.MakeSeed()

// shape is the same for all expressions that are the Same, and of others seldom.
func (a *Alike) shape(e ast.Expr) uint64 {
	if h, ok := a.shapes[e]; ok || e == nil {
		return h
	}
	h := maphash.Comparable(shapeSeed, headOf(e))
	children(e, func(x ast.Expr, _ ...string) {
		h = maphash.Comparable(shapeSeed, [2]uint64{h, a.shape(x)})
	}, func(any) {})
	a.shapes[e] = h
	return h
}

// head is some of what sameHead compares.
type head struct {
	kind byte
	n    uint64
	text string
}

func headOf(e ast.Expr) head {
	switch e := e.(type) {
	case *ast.Bool:
		if e.Value {
			return head{kind: 'b'}
		}
		return head{kind: 'c'}
	case *ast.Int:
		return head{kind: 'i', n: uint64(e.Value)}
	case *ast.Float:
		return head{kind: 'f', n: math.Float64bits(e.Value)}
	case *ast.String:
		return head{kind: 's', text: e.Value}
	case *ast.Param:
		return head{kind: 'p', text: e.Name}
	case *ast.Var:
		return head{kind: 'v', text: e.Name}
	case *ast.Property:
		return head{kind: 'k', text: e.Key}
	case *ast.Unary:
		return head{kind: 'u', n: uint64(e.Op)}
	case *ast.Binary:
		return head{kind: 'o', n: uint64(e.Op)}
	case *ast.Call:
		return head{kind: 'x', text: strings.ToLower(e.Name)}
	case *ast.Map:
		return head{kind: 'm', text: strings.Join(e.Keys, " ")}
	}
	return head{kind: ' '}
}
