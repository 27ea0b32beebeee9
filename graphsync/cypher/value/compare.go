package value

import (
	"cmp"
	"math"
	"strings"
)

// Less is a < b. It is null if either is, and for types that do not compare;
// false where one is NaN. Lists compare element by element.
func Less(a, b Value) Value { return ordered(a, b, func(c int) bool { return c < 0 }) }

// LessEqual is a <= b.
func LessEqual(a, b Value) Value { return ordered(a, b, func(c int) bool { return c <= 0 }) }

// Greater is a > b.
func Greater(a, b Value) Value { return ordered(a, b, func(c int) bool { return c > 0 }) }

// GreaterEqual is a >= b.
func GreaterEqual(a, b Value) Value { return ordered(a, b, func(c int) bool { return c >= 0 }) }

func ordered(a, b Value, holds func(c int) bool) Value {
	c, known := compare(a, b)
	if known == yes {
		return Bool(holds(c))
	}
	return known.value()
}

// compare is comparability: c is the order of a and b if known is yes. If it is
// no, neither is less, nor are they equal (NaN); else it cannot be said.
func compare(a, b Value) (c int, known outcome) {
	if a.kind != b.kind {
		var ok bool
		switch {
		case a.kind == KindInt && b.kind == KindFloat:
			c, ok = compareIntFloat(a.AsInt(), b.AsFloat())
		case a.kind == KindFloat && b.kind == KindInt:
			c, ok = compareIntFloat(b.AsInt(), a.AsFloat())
			c = -c
		default:
			return 0, unknown
		}
		return c, outcomeOf(ok)
	}
	switch a.kind {
	case KindInt:
		return cmp.Compare(a.AsInt(), b.AsInt()), yes
	case KindFloat:
		x, y := a.AsFloat(), b.AsFloat()
		if x != x || y != y {
			return 0, no
		}
		return cmp.Compare(x, y), yes
	case KindString:
		return strings.Compare(a.AsString(), b.AsString()), yes
	case KindBool:
		return cmp.Compare(a.num, b.num), yes
	case KindList:
		return compareLists(a.AsList(), b.AsList())
	case KindDate, KindLocalTime, KindTime, KindLocalDateTime, KindDateTime:
		return orderTemporal(a, b), yes
	case KindDuration:
		// How long a month is depends on which: only equal durations compare.
		if a.AsDuration() == b.AsDuration() {
			return 0, yes
		}
	}
	return 0, unknown
}

func compareLists(a, b []Value) (int, outcome) {
	for i := range min(len(a), len(b)) {
		switch equal(a[i], b[i]) {
		case no:
			return compare(a[i], b[i])
		case unknown:
			return 0, unknown
		}
	}
	return cmp.Compare(len(a), len(b)), yes
}

// compareIntFloat compares by mathematical value; ok is false for NaN. Turning
// the integer to a float would make different large numbers equal.
func compareIntFloat(i int64, f float64) (c int, ok bool) {
	switch {
	case f != f:
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(i, int64(whole)); c != 0 {
		return c, true
	}
	return cmp.Compare(whole, f), true
}
