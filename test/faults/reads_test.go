package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// long says whether the tests that take minutes are wanted too.
func long() bool { return os.Getenv("MESHD_TEST_LONG") != "" }

// rounds are how often a fault is tried.
func rounds(short int) int {
	if long() {
		return short * 10
	}
	return short
}

func without(nodes []*realmesh.Node, not ...*realmesh.Node) (out []*realmesh.Node) {
next:
	for _, n := range nodes {
		for _, x := range not {
			if n == x {
				continue next
			}
		}
		out = append(out, n)
	}
	return out
}

// roles tells the voters from the others.
func roles(t testing.TB, at *realmesh.Node, nodes []*realmesh.Node) (voters, rest []*realmesh.Node) {
	t.Helper()
	members, err := at.Members()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		for _, m := range members {
			if m.Name == n.Name && m.Role == "voter" {
				voters = append(voters, n)
			} else if m.Name == n.Name {
				rest = append(rest, n)
			}
		}
	}
	return voters, rest
}

func age(a realmesh.Answer) time.Duration {
	ms, err := strconv.ParseInt(a.Header.Get("X-Mesh-Age-Ms"), 10, 64)
	if err != nil {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// The leader is cut off with both non-voters, whose answers must not count: it
// gives no fresh answer, by itself or to those who are with it, says how old its
// stale ones are, and has the new value when the wires are whole (F1).
func TestF1DeposedLeaderWithNonVotersAnswersNothingFresh(t *testing.T) {
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(5)
	old := realmesh.Leader(t, nodes...)
	voters, nonvoters := roles(t, old, nodes)
	if len(voters) != 3 || len(nonvoters) != 2 {
		t.Fatalf("%d voters and %d others", len(voters), len(nonvoters))
	}
	r := newRegister(t, nodes...)
	mine, theirs := append(nonvoters, old), without(voters, old)
	before := r.mustWrite(old)
	// Reads go on at all times: also in the moment of the cut.
	r.start(nodes, theirs)
	r.more(50)
	w.Split(mine, theirs)
	cut := time.Now()
	realmesh.Leader(t, theirs...)
	after := r.mustRead(theirs[0])
	if after <= before {
		t.Fatalf("the new leader has %d, %d was there before", after, before)
	}
	var asked sync.WaitGroup
	for _, n := range mine {
		asked.Go(func() {
			for _, c := range []string{"linearizable", "leader"} {
				realmesh.Prompt(t, 4*time.Second, "refusing "+c+" at "+n.Name, func() {
					got, a, err := r.read(n, "?consistency="+c)
					if err != nil || a.Status != http.StatusServiceUnavailable || a.Code() != "NO_LEADER" || a.Header.Get("Retry-After") == "" {
						t.Errorf("%s at %s, cut off: %v %d, %s", c, n.Name, err, got, a)
					}
				})
			}
			least := time.Since(cut) - 2*time.Second
			got, a, err := r.read(n, "")
			if err != nil || a.Status != http.StatusOK {
				t.Errorf("a plain read at %s, cut off: %v %s", n.Name, err, a)
			}
			if got < before {
				t.Errorf("%s went back to %d of %d", n.Name, got, before)
			}
			if age(a) < least || age(a) > time.Since(cut)+10*time.Second {
				t.Errorf("%s says that its answer is %s old, it was cut off %s ago", n.Name, age(a), time.Since(cut))
			}
			if _, a, _ := r.read(n, "?max_age=1s"); a.Status != http.StatusServiceUnavailable || a.Code() != "BEHIND" {
				t.Errorf("an answer of at most a second at %s: %s", n.Name, a)
			}
			if _, a, _ := r.read(n, "?max_age=1h"); a.Status != http.StatusOK {
				t.Errorf("an answer of at most an hour at %s: %s", n.Name, a)
			}
		})
	}
	asked.Wait()
	r.more(50)
	w.Heal()
	for _, n := range mine {
		if got := r.mustRead(n); got < after {
			t.Errorf("%s healed and reads %d, %d was there", n.Name, got, after)
		}
	}
	r.finish(nodes...)
}

// mustRead reads, linearizable, until there is an answer.
func (r *register) mustRead(n *realmesh.Node) uint64 {
	r.t.Helper()
	var got uint64
	realmesh.Eventually(r.t, 30*time.Second, "a linearizable read at "+n.Name, func() error {
		floor := r.floor.Load()
		v, a, err := r.read(n, "?consistency=linearizable")
		if err != nil || a.Status != http.StatusOK {
			return fmt.Errorf("%w %s", err, a)
		}
		if v < floor {
			r.t.Errorf("a linearizable read at %s gave %d, %d was known", n.Name, v, floor)
		}
		got = v
		return nil
	})
	return got
}

// crowd lets many ask one node at once, over connections that stand already
// where they can; it returns when the questions are on their way.
func (r *register) crowd(n *realmesh.Node) (end func()) {
	var asked, answered sync.WaitGroup
	for range 16 {
		asked.Add(1)
		answered.Go(func() {
			asked.Done()
			r.check(n)
		})
	}
	asked.Wait()
	time.Sleep(20 * time.Millisecond) // for the kernel to have them: nothing can be seen of it
	return answered.Wait
}

// The leader stops at any point of any read, while others take over and write,
// and goes on where it was (F2); it is killed, and its follower serves before
// and after it has found its feet as leader (F3).
func TestF2F3PausedAndKilledLeadersGiveNothingOld(t *testing.T) {
	t.Parallel()
	const seed = 2
	rng := rand.New(rand.NewPCG(seed, 0))
	nodes := realmesh.Three(t)
	r := newRegister(t, nodes...)
	r.start(append(nodes, nodes...), nodes)
	for range rounds(4) {
		r.more(60)
		leader := realmesh.Leader(t, nodes...)
		r.crowd(leader)()
		time.Sleep(upTo(rng, 20*time.Millisecond)) // at any point of any read
		leader.Pause()
		rest := without(nodes, leader)
		if rng.IntN(4) == 0 {
			time.Sleep(upTo(rng, time.Second)) // it may lead on
			leader.Resume()
			continue
		}
		realmesh.Leader(t, rest...)
		r.mustRead(rest[0])
		// Whoever asks now knows of a newer write, and the sleeper has the
		// question at hand in the moment when it wakes and still thinks that it
		// leads.
		end := r.crowd(leader)
		leader.Resume()
		end()
	}
	for range rounds(2) {
		r.more(60)
		leader := realmesh.Leader(t, nodes...)
		leader.Kill()
		for _, n := range without(nodes, leader) {
			r.mustRead(n)
		}
		leader.Start("serve")
		leader.WaitServing()
	}
	r.more(60)
	r.finish(nodes...)
}

// Wires that pass one direction only, that come and go, and that lose a fifth
// of what is sent (F12).
func TestF12OneWayFlappingAndLossyWires(t *testing.T) {
	t.Parallel()
	const seed = 12
	rng := rand.New(rand.NewPCG(seed, 0))
	w := realmesh.NewWires(t)
	nodes := w.Mesh(3)
	r := newRegister(t, nodes...)
	r.start(nodes, nodes)
	cut := realmesh.Wire{Cut: true}
	for range rounds(1) {
		for _, fault := range []struct {
			name string
			with func(leader *realmesh.Node, rest []*realmesh.Node)
		}{
			{"the leader is not heard", func(l *realmesh.Node, rest []*realmesh.Node) { w.Set(cut, []*realmesh.Node{l}, rest) }},
			{"the leader hears nobody", func(l *realmesh.Node, rest []*realmesh.Node) { w.Set(cut, rest, []*realmesh.Node{l}) }},
			{"the leader is not heard by one", func(l *realmesh.Node, rest []*realmesh.Node) { w.Set(cut, []*realmesh.Node{l}, rest[:1]) }},
			{"a follower hears nobody", func(_ *realmesh.Node, rest []*realmesh.Node) { w.Set(cut, nodes, rest[:1]) }},
		} {
			r.more(40)
			leader := realmesh.Leader(t, nodes...)
			fault.with(leader, without(nodes, leader))
			begun := time.Now()
			// It goes on for somebody, and never with something old.
			r.more(40)
			t.Logf("%s: reads went on after %s", fault.name, time.Since(begun).Round(time.Millisecond))
			w.Heal()
		}
		r.more(40)
		for range 15 { // flapping: any wire, any direction
			a, b := nodes[rng.IntN(3)], nodes[rng.IntN(3)]
			w.Set(realmesh.Wire{Cut: rng.IntN(2) == 0}, []*realmesh.Node{a}, []*realmesh.Node{b})
			time.Sleep(upTo(rng, 200*time.Millisecond)) // the pace of the flapping
		}
		w.Heal()
		w.Set(realmesh.Wire{Loss: 0.2}, nodes, nodes)
		r.more(60)
		w.Heal()
		r.more(40)
	}
	r.finish(nodes...)
}

func upTo(rng *rand.Rand, d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
