package roster

import (
	"testing"

	"github.com/meshd/meshd/consensus"
)

// A mesh whose commands a newcomer cannot execute does not admit it, and goes
// by the oldest of its members otherwise.
func TestLevelOfMembers(t *testing.T) {
	s := newStage(t)
	s.do("found id=a pin=1")
	s.do("token id=1 by=a uses=3")
	old := s.admission(args{"id": "b", "pin": "2"})
	old.Level = consensus.Level - 1
	if _, err := s.svc.Admit(t.Context(), old); code(err) != CodeUpgradeNode {
		t.Fatalf("%v", err)
	}
	old.Level = consensus.Level
	if _, err := s.svc.Admit(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		levels []uint32
		want   uint32
	}{{nil, 7}, {[]uint32{9, 8}, 7}, {[]uint32{7, 3, 5}, 3}, {[]uint32{0}, 1}} {
		r := &Roster{}
		for _, l := range c.levels {
			r.Members = append(r.Members, Member{Level: l})
		}
		if got := r.Level(7); got != c.want {
			t.Errorf("%v: %d, want %d", c.levels, got, c.want)
		}
	}
}
