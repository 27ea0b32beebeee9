package search

import (
	"encoding/binary"
	"slices"
)

// gramTable lists the documents that have three bytes in a row somewhere in a
// folded text. The end of a text is filled with two zeros, so that every byte
// of it begins a gram and one or two bytes are found as the beginning of one.
type gramTable struct {
	keys []uint32 // three bytes, big-endian, ascending
	offs []uint32 // one more than keys
	df   []uint32
	data []byte // differences of documents in varints
}

func (g *gramTable) bytes() int { return 4*(len(g.keys)+len(g.offs)+len(g.df)) + len(g.data) }

func (g *gramTable) add(key uint32, docs []uint32) {
	if len(g.offs) == 0 {
		g.offs = append(g.offs, 0)
	}
	last := uint32(0)
	for _, d := range docs {
		g.data = binary.AppendUvarint(g.data, uint64(d-last))
		last = d
	}
	g.keys = append(g.keys, key)
	g.df = append(g.df, uint32(len(docs)))
	g.offs = append(g.offs, uint32(len(g.data)))
}

func (g *gramTable) docs(i int, out []uint32) []uint32 {
	last := uint32(0)
	for p, end := int(g.offs[i]), int(g.offs[i+1]); p < end; {
		var v uint32
		v, p = uvarint(g.data, p)
		last += v
		out = append(out, last)
	}
	return out
}

// useGrams is how many of a needle's grams are looked at, the rarest first: the
// caller looks at the text anyway.
const useGrams = 5

// candidates returns the documents whose texts may contain a folded needle, in
// ascending order; none other can.
func (g *gramTable) candidates(needle string, size int) []uint32 {
	if len(needle) < 3 {
		lo := uint32(needle[0]) << 16
		hi := lo + 1<<16
		if len(needle) == 2 {
			lo |= uint32(needle[1]) << 8
			hi = lo + 1<<8
		}
		from, _ := slices.BinarySearch(g.keys, lo)
		to, _ := slices.BinarySearch(g.keys, hi)
		return g.union(from, to, size)
	}
	var grams []int
	var long run
	for i := range len(needle) - 2 {
		if long.over(needle[i]) {
			continue
		}
		key := uint32(needle[i])<<16 | uint32(needle[i+1])<<8 | uint32(needle[i+2])
		k, ok := slices.BinarySearch(g.keys, key)
		if !ok {
			return nil
		}
		grams = append(grams, k)
	}
	slices.SortFunc(grams, func(a, b int) int {
		if d := int(g.df[a]) - int(g.df[b]); d != 0 {
			return d
		}
		return a - b
	})
	grams = slices.Compact(grams)
	out := g.docs(grams[0], make([]uint32, 0, g.df[grams[0]]))
	for _, k := range grams[1:min(len(grams), useGrams)] {
		if len(out) < int(g.df[k]/64) {
			break // reading the list costs more than looking at the texts
		}
		out = g.intersect(out, k)
	}
	return out
}

func (g *gramTable) intersect(docs []uint32, k int) []uint32 {
	out, last := docs[:0], uint32(0)
	p, end := int(g.offs[k]), int(g.offs[k+1])
	first := true
	for _, d := range docs {
		for (first || last < d) && p < end {
			var v uint32
			v, p = uvarint(g.data, p)
			last += v
			first = false
		}
		if !first && last == d {
			out = append(out, d)
		}
	}
	return out
}

func (g *gramTable) union(from, to, size int) []uint32 {
	switch to - from {
	case 0:
		return nil
	case 1:
		return g.docs(from, make([]uint32, 0, g.df[from]))
	}
	seen := newBitset(size)
	var buf []uint32
	for i := from; i < to; i++ {
		buf = g.docs(i, buf[:0])
		for _, d := range buf {
			seen.set(d)
		}
	}
	return seen.list(buf[:0])
}
