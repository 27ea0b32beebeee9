package search

import (
	"container/heap"
	"slices"
)

// Contains calls yield with the ids of the documents that may have a text with the folded
// needle in it, in ascending order, beginning behind an id. Every document that
// has one is among them, unless the needle reaches from within a number of more
// than 128 digits behind that bound; the caller looks at the texts of those it
// takes and ends it with false. An empty needle is in every document.
func (x *Index) Contains(namespace, needle string, f Filter, after uint64, yield func(id uint64) bool) {
	space := x.space(namespace)
	if space == nil {
		return
	}
	snap := space.snap.Load()
	t := f.test(snap.types)
	var streams idStreams
	for i := range snap.segs {
		s := idStream{live: &snap.segs[i], test: &t}
		from, found := slices.BinarySearch(s.ids, after)
		if found {
			from++
		}
		if needle == "" {
			s.all, s.next = true, from
		} else {
			s.docs = s.grams.candidates(needle, len(s.ids))
			s.next, _ = slices.BinarySearch(s.docs, uint32(from))
		}
		if s.advance() {
			streams = append(streams, s)
		}
	}
	heap.Init(&streams)
	for len(streams) > 0 {
		if !yield(streams[0].id) {
			return
		}
		if streams[0].advance() {
			heap.Fix(&streams, 0)
		} else {
			heap.Pop(&streams)
		}
	}
}

// idStream yields the ids of some documents of one segment.
type idStream struct {
	*live
	test *test
	docs []uint32
	all  bool
	next int
	id   uint64
}

func (s *idStream) advance() bool {
	for {
		doc := uint32(s.next)
		switch {
		case s.all && s.next == len(s.ids), !s.all && s.next == len(s.docs):
			return false
		case !s.all:
			doc = s.docs[s.next]
		}
		s.next++
		if s.test.fits(s.live, doc) {
			s.id = s.ids[doc]
			return true
		}
	}
}

type idStreams []idStream

func (h idStreams) Len() int           { return len(h) }
func (h idStreams) Less(i, j int) bool { return h[i].id < h[j].id }
func (h idStreams) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *idStreams) Push(x any)        { *h = append(*h, x.(idStream)) }
func (h *idStreams) Pop() any {
	last := len(*h) - 1
	out := (*h)[last]
	*h = (*h)[:last]
	return out
}
