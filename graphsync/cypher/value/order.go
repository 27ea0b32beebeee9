package value

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// rank is the order of the types in ORDER BY.
var rank = [...]uint8{
	KindMap:           0,
	KindNode:          1,
	KindRel:           2,
	KindList:          3,
	KindPath:          4,
	KindDateTime:      5,
	KindLocalDateTime: 6,
	KindDate:          7,
	KindTime:          8,
	KindLocalTime:     9,
	KindDuration:      10,
	KindString:        11,
	KindBool:          12,
	KindInt:           13,
	KindFloat:         13,
	KindNull:          14,
}

// Order is the total order of ORDER BY, rising: -1, 0 or 1. Types are ordered
// among one another; NaN is the largest number, and null the largest of all.
// Values of order 0 are equivalent.
func Order(a, b Value) int {
	if a.kind != b.kind {
		switch {
		case a.kind == KindInt && b.kind == KindFloat:
			return orderIntFloat(a.AsInt(), b.AsFloat())
		case a.kind == KindFloat && b.kind == KindInt:
			return -orderIntFloat(b.AsInt(), a.AsFloat())
		}
		return cmp.Compare(rank[a.kind], rank[b.kind])
	}
	switch a.kind {
	case KindNull:
		return 0
	case KindInt:
		return cmp.Compare(a.AsInt(), b.AsInt())
	case KindBool, KindNode, KindRel:
		return cmp.Compare(a.num, b.num)
	case KindFloat:
		return orderFloats(a.AsFloat(), b.AsFloat())
	case KindString:
		return strings.Compare(a.AsString(), b.AsString())
	case KindList:
		return slices.CompareFunc(a.AsList(), b.AsList(), Order)
	case KindMap:
		return orderMaps(a.AsMap(), b.AsMap())
	case KindPath:
		return orderPaths(a.AsPath(), b.AsPath())
	}
	return orderTemporal(a, b)
}

func orderIntFloat(i int64, f float64) int {
	c, ok := compareIntFloat(i, f)
	if !ok {
		return -1
	}
	return c
}

func orderFloats(x, y float64) int {
	switch {
	case math.IsNaN(x) && math.IsNaN(y):
		return 0
	case math.IsNaN(x):
		return 1
	case math.IsNaN(y):
		return -1
	}
	return cmp.Compare(x, y)
}

// orderMaps orders by size, then by the keys, then by the values in the order of
// the keys.
func orderMaps(a, b Map) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	ka, kb := sortedKeys(a), sortedKeys(b)
	if c := slices.Compare(ka, kb); c != 0 {
		return c
	}
	for _, k := range ka {
		if c := Order(a[k], b[k]); c != 0 {
			return c
		}
	}
	return 0
}

// orderPaths orders as lists of nodes and relationships by turns.
func orderPaths(a, b *Path) int {
	for i := range min(len(a.Nodes), len(b.Nodes)) {
		if c := cmp.Compare(a.Nodes[i], b.Nodes[i]); c != 0 {
			return c
		}
		if i < min(len(a.Rels), len(b.Rels)) {
			if c := cmp.Compare(a.Rels[i].ID, b.Rels[i].ID); c != 0 {
				return c
			}
		}
	}
	return cmp.Compare(len(a.Nodes), len(b.Nodes))
}

func sortedKeys(m Map) []string { return slices.Sorted(maps.Keys(m)) }
