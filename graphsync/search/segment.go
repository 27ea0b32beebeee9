package search

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// segment is an immutable index of some documents, in ascending order of id.
// Within it a document is its place in that order.
type segment struct {
	ids     []uint64
	lens    []uint16 // words
	types   []uint32 // in the space's list
	updated []int64
	sums    []uint64 // of what the words and grams were made of
	terms   dict
	lists
	grams gramTable
	stems []atomic.Pointer[stemTable] // by language, made when first asked for
}

// live is a segment and which of its documents are no longer in it.
type live struct {
	*segment
	dead  bitset
	ndead int
	// times is in place of the segment's updated, where a document changed in
	// nothing that the segment holds but that; else nil.
	times []int64
}

func (l *live) updatedAt(doc uint32) int64 {
	if l.times != nil {
		return l.times[doc]
	}
	return l.updated[doc]
}

func (s *segment) find(id uint64) (uint32, bool) {
	i, ok := slices.BinarySearch(s.ids, id)
	return uint32(i), ok
}

func (l *live) has(doc uint32) bool { return l.ndead == 0 || !l.dead.get(doc) }

func (l *live) alive() int { return len(l.ids) - l.ndead }

// stemTable is made once; two that make it at once make the same.
func (s *segment) stemTable(l *language) *stemTable {
	p := &s.stems[slices.Index(languages, l)]
	t := p.Load()
	if t == nil {
		t = newStemTable(&s.terms, l)
		p.Store(t)
	}
	return t
}

// bytes is about what the segment takes in memory.
func (s *segment) bytes() int {
	n := len(s.ids)*(8+2+4+8+8) + len(s.terms.blob) + 4*len(s.terms.offs) + 16*len(s.entries) + 16*len(s.skips) +
		len(s.data) + len(s.posData) + s.grams.bytes()
	for i := range s.stems {
		if t := s.stems[i].Load(); t != nil {
			n += 8 * len(t.hashes)
		}
	}
	return n
}

type bitset []uint64

func (b bitset) get(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bitset) set(i uint32)      { b[i>>6] |= 1 << (i & 63) }
func newBitset(n int) bitset       { return make(bitset, (n+63)/64) }

// list appends what is in the set, ascending.
func (b bitset) list(out []uint32) []uint32 {
	for w, v := range b {
		for ; v != 0; v &= v - 1 {
			out = append(out, uint32(w<<6+bits.TrailingZeros64(v)))
		}
	}
	return out
}
