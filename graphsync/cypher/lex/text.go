package lex

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// quoted passes a name between backticks, in which two stand for one.
func (s *scanner) quoted(t *Token) {
	t.Kind = Quoted
	var b strings.Builder
	for s.step(); s.at < len(s.src); s.step() {
		if s.src[s.at] == '`' {
			if s.peek(1) != '`' {
				s.step()
				t.Text = b.String()
				if t.Text == "" {
					t.Kind, t.Err = Bad, unexpected(t.Pos, "the name between backticks is empty")
				}
				return
			}
			s.step()
		}
		r, n := s.rune()
		if r == utf8.RuneError && n == 1 {
			t.Kind, t.Err = Bad, fault.At(s.pos(), fault.Syntax, "InvalidUnicodeCharacter", "the text is not UTF-8")
		}
		b.WriteRune(r)
	}
	t.Kind, t.Err = Bad, unexpected(t.Pos, "the name has no closing backtick")
}

// text passes a string. The first mistake in it is kept, and the string is passed
// to its end, so that there is one error and not a dozen.
func (s *scanner) text(t *Token, quote byte) {
	t.Kind = String
	var b strings.Builder
	for s.step(); s.at < len(s.src); {
		switch s.src[s.at] {
		case quote:
			s.step()
			t.Text = b.String()
			return
		case '\\':
			if err := s.escape(&b); err != nil && t.Err == nil {
				t.Kind, t.Err = Bad, err
			}
		default:
			r, n := s.rune()
			if r == utf8.RuneError && n == 1 && t.Err == nil {
				t.Kind, t.Err = Bad, fault.At(s.pos(), fault.Syntax, "InvalidUnicodeCharacter", "the text is not UTF-8")
			}
			b.WriteRune(r)
			s.step()
		}
	}
	if t.Err == nil {
		t.Err = unexpected(t.Pos, "the string has no closing %c", quote)
	}
	t.Kind = Bad
}

// escapes are what one letter behind a backslash means.
var escapes = map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', '`': '`', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape passes one escape and adds what it means.
func (s *scanner) escape(b *strings.Builder) *fault.Error {
	pos := s.pos()
	s.step()
	c := s.peek(0)
	if plain, ok := escapes[c]; ok {
		b.WriteByte(plain)
		s.step()
		return nil
	}
	if c != 'u' && c != 'U' {
		return unexpected(pos, "there is no such escape in strings; a backslash is written \\\\")
	}
	s.step()
	r, ok := s.code(c)
	if ok && utf16.IsSurrogate(r) && s.peek(0) == '\\' && s.peek(1) == 'u' {
		s.steps(2)
		low, lowOK := s.code('u')
		r = utf16.DecodeRune(r, low)
		ok = lowOK && r != utf8.RuneError
	}
	if !ok || !utf8.ValidRune(r) {
		return fault.At(pos, fault.Syntax, "InvalidUnicodeLiteral", "expected four hexadecimal digits behind \\u, eight behind \\U, that are a character")
	}
	b.WriteRune(r)
	return nil
}

// code passes the digits of a \u or \U.
func (s *scanner) code(c byte) (rune, bool) {
	n := 4
	if c == 'U' {
		n = 8
	}
	var v uint32
	for range n {
		d := hex(s.peek(0))
		if d < 0 {
			return 0, false
		}
		v = v<<4 | uint32(d)
		s.step()
	}
	return rune(v), v <= utf8.MaxRune
}
