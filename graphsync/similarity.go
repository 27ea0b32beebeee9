package graphsync

import (
	"slices"
	"strings"
	"unicode"
)

// likeness is what two nodes are compared by: their names, without punctuation.
type likeness struct {
	id     uint64
	typ    symbol
	at     []byte // its key in tName
	label  string // as folded
	names  []string
	words  []string   // of each name, in order of the alphabet
	grams  [][]uint64 // of each name, sorted
	digits []string   // the numbers in each name
}

// Bounds of what of a node is compared.
const (
	maxNames   = 6
	maxCompare = 128
)

// Scores of what is found otherwise than by spelling.
const (
	scoreSame     = 1.0
	scoreName     = 0.95 // a label, key or alias of both
	scoreWords    = 0.93
	scoreSpelling = 0.92 // at most
	numbersDiffer = 0.7  // factor
)

func newLikeness(id uint64, at []byte, n *nodeRecord) likeness {
	l := likeness{id: id, typ: n.Type, at: at, label: n.name()}
	given := append([]string{n.name()}, n.norms()...)
	for _, s := range given {
		clean := strings.Join(strings.FieldsFunc(s[:min(len(s), maxCompare)], func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		}), " ")
		if clean == "" || slices.Contains(l.names, clean) {
			continue
		}
		if len(l.names) == maxNames {
			break
		}
		words := strings.Fields(clean)
		slices.Sort(words)
		l.names = append(l.names, clean)
		l.words = append(l.words, strings.Join(words, " "))
		l.grams = append(l.grams, trigrams(clean))
		l.digits = append(l.digits, numbers(words))
	}
	return l
}

// trigrams returns the runs of three letters of a text, sorted, each once. Two
// spaces before it and one behind make its beginning weigh more than its end.
func trigrams(s string) []uint64 {
	out := make([]uint64, 0, len(s)+1)
	a, b := uint64(' '), uint64(' ')
	for _, r := range s + " " {
		c := uint64(r)
		out = append(out, a<<42|b<<21|c)
		a, b = b, c
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func numbers(words []string) string {
	var out []string
	for _, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// dice is twice what two sorted sets share over what they have (Dice 1945).
func dice(a, b []uint64) float64 {
	shared, total := 0, len(a)+len(b)
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			shared++
			a, b = a[1:], b[1:]
		}
	}
	return 2 * float64(shared) / float64(max(total, 1))
}

// like compares two nodes: a score of 0 to 1, and what it comes from.
func (l *likeness) like(o *likeness) (score float64, why string) {
	if l.label == o.label {
		return scoreSame, "the same label"
	}
	for i, a := range l.names {
		for j, b := range o.names {
			s, w := 0.0, ""
			switch {
			case a == b:
				s, w = scoreName, "a label, key or alias in common"
			case l.words[i] == o.words[j]:
				s, w = scoreWords, "the same words in another order"
			default:
				s, w = min(dice(l.grams[i], o.grams[j]), scoreSpelling), "similar spelling"
				if l.digits[i] != o.digits[j] {
					s, w = s*numbersDiffer, "similar spelling, other numbers"
				}
			}
			if s > score {
				score, why = s, w
			}
		}
	}
	return score, why
}
