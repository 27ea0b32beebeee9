package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// All nodes are killed at once, in random order, while writes are on their way,
// and come back in another random order: nothing acknowledged is lost, nothing
// is there twice, and all hold the same. The first round is before any node has
// made a snapshot.
func TestF14KillAllInRandomOrder(t *testing.T) {
	t.Parallel()
	const seed = 14
	rng := rand.New(rand.NewPCG(seed, 0))
	nodes := realmesh.Three(t)
	l := newLedger(t, "f14", nodes...)
	l.start(4, seed)
	for round := range 4 {
		l.more(30, 30*time.Second)
		for _, i := range rng.Perm(3) {
			nodes[i].Kill()
		}
		for _, i := range rng.Perm(3) {
			nodes[i].Start("serve")
		}
		for _, n := range nodes {
			n.WaitServing()
		}
		t.Logf("round %d: %d acknowledged", round, l.count())
	}
	l.more(30, 30*time.Second)
	l.finish(nodes...)
}

// Any node is killed at any time, one after the other, never a majority.
func TestF14KillOneByOneInRandomOrder(t *testing.T) {
	t.Parallel()
	const seed = 41
	rng := rand.New(rand.NewPCG(seed, 0))
	nodes := realmesh.Three(t)
	l := newLedger(t, "f14", nodes...)
	l.start(4, seed)
	for range 4 {
		l.more(20, 30*time.Second)
		n := nodes[rng.IntN(3)]
		n.Kill()
		// A majority is left: writes go on without it.
		l.more(20, 30*time.Second)
		n.Start("serve")
		n.WaitServing()
		realmesh.Eventually(t, 30*time.Second, n.Name+" has caught up", func() error {
			s, err := n.Status()
			if err == nil && (s.Leader == nil || s.State == "catching_up") {
				err = fmt.Errorf("%s, leader %v", s.State, s.Leader)
			}
			return err
		})
	}
	l.finish(nodes...)
}

// A single node that is killed again and again replays its log into a state
// that already has it: same revision, same hash, each write once.
func TestF23ReplayChangesNothing(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "solo")
	n.Found()
	leaderOf(t, n)
	l := newLedger(t, "f23", n)
	l.start(3, 23)
	for range 5 {
		l.more(40, 20*time.Second)
		n.Kill()
		n.Start("serve")
		n.WaitServing()
	}
	l.more(10, 20*time.Second)
	l.finish(n)
	before := mustStatus(t, n)
	for range 3 {
		n.Kill()
		n.Start("serve")
		n.WaitServing()
		leaderOf(t, n)
		after := mustStatus(t, n)
		if after.Revision != before.Revision || after.StateHash != before.StateHash {
			t.Fatalf("a replay made revision %d (%s) of %d (%s)", after.Revision, after.StateHash, before.Revision, before.StateHash)
		}
	}
	// A clean stop is no exception.
	stop(t, n)
	n.Start("serve")
	n.WaitServing()
	if after := mustStatus(t, n); after.Revision != before.Revision || after.StateHash != before.StateHash {
		t.Errorf("after a clean stop: revision %d (%s), was %d (%s)", after.Revision, after.StateHash, before.Revision, before.StateHash)
	}
}

// A client whose write got no answer, since the leader died with it, says it
// again at another node with the same key: it is applied once.
func TestF19RetryAcrossTheLeadersDeathAppliesOnce(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	rest := others(nodes, leader)
	key := nodes[0].AdminKey()
	first, second := rest[0].Client(key), rest[1].Client(key)
	write := map[string]any{"session_id": "f19", "node_type": "payment", "label": "once"}
	idem := []string{"Idempotency-Key", "payment-1"}

	leader.Pause()
	answered := make(chan realmesh.Answer, 1)
	go func() {
		a, err := first.Ask(http.MethodPost, "/graph/nodes", write, idem...)
		if err != nil {
			a.Body = []byte(err.Error())
		}
		answered <- a
	}()
	realmesh.Eventually(t, 30*time.Second, "another leads", func() error {
		s, err := rest[1].Status()
		if err == nil && (s.Leader == nil || s.Leader.Name == leader.Name) {
			err = fmt.Errorf("leader is %v", s.Leader)
		}
		return err
	})
	leader.Kill()
	a := <-answered
	t.Logf("the first try was answered %s", a)

	var made struct{ ID uint64 }
	var again realmesh.Answer
	realmesh.Eventually(t, 30*time.Second, "the second try is acknowledged", func() error {
		var err error
		again, err = second.Ask(http.MethodPost, "/graph/nodes", write, idem...)
		if err == nil && again.Status != http.StatusCreated {
			err = fmt.Errorf("%s", again)
		}
		return err
	})
	decode(t, string(again.Body), &made)
	third := first.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", write, idem...)
	var replayed struct{ ID uint64 }
	decode(t, string(third.Body), &replayed)
	if third.Header.Get("Idempotency-Replayed") != "true" || replayed.ID != made.ID {
		t.Errorf("said a third time it is %s (replayed %q), was node %d", third, third.Header.Get("Idempotency-Replayed"), made.ID)
	}
	other := first.Want(http.StatusConflict, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f19", "node_type": "payment", "label": "other"}, idem...)
	if other.Code() != "IDEMPOTENCY_MISMATCH" {
		t.Errorf("another body under the same key: %s", other)
	}
	leader.Start("serve")
	leader.WaitServing()
	realmesh.Formed(t, 40*time.Second, nodes...)
	for _, n := range nodes {
		if got := n.Labels("f19"); len(got) != 1 {
			t.Errorf("%s holds %v", n.Name, got)
		}
	}
}

// A follower is away while both others are replaced one by one. It knows nobody
// any more, so it cannot know whom to believe: it disturbs nobody, and a token
// introduces it again as the member it was.
func TestF14FollowerAwayWhileBothOthersAreReplaced(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	rest := others(nodes, leader)
	away, stay := rest[0], rest[1]
	l := newLedger(t, "away", nodes...)
	l.start(2, 7)
	l.more(10, 20*time.Second)
	away.Kill()
	l.more(10, 20*time.Second)
	d, e := realmesh.New(t, "delta"), realmesh.New(t, "epsilon")
	d.Join(leader)
	e.Join(leader)
	l.also(d)
	l.also(e)
	// A dead voter is replaced by a spare after half a minute.
	realmesh.Eventually(t, 60*time.Second, "the dead voter is replaced", func() error {
		m, _, err := member(e, away.Name)
		if err == nil && m.Role == "voter" {
			err = fmt.Errorf("%s still votes", m.Name)
		}
		if err != nil {
			return err
		}
		return voters(e, 3)
	})
	for _, n := range []*realmesh.Node{stay, leader} {
		d.Must("remove", n.Name, "--yes")
		ends(t, n, refused, "removed")
		l.more(10, 40*time.Second)
	}
	leaderOf(t, d, e)
	l.more(10, 40*time.Second)
	was := mustStatus(t, leaderOf(t, d, e))
	away.Start("serve", "--peer", d.Address)
	away.WaitServing()
	realmesh.Eventually(t, 20*time.Second, "it says that it is alone", func() error {
		s, err := away.Status()
		if err == nil && (s.State == "ok" || len(s.Problems) == 0) {
			err = fmt.Errorf("it is %s with %v", s.State, s.Problems)
		}
		return err
	})
	l.more(10, 40*time.Second)
	if s := mustStatus(t, d); s.Term != was.Term {
		t.Errorf("it brought the mesh from term %d to %d", was.Term, s.Term)
	}
	id := mustStatus(t, away).Node.ID
	stop(t, away)
	away.Start("join", d.Token())
	away.WaitServing()
	realmesh.Alive(t, 60*time.Second, d, e, away)
	if s := mustStatus(t, away); s.Node.ID != id {
		t.Errorf("it came back as %s, was %s", s.Node.ID, id)
	}
	l.more(10, 40*time.Second)
	l.finish(d, e, away)
}
