package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word reads a word with what may be behind it, up to a space or a quotation.
func (p *parser) word(c *clause) error {
	start := p.i
	end := strings.IndexFunc(p.text[start:], func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(p.text) - start
	}
	p.i = start + end
	word := p.text[start:p.i]
	kind, edits := anyForm, 0
	if i := strings.IndexAny(word, "*~"); i >= 0 {
		tail := word[i:]
		switch {
		case tail == "*":
			kind = begins
		case tail == "~" || tail == "~1":
			kind, edits = near, 1
		case tail == "~2":
			kind, edits = near, 2
		case tail[0] == '*':
			return p.fail(start+i, "a * stands only at the end of a word; put it in quotation marks if it is part of the text")
		case len(tail) > 1 && tail[1] >= '0' && tail[1] <= '9':
			return p.fail(start+i+1, "a word may be 1 or 2 letters off")
		default:
			return p.fail(start+i, "a ~ stands only at the end of a word; put it in quotation marks if it is part of the text")
		}
		if word = word[:i]; word == "" {
			return p.fail(start, "there is no word before the %s", tail[:1])
		}
	}
	c.slots = slotsOf(word)
	if len(c.slots) == 0 {
		if kind != anyForm {
			return p.fail(start, "there is no word before the %s", p.text[start+len(word):start+len(word)+1])
		}
		return nil
	}
	last := &c.slots[len(c.slots)-1]
	switch {
	case kind == near && utf8.RuneCountInString(last.term) <= edits:
		return p.fail(start, "the word %q is too short to be %d letters off", word, edits)
	case kind != anyForm:
		last.kind, last.edits = kind, edits
	case len(c.slots) == 1 && last.kind == exactly:
		last.kind = anyForm
	}
	return nil
}

// slotsOf makes the words of a text a sequence. One character of a script
// without spaces stands for the words that begin with it.
func slotsOf(text string) []slot {
	var out []slot
	tokens(text, false, func(t token) bool {
		s := slot{kind: exactly, term: t.term}
		if r, n := utf8.DecodeRuneInString(t.term); n == len(t.term) && spaceless(r) {
			s.kind = begins
		}
		out = append(out, s)
		return len(out) <= maxSlots
	})
	return out
}
