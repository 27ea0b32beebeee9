package graphsync

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Properties are kept as canonical JSON text: no white space, members sorted by
// the bytes of their spelling, no member twice, strings with the fewest
// escapes, numbers spelled as given (so that no integer loses digits, unlike
// RFC 8785). Equal text then means equal properties, and a read copies bytes.

var (
	errJSON   = errors.New("is not valid JSON")
	errNumber = errors.New("has a number that no 64-bit float holds")
)

// canonicalObject returns the canonical spelling of a JSON object of at most
// MaxDepth levels.
func canonicalObject(src []byte) ([]byte, error) {
	return canonical(src, MaxDepth)
}

func canonical(src []byte, maxDepth int) ([]byte, error) {
	p := parser{src: src, out: make([]byte, 0, len(src)), maxDepth: maxDepth}
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != '{' {
		return nil, errors.New("must be a JSON object")
	}
	if err := p.value(0); err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(p.src) {
		return nil, fmt.Errorf("%w: text after the object", errJSON)
	}
	return p.out, nil
}

type parser struct {
	src, out []byte
	pos      int
	maxDepth int
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) fail() error { return fmt.Errorf("%w at byte %d", errJSON, p.pos) }

func (p *parser) value(depth int) error {
	p.space()
	if p.pos >= len(p.src) {
		return p.fail()
	}
	switch c := p.src[p.pos]; c {
	case '{', '[':
		if depth++; depth > p.maxDepth {
			return fmt.Errorf("is nested deeper than %d levels", MaxDepth)
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
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

func (p *parser) word(w string) error {
	if !bytes.HasPrefix(p.src[p.pos:], []byte(w)) {
		return p.fail()
	}
	p.pos += len(w)
	p.out = append(p.out, w...)
	return nil
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) at(c byte) bool { return p.pos < len(p.src) && p.src[p.pos] == c }

func (p *parser) number() error {
	start, exponent := p.pos, false
	if p.at('-') {
		p.pos++
	}
	if p.at('0') {
		p.pos++
	} else if !p.digits() {
		return p.fail()
	}
	if p.at('.') {
		p.pos++
		if !p.digits() {
			return p.fail()
		}
	}
	if p.at('e') || p.at('E') {
		p.pos++
		if p.at('+') || p.at('-') {
			p.pos++
		}
		if !p.digits() {
			return p.fail()
		}
		exponent = true
	}
	// What no float64 holds could be read by few, and written by none of them.
	if exponent || p.pos-start > 300 {
		if _, err := strconv.ParseFloat(string(p.src[start:p.pos]), 64); err != nil {
			return errNumber
		}
	}
	p.out = append(p.out, p.src[start:p.pos]...)
	return nil
}

func (p *parser) array(depth int) error {
	p.pos++
	p.out = append(p.out, '[')
	for n := 0; ; n++ {
		p.space()
		if n == 0 && p.at(']') {
			break
		}
		if err := p.value(depth); err != nil {
			return err
		}
		p.space()
		if p.at(']') {
			break
		}
		if !p.at(',') {
			return p.fail()
		}
		p.pos++
		p.out = append(p.out, ',')
	}
	p.pos++
	p.out = append(p.out, ']')
	return nil
}

// span is a member of an object: "key":value in some buffer.
type span struct{ from, colon, to int }

func (s span) name(b []byte) []byte  { return b[s.from+1 : s.colon-1] }
func (s span) value(b []byte) []byte { return b[s.colon+1 : s.to] }

func (p *parser) object(depth int) error {
	p.pos++
	p.out = append(p.out, '{')
	var few [8]span
	members, sorted := few[:0], true
	for {
		p.space()
		if len(members) == 0 && p.at('}') {
			break
		}
		if !p.at('"') {
			return p.fail()
		}
		m := span{from: len(p.out)}
		if err := p.str(); err != nil {
			return err
		}
		m.colon = len(p.out)
		p.space()
		if !p.at(':') {
			return p.fail()
		}
		p.pos++
		p.out = append(p.out, ':')
		if err := p.value(depth); err != nil {
			return err
		}
		m.to = len(p.out)
		if n := len(members); n > 0 && sorted {
			sorted = bytes.Compare(members[n-1].name(p.out), m.name(p.out)) < 0
		}
		members = append(members, m)
		p.space()
		if p.at('}') {
			break
		}
		if !p.at(',') {
			return p.fail()
		}
		p.pos++
		p.out = append(p.out, ',')
	}
	p.pos++
	if !sorted {
		if err := p.sort(members); err != nil {
			return err
		}
	}
	p.out = append(p.out, '}')
	return nil
}

func (p *parser) sort(members []span) error {
	first := members[0].from
	slices.SortFunc(members, func(a, b span) int { return bytes.Compare(a.name(p.out), b.name(p.out)) })
	sorted := make([]byte, 0, len(p.out)-first)
	for i, m := range members {
		if i > 0 {
			if bytes.Equal(m.name(p.out), members[i-1].name(p.out)) {
				return fmt.Errorf("names the member %q twice", m.name(p.out))
			}
			sorted = append(sorted, ',')
		}
		sorted = append(sorted, p.out[m.from:m.to]...)
	}
	p.out = append(p.out[:first], sorted...)
	return nil
}
