package search

import (
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// token is a word of a text: its folded form, its place among the words and
// where it stands in the text, in bytes.
type token struct {
	term       string
	pos        uint32
	start, end int
}

// maxTerm bounds a term, in bytes; what is longer is found by its beginning.
const maxTerm = 64

// tokens yields the words of a text by Unicode Standard Annex 29. Words of
// scripts that are written without spaces come as pairs of characters that
// overlap, and with tails the last character of a run once more by itself, so
// that each character begins a term; an underscore, dot or colon inside a word
// parts it, as names in programs want it. It stops when yield says false.
func tokens(text string, tails bool, yield func(token) bool) {
	pos, stop := uint32(0), false
	emit := func(start, end int) {
		if stop || start >= end {
			return
		}
		if term := cutTerm(FoldWord(text[start:end])); term != "" {
			stop = !yield(token{term, pos, start, end})
			pos++
		}
	}
	run := ideographs{emit: emit, tails: tails}
	for it := words.FromString(text); !stop && it.Next(); {
		v, start := it.Value(), it.Start()
		r, n := utf8.DecodeRuneInString(v)
		switch {
		case spaceless(r):
			for i := 0; i < len(v); {
				r, n := utf8.DecodeRuneInString(v[i:])
				if spaceless(r) || unicode.Is(unicode.M, r) {
					run.add(start+i, start+i+n, r)
				} else {
					run.flush()
					if wordRune(r) {
						emit(start+i, start+i+n)
					}
				}
				i += n
			}
		case len(v) == n && !wordRune(r):
			run.flush()
		case plain(v):
			run.flush()
			emit(start, start+len(v))
		default:
			run.flush()
			parts(v, start, emit)
		}
	}
	run.flush()
}

// plain says that a text is one word of ASCII letters and digits.
func plain(v string) bool {
	for i := range len(v) {
		if c := v[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func cutTerm(term string) string {
	if len(term) <= maxTerm {
		return term
	}
	n := maxTerm
	for n > 0 && !utf8.RuneStart(term[n]) {
		n--
	}
	return term[:n]
}

// parts cuts a segment at what is neither letter, digit, mark nor apostrophe.
// An apostrophe parts an article from its noun (l'eau), takes an s with it
// (cat's) and else stays within the word, where folding drops it (don't).
func parts(v string, base int, emit func(start, end int)) {
	from, to := -1, 0 // the word so far, without an apostrophe at its end
	for i, r := range v {
		n := utf8.RuneLen(r)
		if n < 0 {
			n = 1
		}
		switch {
		case wordRune(r):
			switch {
			case from < 0:
				from = i
			case to < i && i+n == len(v) && (r == 's' || r == 'S'):
				emit(base+from, base+to)
				return
			case to < i && utf8.RuneCountInString(v[from:to]) <= 2:
				emit(base+from, base+to)
				from = i
			}
			to = i + n
		case from >= 0 && (r == '\'' || r == '’'):
		case from >= 0 && (r == '.' || r == ',') && digitAt(v, i-1) && digitAt(v, i+1):
			to = i + n // 3.14 is one word
		default:
			if from >= 0 {
				emit(base+from, base+to)
			}
			from = -1
		}
	}
	if from >= 0 {
		emit(base+from, base+to)
	}
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || unicode.Is(unicode.So, r))
}

// spaceless says that a script is written without spaces between words.
func spaceless(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー'
}

// ideographs makes a run of spaceless characters into overlapping pairs; one
// alone is a word.
type ideographs struct {
	emit   func(start, end int)
	tails  bool
	starts [2]int // of the last two characters
	n      int
	end    int
}

func (p *ideographs) add(start, end int, r rune) {
	if p.n > 0 && start != p.end {
		p.flush()
	}
	switch {
	case p.n > 0 && unicode.Is(unicode.M, r): // belongs to the one before
	case p.n == 2:
		p.emit(p.starts[0], p.end)
		p.starts = [2]int{p.starts[1], start}
	default:
		p.starts[p.n] = start
		p.n++
	}
	p.end = end
}

func (p *ideographs) flush() {
	if p.n > 0 {
		p.emit(p.starts[0], p.end)
	}
	if p.n == 2 && p.tails {
		p.emit(p.starts[1], p.end)
	}
	p.n = 0
}
