package search

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// occurrence is one word of one document.
type occurrence struct {
	term, doc, pos uint32
	boost          uint16
}

// textGap parts the positions of two texts, so that no phrase crosses them.
const textGap = 64

// builder makes a segment of documents, which come in ascending order of id.
type builder struct {
	fold func(string) string
	seg  *segment
	*scratch
}

// scratch is what building needs for a while. Only its room is used again.
type scratch struct {
	terms   map[string]uint32
	names   []string
	words   []occurrence
	grouped []occurrence
	grams   gramSorter
	buf     []uint32
}

var scratches = sync.Pool{New: func() any { return &scratch{terms: map[string]uint32{}} }}

// Bounds of what is kept: emptying a large map takes its time, be it for one
// document.
const (
	maxScratchGrams = 1 << 20
	maxScratchTerms = 1 << 12
)

func (s *scratch) free() {
	if len(s.grams.list) > maxScratchGrams {
		return
	}
	if len(s.terms) > maxScratchTerms {
		s.terms = map[string]uint32{}
	}
	clear(s.terms)
	clear(s.names)
	s.names, s.words = s.names[:0], s.words[:0]
	s.grams.reset()
	scratches.Put(s)
}

func newSegment() *segment { return &segment{stems: make([]atomic.Pointer[stemTable], len(languages))} }

func newBuilder(fold func(string) string) *builder {
	return &builder{fold: fold, seg: newSegment(), scratch: scratches.Get().(*scratch)}
}

func (b *builder) add(d *Document, typ uint32, sum uint64) {
	doc := uint32(len(b.seg.ids))
	b.seg.ids = append(b.seg.ids, d.ID)
	b.seg.types = append(b.seg.types, typ)
	b.seg.updated = append(b.seg.updated, d.Updated)
	b.seg.sums = append(b.seg.sums, sum)
	base, count, room := uint32(0), 0, MaxDocumentText
	text := func(f Field, s string) {
		if len(s) > room {
			s = strings.ToValidUTF8(s[:room], "")
		}
		room -= len(s)
		next := base
		tokens(s, true, func(t token) bool {
			id, ok := b.terms[t.term]
			if !ok {
				id = uint32(len(b.names))
				// The text is the caller's and may be long: keep the term alone.
				term := strings.Clone(t.term)
				b.terms[term] = id
				b.names = append(b.names, term)
			}
			b.words = append(b.words, occurrence{id, doc, base + t.pos, boosts[f]})
			next = base + t.pos + 1
			count++
			return true
		})
		base = next + textGap
		b.grams.add(b.fold(s), doc)
	}
	text(Type, d.Type)
	for i := range d.Texts {
		if room <= 0 {
			break
		}
		text(d.Texts[i].Field, d.Texts[i].Text)
	}
	b.seg.lens = append(b.seg.lens, uint16(min(count, 0xffff)))
}

func (b *builder) finish() *segment {
	s := b.seg
	s.lists.lens = s.lens
	b.writeTerms()
	for list := b.grams.sorted(); len(list) > 0; {
		key := list[0] >> 32
		b.buf = b.buf[:0]
		n := 0
		for ; n < len(list) && list[n]>>32 == key; n++ {
			if d := uint32(list[n]); len(b.buf) == 0 || b.buf[len(b.buf)-1] != d {
				b.buf = append(b.buf, d)
			}
		}
		s.grams.add(uint32(key), b.buf)
		list = list[n:]
	}
	b.free()
	b.scratch = nil
	s.trim()
	return s
}

// writeTerms groups the occurrences by term; within one they keep their order.
func (b *builder) writeTerms() {
	s := b.seg
	starts := make([]uint32, len(b.names)+1)
	for _, o := range b.words {
		starts[o.term+1]++
	}
	for i := range b.names {
		starts[i+1] += starts[i]
	}
	b.grouped = slices.Grow(b.grouped[:0], len(b.words))[:len(b.words)]
	grouped := b.grouped
	next := slices.Clone(starts)
	for _, o := range b.words {
		grouped[next[o.term]] = o
		next[o.term]++
	}
	order := make([]uint32, len(b.names))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(x, y uint32) int { return strings.Compare(b.names[x], b.names[y]) })
	dict := dictWriter{}
	var positions, one []byte
	for _, t := range order {
		dict.add(b.names[t])
		for list := grouped[starts[t]:starts[t+1]]; len(list) > 0; {
			n, weight, last := 0, uint32(0), uint32(0)
			positions = positions[:0]
			for n < len(list) && list[n].doc == list[0].doc {
				positions = binary.AppendUvarint(positions, uint64(list[n].pos-last))
				last = list[n].pos
				weight += uint32(list[n].boost)
				n++
			}
			one = append(binary.AppendUvarint(one[:0], uint64(n)), positions...)
			s.add(list[0].doc, uint16(min(weight, 0xffff)), one)
			list = list[n:]
		}
		s.endTerm()
	}
	s.terms = dict.finish()
}

// trim gives back what growing left over.
func (s *segment) trim() {
	s.lists.docs, s.weights, s.pos, s.ends = nil, nil, nil, nil
	s.ids, s.lens, s.types = slices.Clip(slices.Clone(s.ids)), slices.Clone(s.lens), slices.Clone(s.types)
	s.updated, s.sums = slices.Clone(s.updated), slices.Clone(s.sums)
	s.lists.lens = nil
	s.entries, s.skips, s.data, s.posData = slices.Clone(s.entries), slices.Clone(s.skips), slices.Clone(s.data), slices.Clone(s.posData)
	g := &s.grams
	g.keys, g.offs, g.df, g.data = slices.Clone(g.keys), slices.Clone(g.offs), slices.Clone(g.df), slices.Clone(g.data)
}

type dictWriter struct {
	blob strings.Builder
	offs []uint32
}

func (w *dictWriter) add(term string) {
	w.offs = append(w.offs, uint32(w.blob.Len()))
	w.blob.WriteString(term)
}

func (w *dictWriter) finish() dict {
	return dict{blob: strings.Clone(w.blob.String()), offs: slices.Clone(append(w.offs, uint32(w.blob.Len())))}
}
