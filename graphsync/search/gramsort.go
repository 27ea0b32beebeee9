package search

import "slices"

// gramSorter gathers the grams of documents, which come in ascending order, and
// sorts them by gram.
type gramSorter struct {
	list   []uint64 // gram<<32 | document
	spare  []uint64
	recent [1 << 12]uint64 // of list, by gram: most repeats are near
}

func (g *gramSorter) reset() {
	g.list = g.list[:0]
	g.recent = [len(g.recent)]uint64{}
}

// maxRun is how many letters, digits and the like in a row have their grams
// looked up: 512 bits in hex. What is longer is no word of anybody's, but each
// place in it would have a gram of its own.
const maxRun = 128

// run tells how far into a number of base 16, 32 or 64 a text is. The name of
// something in a path ends it: four or more bytes between signs, no digit.
type run struct {
	n     int
	piece int
	digit bool
}

const (
	noRun uint8 = iota
	runLetter
	runDigit
	runSign
)

var runBytes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			t[c] = runLetter
		case c >= '0' && c <= '9':
			t[c] = runDigit
		case c == '+' || c == '/' || c == '-' || c == '_' || c == '=':
			t[c] = runSign
		}
	}
	return t
}()

// over takes the next byte and says that it is beyond what is looked up.
func (r *run) over(c byte) bool {
	switch runBytes[c] {
	case noRun:
		*r = run{}
		return false
	case runLetter:
		r.piece++
	case runDigit:
		r.piece++
		r.digit = true
	case runSign:
		if r.piece >= 4 && !r.digit {
			r.n = 0
		}
		r.piece, r.digit = 0, false
	}
	r.n++
	return r.n > maxRun
}

// add takes in the grams of a folded text, with some repeats.
func (g *gramSorter) add(folded string, doc uint32) {
	n := len(folded)
	if n == 0 {
		return
	}
	at := func(i int) uint32 {
		if i < n {
			return uint32(folded[i])
		}
		return 0
	}
	v, long := at(0)<<8|at(1), run{}
	for i := range n {
		v = (v<<8 | at(i+2)) & 0xffffff
		if long.over(folded[i]) {
			continue
		}
		one := uint64(v)<<32 | uint64(doc)
		seen := &g.recent[(v*0x9e3779b1)>>20]
		if *seen != one || one == 0 {
			*seen = one
			g.list = append(g.list, one)
		}
	}
}

// sorted sorts by gram, and within one by document. It is good until reset.
func (g *gramSorter) sorted() []uint64 {
	if len(g.list) < 1<<10 {
		slices.Sort(g.list)
		return g.list
	}
	g.spare = slices.Grow(g.spare[:0], len(g.list))[:len(g.list)]
	for _, shift := range [...]uint{32, 44} { // the documents are in order
		var next [1 << 12]uint32
		for _, v := range g.list {
			next[v>>shift&0xfff]++
		}
		sum := uint32(0)
		for i, n := range next {
			next[i] = sum
			sum += n
		}
		for _, v := range g.list {
			p := &next[v>>shift&0xfff]
			g.spare[*p] = v
			*p++
		}
		g.list, g.spare = g.spare, g.list
	}
	return g.list
}
