package e2e_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A node that is cut off from the mesh goes on giving its agent what it has of
// its inbox, and tells the others what was acknowledged when it is back: nothing
// comes twice at it. An agent that moves to the majority meanwhile gets
// everything there.
func TestInboxesInAPartition(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("waits for gossip to give nodes up: set MESHD_TEST_LONG=1")
	}
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(3)
	leader := realmesh.Leader(t, nodes...)
	far := others(nodes, leader)[0]
	near := others(nodes, far)
	_, key := leader.APIKey("agent")
	sender := leader.Client(key)

	// The far node has dispatched both inboxes, and has what is in them.
	for _, name := range []string{"stays", "moves"} {
		a := inboxOf(t, far, key, name, ackIt)
		dispatches(t, sender, name, far)
		a.cut()
	}
	const sent = 20
	for i := range sent {
		durably(t, sender, "stays", i)
		durably(t, sender, "moves", i)
	}
	realmesh.Eventually(t, 10*time.Second, "the far node has what was accepted", func() error { return realmesh.Same(nodes...) })

	w.Split([]*realmesh.Node{far}, near)
	local := inboxOf(t, far, key, "stays", ackIt)
	local.waits(sent)
	realmesh.Eventually(t, 30*time.Second, "the others give the far node up", func() error {
		m, _, err := member(near[0], far.Name)
		if err == nil && m.Status == "alive" {
			err = fmt.Errorf("it is %s", m.Status)
		}
		return err
	})
	moved := inboxOf(t, near[1], key, "moves", ackIt)
	if got := bodies(moved.waits(sent)[:3]); got != "0 1 2" {
		t.Errorf("the agent that moved heard %s first", got)
	}
	dispatches(t, sender, "moves", near[1])
	for i := range 5 {
		durably(t, sender, "stays", sent+i) // for the far side, which cannot hear of it yet
		durably(t, sender, "moves", sent+i)
	}
	moved.waits(sent + 5)

	w.Heal()
	realmesh.Alive(t, 60*time.Second, nodes...)
	local.waits(sent + 5)
	for _, name := range []string{"stays", "moves"} {
		empties(t, sender, name)
	}
	seen := map[uint64]int{}
	for _, m := range local.heard() {
		if seen[m.Seq]++; seen[m.Seq] > 1 {
			t.Errorf("%d came twice", m.Seq)
		}
	}
}
