package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// seated waits until every node says that these and no others vote.
func seated(t testing.TB, at []*realmesh.Node, want ...*realmesh.Node) {
	t.Helper()
	var names []string
	for _, n := range want {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	for _, n := range at {
		realmesh.Eventually(t, 20*time.Second, fmt.Sprint(n.Name, " knows ", names, " as voters"), func() error {
			members, err := n.Members()
			var got []string
			for _, m := range members {
				if m.Role == "voter" {
					got = append(got, m.Name)
				}
			}
			if slices.Sort(got); err == nil && !slices.Equal(got, names) {
				err = fmt.Errorf("%v vote", got)
			}
			return err
		})
	}
}

// Seats go to where they are wanted, from a follower, the leader and a dead
// voter, while writes go on; there are three again each time.
func TestSeatsMoveWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	delta := realmesh.New(t, "delta")
	delta.Join(nodes[0])
	all := append(slices.Clone(nodes), delta)
	realmesh.Formed(t, 30*time.Second, all...)
	leader := leaderOf(t, nodes...)
	first, second := others(nodes, leader)[0], others(nodes, leader)[1]
	l := newLedger(t, "seats", all...)
	l.start(2, 6)

	wantExit(t, first.Run("seat", "move", second.Name), refused, second.Name, "voter already", "--from "+second.Name)
	wantExit(t, first.Run("seat", "move", "nobody"), refused, "nobody")
	wantExit(t, first.Run("seat", "move"), 2)
	var moved struct{ Node, From string }
	if err := json.Unmarshal([]byte(delta.Must("seat", "move", delta.Name, "--from", first.Name, "--json")), &moved); err != nil || moved.Node != delta.Name || moved.From != first.Name {
		t.Errorf("%+v %v", moved, err)
	}
	seated(t, all, leader, second, delta)
	wantExit(t, second.Run("seat", "move", first.Name, "--from", first.Name), refused)

	// The leader gives up its seat: another leads.
	leader = leaderOf(t, leader, second, delta)
	says(t, first.Must("seat", "move", first.Name, "--from", leader.Name), first.Name+" votes in the place of "+leader.Name)
	seats := others(all, leader)
	seated(t, all, seats...)
	l.more(5, 30*time.Second)

	// A dead voter is the one to give up its seat, without waiting for long.
	dead := others(seats, leaderOf(t, seats...))[0]
	rest := others(all, dead)
	dead.Kill()
	sees(t, leader, dead.Name, "failed", 30*time.Second)
	says(t, leader.Must("seat", "move", leader.Name), leader.Name+" votes in the place of "+dead.Name)
	seated(t, rest, rest...)
	l.more(5, 30*time.Second)
	dead.Start("serve")
	dead.WaitServing()
	realmesh.Alive(t, 60*time.Second, all...)
	seated(t, all, rest...)
	l.finish(all...)
}

// In a mesh of two the one seat goes over, and with it the word.
func TestTheOnlySeatMoves(t *testing.T) {
	t.Parallel()
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Join(a)
	a.Must("graph", "add", "node", "note", "before", "key=before")
	a.Must("seat", "move", "beta")
	seated(t, []*realmesh.Node{a, b}, b)
	if leaderOf(t, a, b) != b {
		t.Error("beta does not lead")
	}
	a.Must("graph", "add", "node", "note", "after", "key=after")
	b.Must("graph", "get", "before")
	a.Stop() // it is not needed any more
	b.Must("graph", "add", "node", "note", "alone", "key=alone")
	b.Must("graph", "get", "after")
}
