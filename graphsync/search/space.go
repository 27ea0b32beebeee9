package search

import (
	"slices"
	"sync"
	"sync/atomic"
)

// space is the index of one namespace. Readers take a snapshot and never wait;
// writers take turns.
type space struct {
	fold func(string) string
	snap atomic.Pointer[snapshot]

	mu      sync.Mutex // writers
	types   map[string]uint32
	vectors vectorWriter
	busy    map[*segment]bool // being merged by Compact
}

// snapshot is what one query sees. It is never changed.
type snapshot struct {
	segs    []live
	types   map[string]uint32
	vectors map[string]*vectorSet // by model and dimension
	docs    int
	words   uint64 // in all living documents
}

func (s *snapshot) average() float32 {
	if s.docs == 0 {
		return 1
	}
	return max(1, float32(s.words)/float32(s.docs))
}

func newSpace(fold func(string) string) *space {
	s := &space{fold: fold, types: map[string]uint32{}, busy: map[*segment]bool{}, vectors: vectorWriter{}}
	s.snap.Store(&snapshot{})
	return s
}

// Bounds of what is merged at once: small merges are part of a write, large
// ones wait for Compact, and nothing grows beyond maxSegment.
const (
	fanout      = 8
	inlineDocs  = 4096
	maxSegment  = 1 << 16
	batchBytes  = 8 << 20 // of texts in one segment made by a write
	deadPortion = 3       // a segment that is dead to one part in so many is rewritten
)

// apply puts a batch into effect. What a query sees is all of it or nothing.
func (s *space) apply(changes []Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.snap.Load()
	next := &snapshot{segs: slices.Clone(old.segs), docs: old.docs, words: old.words}
	changes = lastOfEach(changes)
	owned := map[int]bool{} // segments whose dead set is this batch's own
	for i := range changes {
		next.remove(changes[i].ID, owned)
	}
	var b *builder
	size := 0
	flush := func() {
		if b != nil {
			next.segs = append(next.segs, live{segment: b.finish()})
		}
		b, size = nil, 0
	}
	for i := range changes {
		c := &changes[i]
		if c.Delete {
			s.vectors.change(c, 0)
			continue
		}
		typ := s.typeNumber(c.Type)
		s.vectors.change(c, typ)
		if b == nil {
			b = newBuilder(s.fold)
		}
		b.add(&c.Document, typ)
		next.docs++
		next.words += uint64(b.seg.lens[len(b.seg.lens)-1])
		for _, t := range c.Texts {
			size += len(t.Text)
		}
		if size > batchBytes {
			flush()
		}
	}
	flush()
	next.segs = slices.DeleteFunc(next.segs, func(l live) bool { return l.alive() == 0 && !s.busy[l.segment] })
	next.segs = s.mergeSmall(next.segs)
	next.types, next.vectors = s.typeList(old.types), s.vectors.publish(old.vectors)
	s.snap.Store(next)
}

// lastOfEach keeps the last change of each id, in order of ids.
func lastOfEach(in []Change) []Change {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b Change) int {
		switch {
		case a.ID < b.ID:
			return -1
		case a.ID > b.ID:
			return 1
		}
		return 0
	})
	n := 0
	for i := range out {
		if i+1 == len(out) || out[i+1].ID != out[i].ID {
			out[n] = out[i]
			n++
		}
	}
	return out[:n]
}

// remove marks the living document with an id as dead.
func (s *snapshot) remove(id uint64, owned map[int]bool) {
	for i := range s.segs {
		l := &s.segs[i]
		doc, ok := l.find(id)
		if !ok || !l.has(doc) {
			continue
		}
		if !owned[i] {
			owned[i] = true
			if l.dead == nil {
				l.dead = newBitset(len(l.ids))
			} else {
				l.dead = slices.Clone(l.dead)
			}
		}
		l.dead.set(doc)
		l.ndead++
		s.docs--
		s.words -= uint64(l.lens[doc])
		return
	}
}

func (s *space) typeNumber(name string) uint32 {
	n, ok := s.types[name]
	if !ok {
		n = uint32(len(s.types))
		s.types[name] = n
	}
	return n
}

// typeList is a copy of the types for readers, the old one where it is whole.
func (s *space) typeList(old map[string]uint32) map[string]uint32 {
	if len(old) == len(s.types) {
		return old
	}
	out := make(map[string]uint32, len(s.types))
	for k, v := range s.types {
		out[k] = v
	}
	return out
}
