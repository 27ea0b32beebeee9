package value

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// The arithmetic gives null if an operand is null, and *fault.Error without a
// place for what it refuses: types that do not go together, integers beyond 64
// bits, and integer division by zero. Floats never fail; they become infinite or
// NaN.

// Add is a + b: of numbers, texts (to which numbers may be added), lists (to which
// anything may be added at either end), durations and temporal values.
func Add(a, b Value) (Value, error) {
	switch {
	case a.kind == KindInt && b.kind == KindInt:
		x, y := a.AsInt(), b.AsInt()
		sum := x + y
		if (x > 0 && y > 0 && sum < 0) || (x < 0 && y < 0 && sum >= 0) {
			return Null, overflow()
		}
		return Int(sum), nil
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(a.float() + b.float()), nil
	case a.kind == KindList && b.kind == KindList:
		return joined(a.AsList(), b.AsList()), nil
	case a.kind == KindList:
		return joined(a.AsList(), []Value{b}), nil
	case b.kind == KindList:
		return joined([]Value{a}, b.AsList()), nil
	case a.kind == KindString && b.kind == KindString:
		return String(a.AsString() + b.AsString()), nil
	case a.kind == KindString && b.isNumber():
		return String(a.AsString() + numberText(b)), nil
	case a.isNumber() && b.kind == KindString:
		return String(numberText(a) + b.AsString()), nil
	case a.kind == KindDuration:
		return addDuration(b, a)
	case b.kind == KindDuration:
		return addDuration(a, b)
	}
	return Null, mismatch("add", a, b)
}

// SumSize is about how many bytes Add of these would make, to be asked first.
func SumSize(a, b Value) int {
	if a.kind == KindList || b.kind == KindList || a.kind == KindString || b.kind == KindString {
		return Size(a) + Size(b)
	}
	return 0
}

// Sub is a - b, of numbers, durations, and a temporal value and a duration.
func Sub(a, b Value) (Value, error) {
	switch {
	case a.kind == KindInt && b.kind == KindInt:
		x, y := a.AsInt(), b.AsInt()
		diff := x - y
		if (y > 0 && diff > x) || (y < 0 && diff < x) {
			return Null, overflow()
		}
		return Int(diff), nil
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(a.float() - b.float()), nil
	case b.kind == KindDuration:
		return subtractDuration(a, b)
	}
	return Null, mismatch("subtract", a, b)
}

// Mul is a * b, of numbers, and a duration and a number.
func Mul(a, b Value) (Value, error) {
	switch {
	case a.kind == KindInt && b.kind == KindInt:
		x, y := a.AsInt(), b.AsInt()
		product := x * y
		if x != 0 && (product/x != y || (x == -1 && y == math.MinInt64)) {
			return Null, overflow()
		}
		return Int(product), nil
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(a.float() * b.float()), nil
	case a.kind == KindDuration && b.isNumber():
		return multiplyDuration(a, b)
	case a.isNumber() && b.kind == KindDuration:
		return multiplyDuration(b, a)
	}
	return Null, mismatch("multiply", a, b)
}

// Div is a / b: of integers the quotient cut towards zero. A duration may be
// divided by a number.
func Div(a, b Value) (Value, error) {
	switch {
	case a.kind == KindInt && b.kind == KindInt:
		x, y := a.AsInt(), b.AsInt()
		switch {
		case y == 0:
			return Null, byZero()
		case x == math.MinInt64 && y == -1:
			return Null, overflow()
		}
		return Int(x / y), nil
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(a.float() / b.float()), nil
	case a.kind == KindDuration && b.isNumber():
		return divideDuration(a, b)
	}
	return Null, mismatch("divide", a, b)
}

// Mod is a % b, which has the sign of a.
func Mod(a, b Value) (Value, error) {
	switch {
	case a.kind == KindInt && b.kind == KindInt:
		if b.AsInt() == 0 {
			return Null, byZero()
		}
		if b.AsInt() == -1 {
			return Int(0), nil
		}
		return Int(a.AsInt() % b.AsInt()), nil
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(math.Mod(a.float(), b.float())), nil
	}
	return Null, mismatch("take the remainder of", a, b)
}

// Pow is a ^ b, which is always a float.
func Pow(a, b Value) (Value, error) {
	switch {
	case a.IsNull() || b.IsNull():
		return Null, nil
	case a.isNumber() && b.isNumber():
		return Float(math.Pow(a.float(), b.float())), nil
	}
	return Null, mismatch("take the power of", a, b)
}

// Neg is -a.
func Neg(a Value) (Value, error) {
	switch a.kind {
	case KindNull:
		return Null, nil
	case KindInt:
		if a.AsInt() == math.MinInt64 {
			return Null, overflow()
		}
		return Int(-a.AsInt()), nil
	case KindFloat:
		return Float(-a.AsFloat()), nil
	case KindDuration:
		return multiplyDuration(a, Int(-1))
	}
	return Null, mismatch("negate", a)
}

// Plus is +a.
func Plus(a Value) (Value, error) {
	if a.IsNull() || a.isNumber() || a.kind == KindDuration {
		return a, nil
	}
	return Null, mismatch("put a plus before", a)
}

func (v Value) isNumber() bool { return v.kind == KindInt || v.kind == KindFloat }

// float is the number v as a float.
func (v Value) float() float64 {
	if v.kind == KindInt {
		return float64(v.AsInt())
	}
	return v.AsFloat()
}

func joined(a, b []Value) Value {
	l := make([]Value, 0, len(a)+len(b))
	return List(append(append(l, a...), b...))
}

func overflow() error {
	return fault.Run(fault.Pos{}, fault.Arithmetic, "IntegerOverflow", "the result does not fit into an integer of 64 bits")
}

func byZero() error {
	return fault.Run(fault.Pos{}, fault.Arithmetic, "DivisionByZero", "an integer is divided by zero")
}

func mismatch(what string, operands ...Value) error {
	if len(operands) == 1 {
		return fault.Run(fault.Pos{}, fault.Type, "InvalidArgumentType", "cannot %s %s", what, operands[0].kind)
	}
	return fault.Run(fault.Pos{}, fault.Type, "InvalidArgumentType", "cannot %s %s and %s", what, operands[0].kind, operands[1].kind)
}
