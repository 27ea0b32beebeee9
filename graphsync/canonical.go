package graphsync

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Properties are kept as canonical JSON text: no white space, members sorted by
// the bytes of their spelling, no member twice, strings with the fewest
// escapes, numbers spelled as given (so that no integer loses digits, unlike
// RFC 8785). Equal text then means equal properties, and a read copies bytes.

var errJSON = errors.New("is not valid JSON")

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
	switch c := p.src[p.pos]; {
	case c == '{' || c == '[':
		if depth++; depth > p.maxDepth {
			return fmt.Errorf("is nested deeper than %d levels", MaxDepth)
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case c == '"':
		return p.str()
	case c == 't':
		return p.word("true")
	case c == 'f':
		return p.word("false")
	case c == 'n':
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
	start := p.pos
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

// appendQuoted appends a string in its canonical spelling.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			out = appendRune(append(out, s[start:i]...), rune(c))
			start = i + 1
		}
	}
	return append(append(out, s[start:]...), '"')
}

const hexDigits = "0123456789abcdef"

func (p *parser) str() error {
	p.pos++
	p.out = append(p.out, '"')
	for {
		start := p.pos
		for p.pos < len(p.src) {
			if c := p.src[p.pos]; c == '"' || c == '\\' || c < 0x20 || c >= utf8.RuneSelf {
				break
			}
			p.pos++
		}
		p.out = append(p.out, p.src[start:p.pos]...)
		if p.pos >= len(p.src) {
			return p.fail()
		}
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			p.out = append(p.out, '"')
			return nil
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return p.fail()
			}
			p.out = appendRune(p.out, r)
		case c < 0x20:
			return p.fail()
		default:
			r, n := utf8.DecodeRune(p.src[p.pos:])
			if r == utf8.RuneError && n == 1 {
				return errors.New("is not valid UTF-8")
			}
			p.out = append(p.out, p.src[p.pos:p.pos+n]...)
			p.pos += n
		}
	}
}

func appendRune(out []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(out, '\\', byte(r))
	case r >= 0x20:
		return utf8.AppendRune(out, r)
	}
	switch r {
	case '\b':
		return append(out, '\\', 'b')
	case '\f':
		return append(out, '\\', 'f')
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	return append(out, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
}

func (p *parser) escape() (rune, bool) {
	if p.pos+1 >= len(p.src) {
		return 0, false
	}
	c := p.src[p.pos+1]
	p.pos += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := p.hex4()
		if !ok || !utf16.IsSurrogate(r) {
			return r, ok
		}
		if !bytes.HasPrefix(p.src[p.pos:], []byte(`\u`)) {
			return 0, false
		}
		p.pos += 2
		low, ok := p.hex4()
		r = utf16.DecodeRune(r, low)
		return r, ok && r != utf8.RuneError
	}
	return 0, false
}

func (p *parser) hex4() (rune, bool) {
	if p.pos+4 > len(p.src) {
		return 0, false
	}
	var r rune
	for _, c := range p.src[p.pos : p.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.pos += 4
	return r, true
}
