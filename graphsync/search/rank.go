package search

import (
	"container/heap"
	"math"
	"slices"
)

// BM25 with the usual constants (Robertson and Zaragoza 2009); the frequency of
// a word is the sum of the boosts of its occurrences, as in BM25F.
const (
	k1 = 1.2
	b  = 0.75
)

// ranking knows what scores need beside a posting.
type ranking struct {
	base, slope float32 // of k1·(1-b+b·length/average)
}

func newRanking(average float32) *ranking {
	return &ranking{base: k1 * (1 - b), slope: k1 * b / average}
}

func (r *ranking) score(idf, weight float32, length uint16) float32 {
	return idf * (k1 + 1) * weight / (weight + r.base + r.slope*float32(length))
}

func idf(docs, df int) float32 {
	df = min(df, docs)
	return float32(math.Log(1 + (float64(docs-df)+0.5)/(float64(df)+0.5)))
}

// Hit is a document found.
type Hit struct {
	ID    uint64
	Score float32
}

// better orders hits: by score, then by age.
func better(a, b Hit) bool { return a.Score > b.Score || a.Score == b.Score && a.ID < b.ID }

// top keeps the best k hits; the worst of them is at the root of its heap.
type top struct {
	k    int
	hits []Hit
}

func (t *top) Len() int           { return len(t.hits) }
func (t *top) Less(i, j int) bool { return better(t.hits[j], t.hits[i]) }
func (t *top) Swap(i, j int)      { t.hits[i], t.hits[j] = t.hits[j], t.hits[i] }
func (t *top) Push(x any)         { t.hits = append(t.hits, x.(Hit)) }
func (t *top) Pop() any           { panic("never popped") }

// threshold is the score below which nothing can enter.
func (t *top) threshold() float32 {
	if len(t.hits) < t.k {
		return -1
	}
	return t.hits[0].Score
}

func (t *top) offer(h Hit) {
	switch {
	case len(t.hits) < t.k:
		heap.Push(t, h)
	case better(h, t.hits[0]):
		t.hits[0] = h
		heap.Fix(t, 0)
	}
}

func (t *top) sorted() []Hit {
	slices.SortFunc(t.hits, func(a, b Hit) int {
		if better(a, b) {
			return -1
		}
		return 1
	})
	return t.hits
}
