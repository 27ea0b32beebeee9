package consensus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A mesh of one has nobody to wait for: it waits out no timeout. How long it
// takes on a quiet machine is for the tests of whole processes.
func TestSoleVoterIsReadySoon(t *testing.T) {
	dir := t.TempDir()
	if err := Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	x := newTestNet().add(t, dir, func(c *Config) {
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = time.Minute, time.Minute, 0
	})
	t.Logf("open %v", time.Since(start))
	eventually(t, 30*time.Second, "it leads", x.ready)
	t.Logf("leads after %v", time.Since(start))
	if out := x.do(t, "set a 1"); out.Revision != 1 || string(out.Result) != "1" {
		t.Fatalf("outcome %+v", out)
	}
	if got := x.get(t, ReadOptions{Consistency: Linearizable}, "a"); got != "1" {
		t.Fatalf("read %q", got)
	}
	x.stop()
	start = time.Now()
	x.open()
	if got := x.get(t, ReadOptions{}, "a"); got != "1" {
		t.Fatalf("after a clean stop the state had %q", got)
	}
	eventually(t, 30*time.Second, "it leads", x.ready)
	t.Logf("reopened, leads after %v", time.Since(start))
	if out := x.do(t, "set b 1"); out.Revision != 2 {
		t.Fatalf("outcome %+v", out)
	}
}

func TestThreeNodes(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, _, nodes := mesh(t, 3, nil)
	t.Logf("three voters after %v", time.Since(start))
	for i, x := range nodes {
		out := x.do(t, "add n")
		if out.Revision != uint64(i+1) {
			t.Fatalf("node %d: %+v", i, out)
		}
		// Whatever node took the write has it.
		if got := x.get(t, ReadOptions{}, "n"); got[7] != byte(i+1) {
			t.Fatalf("node %d does not read its own write: %x", i, got)
		}
	}
	for _, x := range nodes {
		if got := x.get(t, ReadOptions{Consistency: Linearizable}, "n"); got[7] != 3 {
			t.Fatalf("linearizable read has %x", got)
		}
	}
	same(t, nodes)
	leader := leaderOf(t, nodes)
	leader.kill()
	var rest []*node
	for _, x := range nodes {
		if x != leader {
			rest = append(rest, x)
		}
	}
	start = time.Now()
	rest[0].do(t, "set after 1")
	t.Logf("write after the leader's death: %v", time.Since(start))
	leader.open()
	same(t, nodes)
}

func TestRefusals(t *testing.T) {
	x := one(t, nil)
	for body, code := range map[string]string{"no k": "NO", "panic k": CodeInternal, "other": CodeInternal, "bad": CodeInternal} {
		_, err := x.try(body)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != code {
			t.Errorf("%s: %v", body, err)
		}
	}
	if d := dump(t, x); d != "" {
		t.Errorf("refused commands left %q", d)
	}
	if s := x.Status(); s.Revision != 0 || s.Fault != "" {
		t.Errorf("status %+v", s)
	}
	x.do(t, "set k v")
	if _, err := x.Propose(context.Background(), Proposal{Part: "kv", Body: make([]byte, MaxStaged+1)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := x.Propose(context.Background(), Proposal{Part: "nobody"}); err == nil {
		t.Error("a part that is not there took a command")
	}
}
