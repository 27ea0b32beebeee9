package search

import "slices"

const gone = ^uint32(0)

// mergeSegments makes one segment of several, without their dead documents.
func mergeSegments(in []live) *segment {
	out := newSegment()
	place := renumber(in, out)
	out.lists.lens = out.lens
	mergeTerms(in, place, out)
	mergeGrams(in, place, out)
	out.trim()
	return out
}

// renumber lists the living documents by id and says where each one went.
func renumber(in []live, out *segment) [][]uint32 {
	type from struct {
		id       uint64
		seg, doc uint32
	}
	var all []from
	place := make([][]uint32, len(in))
	for i := range in {
		place[i] = make([]uint32, len(in[i].ids))
		for d, id := range in[i].ids {
			place[i][d] = gone
			if in[i].has(uint32(d)) {
				all = append(all, from{id, uint32(i), uint32(d)})
			}
		}
	}
	slices.SortFunc(all, func(a, b from) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	for n, f := range all {
		s := in[f.seg].segment
		place[f.seg][f.doc] = uint32(n)
		out.ids = append(out.ids, f.id)
		out.lens = append(out.lens, s.lens[f.doc])
		out.types = append(out.types, s.types[f.doc])
		out.updated = append(out.updated, in[f.seg].updatedAt(f.doc))
		out.sums = append(out.sums, s.sums[f.doc])
	}
	return place
}

// moved is a posting on its way.
type moved struct {
	doc        uint32
	weight     uint16
	seg        uint16
	start, end uint32 // positions
}

func mergeTerms(in []live, place [][]uint32, out *segment) {
	heads := make([]int, len(in))
	words := dictWriter{}
	var list []moved
	for {
		term, any := "", false
		for i := range in {
			if d := &in[i].terms; heads[i] < d.len() && (!any || d.at(heads[i]) < term) {
				term, any = d.at(heads[i]), true
			}
		}
		if !any {
			break
		}
		list = list[:0]
		for i := range in {
			d := &in[i].terms
			if heads[i] == d.len() || d.at(heads[i]) != term {
				continue
			}
			list = in[i].move(heads[i], place[i], uint16(i), list)
			heads[i]++
		}
		if len(list) == 0 {
			continue
		}
		byDoc := func(a, b moved) int { return int(a.doc) - int(b.doc) }
		if !slices.IsSortedFunc(list, byDoc) {
			slices.SortFunc(list, byDoc)
		}
		words.add(term)
		for _, m := range list {
			out.add(m.doc, m.weight, in[m.seg].posData[m.start:m.end])
		}
		out.endTerm()
	}
	out.terms = words.finish()
}

// move appends a term's postings under the numbers of the new segment.
func (s *segment) move(term int, place []uint32, seg uint16, out []moved) []moved {
	e := s.entries[term]
	pos := int(e.pos)
	s.each(e, func(doc uint32, weight uint16) {
		start := pos
		pos = skipPositions(s.posData, pos)
		if to := place[doc]; to != gone {
			out = append(out, moved{to, weight, seg, uint32(start), uint32(pos)})
		}
	})
	return out
}

// each yields a term's postings in order.
func (s *segment) each(e entry, yield func(doc uint32, weight uint16)) {
	var docs [blockSize]uint32
	var weights [blockSize]uint16
	last := uint32(0)
	for from := 0; from < int(e.df); from += blockSize {
		n := min(blockSize, int(e.df)-from)
		off := e.off
		if e.df > blockSize {
			off = s.skips[int(e.skip)+from/blockSize].off
		}
		readBlock(s.data, off, n, last, docs[:], weights[:])
		for i := range n {
			yield(docs[i], weights[i])
		}
		last = docs[n-1]
	}
}

func mergeGrams(in []live, place [][]uint32, out *segment) {
	heads := make([]int, len(in))
	var docs, buf []uint32
	for {
		key, any := uint32(0), false
		for i := range in {
			if g := &in[i].grams; heads[i] < len(g.keys) && (!any || g.keys[heads[i]] < key) {
				key, any = g.keys[heads[i]], true
			}
		}
		if !any {
			return
		}
		docs = docs[:0]
		for i := range in {
			g := &in[i].grams
			if heads[i] == len(g.keys) || g.keys[heads[i]] != key {
				continue
			}
			buf = g.docs(heads[i], buf[:0])
			for _, d := range buf {
				if to := place[i][d]; to != gone {
					docs = append(docs, to)
				}
			}
			heads[i]++
		}
		if len(docs) == 0 {
			continue
		}
		if !slices.IsSorted(docs) {
			slices.Sort(docs)
		}
		out.grams.add(key, docs)
	}
}
