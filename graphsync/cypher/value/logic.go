package value

// The logic is Kleene's: null is the unknown. Operands are booleans or null.

// Not is the negation.
func Not(a Value) Value {
	if a.kind != KindBool {
		return Null
	}
	return Bool(a.num == 0)
}

// And is false if either is, else null if either is.
func And(a, b Value) Value {
	switch {
	case a.isFalse() || b.isFalse():
		return Bool(false)
	case a.IsNull() || b.IsNull():
		return Null
	}
	return Bool(true)
}

// Or is true if either is, else null if either is.
func Or(a, b Value) Value {
	switch {
	case a.IsTrue() || b.IsTrue():
		return Bool(true)
	case a.IsNull() || b.IsNull():
		return Null
	}
	return Bool(false)
}

// Xor is null if either is, else whether they differ.
func Xor(a, b Value) Value {
	if a.IsNull() || b.IsNull() {
		return Null
	}
	return Bool(a.num != b.num)
}

func (v Value) isFalse() bool { return v.kind == KindBool && v.num == 0 }
