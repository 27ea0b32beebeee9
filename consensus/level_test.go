package consensus

import (
	"sync/atomic"
	"testing"
	"time"
)

// The command level rises by a command, when every replica can execute it, on
// all of them at the same entry, and stays across leaders and restarts.
func TestLevelRisesWithTheSlowest(t *testing.T) {
	t.Parallel()
	var slowest atomic.Uint32
	slowest.Store(firstLevel)
	_, _, nodes := mesh(t, 3, func(c *Config) { c.Level = slowest.Load })
	leader := leaderOf(t, nodes)
	leader.do(t, "set k v")
	for _, x := range nodes {
		if got := x.Status().Level; got != firstLevel {
			t.Fatalf("level %d with a replica that knows %d", got, firstLevel)
		}
	}
	slowest.Store(Level)
	everywhere := func() bool {
		for _, x := range nodes {
			if x.Status().Level != Level {
				return false
			}
		}
		return true
	}
	eventually(t, 10*time.Second, "the level has risen", everywhere)
	slowest.Store(firstLevel) // it never falls
	leader.do(t, "set k w")
	leader.stop()
	leader.open()
	eventually(t, 10*time.Second, "it is where it was", everywhere)
}

// A new state has this program's level before it takes the first command.
func TestLevelOfANewState(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set k v")
	if got := x.Status().Level; got != Level {
		t.Fatalf("level %d", got)
	}
}

// A command of consensus that raises the level beyond this program's stops it.
func TestLevelBeyondThisProgram(t *testing.T) {
	b := bareMachine(t)
	b.apply("set k v")
	l := b.next("")
	l.Data = systemEntry(Level+1, 1, systemCommand(sysLevel, Level+1))
	b.Apply(l)
	if FaultOf(b.broken()) != FaultNewer {
		t.Fatalf("%v", b.broken())
	}
}
