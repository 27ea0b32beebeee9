package lex

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// Tokens cuts src. Offsets are 32 bits wide: the caller bounds the text.
func Tokens(src string) []Token {
	s := &scanner{src: src, line: 1, column: 1}
	out := make([]Token, 0, len(src)/2+2)
	for {
		bad := s.space()
		t := Token{Pos: s.pos()}
		switch {
		case bad != nil:
			t.Kind, t.Err, t.Pos = Bad, bad, bad.Pos
		case s.at >= len(s.src):
			t.Kind, t.End = End, int32(s.at)
			return append(out, t)
		default:
			s.token(&t)
		}
		t.End = int32(s.at)
		out = append(out, t)
	}
}

// scanner stands at a byte of the text and knows its line and column.
type scanner struct {
	src          string
	at           int
	line, column int32
}

func (s *scanner) pos() fault.Pos {
	return fault.Pos{Offset: int32(s.at), Line: s.line, Column: s.column}
}

// peek is the byte n behind the present one, 0 at the end.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.src) {
		return s.src[s.at+n]
	}
	return 0
}

func (s *scanner) rune() (rune, int) { return utf8.DecodeRuneInString(s.src[s.at:]) }

// step goes one code point on.
func (s *scanner) step() {
	r, n := s.rune()
	s.at += n
	if r == '\n' {
		s.line, s.column = s.line+1, 1
		return
	}
	s.column++
}

func (s *scanner) steps(n int) {
	for ; n > 0; n-- {
		s.step()
	}
}

// space passes white space and comments; a comment without an end is an error.
func (s *scanner) space() *fault.Error {
	for s.at < len(s.src) {
		switch r, _ := s.rune(); {
		case white(r):
			s.step()
		case r == '/' && s.peek(1) == '/':
			for s.at < len(s.src) && s.src[s.at] != '\n' && s.src[s.at] != '\r' {
				s.step()
			}
		case r == '/' && s.peek(1) == '*':
			from := s.pos()
			n := strings.Index(s.src[s.at+2:], "*/")
			if n < 0 {
				s.at = len(s.src)
				return unexpected(from, "the comment has no end")
			}
			for end := s.at + n + 4; s.at < end; {
				s.step()
			}
		default:
			return nil
		}
	}
	return nil
}

// white is Java's white space, and the spaces that do not break.
func white(r rune) bool {
	switch {
	case r >= 0x1c && r <= 0x1f, r == 0x180e, r == 0xfeff:
		return true
	}
	return unicode.IsSpace(r) && r != 0x85
}

// signs are the operators of two bytes. Those of patterns are not among them: a
// < -1 and (a)<-(b) begin alike.
var signs = []string{"<=", ">=", "<>", "=~", "..", "+=", "||", "::"}

func (s *scanner) token(t *Token) {
	r, size := s.rune()
	switch {
	case r == utf8.RuneError && size <= 1:
		t.Kind = Bad
		t.Err = fault.At(t.Pos, fault.Syntax, "InvalidUnicodeCharacter", "the text is not UTF-8")
		s.step()
	case starts(r):
		s.word(t)
	case r == '`':
		s.quoted(t)
	case r == '\'' || r == '"':
		s.text(t, byte(r))
	case digit(byte(r)) && r < utf8.RuneSelf, r == '.' && digit(s.peek(1)):
		s.number(t)
	case r == '$':
		s.param(t)
	default:
		s.sign(t, r)
	}
}

func (s *scanner) word(t *Token) {
	t.Kind, t.Text = Word, s.name()
	for i := range len(t.Text) {
		if t.Text[i] >= utf8.RuneSelf {
			return // ſet is no keyword, though its upper case is one
		}
	}
	t.Key = strings.ToUpper(t.Text)
}

// name passes the letters of a name.
func (s *scanner) name() string {
	from := s.at
	for s.at < len(s.src) {
		if r, _ := s.rune(); !continues(r) {
			break
		}
		s.step()
	}
	return s.src[from:s.at]
}

func (s *scanner) param(t *Token) {
	s.step()
	switch r, _ := s.rune(); {
	case s.at < len(s.src) && r == '`':
		s.quoted(t)
	case s.at < len(s.src) && continues(r):
		t.Text = s.name()
	default:
		t.Kind, t.Err = Bad, unexpected(t.Pos, "expected the name of a parameter behind $")
	}
	if t.Kind != Bad {
		t.Kind = Param
	}
}

func (s *scanner) sign(t *Token, r rune) {
	t.Kind = Sign
	for _, two := range signs {
		if strings.HasPrefix(s.src[s.at:], two) {
			t.Text = two
			s.steps(2)
			return
		}
	}
	from := s.at
	s.step()
	t.Text = s.src[from:s.at]
	switch {
	case r < utf8.RuneSelf && strings.ContainsRune("()[]{}<>=+-*/%^|,;:.&!", r):
	case arrow(r) != 0:
		// A pattern may be drawn with these; elsewhere the parser refuses them.
		t.Key = string(arrow(r))
		t.Err = fault.At(t.Pos, fault.Syntax, "InvalidUnicodeCharacter", "the character %q means nothing here: write %q", r, arrow(r))
	case r >= utf8.RuneSelf:
		t.Kind = Bad
		t.Err = fault.At(t.Pos, fault.Syntax, "InvalidUnicodeCharacter", "the character %q means nothing here", r)
	default:
		t.Kind, t.Err = Bad, unexpected(t.Pos, "the character %q means nothing here", r)
	}
}

// arrow is the sign that r stands for where a pattern is drawn, or 0.
func arrow(r rune) rune {
	switch r {
	case 0xad, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xfe58, 0xfe63, 0xff0d:
		return '-'
	case 0x27e8, 0x3008, 0xfe64, 0xff1c:
		return '<'
	case 0x27e9, 0x3009, 0xfe65, 0xff1e:
		return '>'
	}
	return 0
}

func starts(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Pc, r)
}

func continues(r rune) bool {
	return starts(r) || unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc)
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func unexpected(pos fault.Pos, format string, args ...any) *fault.Error {
	return fault.At(pos, fault.Syntax, "UnexpectedSyntax", format, args...)
}
