package faults

import (
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A partition that outlasts the patience of gossip with the dead heals by
// itself, within half a minute of the wires (F11).
func TestF11LongPartitionHealsByItself(t *testing.T) {
	if !long() {
		t.Skip("takes minutes: MESHD_TEST_LONG=1")
	}
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(5)
	leader := realmesh.Leader(t, nodes...)
	voters, spares := roles(t, leader, nodes)
	mine := append(without(voters, leader)[:1], spares...) // one voter of three
	theirs := without(nodes, mine...)
	r := newRegister(t, nodes...)
	r.start(nodes, theirs)
	r.more(50)
	w.Split(mine, theirs)
	time.Sleep(3 * time.Minute) // the length of the partition is what is tested
	r.more(50)
	w.Heal()
	begun := time.Now()
	realmesh.Alive(t, 30*time.Second, nodes...)
	for _, n := range mine {
		r.mustRead(n)
	}
	t.Logf("healed after %s", time.Since(begun).Round(time.Millisecond))
	r.finish(nodes...)
}
