package node

import (
	"testing"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

func TestWhatTheLeaderDoesWithRemovalsThatWereBegun(t *testing.T) {
	begun := removals{}
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name          string
		after         time.Duration
		marked, seat  bool
		remove, spare int
	}{
		{"nobody is being removed", 0, false, true, 0, 0},
		{"the seat is held", 0, true, true, 0, 0},
		{"who asked may still be at it", vacatePatience, true, true, 0, 0},
		{"nobody takes the seat over", sparePatience, true, true, 0, 1},
		{"it was taken back", sparePatience + time.Second, false, true, 0, 0},
		{"another removal has its own time", sparePatience + 2*time.Second, true, true, 0, 0},
		{"the seat is free", sparePatience + 3*time.Second, true, false, 1, 0},
		{"the answer was lost", sparePatience + 4*time.Second, true, false, 1, 0},
	} {
		members := []roster.Member{{ID: identity.NodeID("a")}, {ID: identity.NodeID("b"), Leaving: c.marked, Removing: c.marked}}
		remove, spare := begun.next(members, func(m roster.Member) bool { return m.ID == "a" || c.seat }, start.Add(c.after))
		if len(remove) != c.remove || len(spare) != c.spare {
			t.Errorf("%s: removes %v, spares %v", c.name, remove, spare)
		}
	}
	begun.next(nil, func(roster.Member) bool { return true }, start)
	if len(begun) != 0 {
		t.Errorf("it remembers %v", begun)
	}
}
