package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Query is a parsed query; it may be used many times and at once.
//
//	query  = { [ "+" | "-" ] ( word [ "*" | "~" | "~1" | "~2" ] | `"` text `"` ) }
//
// A plain word asks for any form of it in the query's language, and one of the
// plain items is enough; each more ranks higher. + demands an item, - forbids
// it. word* asks for words that begin so, word~ for words one letter off, word~2
// two. A quoted text, and a word that is several (snake_case), asks for these
// words one behind the other. + and - with nothing behind are passed over.
type Query struct {
	clauses []clause
	lang    *language
}

type occur uint8

const (
	should occur = iota
	must
	mustNot
)

// clause is one item: slots one behind the other, mostly one.
type clause struct {
	occur occur
	slots []slot
	at    int
}

type slotKind uint8

const (
	anyForm slotKind = iota // of the word in the language
	exactly
	begins
	near
)

type slot struct {
	kind  slotKind
	term  string
	edits int
}

// Bounds of a query.
const (
	MaxQuery = 2 << 10 // bytes
	maxItems = 64
	maxSlots = 128 // words in all items
)

// SyntaxError says where a query is wrong: Position counts characters from 1.
type SyntaxError struct {
	Position int
	Reason   string
}

// Error returns the reason with the position.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s, at character %d", e.Reason, e.Position) }

type parser struct {
	text  string
	i     int
	query *Query
	slots int
}

func (p *parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{Position: utf8.RuneCountInString(p.text[:min(at, len(p.text))]) + 1, Reason: fmt.Sprintf(format, args...)}
}

// Parse reads a query in a language of Languages; with an empty name the script
// of its first letter decides. Errors are *SyntaxError.
func Parse(text, lang string) (*Query, error) {
	p := parser{text: text, query: &Query{}}
	if len(text) > MaxQuery {
		return nil, p.fail(MaxQuery, "the query has %d bytes, at most %d are allowed", len(text), MaxQuery)
	}
	if i := invalidAt(text); i >= 0 {
		return nil, p.fail(i, "the query is not valid UTF-8")
	}
	p.query.lang = detect(text)
	if lang != "" {
		l, ok := languageByName(lang)
		if !ok {
			return nil, p.fail(0, "there is no language %q, only %s", lang, strings.Join(Languages(), ", "))
		}
		p.query.lang = l
	}
	for {
		more, err := p.item()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	return p.finish()
}

func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

func (p *parser) finish() (*Query, error) {
	q, wanted := p.query, 0
	for _, c := range q.clauses {
		if c.occur != mustNot {
			wanted++
		}
	}
	switch {
	case len(q.clauses) == 0:
		return nil, p.fail(0, "the query has no word in it")
	case wanted == 0:
		return nil, p.fail(q.clauses[0].at, "the query only says what is not wanted")
	}
	q.dropStopWords()
	return q, nil
}

// dropStopWords leaves out plain stop words unless there is nothing else.
func (q *Query) dropStopWords() {
	stop := func(c clause) bool {
		return c.occur == should && len(c.slots) == 1 && c.slots[0].kind == anyForm && q.lang.stop[c.slots[0].term]
	}
	var kept []clause
	wanted := 0
	for _, c := range q.clauses {
		if !stop(c) {
			kept = append(kept, c)
			if c.occur != mustNot {
				wanted++
			}
		}
	}
	if wanted > 0 {
		q.clauses = kept
	}
}

// item reads the next item; false at the end.
func (p *parser) item() (bool, error) {
	p.i += len(p.text[p.i:]) - len(strings.TrimLeftFunc(p.text[p.i:], unicode.IsSpace))
	if p.i == len(p.text) {
		return false, nil
	}
	c := clause{at: p.i}
	if sign := p.text[p.i]; sign == '+' || sign == '-' {
		c.occur = must
		if sign == '-' {
			c.occur = mustNot
		}
		p.i++
		if r, _ := utf8.DecodeRuneInString(p.text[p.i:]); p.i == len(p.text) || unicode.IsSpace(r) {
			return true, nil
		}
	}
	var err error
	if p.text[p.i] == '"' {
		err = p.phrase(&c)
	} else {
		err = p.word(&c)
	}
	if err != nil || len(c.slots) == 0 {
		return true, err
	}
	if len(p.query.clauses) == maxItems {
		return false, p.fail(c.at, "the query has more than %d items", maxItems)
	}
	if p.slots += len(c.slots); p.slots > maxSlots {
		return false, p.fail(c.at, "the query has more than %d words", maxSlots)
	}
	p.query.clauses = append(p.query.clauses, c)
	return true, nil
}

func (p *parser) phrase(c *clause) error {
	start := p.i
	end := strings.IndexByte(p.text[start+1:], '"')
	if end < 0 {
		return p.fail(start, "a quotation is not closed")
	}
	p.i = start + 1 + end + 1
	c.slots = slotsOf(p.text[start+1 : start+1+end])
	return nil
}
