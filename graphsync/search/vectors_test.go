package search

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestVectorsAgainstAScan(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, model := New(nil), map[uint64][]float32{}
		gen := rapid.SliceOfN(rapid.Float32Range(-1, 1), 9, 9)
		for range rapid.IntRange(1, 10).Draw(r, "batches") {
			var batch []Change
			for range rapid.IntRange(1, 80).Draw(r, "changes") {
				id := rapid.Uint64Range(1, 200).Draw(r, "id")
				if rapid.IntRange(0, 3).Draw(r, "what") == 0 {
					batch = append(batch, Change{Document: Document{ID: id}, Delete: true})
					delete(model, id)
					continue
				}
				v := gen.Draw(r, "vector")
				batch = append(batch, Change{Document: Document{ID: id, Type: "t", Vectors: []Vector{{"m", v}}}})
				model[id] = v
			}
			x.Apply("ns", batch)
		}
		q := gen.Draw(r, "query")
		q[0] += 2 // never of length 0
		hits := x.Vectors("ns", "m", q, Dot, Filter{}, 10)
		if len(hits) != min(10, len(model)) {
			r.Fatalf("%d hits of %d", len(hits), len(model))
		}
		var scores []float64
		for _, v := range model {
			scores = append(scores, float64(dot(q, v)))
		}
		slices.Sort(scores)
		for i, h := range hits {
			if want := scores[len(scores)-1-i]; math.Abs(float64(h.Score)-want) > 1e-5 || float64(dot(q, model[h.ID])) != float64(h.Score) {
				r.Fatalf("hit %d is %v, want %v", i, h, want)
			}
		}
	})
}

func TestVectorsAreApartByModelAndDimension(t *testing.T) {
	x := New(nil)
	x.Apply("ns", []Change{
		{Document: Document{ID: 1, Type: "a", Vectors: []Vector{{"m", []float32{3, 0}}, {"n", []float32{1}}}}},
		{Document: Document{ID: 2, Type: "b", Vectors: []Vector{{"m", []float32{1, 1}}}}},
		{Document: Document{ID: 3, Type: "b", Vectors: []Vector{{"m", []float32{0, 0}}, {"m", []float32{1, 1, 1}}}}},
	})
	got := x.Vectors("ns", "m", []float32{1, 1}, Cosine, Filter{}, 10)
	if len(got) != 3 || got[0].ID != 2 || math.Abs(float64(got[0].Score)-1) > 1e-6 || got[2].Score != 0 {
		t.Errorf("cosine: %v", got)
	}
	if got := x.Vectors("ns", "m", []float32{1, 1}, Dot, Filter{}, 1); got[0].ID != 1 {
		t.Errorf("dot: %v", got)
	}
	if got := x.Vectors("ns", "m", []float32{1, 1}, Cosine, Filter{Types: []string{"a"}}, 9); len(got) != 1 {
		t.Errorf("by type: %v", got)
	}
	if got := x.Vectors("ns", "n", []float32{1, 1}, Cosine, Filter{}, 9); got != nil {
		t.Errorf("another dimension: %v", got)
	}
}

func TestFuse(t *testing.T) {
	got := Fuse(2, []Hit{{1, 9}, {2, 8}, {3, 7}}, []Hit{{3, 0.9}, {2, 0.8}})
	if len(got) != 2 || got[0].ID != 3 || got[1].ID != 2 {
		t.Errorf("fused: %v", got)
	}
}

func TestScoresAreNumbersHoweverLongAVector(t *testing.T) {
	const most = math.MaxFloat32
	x := New(nil)
	x.Apply("ns", []Change{
		{Document: Document{ID: 1, Vectors: []Vector{{"m", []float32{most, most, most, most, most}}}}},
		{Document: Document{ID: 2, Vectors: []Vector{{"m", []float32{-most, most, -most, most, 1}}}}},
		{Document: Document{ID: 3, Vectors: []Vector{{"m", []float32{1, 1, 1, 1, 1}}}}},
		{Document: Document{ID: 4, Vectors: []Vector{{"m", []float32{-most, -most, -most, -most, -most}}}}},
		{Document: Document{ID: 5, Vectors: []Vector{{"m", []float32{0, 0, 0, 0, math.SmallestNonzeroFloat32}}}}},
	})
	for _, m := range []Metric{Cosine, Dot} {
		for _, q := range [][]float32{{most, most, most, most, most}, {most, -most, 1, 1, 1}, {1, 1, 1, 1, 1}, {0, 0, 0, 0, math.SmallestNonzeroFloat32}} {
			for _, h := range x.Vectors("ns", "m", q, m, Filter{}, 10) {
				if s := float64(h.Score); math.IsNaN(s) || math.IsInf(s, 0) {
					t.Errorf("metric %d, query %v: node %d scores %v", m, q, h.ID, s)
				}
			}
		}
	}
	if got := x.Vectors("ns", "m", []float32{most, most, most, most, most}, Dot, Filter{}, 10); len(got) < 3 || got[0].ID != 1 || got[len(got)-1].ID != 4 {
		t.Errorf("dot: %v", got)
	}
}
