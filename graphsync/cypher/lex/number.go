package lex

import (
	"math"
	"strconv"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// number passes 12, 0x1F, 0o17, 1.5, .5, 1e-3. A range as 1..3 ends behind the 1,
// and 1.x is a property of 1.
func (s *scanner) number(t *Token) {
	from := s.at
	if s.peek(0) == '0' && (s.peek(1)|0x20 == 'x' || s.peek(1) == 'o') {
		base := 16
		if s.peek(1) == 'o' {
			base = 8
		}
		s.steps(2)
		s.integer(t, s.name(), base)
		t.Text = s.src[from:s.at]
		return
	}
	s.digits()
	isFloat := false
	if s.peek(0) == '.' && digit(s.peek(1)) {
		isFloat = true
		s.step()
		s.digits()
	}
	if n := s.exponent(); n > 0 {
		isFloat = true
		s.steps(n)
		s.digits()
	}
	if rest := s.name(); rest != "" {
		t.Text = s.src[from:s.at]
		notNumber(t)
		return
	}
	t.Text = s.src[from:s.at]
	switch {
	case isFloat:
		s.float(t)
	case len(t.Text) > 1 && t.Text[0] == '0':
		notNumber(t)
		t.Err.Message += "; an octal number begins with 0o"
	default:
		s.integer(t, t.Text, 10)
	}
}

func (s *scanner) digits() {
	for digit(s.peek(0)) {
		s.step()
	}
}

// exponent is the length of an e with its sign if digits follow, else 0.
func (s *scanner) exponent() int {
	if s.peek(0)|0x20 != 'e' {
		return 0
	}
	n := 1
	if s.peek(1) == '-' || s.peek(1) == '+' {
		n = 2
	}
	if !digit(s.peek(n)) {
		return 0
	}
	return n
}

// integer reads digits of a base. 2^63 is let through, since a minus may stand
// before it: what is above is out of range either way.
func (s *scanner) integer(t *Token, digits string, base int) {
	t.Kind = Int
	for i := range len(digits) {
		if v := hex(digits[i]); v < 0 || v >= base {
			t.Text = s.src[t.Pos.Offset:s.at]
			notNumber(t)
			return
		}
	}
	if digits == "" {
		t.Text = s.src[t.Pos.Offset:s.at]
		notNumber(t)
		return
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if err != nil || v > 1<<63 {
		t.Kind, t.Number = Bad, true
		t.Err = Overflow(t.Pos)
		return
	}
	t.Int = v
}

// Overflow is the error of an integer that has no 64 bits.
func Overflow(pos fault.Pos) *fault.Error {
	return fault.At(pos, fault.Syntax, "IntegerOverflow", "the integer is out of range")
}

func (s *scanner) float(t *Token) {
	v, err := strconv.ParseFloat(t.Text, 64)
	if err != nil && math.IsInf(v, 0) {
		t.Kind, t.Number = Bad, true
		t.Err = fault.At(t.Pos, fault.Syntax, "FloatingPointOverflow", "the number is out of range")
		return
	}
	t.Kind, t.Float = Float, v
}

func notNumber(t *Token) {
	text := t.Text
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	t.Kind, t.Number = Bad, true
	t.Err = fault.At(t.Pos, fault.Syntax, "InvalidNumberLiteral", "%q is not a number", text)
}

// hex is the value of a hexadecimal digit, or -1.
func hex(b byte) int {
	switch {
	case digit(b):
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}
