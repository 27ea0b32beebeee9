package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/node/identity"
)

// ErrOtherMesh says that two rosters are of different meshes.
var ErrOtherMesh = errors.New("the roster is of another mesh")

// merge returns the roster in force where a node has held cur and now meets
// next: the newer of the two, without anyone that either remembers as removed.
// It changes neither; the result never has a lower revision or fewer
// tombstones than cur.
func merge(cur, next *Roster) (*Roster, error) {
	switch {
	case next.MeshID == "":
		return cur, nil
	case cur.MeshID != "" && cur.MeshID != next.MeshID:
		return cur, fmt.Errorf("%w: %s (%q) instead of %s (%q)", ErrOtherMesh, clip(next.MeshID), clip(next.MeshName), cur.MeshID, cur.MeshName)
	}
	newer := cur
	if cur.MeshID == "" || next.Revision > cur.Revision {
		newer = next
	}
	out := *newer
	out.Tombstones = uniteTombstones(cur.Tombstones, next.Tombstones)
	dead := map[identity.Pin]bool{}
	for _, t := range out.Tombstones {
		for _, p := range t.Pins {
			dead[p] = true
		}
	}
	out.Members = slices.DeleteFunc(slices.Clone(newer.Members), func(m Member) bool {
		_, gone := out.Removed(m.ID)
		return gone || slices.ContainsFunc(m.Pins, func(p identity.Pin) bool { return dead[p] })
	})
	return &out, nil
}

// uniteTombstones merges two sorted lists; where both know a node, every pin
// that either names stays dead.
func uniteTombstones(a, b []Tombstone) []Tombstone {
	var out []Tombstone
	for len(a) > 0 && len(b) > 0 {
		switch c := strings.Compare(string(a[0].ID), string(b[0].ID)); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			t := a[0]
			t.Pins = unitePins(t.Pins, b[0].Pins)
			out, a, b = append(out, t), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func unitePins(a, b []identity.Pin) []identity.Pin {
	out := slices.Clone(a)
	for _, p := range b {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
