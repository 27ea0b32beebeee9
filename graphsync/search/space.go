package search

import (
	"cmp"
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
	own := ownership{dead: map[int]bool{}, times: map[int]bool{}}
	sums := make([]uint64, len(changes))
	same := make([]bool, len(changes))
	for i := range changes {
		if c := &changes[i]; !c.Delete {
			sums[i] = c.sum()
		}
		same[i] = next.replace(&changes[i], sums[i], own)
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
		if same[i] {
			continue
		}
		if b == nil {
			b = newBuilder(s.fold)
		}
		b.add(&c.Document, typ, sums[i])
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
	type place struct {
		id uint64
		i  int
	}
	order := make([]place, len(in))
	for i := range in {
		order[i] = place{in[i].ID, i}
	}
	slices.SortFunc(order, func(a, b place) int {
		if c := cmp.Compare(a.id, b.id); c != 0 {
			return c
		}
		return a.i - b.i
	})
	out := make([]Change, 0, len(in))
	for i, p := range order {
		if i+1 == len(order) || order[i+1].id != p.id {
			out = append(out, in[p.i])
		}
	}
	return out
}

// ownership says of which segments a batch has copies of its own.
type ownership struct{ dead, times map[int]bool }

// replace marks the living document that a change is about as dead. Where the
// new one has the same words and grams, it stays and gets the new time.
func (s *snapshot) replace(c *Change, sum uint64, own ownership) (same bool) {
	for i := range s.segs {
		l := &s.segs[i]
		doc, ok := l.find(c.ID)
		if !ok || !l.has(doc) {
			continue
		}
		if !c.Delete && l.sums[doc] == sum {
			if l.updatedAt(doc) == c.Updated {
				return true
			}
			if !own.times[i] {
				own.times[i] = true
				if l.times == nil {
					l.times = l.updated
				}
				l.times = slices.Clone(l.times)
			}
			l.times[doc] = c.Updated
			return true
		}
		if !own.dead[i] {
			own.dead[i] = true
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
		return false
	}
	return false
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
