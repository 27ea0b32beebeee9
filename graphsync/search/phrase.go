package search

import "slices"

// place is where the words of a slot are in a document.
type place struct {
	weight    uint16
	positions []uint32
}

// sequence lists the documents in which a term of each slot stands behind one of
// the slot before. It reads the positions of documents that have them all.
func (s *searcher) sequence(seg *segment, slots [][]wanted) madeList {
	docs := s.common(seg, slots)
	if len(docs) == 0 {
		return madeList{}
	}
	var m madeList
	places := make([][]place, len(slots))
	for i, terms := range slots {
		places[i] = s.places(seg, terms, docs)
	}
	for d, doc := range docs {
		count, weight := 0, uint16(0xffff)
		for i := range slots {
			weight = min(weight, places[i][d].weight)
		}
		for _, p := range places[0][d].positions {
			ok := true
			for i := 1; i < len(slots) && ok; i++ {
				_, ok = slices.BinarySearch(places[i][d].positions, p+uint32(i))
			}
			if ok {
				count++
			}
		}
		if count > 0 {
			m.docs = append(m.docs, doc)
			m.weights = append(m.weights, uint16(min(0xffff, scale*max(uint32(count), uint32(weight)))))
		}
	}
	return m
}

// common returns the documents that have a term of each slot.
func (s *searcher) common(seg *segment, slots [][]wanted) []uint32 {
	order := make([]int, len(slots))
	sizes := make([]int, len(slots))
	for i, terms := range slots {
		order[i] = i
		for _, w := range terms {
			sizes[i] += int(seg.entries[w.term].df)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return sizes[a] - sizes[b] })
	docs := s.either(seg, slots[order[0]]).docs
	for _, o := range order[1:] {
		if len(docs) == 0 || s.spent() {
			return nil
		}
		var in *cursor
		if terms := slots[o]; len(terms) == 1 {
			in = &cursor{seg: seg, entry: seg.entries[terms[0].term], work: &s.work}
		} else {
			in = &cursor{made: s.either(seg, terms), work: &s.work}
		}
		in.start()
		kept := docs[:0]
		for _, d := range docs {
			if in.advance(d); in.doc == d {
				kept = append(kept, d)
			}
		}
		docs = kept
	}
	return docs
}

// places reads where the terms of a slot are in some documents, ascending.
func (s *searcher) places(seg *segment, terms []wanted, docs []uint32) []place {
	out := make([]place, len(docs))
	for _, w := range terms {
		e := seg.entries[w.term]
		next, pos, n := 0, int(e.pos), 0
		c := &cursor{seg: seg, entry: e, work: &s.work}
		for c.start(); c.doc != endOfList && next < len(docs); {
			block := c.block
			if c.advance(docs[next]); c.doc == endOfList {
				break
			}
			if c.block != block {
				pos, n = int(seg.skips[int(e.skip)+c.block].pos), 0
			}
			if c.doc > docs[next] {
				at, ok := slices.BinarySearch(docs[next:], c.doc)
				if next += at; !ok {
					continue
				}
			}
			for ; n < c.i; n++ {
				pos = skipPositions(seg.posData, pos)
			}
			p := &out[next]
			p.weight += c.weights[c.i]
			p.positions = readPositions(seg.posData, pos, p.positions)
			s.work += len(p.positions)
			next++
		}
	}
	for i := range out {
		if len(terms) > 1 {
			slices.Sort(out[i].positions)
		}
	}
	return out
}

func readPositions(data []byte, i int, out []uint32) []uint32 {
	n, i := uvarint(data, i)
	last := uint32(0)
	for range n {
		var v uint32
		v, i = uvarint(data, i)
		last += v
		out = append(out, last)
	}
	return out
}
