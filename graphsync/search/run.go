package search

import (
	"math"
	"slices"
)

// Filter narrows a search; zero fields ask for nothing. Times are Unix
// milliseconds: UpdatedFrom is included, UpdatedTo is not.
type Filter struct {
	Types       []string
	UpdatedFrom int64
	UpdatedTo   int64
}

// test is a filter for one snapshot.
type test struct {
	any      bool // nothing to test but death
	types    []uint32
	byType   bool
	from, to int64
}

func (f *Filter) test(types map[string]uint32) test {
	t := test{from: f.UpdatedFrom, to: f.UpdatedTo, byType: len(f.Types) > 0}
	for _, name := range f.Types {
		if n, ok := types[name]; ok {
			t.types = append(t.types, n)
		}
	}
	if t.to == 0 {
		t.to = math.MaxInt64
	}
	if t.from == 0 {
		t.from = math.MinInt64
	}
	t.any = !t.byType && f.UpdatedFrom == 0 && f.UpdatedTo == 0
	return t
}

func (t *test) fits(l *live, doc uint32) bool {
	return l.has(doc) && (t.any || t.fitsValues(l.types[doc], l.updatedAt(doc)))
}

func (t *test) fitsValues(typ uint32, updated int64) bool {
	return (!t.byType || slices.Contains(t.types, typ)) && updated >= t.from && updated < t.to
}

// slack keeps rounding from making a bound too low.
const slack = 1.0001

// Words returns the k best documents of a namespace for a query, best first.
// Partial says that the query met its bound of work, so that there may be
// better ones.
func (x *Index) Words(namespace string, q *Query, f Filter, k int) (hits []Hit, partial bool) {
	space := x.space(namespace)
	if space == nil || k <= 0 {
		return nil, false
	}
	snap := space.snap.Load()
	s := newSearcher(snap, q)
	t := f.test(snap.types)
	out := &top{k: k}
	for i := range snap.segs {
		if s.spent() {
			break
		}
		s.segment(i, &t, out)
	}
	return out.sorted(), s.spent()
}

func (s *searcher) segment(at int, t *test, out *top) {
	var musts, shoulds, nots []*cursor
	for c := range s.query.clauses {
		cur := s.list(at, c)
		occur := s.query.clauses[c].occur
		switch {
		case cur == nil && occur == must:
			return
		case cur == nil:
		case occur == must:
			musts = append(musts, cur)
		case occur == should:
			shoulds = append(shoulds, cur)
		default:
			nots = append(nots, cur)
		}
	}
	l := &s.snap.segs[at]
	fits := func(doc uint32) bool {
		if !t.fits(l, doc) {
			return false
		}
		for _, n := range nots {
			if n.advance(doc); n.doc == doc {
				return false
			}
		}
		return true
	}
	if len(musts) > 0 {
		s.all(l, musts, shoulds, fits, out)
	} else if len(shoulds) > 0 {
		s.some(l, shoulds, fits, out)
	}
}

// all goes through the documents that have every list of musts.
func (s *searcher) all(l *live, musts, shoulds []*cursor, fits func(uint32) bool, out *top) {
	slices.SortFunc(musts, func(a, b *cursor) int { return a.size() - b.size() })
	lead := musts[0]
	rest := float32(0)
	for _, c := range append(musts[1:len(musts):len(musts)], shoulds...) {
		rest += c.bound
	}
next:
	for lead.doc != endOfList && !s.spent() {
		doc := lead.doc
		for _, c := range musts[1:] {
			if c.advance(doc); c.doc != doc {
				lead.advance(c.doc)
				continue next
			}
		}
		length := l.lens[doc]
		score := float32(0)
		for _, c := range musts {
			score += s.rank.score(c.idf, c.weight(), length)
		}
		for _, c := range shoulds {
			if c.advance(doc); c.doc == doc {
				score += s.rank.score(c.idf, c.weight(), length)
			}
		}
		if score >= out.threshold() && fits(doc) {
			out.offer(Hit{l.ids[doc], score})
		}
		lead.next()
	}
}

// some ranks the documents that have any of the lists, by MaxScore (Turtle and
// Flood 1995): lists that together cannot lift a document over the threshold
// are only looked at for documents of the others. Where one list remains, blocks
// that cannot either are passed over unread.
func (s *searcher) some(l *live, lists []*cursor, fits func(uint32) bool, out *top) {
	slices.SortFunc(lists, func(a, b *cursor) int {
		switch {
		case a.bound < b.bound:
			return -1
		case a.bound > b.bound:
			return 1
		}
		return 0
	})
	sums := make([]float32, len(lists)) // bound of the lists up to and with this one
	sum := float32(0)
	for i, c := range lists {
		sum += c.bound
		sums[i] = sum * slack
	}
	first := 0 // the first list that matters
	for !s.spent() {
		threshold := out.threshold()
		for first < len(lists) && sums[first] < threshold {
			first++
		}
		if first == len(lists) {
			return
		}
		if first == len(lists)-1 {
			below := float32(0)
			if first > 0 {
				below = sums[first-1]
			}
			lists[first].passOver(threshold-below, s.rank)
		}
		doc := endOfList
		for _, c := range lists[first:] {
			doc = min(doc, c.doc)
		}
		if doc == endOfList {
			return
		}
		length := l.lens[doc]
		score := float32(0)
		for _, c := range lists[first:] {
			if c.doc == doc {
				score += s.rank.score(c.idf, c.weight(), length)
				c.next()
			}
		}
		for i := first - 1; i >= 0; i-- {
			if score*slack+sums[i] < threshold {
				break
			}
			if c := lists[i]; c.doc != endOfList {
				if c.advance(doc); c.doc == doc {
					score += s.rank.score(c.idf, c.weight(), length)
				}
			}
		}
		if score >= threshold && fits(doc) {
			out.offer(Hit{l.ids[doc], score})
		}
	}
}

// passOver goes on to the next block that may score as much.
func (c *cursor) passOver(least float32, r *ranking) {
	if c.i != 0 || c.doc == endOfList {
		return
	}
	b := c.block
	for b < c.blocks && c.blockBound(b, r)*slack < least {
		b++
	}
	if b != c.block {
		c.nextBlock(b)
	}
}
