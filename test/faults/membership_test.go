package faults

import (
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// ended waits for the end of a node that has left or was removed.
func ended(t testing.TB, n *realmesh.Node) {
	t.Helper()
	if code := n.WaitExit(30 * time.Second); code < 0 {
		t.Errorf("%s ended with %d", n.Name, code)
	}
}

func threeVoters(t testing.TB, at *realmesh.Node) {
	t.Helper()
	realmesh.Eventually(t, 60*time.Second, "three voters", func() error { return realmesh.Voters(at, 3) })
}

// Members of all kinds join, leave and are removed, the leader among them, with
// wires that pass one direction only, while every node that is there is read
// from all the time: each change moves what a majority is.
func TestReadsWhileMembersComeAndGo(t *testing.T) {
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(4)
	// One that stays, and never leads: it writes.
	stay := w.New("stay")
	stay.Start("join", nodes[0].Token(), "--no-vote")
	stay.WaitServing()
	nodes = append(nodes, stay)
	r := newRegister(t, nodes...)
	r.start(nodes, []*realmesh.Node{stay})
	cut := realmesh.Wire{Cut: true}
	join := func(name string) *realmesh.Node {
		t.Helper()
		n := w.New(name)
		n.Start("join", stay.Token())
		n.WaitServing()
		nodes = append(nodes, n)
		r.reader(n)
		return n
	}
	gone := func(n *realmesh.Node) {
		t.Helper()
		ended(t, n)
		r.gone.Store(n, nil)
		nodes = without(nodes, n)
		r.more(60)
	}
	for round := range rounds(1) {
		name := func(s string) string { return s + string(rune('a'+round)) }
		r.more(60)

		// A newcomer, while a follower hears nobody.
		voters, _ := roles(t, stay, nodes)
		leader := realmesh.Leader(t, nodes...)
		w.Set(cut, nodes, without(voters, leader)[:1])
		join(name("x"))
		w.Heal()

		// A voter leaves: its seat goes to a spare.
		voters, _ = roles(t, stay, nodes)
		leaving := without(voters, realmesh.Leader(t, nodes...))[0]
		leaving.Must("leave", "--yes")
		gone(leaving)

		// The leader leaves.
		join(name("y"))
		leader = realmesh.Leader(t, nodes...)
		leader.Must("leave", "--yes")
		gone(leader)

		// The leader is removed, and cannot hear it.
		join(name("z"))
		threeVoters(t, stay)
		leader = realmesh.Leader(t, nodes...)
		w.Set(cut, without(nodes, leader), []*realmesh.Node{leader})
		realmesh.Leader(t, without(nodes, leader)...)
		stay.Must("remove", leader.Name, "--yes")
		r.more(60)
		w.Heal()
		gone(leader)

		// One without a vote comes and is removed, while one voter does not hear
		// the leader.
		threeVoters(t, stay)
		join(name("w"))
		voters, spares := roles(t, stay, without(nodes, stay))
		leader = realmesh.Leader(t, nodes...)
		w.Set(cut, []*realmesh.Node{leader}, without(voters, leader)[:1])
		for _, n := range spares {
			stay.Must("remove", n.Name, "--yes")
			gone(n)
		}
		w.Heal()
		join(name("v"))
	}
	r.more(60)
	r.finish(nodes...)
}
