package search

import (
	"slices"
	"unicode/utf8"
)

// wanted is a term of a segment and how much an occurrence of it counts, in
// parts of scale.
type wanted struct {
	term  uint32
	worth uint16
}

// Bounds of what a slot may stand for in one segment.
const (
	maxForms = 64
	maxNear  = 64
)

// expand lists the terms of a segment that a slot stands for.
func (q *Query) expand(s *segment, sl *slot, stems *stemmer) []wanted {
	switch sl.kind {
	case begins:
		from, to := s.terms.span(sl.term)
		out := make([]wanted, 0, to-from)
		for i := from; i < to; i++ {
			w := wanted{uint32(i), scale * 3 / 4}
			if s.terms.offs[i+1]-s.terms.offs[i] == uint32(len(sl.term)) {
				w.worth = scale
			}
			out = append(out, w)
		}
		return out
	case near:
		return nearTerms(s, sl.term, sl.edits)
	}
	var out []wanted
	at, ok := s.terms.find(sl.term)
	if ok {
		out = append(out, wanted{uint32(at), scale})
	}
	if sl.kind == exactly || q.lang.stem == nil {
		return out
	}
	stem := stems.of(sl.term)
	if i, ok := s.terms.find(stem); ok && stem != sl.term && stems.of(stem) == stem {
		out = append(out, wanted{uint32(i), scale * 3 / 4})
	}
	for _, t := range s.stemTable(q.lang).find(&s.terms, stems, stem, nil, maxForms) {
		if !ok || t != uint32(at) {
			out = append(out, wanted{t, scale * 3 / 4})
		}
	}
	return out
}

// nearTerms walks the dictionary with the rows of the edit distance, which
// terms with a common beginning share, and leaves out whole stretches that
// begin too far off. An exchange of two neighbours is one edit (optimal string
// alignment). The first letter has to be right where the word is long enough
// to afford it.
func nearTerms(s *segment, term string, edits int) []wanted {
	word := []rune(term)
	d := &s.terms
	from, to := 0, d.len()
	if len(word) >= 4 {
		from, to = d.span(string(word[0]))
	}
	w := newLevenshtein(word, edits)
	var out []wanted
	for i := from; i < to; {
		t := d.at(i)
		dist, bad := w.distance(t)
		if dist <= edits {
			out = append(out, wanted{uint32(i), uint16(scale / (1 + dist))})
		}
		i++
		if bad > 0 {
			// No term that begins so can be near: go behind them.
			_, end := d.span(t[:bad])
			i = max(i, end)
		}
	}
	slices.SortFunc(out, func(a, b wanted) int {
		if a.worth != b.worth {
			return int(b.worth) - int(a.worth)
		}
		return int(s.entries[b.term].df) - int(s.entries[a.term].df)
	})
	out = out[:min(len(out), maxNear)]
	slices.SortFunc(out, func(a, b wanted) int { return int(a.term) - int(b.term) })
	return out
}

// levenshtein keeps the rows of the last term for the next one.
type levenshtein struct {
	word  []rune
	edits int
	rows  [][]uint8
	last  []rune
}

func newLevenshtein(word []rune, edits int) *levenshtein {
	l := &levenshtein{word: word, edits: edits}
	l.rows = append(l.rows, make([]uint8, len(word)+1))
	for j := range l.rows[0] {
		l.rows[0][j] = uint8(j)
	}
	return l
}

// distance returns the distance of a term. Where already a beginning of it is
// too far off, it returns more than the edits and that beginning's length.
func (l *levenshtein) distance(term string) (dist, bad int) {
	same, n := true, 0
	for i, r := range term {
		if same = same && n < len(l.last) && l.last[n] == r; !same {
			l.last = append(l.last[:n], r)
			l.row(n+1, r)
		}
		n++
		if l.least(n) > l.edits && (n < 2 || l.least(n-1) > l.edits) {
			l.last = l.last[:n]
			return l.edits + 1, i + utf8.RuneLen(r)
		}
	}
	l.last = l.last[:n]
	return int(l.rows[n][len(l.word)]), 0
}

func (l *levenshtein) least(n int) int { return int(slices.Min(l.rows[n])) }

func (l *levenshtein) row(n int, r rune) {
	if n == len(l.rows) {
		l.rows = append(l.rows, make([]uint8, len(l.word)+1))
	}
	row, prev := l.rows[n], l.rows[n-1]
	row[0] = uint8(n)
	for j := 1; j <= len(l.word); j++ {
		cost := uint8(1)
		if l.word[j-1] == r {
			cost = 0
		}
		v := min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
		if n > 1 && j > 1 && l.word[j-1] == l.last[n-2] && l.word[j-2] == r {
			v = min(v, l.rows[n-2][j-2]+1)
		}
		row[j] = v
	}
}
