package message

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The ring and what is kept aside are together what a map would be.
func TestExchangesAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e exchanges
		model := map[uint64]int{}
		var open []uint64
		next := uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			// Now and then so many that the oldest are left behind.
			for range rapid.SampledFrom([]int{0, 1, 3, 70, 500, maxRing + 10}).Draw(t, "begin") {
				next++
				if next%7 == 0 {
					continue // a number that was given up
				}
				e.add(next, exchange{part{}, int(next)})
				model[next] = int(next)
				open = append(open, next)
			}
			for range rapid.SampledFrom([]int{0, 1, 3, 70, 500}).Draw(t, "end") {
				if len(open) == 0 {
					break
				}
				i := rapid.SampledFrom([]int{0, len(open) / 2, len(open) - 1}).Draw(t, "which")
				number := open[i]
				open = slices.Delete(open, i, i+1)
				x, ok := e.remove(number)
				if !ok || x.size != model[number] {
					t.Fatalf("%d: %v, %v", number, x, ok)
				}
				delete(model, number)
				if _, ok := e.remove(number); ok {
					t.Fatalf("%d is there twice", number)
				}
			}
			if e.n != len(model) {
				t.Fatalf("%d, want %d", e.n, len(model))
			}
		}
		var had []uint64
		e.each(func(number uint64, _ exchange) { had = append(had, number) })
		slices.Sort(open)
		if !slices.Equal(had, open) {
			t.Fatalf("%v, want %v", had, open)
		}
		for _, number := range []uint64{0, next + 1, next + 1e6} {
			if _, ok := e.remove(number); ok {
				t.Fatal(number)
			}
		}
	})
}
