package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// With lists of many blocks, the best few of a pruned search are those of a
// search that prunes nothing, before and after merges and changes.
func TestPruningLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var words []string
		for range 3 + r.IntN(20) {
			words = append(words, fmt.Sprintf("w%d", int(math.Exp(r.Float64()*6))))
		}
		return strings.Join(words, " ")
	}
	x := New(nil)
	for range 12 {
		var batch []Change
		for range 700 {
			id := uint64(1 + r.IntN(6000))
			if r.IntN(20) == 0 {
				batch = append(batch, Change{Document: Document{ID: id}, Delete: true})
			} else {
				batch = append(batch, doc(id, "t", text()))
			}
		}
		x.Apply("ns", batch)
	}
	for round := range 2 {
		for _, query := range []string{"w1", "w1 w2", "w1 w2 w300", "w3 w17 w90 w4", "w1* w5", "+w2 w1 w7", `"w1 w2" w1`, "w1 -w2", "+w1 +w2 -w3", "w12~ w1", "w399"} {
			q, err := Parse(query, "none")
			if err != nil {
				t.Fatal(err)
			}
			all, _ := x.Words("ns", q, Filter{}, 10_000)
			ids := map[uint64]bool{}
			for _, h := range all {
				if ids[h.ID] {
					t.Fatalf("%s finds %d twice", query, h.ID)
				}
				ids[h.ID] = true
			}
			for _, k := range []int{1, 10, 100} {
				few, _ := x.Words("ns", q, Filter{}, k)
				if len(few) != min(k, len(all)) {
					t.Fatalf("%s: %d hits, want %d", query, len(few), min(k, len(all)))
				}
				for i := range few {
					if math.Abs(float64(few[i].Score-all[i].Score)) > 1e-4 {
						t.Fatalf("round %d, %s: hit %d of %d has %v, want %v", round, query, i, k, few[i].Score, all[i].Score)
					}
				}
			}
			if !slices.IsSortedFunc(all, func(a, b Hit) int {
				if better(a, b) {
					return -1
				}
				return 1
			}) {
				t.Fatalf("%s is not in order", query)
			}
		}
		for x.Compact() {
		}
	}
}
