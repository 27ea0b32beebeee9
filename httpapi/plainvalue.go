package httpapi

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of the values that are taken raw: their nesting, and the members of
// an object, which are compared with each other.
const (
	plainDepth   = 32
	plainMembers = 24
)

// rawObject takes a whole object as it is spelled; it is valid JSON.
func (p *plainJSON) rawObject(to *[]byte) bool {
	p.space()
	start := p.i
	if p.i >= len(p.b) || p.b[p.i] != '{' || !p.value(0) {
		return false
	}
	*to = p.b[start:p.i:p.i]
	return true
}

// value passes over a valid value (RFC 8259) without a member that stands twice
// in one object.
func (p *plainJSON) value(depth int) bool {
	p.space()
	if p.i >= len(p.b) || depth > plainDepth {
		return false
	}
	switch p.b[p.i] {
	case '{':
		p.i++
		var names [plainMembers][]byte
		for n := 0; ; n++ {
			if n == 0 && p.take('}') {
				return true
			}
			name, ok := p.raw()
			if !ok || !utf8.Valid(name) || n == plainMembers || slices.ContainsFunc(names[:n], func(s []byte) bool { return bytes.Equal(s, name) }) {
				return false
			}
			names[n] = name
			if !p.take(':') || !p.value(depth+1) {
				return false
			}
			if p.take('}') {
				return true
			}
			if !p.take(',') {
				return false
			}
		}
	case '[':
		return p.array(func() bool { return p.value(depth + 1) })
	case '"':
		return p.str()
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	}
	return p.number()
}

// str passes over a valid string; its escapes are the short ones.
func (p *plainJSON) str() bool {
	if !p.one('"') {
		return false
	}
	for start := p.i; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return utf8.Valid(p.b[start : p.i-1])
		case c < ' ':
			return false
		case c == '\\':
			p.i++
			if p.i >= len(p.b) || !strings.ContainsRune(`"\/bfnrt`, rune(p.b[p.i])) {
				return false
			}
		}
	}
	return false
}

// number passes over a valid number.
func (p *plainJSON) number() bool {
	start := p.i
	p.one('-')
	if !p.one('0') && !p.digits() {
		return false
	}
	if p.one('.') && !p.digits() {
		return false
	}
	if p.one('e') || p.one('E') {
		if !p.one('+') {
			p.one('-')
		}
		if !p.digits() {
			return false
		}
		_, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
		return err == nil
	}
	return p.i-start < 300 // longer ones may be beyond what a float64 holds
}

func (p *plainJSON) one(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *plainJSON) digits() bool {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}
