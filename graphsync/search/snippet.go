package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Snippet is the part of a text that shows why a document was found.
// Highlights are the places of the words in Text, [from, to) in characters
// (Unicode code points).
type Snippet struct {
	Field      Field
	Name       string
	Text       string
	Highlights [][2]int
}

// Bounds of a snippet.
const (
	snippetBytes  = 240
	maxHighlights = 16
)

// span is a part of a text in bytes.
type span struct{ from, to int }

// Explain shows where a document's texts meet a query: the text that meets most
// items, counting its field's boost. False says that none meets any, as when
// the document has changed since it was indexed.
func Explain(q *Query, texts []Text) (Snippet, bool) {
	m := newMatcher(q)
	best, bestScore, room := -1, 0, MaxDocumentText
	var spans []span
	for i := range texts {
		t := &texts[i]
		if room -= len(t.Text); room < 0 {
			break
		}
		found, items := m.text(t.Text)
		if score := items * int(boosts[t.Field]); score > bestScore {
			best, bestScore, spans = i, score, found
		}
	}
	if best < 0 {
		return Snippet{}, false
	}
	return cut(&texts[best], spans), true
}

// matcher knows the words of a query.
type matcher struct {
	q     *Query
	stems *stemmer
	want  [][]string // stems by clause and slot
	near  [][]*levenshtein
}

func newMatcher(q *Query) *matcher {
	m := &matcher{q: q, stems: q.lang.stemmer()}
	for _, c := range q.clauses {
		var stems []string
		var near []*levenshtein
		for _, s := range c.slots {
			stems = append(stems, m.stems.of(s.term))
			near = append(near, newLevenshtein([]rune(s.term), s.edits))
		}
		m.want, m.near = append(m.want, stems), append(m.near, near)
	}
	return m
}

func (m *matcher) fits(clause, slot int, term string) bool {
	s := &m.q.clauses[clause].slots[slot]
	switch s.kind {
	case begins:
		return strings.HasPrefix(term, s.term)
	case near:
		d, _ := m.near[clause][slot].distance(term)
		return d <= s.edits
	case anyForm:
		return term == s.term || m.stems.of(term) == m.want[clause][slot]
	}
	return term == s.term
}

// text finds the query's words in a text: where they are, and how many of the
// items are met.
func (m *matcher) text(text string) ([]span, int) {
	var found []token
	tokens(text, false, func(t token) bool {
		found = append(found, t)
		return true
	})
	var spans []span
	items := 0
	for c := range m.q.clauses {
		if m.q.clauses[c].occur == mustNot {
			continue
		}
		n, met := len(m.q.clauses[c].slots), false
		for i := 0; i+n <= len(found); i++ {
			k := 0
			for k < n && m.fits(c, k, found[i+k].term) {
				k++
			}
			if k < n {
				continue
			}
			met = true
			spans = append(spans, span{found[i].start, found[i+n-1].end})
			i += n - 1
			if len(spans) >= 64*maxHighlights {
				break
			}
		}
		if met {
			items++
		}
	}
	return spans, items
}

// ExplainPart shows where a document's texts contain a folded needle.
func ExplainPart(needle string, texts []Text, fold func(string) string) (Snippet, bool) {
	for i := range texts {
		t := &texts[i]
		if !strings.Contains(fold(t.Text), needle) {
			continue
		}
		var spans []span
		if at := locate(t.Text, needle, fold); at.to > 0 {
			spans = append(spans, at)
		}
		return cut(t, spans), true
	}
	return Snippet{}, false
}

// locate finds where a text folds to a needle, character by character. Where
// folding joins characters it may find nothing.
func locate(text, needle string, fold func(string) string) span {
	var folded strings.Builder
	var starts []int // in text, by byte of folded
	space := true
	for i, r := range text {
		f := " "
		if !unicode.IsSpace(r) {
			f = fold(string(r))
		} else if space {
			continue
		}
		space = unicode.IsSpace(r)
		folded.WriteString(f)
		for range len(f) {
			starts = append(starts, i)
		}
	}
	at := strings.Index(folded.String(), needle)
	if at < 0 || needle == "" {
		return span{}
	}
	last := starts[at+len(needle)-1]
	_, n := utf8.DecodeRuneInString(text[last:])
	return span{starts[at], last + n}
}

// cut takes the part of a text around the densest group of spans.
func cut(t *Text, spans []span) Snippet {
	s := Snippet{Field: t.Field, Name: t.Name}
	sortSpans(spans)
	from, to := window(t.Text, spans)
	var b strings.Builder
	chars := 0
	if from > 0 {
		b.WriteString("…")
		chars++
	}
	at := from
	for _, p := range spans {
		if p.from < at || p.to > to || len(s.Highlights) == maxHighlights {
			continue
		}
		chars += utf8.RuneCountInString(t.Text[at:p.from])
		n := utf8.RuneCountInString(t.Text[p.from:p.to])
		s.Highlights = append(s.Highlights, [2]int{chars, chars + n})
		chars += n
		at = p.to
	}
	b.WriteString(t.Text[from:to])
	if to < len(t.Text) {
		b.WriteString("…")
	}
	s.Text = b.String()
	return s
}
