package consensus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type readAt struct {
	v   string
	err error
}

func (x *node) readLater(o ReadOptions, key string) <-chan readAt {
	got := make(chan readAt, 1)
	go func() {
		v, err := x.read(o, key)
		got <- readAt{v, err}
	}()
	return got
}

// handOver transfers leadership away from a node; on a busy machine a transfer
// may time out.
func handOver(t *testing.T, old *node) {
	t.Helper()
	eventually(t, 10*time.Second, "leadership is handed over", func() bool {
		return old.TransferLeadership(context.Background()) == nil && !old.leading()
	})
}

// believesLong lets a node believe for long that it leads when it is cut off,
// as one does that was asleep. The others elect as fast as ever.
func believesLong(c *Config) {
	if entries, err := os.ReadDir(filepath.Join(c.Dir, nameLog)); err == nil && len(entries) > 0 { // the founder
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 4*time.Second, 4*time.Second, 4*time.Second
	}
}

// founderLeads makes the node lead that believes long.
func founderLeads(t *testing.T, nodes []*node) *node {
	t.Helper()
	eventually(t, 20*time.Second, "the founder leads", func() bool {
		if leader := leaderOf(t, nodes); leader != nodes[0] {
			_ = leader.transfer(nodes[0].id)
		}
		return nodes[0].ready()
	})
	return nodes[0]
}

// readSoon is a linearizable read that waits until there is a leader again.
func (x *node) readSoon(t *testing.T, key string) (v string) {
	t.Helper()
	eventually(t, 15*time.Second, "a linearizable read is answered", func() bool {
		var err error
		v, err = x.read(ReadOptions{Consistency: Linearizable}, key)
		return err == nil
	})
	return v
}

// A round of questions stands still between two of its steps while another
// leader takes over and writes, by force or by a transfer. The read of that
// round may have either value; one that came meanwhile must not share the
// round, and has the new value or none (F2).
func TestReadsThatComeDuringAPausedRound(t *testing.T) {
	t.Parallel()
	for step := 1; step <= 3; step++ {
		for _, forced := range []bool{true, false} {
			t.Run(strconv.Itoa(step)+map[bool]string{true: "/split", false: "/transfer"}[forced], func(t *testing.T) {
				t.Parallel()
				var armed atomic.Bool
				reached, resume := make(chan struct{}), make(chan struct{})
				goOn := sync.OnceFunc(func() { close(resume) })
				t.Cleanup(goOn)
				nw, _, nodes := mesh(t, 3, func(c *Config) {
					believesLong(c)
					c.hooks.beforeRead = func(s int) {
						if s == step && armed.CompareAndSwap(true, false) {
							close(reached)
							<-resume
						}
					}
				})
				old := founderLeads(t, nodes)
				rest := others(nodes, old)
				old.do(t, "set k old")
				armed.Store(true)
				first := old.readLater(ReadOptions{Consistency: Linearizable}, "k")
				<-reached
				if forced {
					nw.split([]*node{old}, rest)
				} else {
					handOver(t, old)
				}
				eventually(t, 30*time.Second, "another leads", func() bool { return slices.ContainsFunc(rest, func(x *node) bool { return x.ready() }) })
				rest[0].do(t, "set k new")
				late := old.readLater(ReadOptions{Consistency: Linearizable}, "k")
				if forced { // it has joined the queue behind the round
					eventually(t, 5*time.Second, "the late read is in the queue or refused", func() bool {
						old.reads.mu.Lock()
						defer old.reads.mu.Unlock()
						return len(old.reads.next) > 0 || !old.leading()
					})
				}
				goOn()
				if a := <-first; a.err == nil && a.v != "old" && a.v != "new" {
					t.Errorf("the paused read gave %q", a.v)
				}
				switch a := <-late; {
				case a.err == nil && a.v != "new":
					t.Errorf("the late read gave %q", a.v)
				case a.err != nil && (!forced || !errors.Is(a.err, ErrNoLeader)):
					t.Errorf("the late read: %v", a.err)
				}
				nw.heal()
				for _, x := range nodes {
					if v := x.readSoon(t, "k"); v != "new" {
						t.Errorf("healed, a read gave %q", v)
					}
				}
				same(t, nodes)
			})
		}
	}
}

// A new leader has everything in its log and not yet in its state, its term's
// marker least of all: until then it gives no fresh answer, and what it then
// gives has all that was acknowledged (F3).
func TestNewLeaderServesNothingBeforeItsMarker(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	held := map[string]chan struct{}{}
	_, _, nodes := mesh(t, 3, func(c *Config) {
		dir := c.Dir
		c.hooks.failCommit = func() error {
			mu.Lock()
			wait := held[dir]
			mu.Unlock()
			if wait != nil {
				<-wait
			}
			return nil
		}
	})
	old := leaderOf(t, nodes)
	rest := others(nodes, old)
	old.do(t, "set k old")
	same(t, nodes)
	release := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(release) })
	t.Cleanup(goOn)
	mu.Lock()
	for _, x := range rest {
		held[x.dir] = release
	}
	mu.Unlock()
	old.do(t, "set k new") // in the logs of all, in the state of one
	handOver(t, old)
	var leader *node
	eventually(t, 10*time.Second, "another leads", func() bool {
		i := slices.IndexFunc(rest, func(x *node) bool { return x.leading() })
		if i >= 0 {
			leader = rest[i]
		}
		return i >= 0
	})
	var early []<-chan readAt
	for _, x := range nodes {
		for _, c := range []Consistency{Leader, Linearizable} {
			early = append(early, x.readLater(ReadOptions{Consistency: c}, "k"))
		}
	}
	for _, ch := range early {
		// Where the old one leads again, it may answer: what it has is all.
		if a := <-ch; !errors.Is(a.err, ErrNoLeader) && !errors.Is(a.err, ErrBehind) && (a.err != nil || a.v != "new") {
			t.Errorf("before the marker: %q, %v", a.v, a.err)
		}
	}
	if v, err := leader.read(ReadOptions{}, "k"); err != nil || v != "old" {
		t.Errorf("stale reads go on: %q, %v", v, err)
	}
	mu.Lock()
	clear(held)
	mu.Unlock()
	goOn()
	for _, x := range nodes {
		for _, c := range []Consistency{Leader, Linearizable} {
			if v := x.readSoon(t, "k"); v != "new" {
				t.Errorf("linearizable after it: %q", v)
			}
			if v, err := x.read(ReadOptions{Consistency: c}, "k"); err == nil && v != "new" {
				t.Errorf("consistency %d after it: %q", c, v)
			}
		}
	}
	same(t, nodes)
}

// Two proposals under one key at one node at the same time: the second is told
// that the first is under way, and afterwards what the first was told.
func TestIdempotencyKeyInFlight(t *testing.T) {
	hold := make(chan struct{})
	var armed atomic.Bool
	x := one(t, func(c *Config) {
		c.hooks.failCommit = func() error {
			if armed.Load() {
				<-hold
			}
			return nil
		}
	})
	x.do(t, "set k 0")
	armed.Store(true)
	propose := func() (Outcome, error) {
		return x.Propose(context.Background(), Proposal{Part: "kv", Body: []byte("add n"), Idempotency: &IdempotencyKey{Scope: "s", Key: "k"}})
	}
	type answer struct {
		out Outcome
		err error
	}
	first := make(chan answer, 1)
	go func() {
		out, err := propose()
		first <- answer{out, err}
	}()
	eventually(t, 5*time.Second, "the first is on its way", func() bool {
		x.underway.mu.Lock()
		defer x.underway.mu.Unlock()
		return len(x.underway.keys) > 0
	})
	var r *Refusal
	if _, err := propose(); !errors.As(err, &r) || r.Code != CodeIdempotencyInFlight {
		t.Errorf("the second: %v", err)
	}
	armed.Store(false)
	close(hold)
	a := <-first
	if a.err != nil || a.out.Replayed {
		t.Fatalf("the first: %+v, %v", a.out, a.err)
	}
	if out, err := propose(); err != nil || !out.Replayed || out.Revision != a.out.Revision {
		t.Errorf("afterwards: %+v, %v", out, err)
	}
}
