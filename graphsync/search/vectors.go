package search

import (
	"maps"
	"math"
	"strconv"
)

// Metric is how two vectors are compared; more is nearer.
type Metric uint8

// The metrics. Cosine is the default.
const (
	Cosine Metric = iota
	Dot
)

// chunkVectors is how many vectors share an allocation: a write copies one.
const chunkVectors = 64

// chunk holds up to chunkVectors vectors of one dimension.
type chunk struct {
	ids     [chunkVectors]uint64
	updated [chunkVectors]int64
	types   [chunkVectors]uint32
	scales  [chunkVectors]float32 // 1/length
	data    []float32
	n       int
	owned   bool // made by the batch under way
}

// vectorSet is the vectors of one model and dimension, scanned exactly.
type vectorSet struct {
	dim    int
	chunks []*chunk
	n      int
}

func (s *vectorSet) bytes() int64 {
	return int64(len(s.chunks)) * int64(chunkVectors*(8+8+4+4+4*s.dim))
}

func vectorKey(model string, dim int) string { return model + "\x00" + strconv.Itoa(dim) }

// vectorWriter is the writers' side: where each vector is.
type vectorWriter struct {
	sets  map[string]*vectorSet
	where map[string]map[uint64]int
	byID  map[uint64][]string // keys of the sets that a document is in
	dirty map[string]bool
}

func (w *vectorWriter) change(c *Change, typ uint32) {
	for _, key := range w.byID[c.ID] {
		w.remove(key, c.ID)
	}
	delete(w.byID, c.ID)
	if c.Delete || len(c.Vectors) == 0 {
		return
	}
	for _, v := range c.Vectors {
		if len(v.Data) > 0 {
			w.add(vectorKey(v.Model, len(v.Data)), c, typ, v.Data)
		}
	}
}

// own returns a set and a chunk of it that this batch may write to.
func (w *vectorWriter) own(key string, dim int) *vectorSet {
	if w.sets == nil {
		w.sets, w.where, w.byID, w.dirty = map[string]*vectorSet{}, map[string]map[uint64]int{}, map[uint64][]string{}, map[string]bool{}
	}
	s := w.sets[key]
	if s == nil {
		s = &vectorSet{dim: dim}
		w.where[key] = map[uint64]int{}
	} else if !w.dirty[key] {
		s = &vectorSet{dim: s.dim, n: s.n, chunks: append([]*chunk(nil), s.chunks...)}
	}
	w.dirty[key] = true
	w.sets[key] = s
	return s
}

func (s *vectorSet) chunk(i int) *chunk {
	c := s.chunks[i]
	if !c.owned {
		own := *c
		own.owned = true
		own.data = append([]float32(nil), c.data...)
		c = &own
		s.chunks[i] = c
	}
	return c
}

func (w *vectorWriter) add(key string, c *Change, typ uint32, data []float32) {
	s := w.own(key, len(data))
	if _, ok := w.where[key][c.ID]; ok {
		return // two of one model: the first counts
	}
	if s.n%chunkVectors == 0 {
		s.chunks = append(s.chunks, &chunk{owned: true, data: make([]float32, chunkVectors*s.dim)})
	}
	k, i := s.chunk(s.n/chunkVectors), s.n%chunkVectors
	copy(k.data[i*s.dim:], data)
	k.ids[i], k.updated[i], k.types[i] = c.ID, c.Updated, typ
	k.scales[i] = 0
	if length := math.Sqrt(float64(dot(data, data))); length > 0 {
		k.scales[i] = float32(1 / length)
	}
	k.n = i + 1
	w.where[key][c.ID] = s.n
	s.n++
	w.byID[c.ID] = append(w.byID[c.ID], key)
}

// remove puts the last vector of a set in the place of one.
func (w *vectorWriter) remove(key string, id uint64) {
	at, ok := w.where[key][id]
	if !ok {
		return
	}
	s := w.own(key, 0)
	last := s.n - 1
	from, to := s.chunk(last/chunkVectors), s.chunk(at/chunkVectors)
	i, j := last%chunkVectors, at%chunkVectors
	copy(to.data[j*s.dim:(j+1)*s.dim], from.data[i*s.dim:(i+1)*s.dim])
	to.ids[j], to.updated[j], to.types[j], to.scales[j] = from.ids[i], from.updated[i], from.types[i], from.scales[i]
	w.where[key][to.ids[j]] = at
	delete(w.where[key], id)
	from.n = i
	s.n = last
	if i == 0 {
		s.chunks = s.chunks[:len(s.chunks)-1]
	}
}

// publish gives readers what the batch made, which is not changed any more.
func (w *vectorWriter) publish(old map[string]*vectorSet) map[string]*vectorSet {
	if len(w.dirty) == 0 {
		return old
	}
	for key := range w.dirty {
		for _, c := range w.sets[key].chunks {
			c.owned = false
		}
		if w.sets[key].n == 0 {
			delete(w.sets, key)
			delete(w.where, key)
		}
	}
	clear(w.dirty)
	return maps.Clone(w.sets)
}

// Vectors returns the k nearest documents of a namespace to a vector of a
// model, by an exact scan. A vector of length 0 is near to none, and neither is
// one so long that it cannot be compared; a product beyond float32 counts as the
// largest there is.
func (x *Index) Vectors(namespace, model string, vector []float32, m Metric, f Filter, k int) []Hit {
	space := x.space(namespace)
	if space == nil || k <= 0 {
		return nil
	}
	snap := space.snap.Load()
	set := snap.vectors[vectorKey(model, len(vector))]
	if set == nil {
		return nil
	}
	t := f.test(snap.types)
	scale := float32(1)
	if m == Cosine {
		length := math.Sqrt(float64(dot(vector, vector)))
		if length == 0 {
			return nil
		}
		scale = float32(1 / length)
	}
	out := &top{k: k}
	for _, c := range set.chunks {
		for i := range c.n {
			if !t.any && !t.fitsValues(c.types[i], c.updated[i]) {
				continue
			}
			score := dot(vector, c.data[i*set.dim:(i+1)*set.dim]) * scale
			if m == Cosine {
				score *= c.scales[i]
			}
			if score-score != 0 { // neither infinity nor NaN has a spelling in JSON
				var ok bool
				if score, ok = finite(score); !ok {
					continue
				}
			}
			if len(out.hits) < k || score >= out.hits[0].Score {
				out.offer(Hit{c.ids[i], score})
			}
		}
	}
	return out.sorted()
}

// finite brings a score that overflowed back into the range of numbers; false
// for one that is none.
func finite(score float32) (float32, bool) {
	switch {
	case score > 0:
		return math.MaxFloat32, true
	case score < 0:
		return -math.MaxFloat32, true
	}
	return 0, false
}

// dot is unrolled over four sums, which the processor adds at once.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		s0 += x[0]*y[0] + x[4]*y[4]
		s1 += x[1]*y[1] + x[5]*y[5]
		s2 += x[2]*y[2] + x[6]*y[6]
		s3 += x[3]*y[3] + x[7]*y[7]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
