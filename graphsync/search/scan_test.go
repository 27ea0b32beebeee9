package search

import (
	"math"
	"slices"
	"strings"
)

// scan finds documents without an index and works out their scores from the
// definition.
func scan(docs map[uint64]Change, q *Query) map[uint64]float64 {
	type word struct {
		term  string
		pos   int
		boost int
	}
	texts := map[uint64][]word{}
	total := 0
	for id, c := range docs {
		pos := 0
		add := func(f Field, s string) {
			for w := range strings.FieldsSeq(s) {
				texts[id] = append(texts[id], word{w, pos, int(boosts[f])})
				pos++
			}
			pos += textGap
		}
		add(Type, c.Type)
		for _, t := range c.Texts {
			add(t.Field, t.Text)
		}
		total += len(texts[id])
	}
	average := math.Max(1, float64(total)/float64(max(1, len(docs))))
	stems := q.lang.stemmer()
	worth := func(sl *slot, term string) float64 {
		switch {
		case term == sl.term && sl.kind != near:
			return 1
		case sl.kind == begins && strings.HasPrefix(term, sl.term), sl.kind == anyForm && stems.of(term) == stems.of(sl.term):
			return 0.75
		case sl.kind == near:
			d, _ := newLevenshtein([]rune(sl.term), sl.edits).distance(term)
			if d <= sl.edits && (len(sl.term) < 4 || term[0] == sl.term[0]) {
				return float64(scale/(1+d)) / scale
			}
		}
		return 0
	}
	weight := func(id uint64, c *clause) float64 {
		if len(c.slots) == 1 {
			sum := 0.0
			for _, w := range texts[id] {
				sum += worth(&c.slots[0], w.term) * float64(w.boost)
			}
			return sum
		}
		at := func(sl *slot, pos int) bool {
			return slices.ContainsFunc(texts[id], func(w word) bool { return w.pos == pos && worth(sl, w.term) > 0 })
		}
		count, least := 0, math.Inf(1)
		for i := range c.slots {
			sum := 0.0
			for _, w := range texts[id] {
				if worth(&c.slots[i], w.term) > 0 {
					sum += float64(w.boost)
				}
			}
			least = math.Min(least, sum)
		}
		for _, w := range texts[id] {
			ok := true
			for i := range c.slots {
				ok = ok && at(&c.slots[i], w.pos+i)
			}
			if ok {
				count++
			}
		}
		if count == 0 {
			return 0
		}
		return math.Max(float64(count), least)
	}
	frequency := func(c *clause) int { // as the index estimates it
		least := math.MaxInt
		for i := range c.slots {
			sum := 0
			for id := range docs {
				var seen []string
				for _, w := range texts[id] {
					if worth(&c.slots[i], w.term) > 0 && !slices.Contains(seen, w.term) {
						seen = append(seen, w.term)
						sum++
					}
				}
			}
			least = min(least, sum)
		}
		return least
	}
	out := map[uint64]float64{}
	for id := range docs {
		score, fits, any := 0.0, true, false
		for i := range q.clauses {
			c := &q.clauses[i]
			w := weight(id, c)
			switch {
			case c.occur == mustNot:
				fits = fits && w == 0
			case c.occur == must && w == 0:
				fits = false
			case w > 0:
				any = true
				score += float64(idf(len(docs), frequency(c))) * (k1 + 1) * w / (w + k1*(1-b+b*float64(len(texts[id]))/average))
			}
		}
		if fits && any {
			out[id] = score
		}
	}
	return out
}
