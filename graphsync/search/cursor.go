package search

import "sort"

const endOfList = ^uint32(0)

// scale is what the weights of a list made while searching are multiplied by,
// so that a form of a word can count a little less than the word.
const scale = 16

// cursor walks one posting list of one segment, coded or made while searching.
type cursor struct {
	doc uint32 // endOfList at the end
	i   int    // within the block

	docs    []uint32 // the block
	weights []uint16
	block   int
	blocks  int

	seg   *segment // of a coded list
	entry entry
	made  madeList

	idf   float32
	unit  float32 // of a weight
	bound float32 // of a score
	work  *int

	docBuf    [blockSize]uint32
	weightBuf [blockSize]uint16
}

// madeList is a list that is not coded.
type madeList struct {
	docs    []uint32
	weights []uint16
}

func (c *cursor) size() int {
	if c.seg != nil {
		return int(c.entry.df)
	}
	return len(c.made.docs)
}

func (c *cursor) start() {
	c.blocks = (c.size() + blockSize - 1) / blockSize
	c.block = -1
	c.nextBlock(0)
}

// last returns the last document of a block of a list of several.
func (c *cursor) last(b int) uint32 {
	if c.seg == nil {
		return c.made.docs[min((b+1)*blockSize, len(c.made.docs))-1]
	}
	return c.seg.skips[int(c.entry.skip)+b].last
}

// nextBlock loads a block, or ends.
func (c *cursor) nextBlock(b int) {
	if b >= c.blocks {
		c.doc, c.block = endOfList, c.blocks
		return
	}
	from := b * blockSize
	n := min(blockSize, c.size()-from)
	*c.work += n
	if c.seg == nil {
		c.docs, c.weights = c.made.docs[from:from+n], c.made.weights[from:from+n]
	} else {
		off, last := c.entry.off, uint32(0)
		if c.blocks > 1 {
			off = c.seg.skips[int(c.entry.skip)+b].off
			if b > 0 {
				last = c.seg.skips[int(c.entry.skip)+b-1].last
			}
		}
		readBlock(c.seg.data, off, n, last, c.docBuf[:], c.weightBuf[:])
		c.docs, c.weights = c.docBuf[:n], c.weightBuf[:n]
	}
	c.block, c.i = b, 0
	c.doc = c.docs[0]
}

func (c *cursor) next() {
	if c.i++; c.i < len(c.docs) {
		c.doc = c.docs[c.i]
		return
	}
	c.nextBlock(c.block + 1)
}

// advance goes to the first document that is not before target.
func (c *cursor) advance(target uint32) {
	if c.doc >= target {
		return
	}
	if c.docs[len(c.docs)-1] < target {
		from := c.block + 1
		n := sort.Search(c.blocks-from, func(i int) bool { return c.last(from+i) >= target })
		if c.nextBlock(from + n); c.doc >= target {
			return
		}
	}
	lo, hi := c.i+1, len(c.docs)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); c.docs[m] < target {
			lo = m + 1
		} else {
			hi = m
		}
	}
	c.i, c.doc = lo, c.docs[lo]
}

func (c *cursor) weight() float32 { return float32(c.weights[c.i]) * c.unit }

// blockBound bounds the score of any document of a block; 0 is the length of
// the shortest where nothing is known.
func (c *cursor) blockBound(b int, r *ranking) float32 {
	if c.seg == nil {
		return c.bound
	}
	var w, l uint16
	if c.blocks > 1 {
		s := &c.seg.skips[int(c.entry.skip)+b]
		w, l = s.weight, s.length
	} else {
		w, l = blockBound(c.seg.data, c.entry.off)
	}
	return r.score(c.idf, float32(w)*c.unit, l)
}

// setBound bounds the score of any document of the list.
func (c *cursor) setBound(r *ranking) {
	if c.seg == nil {
		top := uint16(0)
		for _, w := range c.made.weights {
			top = max(top, w)
		}
		c.bound = r.score(c.idf, float32(top)*c.unit, 0)
		return
	}
	c.bound = 0
	for b := range c.blocks {
		c.bound = max(c.bound, c.blockBound(b, r))
	}
}
