package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// sees waits until a node has another in a condition.
func sees(t testing.TB, at *realmesh.Node, name, status string, within time.Duration) {
	t.Helper()
	realmesh.Eventually(t, within, at.Name+" sees "+name+" "+status, func() error {
		m, ok, err := member(at, name)
		if err == nil && (!ok || m.Status != status) {
			err = fmt.Errorf("it is %q", m.Status)
		}
		return err
	})
}

func TestKilledNodeIsSeenFailedAndReturningAlive(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := others(nodes, leaderOf(t, nodes...))[0]
	rest := others(nodes, n)
	n.Kill()
	begun := time.Now()
	for _, r := range rest {
		sees(t, r, n.Name, "failed", 10*time.Second-time.Since(begun))
	}
	t.Logf("failed at all after %s", time.Since(begun).Round(time.Millisecond))
	realmesh.Eventually(t, 10*time.Second, "the mesh says that it is degraded", func() error {
		s, err := rest[0].Status()
		if err == nil && (s.State != "degraded" || len(s.Problems) == 0 || s.Problems[0].Next == "") {
			err = fmt.Errorf("%s %+v", s.State, s.Problems)
		}
		return err
	})
	n.Start("serve")
	n.WaitServing()
	begun = time.Now()
	for _, r := range rest {
		sees(t, r, n.Name, "alive", 10*time.Second-time.Since(begun))
	}
	t.Logf("alive at all after %s", time.Since(begun).Round(time.Millisecond))
	realmesh.Formed(t, 20*time.Second, nodes...)
}

// Two of three are gone: reads go on, writes are refused truly, and all is well
// when one returns.
func TestWithoutMajorityReadsGoOnAndWritesAreRefused(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := nodes[1]
	c := n.Client(nodes[0].AdminKey())
	c.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "m", "node_type": "note", "label": "x"})
	for _, o := range others(nodes, n) {
		o.Kill()
	}
	realmesh.Eventually(t, 20*time.Second, "it says that the majority is gone", func() error {
		s, err := n.Status()
		if err == nil && s.State != "no_majority" {
			err = fmt.Errorf("%s", s.State)
		}
		return err
	})
	a := c.Want(http.StatusServiceUnavailable, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "m", "node_type": "note", "label": "y"})
	if a.Code() != "NO_LEADER" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", a, a.Header.Get("Retry-After"))
	}
	says(t, string(a.Body), "voters_alive", "voters_needed")
	c.Want(http.StatusOK, nil, http.MethodGet, "/graph/nodes?session_id=m", nil)
	c.Want(http.StatusOK, nil, http.MethodGet, "/livez", nil)
	nodes[2].Start("serve")
	nodes[2].WaitServing()
	realmesh.Eventually(t, 30*time.Second, "writes work again", func() error {
		a, err := c.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": "m", "node_type": "note", "label": "z"})
		if err == nil && a.Status != http.StatusCreated {
			err = fmt.Errorf("%s", a)
		}
		return err
	})
}

// The leader sleeps as a laptop does: another takes over, writes go on, and
// when it wakes it follows without damage.
func TestF11SleepingLeaderIsReplacedAndHeals(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	asleep := leaderOf(t, nodes...)
	rest := others(nodes, asleep)
	l := newLedger(t, "f11", rest...)
	l.start(2, 11)
	l.more(10, 20*time.Second)
	asleep.Pause()
	slept := time.Now()
	for _, r := range rest {
		sees(t, r, asleep.Name, "failed", 15*time.Second)
	}
	l.more(20, 20*time.Second)
	leaderOf(t, rest...)
	if nap := nap(); time.Since(slept) < nap {
		time.Sleep(nap - time.Since(slept)) // the length of the sleep is what is tested
	}
	asleep.Resume()
	begun := time.Now()
	realmesh.Alive(t, 30*time.Second, nodes...)
	t.Logf("asleep for %s, healed %s after waking", begun.Sub(slept).Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	l.also(asleep)
	l.more(10, 20*time.Second)
	l.finish(nodes...)
}

// nap is how long the laptop sleeps: longer than a connection's patience and a
// gossip member's where minutes are given.
func nap() time.Duration {
	if long() {
		return 70 * time.Second
	}
	return 15 * time.Second
}

// One node hangs and does not answer, though its connections stand: messages,
// writes and gossip among the others are as fast as ever.
func TestF18HangingPeerDelaysNobody(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	hangs := others(nodes, leader)[0]
	other := others(others(nodes, leader), hangs)[0]
	_, key := nodes[0].APIKey("agent")
	admin := nodes[0].AdminKey()
	attach(t, leader, "echo", key)
	attach(t, hangs, "deaf", key)
	knows(t, other, "echo")
	knows(t, other, "deaf")
	c := other.Client(admin)
	agents := leader.Client(admin)
	round := func(i int) time.Duration {
		begun := time.Now()
		c.Want(http.StatusOK, nil, http.MethodPost, "/messages", map[string]any{"to": "echo", "body": i, "timeout": "20s"})
		c.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f18", "node_type": "note", "label": strconv.Itoa(i)})
		return time.Since(begun)
	}
	round(0)
	hangs.Pause()
	// Somebody waits for the deaf one all the time.
	waiting := make(chan realmesh.Answer, 4)
	for range cap(waiting) {
		go func() {
			a, _ := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "deaf", "body": 1, "timeout": "8s"})
			waiting <- a
		}()
	}
	var worst time.Duration
	slow := 0
	for i := range 100 {
		took := round(i + 1)
		worst = max(worst, took)
		if took > 3*time.Second {
			slow++
		}
	}
	t.Logf("the slowest message and write beside a hanging peer took %s", worst.Round(time.Millisecond))
	if slow > 10 { // one may have met a busy machine
		t.Errorf("%d of 100 messages and writes took more than 3 s, the slowest %s", slow, worst)
	}
	agents.Want(http.StatusOK, nil, http.MethodPost, "/registry/register", map[string]any{"instance_id": "i1", "hostname": "h", "port": 1})
	realmesh.Eventually(t, 5*time.Second, "gossip goes on", func() error {
		var out struct {
			Instances []any `json:"instances"`
		}
		c.Want(http.StatusOK, &out, http.MethodGet, "/registry/agents", nil)
		if len(out.Instances) != 1 {
			return fmt.Errorf("%d instances", len(out.Instances))
		}
		return nil
	})
	for range cap(waiting) {
		if a := <-waiting; a.Status != http.StatusGatewayTimeout && a.Status != http.StatusGone && a.Status != http.StatusServiceUnavailable {
			t.Errorf("the deaf one was said to answer: %s", a)
		}
	}
	hangs.Resume()
	realmesh.Formed(t, 30*time.Second, nodes...)
}
