package httpapi

import (
	"strconv"
	"unicode/utf8"
)

// plainJSON reads JSON in the spelling that programs write: known names, each
// once and exactly spelled, strings without escapes, no null. What it does not
// take is not wrong for that, it is left to the full decoder, which also finds
// the words for what is wrong. It costs a tenth of encoding/json.
//
// Every method says whether it could go on; after false nothing that was read
// may be used. Strings are copied, raw values are parts of the input.
type plainJSON struct {
	b []byte
	i int
}

func (p *plainJSON) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// take reads one byte of punctuation and the space before it.
func (p *plainJSON) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// end says that nothing but space is left.
func (p *plainJSON) end() bool {
	p.space()
	return p.i == len(p.b)
}

// raw reads a string without escapes, as it lies in the input.
func (p *plainJSON) raw() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	start := p.i
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return p.b[start : p.i-1], true
		case c < ' ' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

func (p *plainJSON) text(to *string) bool {
	s, ok := p.raw()
	if !ok || !utf8.Valid(s) {
		return false
	}
	*to = string(s)
	return true
}

func (p *plainJSON) textAt(to **string) bool {
	*to = new(string)
	return p.text(*to)
}

// uint reads a whole number of at most 19 digits.
func (p *plainJSON) uint(to *uint64) bool {
	p.space()
	start := p.i
	if !p.number() || p.i-start > 19 {
		return false
	}
	n, err := strconv.ParseUint(string(p.b[start:p.i]), 10, 64)
	*to = n
	return err == nil
}

func (p *plainJSON) float(to **float64) bool {
	p.space()
	start := p.i
	if !p.number() {
		return false
	}
	f, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
	*to = &f
	return err == nil
}

func (p *plainJSON) bool(to *bool) bool {
	p.space()
	*to = p.i < len(p.b) && p.b[p.i] == 't'
	return p.word("true") || p.word("false")
}

func (p *plainJSON) word(w string) bool {
	if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
		return false
	}
	p.i += len(w)
	return true
}

// object reads an object's members; member is called behind each name, with
// its value to be read.
func (p *plainJSON) object(member func(name []byte) bool) bool {
	if !p.take('{') {
		return false
	}
	for n := 0; ; n++ {
		if n == 0 && p.take('}') {
			return true
		}
		name, ok := p.raw()
		if !ok || !p.take(':') || !member(name) {
			return false
		}
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// array reads an array's elements.
func (p *plainJSON) array(element func() bool) bool {
	if !p.take('[') {
		return false
	}
	for n := 0; ; n++ {
		if n == 0 && p.take(']') {
			return true
		}
		if !element() {
			return false
		}
		if p.take(']') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// once notes that a member was given and says that it is the first time.
func once(seen *uint32, bit uint) bool {
	was := *seen
	*seen |= 1 << bit
	return was != *seen
}
