package search

import "encoding/binary"

// A posting list is cut into blocks of blockSize. A block is
//
//	maxWeight minLength { delta<<1|plain [weight] }
//
// in varints: plain says that the weight is 1. The greatest weight and least
// document length bound what a block can score, whatever the average length is
// when it is asked. Positions lie apart, so that ranking does not read them: per
// posting a count and the differences.
const blockSize = 128

// entry is a term's place in the data.
type entry struct {
	off, pos uint32
	df       uint32
	skip     uint32 // first of its skips, where it has more than one block
}

// skip is what is known of a block without reading it.
type skip struct {
	last, off, pos uint32
	weight, length uint16
}

// lists writes posting lists, term after term.
type lists struct {
	entries []entry
	skips   []skip
	data    []byte
	posData []byte
	lens    []uint16

	docs    []uint32
	weights []uint16
	pos     []byte   // positions of the term's postings
	ends    []uint32 // where each posting's positions end
}

func (l *lists) add(doc uint32, weight uint16, positions []byte) {
	l.docs = append(l.docs, doc)
	l.weights = append(l.weights, weight)
	l.pos = append(l.pos, positions...)
	l.ends = append(l.ends, uint32(len(l.pos)))
}

// endTerm writes the postings added since the last one, in order of documents.
func (l *lists) endTerm() {
	n := len(l.docs)
	e := entry{off: uint32(len(l.data)), pos: uint32(len(l.posData)), df: uint32(n), skip: uint32(len(l.skips))}
	last := uint32(0)
	for from := 0; from < n; from += blockSize {
		to := min(from+blockSize, n)
		s := skip{last: l.docs[to-1], off: uint32(len(l.data)), length: 0xffff}
		s.pos = e.pos
		if from > 0 {
			s.pos += l.ends[from-1]
		}
		for i := from; i < to; i++ {
			s.weight = max(s.weight, l.weights[i])
			s.length = min(s.length, l.lens[l.docs[i]])
		}
		l.data = binary.AppendUvarint(l.data, uint64(s.weight))
		l.data = binary.AppendUvarint(l.data, uint64(s.length))
		for i := from; i < to; i++ {
			d := uint64(l.docs[i]-last) << 1
			last = l.docs[i]
			if l.weights[i] == 1 {
				l.data = binary.AppendUvarint(l.data, d|1)
			} else {
				l.data = binary.AppendUvarint(binary.AppendUvarint(l.data, d), uint64(l.weights[i]))
			}
		}
		if n > blockSize {
			l.skips = append(l.skips, s)
		}
	}
	l.posData = append(l.posData, l.pos...)
	l.entries = append(l.entries, e)
	l.docs, l.weights, l.pos, l.ends = l.docs[:0], l.weights[:0], l.pos[:0], l.ends[:0]
}

// uvarint is binary.Uvarint for data of our own making, inlined where it is one
// byte.
func uvarint(b []byte, i int) (uint32, int) {
	c := b[i]
	if c < 0x80 {
		return uint32(c), i + 1
	}
	v, s := uint32(c&0x7f), 7
	for {
		i++
		c = b[i]
		if c < 0x80 {
			return v | uint32(c)<<s, i + 1
		}
		v |= uint32(c&0x7f) << s
		s += 7
	}
}

// readBlock decodes count postings that begin behind document last.
func readBlock(data []byte, off uint32, count int, last uint32, docs []uint32, weights []uint16) {
	i := int(off)
	_, i = uvarint(data, i)
	_, i = uvarint(data, i)
	for n := range count {
		var v uint32
		v, i = uvarint(data, i)
		last += v >> 1
		docs[n] = last
		if v&1 != 0 {
			weights[n] = 1
		} else {
			v, i = uvarint(data, i)
			weights[n] = uint16(v)
		}
	}
}

// blockBound reads a block's greatest weight and least length.
func blockBound(data []byte, off uint32) (weight, length uint16) {
	w, i := uvarint(data, int(off))
	l, _ := uvarint(data, i)
	return uint16(w), uint16(l)
}

// skipPositions returns where the positions behind those at i begin.
func skipPositions(data []byte, i int) int {
	n, i := uvarint(data, i)
	for ; n > 0; i++ {
		if data[i] < 0x80 {
			n--
		}
	}
	return i
}
