package agent

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Whatever a client calls its sends, an id is there from when it was added until
// it is removed.
func TestUnderWayIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var u underWay
		model := map[string]bool{}
		next := rapid.SampledFrom([]uint64{0, 1, 63, 1 << 40, 1<<63 - 100}).Draw(t, "first")
		id := func() string {
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				return strconv.FormatUint(next+rapid.Uint64Range(0, 4*idWindow).Draw(t, "ahead"), 10)
			case 1:
				return strconv.FormatUint(next-min(next, rapid.Uint64Range(0, 4*idWindow).Draw(t, "behind")), 10)
			case 2:
				return rapid.SampledFrom([]string{"", "a", "07", "-1", "99999999999999999999", "1e3"}).Draw(t, "odd")
			}
			next++
			return strconv.FormatUint(next, 10)
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			name := id()
			if rapid.IntRange(0, 9).Draw(t, "jump") == 0 {
				next += rapid.Uint64Range(0, 2*idWindow).Draw(t, "far")
			}
			if rapid.Bool().Draw(t, "add") {
				if got := u.add(name); got == model[name] {
					t.Fatalf("adding %q: %v", name, got)
				}
				model[name] = true
			} else {
				u.remove(name)
				delete(model, name)
			}
			if rapid.IntRange(0, 9).Draw(t, "some end") == 0 {
				for had := range model {
					u.remove(had)
					delete(model, had)
				}
				u.trim()
			}
			if u.n != len(model) {
				t.Fatalf("%d, want %d", u.n, len(model))
			}
		}
		for name := range model {
			if u.add(name) {
				t.Fatalf("%q was lost", name)
			}
		}
	})
}
