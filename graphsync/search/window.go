package search

import (
	"slices"
	"strings"
	"unicode/utf8"
)

func sortSpans(spans []span) {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
}

// window chooses some snippetBytes of a text that hold most of the spans, the
// first such, and begins and ends it between words where it can.
func window(text string, spans []span) (from, to int) {
	if len(text) <= snippetBytes {
		return 0, len(text)
	}
	if len(spans) == 0 {
		return 0, back(text, snippetBytes)
	}
	best, most := 0, 0
	for i, end := 0, 0; i < len(spans); i++ {
		for end < len(spans) && spans[end].to-spans[i].from <= snippetBytes*3/4 {
			end++
		}
		if end-i > most {
			best, most = i, end-i
		}
	}
	from = max(0, spans[best].from-snippetBytes/4)
	if from > 0 {
		for !utf8.RuneStart(text[from]) {
			from++
		}
		if i := strings.IndexByte(text[from:spans[best].from], ' '); i >= 0 {
			from += i + 1
		}
	}
	to = max(back(text, min(len(text), from+snippetBytes)), min(spans[best].to, len(text)))
	return from, to
}

// back goes back from a place in a text to the end of a word, or of a character.
func back(text string, i int) int {
	if i == len(text) {
		return i
	}
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	if j := strings.LastIndexByte(text[:i], ' '); j > i-40 && j > 0 {
		return j
	}
	return i
}
