package value

import "slices"

// outcome is an answer of three-valued logic.
type outcome uint8

const (
	no outcome = iota
	yes
	unknown
)

func (o outcome) value() Value {
	if o == unknown {
		return Null
	}
	return Bool(o == yes)
}

func outcomeOf(b bool) outcome {
	if b {
		return yes
	}
	return no
}

// Equal is a = b: null if either is, or if it hangs on a null inside of them;
// false for different types. Numbers are equal by their mathematical value, and
// NaN is equal to nothing.
func Equal(a, b Value) Value { return equal(a, b).value() }

// NotEqual is a <> b.
func NotEqual(a, b Value) Value { return Not(Equal(a, b)) }

func equal(a, b Value) outcome {
	if a.kind != b.kind {
		switch {
		case a.kind == KindNull || b.kind == KindNull:
			return unknown
		case a.kind == KindInt && b.kind == KindFloat:
			c, ok := compareIntFloat(a.AsInt(), b.AsFloat())
			return outcomeOf(ok && c == 0)
		case a.kind == KindFloat && b.kind == KindInt:
			c, ok := compareIntFloat(b.AsInt(), a.AsFloat())
			return outcomeOf(ok && c == 0)
		}
		return no
	}
	switch a.kind {
	case KindNull:
		return unknown
	case KindBool, KindInt, KindNode, KindRel:
		return outcomeOf(a.num == b.num)
	case KindFloat:
		return outcomeOf(a.AsFloat() == b.AsFloat())
	case KindString:
		return outcomeOf(a.num == b.num && a.AsString() == b.AsString())
	case KindList:
		return equalLists(a.AsList(), b.AsList())
	case KindMap:
		return equalMaps(a.AsMap(), b.AsMap())
	case KindPath:
		return outcomeOf(samePath(a.AsPath(), b.AsPath()))
	}
	return outcomeOf(orderTemporal(a, b) == 0)
}

func equalLists(a, b []Value) outcome {
	if len(a) != len(b) {
		return no
	}
	all := yes
	for i := range a {
		switch equal(a[i], b[i]) {
		case no:
			return no
		case unknown:
			all = unknown
		}
	}
	return all
}

func equalMaps(a, b Map) outcome {
	if len(a) != len(b) {
		return no
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			return no
		}
	}
	all := yes
	for k, v := range a {
		switch equal(v, b[k]) {
		case no:
			return no
		case unknown:
			all = unknown
		}
	}
	return all
}

func samePath(a, b *Path) bool {
	return slices.Equal(a.Nodes, b.Nodes) &&
		slices.EqualFunc(a.Rels, b.Rels, func(x, y *Rel) bool { return x.ID == y.ID })
}

// In is x IN list. It is null if the list is, or if x is not found and something
// compared as null. What is no list contains nothing: the asker refuses it.
func In(x, list Value) Value {
	if list.IsNull() {
		return Null
	}
	found := no
	for _, v := range list.AsList() {
		switch equal(x, v) {
		case yes:
			return Bool(true)
		case unknown:
			found = unknown
		}
	}
	return found.value()
}
