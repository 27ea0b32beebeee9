package graphsync

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// clockRecord is what other instances' counters were when their version of a
// thing was last taken or turned down, in tClock. Under a namespace it is what
// they had seen themselves.
type clockRecord struct {
	// Applied is the revision that took it: what the mesh has made of the thing
	// by then is no news to the other.
	Applied uint64      `cbor:"1,keyasint,omitempty"`
	Clock   []clockPart `cbor:"2,keyasint,omitempty"`
}

func (c *clockRecord) encode(b []byte) []byte {
	f := mapFields(b)
	f.uintIf(1, c.Applied)
	if len(c.Clock) > 0 {
		f.name(2)
		f.b = appendClock(f.b, c.Clock)
	}
	return f.end()
}

func (c *clockRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			c.Applied = r.uint()
		case 2:
			c.Clock = readClock(&r)
		default:
			return false
		}
		return true
	})
	return r.whole()
}

// clockOf returns the counters kept under a key of tClock.
func (v *view) clockOf(key []byte) (clockRecord, error) {
	var c clockRecord
	got := v.r.Get(tClock, key)
	if got == nil || c.read(got) {
		return c, nil
	}
	c = clockRecord{}
	if err := consensus.Decode(got, &c); err != nil {
		return c, fmt.Errorf("%w: %w", errRecord, err)
	}
	return c, nil
}

// Bounds of a vector clock.
const (
	maxInstances = 64
	maxInstance  = 128 // bytes of a name
)

func goodClock(clock []clockPart) bool {
	for i := range clock {
		if len(clock[i].Instance) == 0 || len(clock[i].Instance) > maxInstance || i > 0 && clock[i-1].Instance >= clock[i].Instance {
			return false
		}
	}
	return len(clock) <= maxInstances
}

// join takes the greater counters of two clocks; news says that the second has
// some. A clock that has got too long loses the names that come last.
func join(a, b []clockPart) (out []clockPart, news bool) {
	out = slices.Clone(a)
	for _, c := range b {
		i, found := slices.BinarySearchFunc(out, c.Instance, func(x clockPart, name string) int { return strings.Compare(x.Instance, name) })
		switch {
		case !found && c.Count > 0:
			out, news = slices.Insert(out, i, c), true
		case found && out[i].Count < c.Count:
			out[i].Count, news = c.Count, true
		}
	}
	return out[:min(len(out), maxInstances)], news
}
