package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/test/realmesh"
)

// belongs says whether the node's directory is part of a mesh.
func belongs(n *realmesh.Node) bool {
	_, err := os.Stat(filepath.Join(n.Data, "trust"))
	return !errors.Is(err, os.ErrNotExist)
}

// A node that is killed at any moment of its leave comes back as one that has
// left or as the member it was, and says so by itself: it never runs on beside
// its mesh. The mesh of the others goes on.
func TestKilledWhileLeaving(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2, 3, 5} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if size == 5 && !long() {
				t.Skip("takes minutes: MESHD_TEST_LONG=1")
			}
			t.Parallel()
			rounds := 2
			if long() {
				rounds = 60
			}
			leaveAndDie(t, size, rounds)
		})
	}
}

func leaveAndDie(t *testing.T, size, rounds int) {
	rng := rand.New(rand.NewPCG(uint64(size), 6))
	var nodes []*realmesh.Node
	for i := range size {
		nodes = append(nodes, realmesh.New(t, fmt.Sprintf("n%d", i)))
	}
	nodes[0].Found()
	for _, n := range nodes[1:] {
		n.Join(nodes[0])
	}
	voters := size - 1 + size%2
	if size == 2 {
		voters = 1
	}
	left, stayed := 0, 0
	for round := range rounds {
		realmesh.Alive(t, 60*time.Second, nodes...)
		realmesh.Eventually(t, 60*time.Second, "all voters", func() error { return realmesh.Voters(nodes[0], min(voters, 3)) })
		leader := realmesh.Leader(t, nodes...)
		n := leader
		if round%2 == 1 {
			n = without(nodes, leader)[rng.IntN(size-1)]
		}
		rest := without(nodes, n)
		// Most leaves take less than a tenth of a second; a hand-over, and the end
		// of the process, up to some seconds.
		after := time.Duration(rng.IntN(80)) * time.Millisecond
		if rng.IntN(4) == 0 {
			after = time.Duration(rng.IntN(3000)) * time.Millisecond
		}
		asked := make(chan realmesh.Result, 1)
		go func() { asked <- n.Run("leave", "--yes") }()
		time.Sleep(after) // when the node dies is what is drawn
		n.Kill()
		<-asked
		how := "was killed after"
		begun := time.Now()
		if belongs(n) {
			n.Start("serve")
		}
		realmesh.Eventually(t, 60*time.Second, n.Name+" knows what it is", func() error {
			switch {
			case !n.Running() && !belongs(n):
				return nil
			case !n.Running():
				return errors.New("it ended and has a mesh")
			}
			s, err := n.Status()
			if err == nil && s.Leader == nil {
				err = errors.New("it knows no leader")
			}
			for _, p := range s.Problems {
				if p.Code == "LEAVING" {
					err = errors.New(p.Text)
				}
			}
			return err
		})
		took := time.Since(begun).Round(time.Millisecond)
		realmesh.Leader(t, nodes...)
		if n.Running() {
			stayed++
			t.Logf("round %d: %s (leader: %t) %s %s and stayed, known after %s", round, n.Name, n == leader, how, after, took)
			n.Must("graph", "add", "node", "note", "stays")
			continue
		}
		left++
		t.Logf("round %d: %s (leader: %t) %s %s and had left, known after %s", round, n.Name, n == leader, how, after, took)
		rest[0].Must("graph", "add", "node", "note", "left")
		n.Join(rest[rng.IntN(len(rest))])
	}
	t.Logf("of %d: %d left, %d stayed", rounds, left, stayed)
}

// A node that is killed when it knows already that it was let go, and has not
// yet cleared its directory, ends what it began at its next start.
func TestKilledAfterItWasLetGo(t *testing.T) {
	t.Parallel()
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Join(a)
	b.Kill()
	trust, err := roster.OpenTrust(b.Data)
	if err != nil {
		t.Fatal(err)
	}
	r := *trust.Roster()
	r.Revision++
	r.Members = nil
	for _, m := range trust.Roster().Members {
		if m.Name != b.Name {
			r.Members = append(r.Members, m)
		}
	}
	if err := trust.Accept(&r); err != nil {
		t.Fatal(err)
	}
	b.Start("serve")
	if code := b.WaitExit(20 * time.Second); code != 0 || belongs(b) {
		t.Fatalf("it ended with %d, and is part of a mesh: %t", code, belongs(b))
	}
	for _, left := range []string{"raft", "raft.left"} {
		if _, err := os.Stat(filepath.Join(b.Data, left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", left, err)
		}
	}
	b.Join(a)
	realmesh.Alive(t, 30*time.Second, a, b)
}
