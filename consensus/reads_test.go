package consensus

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func others(nodes []*node, not *node) (out []*node) {
	for _, x := range nodes {
		if x != not {
			out = append(out, x)
		}
	}
	return out
}

// A deposed leader that does not know it yet must not answer, not even with
// non-voters on its side (F1): a pause between each pair of steps (F2).
func TestDeposedLeaderDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for step := 0; step <= 2; step++ {
		t.Run(string(rune('0'+step)), func(t *testing.T) {
			t.Parallel()
			var armed atomic.Bool
			reached, resume := make(chan struct{}), make(chan struct{})
			nw, _, nodes := mesh(t, 5, func(c *Config) {
				believesLong(c)
				c.hooks.beforeRead = func(s int) {
					if s == max(step, 1) && armed.CompareAndSwap(true, false) {
						close(reached)
						<-resume
					}
				}
			})
			old := founderLeads(t, nodes)
			old.do(t, "set k old")
			var mine, theirs []*node // the old leader with both non-voters
			voters := map[string]bool{}
			for _, id := range old.Status().Voters {
				voters[id] = true
			}
			for _, x := range nodes {
				if x == old || !voters[x.id] {
					mine = append(mine, x)
				} else {
					theirs = append(theirs, x)
				}
			}
			type answer struct {
				v   string
				err error
			}
			got := make(chan answer, 1)
			read := func() {
				v, err := old.read(ReadOptions{Consistency: Linearizable}, "k")
				got <- answer{v, err}
			}
			if step > 0 {
				armed.Store(true)
				go read()
				<-reached
			}
			nw.split(mine, theirs)
			theirs[0].do(t, "set k new") // waits for their new leader
			if step > 0 {
				close(resume)
			} else {
				go read()
			}
			a := <-got
			// A read that began before the write may have either value; one
			// that began after may not have the old.
			if step == 0 && a.err == nil {
				t.Fatalf("the deposed leader answered %q", a.v)
			}
			if step == 0 && !errors.Is(a.err, ErrNoLeader) {
				t.Fatalf("error %v", a.err)
			}
			nw.heal()
			if v := old.readSoon(t, "k"); v != "new" {
				t.Fatalf("after healing: %q", v)
			}
		})
	}
}

// Right after an election, and when the newest entry is one of configuration,
// the read index must still be reached (F3).
func TestReadsAtConfigurationEntries(t *testing.T) {
	_, r, nodes := mesh(t, 4, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "set k 1")
	last := nodes[3]
	r.update(func(l []Replica) []Replica { return l[:3] })
	leader.Kick()
	if err := leader.WaitReplica(context.Background(), last.id, func(s ReplicaState) bool { return !s.Present }); err != nil {
		t.Fatal(err)
	}
	for _, x := range nodes[:3] {
		if v := x.get(t, ReadOptions{Consistency: Linearizable}, "k"); v != "1" {
			t.Fatalf("read %q", v)
		}
	}
	if err := leader.TransferLeadership(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, x := range nodes[:3] {
		if v := x.get(t, ReadOptions{Consistency: Linearizable}, "k"); v != "1" {
			t.Fatalf("after the transfer: %q", v)
		}
	}
}

// Reads race with seats being given, taken and handed over.
func TestLinearizableReadsDuringMembershipChanges(t *testing.T) {
	t.Parallel()
	_, r, nodes := mesh(t, 4, nil)
	all := r.get()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
			}
			list := append([]Replica{}, all...)
			list[i%4].NoVote = true
			r.set(list...)
			leaderOf(t, nodes).Kick()
		}
	})
	// One register, written by one client and read through all nodes: a read
	// never has less than the write acknowledged before it began.
	var acked atomic.Uint64
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if out, err := nodes[0].try("add n"); err == nil {
				acked.Store(out.Revision)
			}
		}
	})
	reads := 0
	for begun := time.Now(); time.Since(begun) < 2*time.Second || reads < 20 && time.Since(begun) < time.Minute; {
		x := nodes[reads%4]
		floor := acked.Load()
		info, err := x.View(context.Background(), ReadOptions{Consistency: Linearizable}, func(Reader) error { return nil })
		if err == nil && info.Revision < floor {
			t.Fatalf("a read has revision %d after %d was acknowledged", info.Revision, floor)
		}
		if err == nil {
			reads++
		}
	}
	close(stop)
	wg.Wait()
	if reads < 20 {
		t.Errorf("only %d reads succeeded", reads)
	}
	same(t, nodes)
}

func TestMinimumRevision(t *testing.T) {
	nw, _, nodes := mesh(t, 3, nil)
	leader := leaderOf(t, nodes)
	rest := others(nodes, leader)
	out := leader.do(t, "set k 1")
	for _, x := range nodes {
		if v := x.get(t, ReadOptions{MinRevision: out.Revision}, "k"); v != "1" {
			t.Fatalf("read %q", v)
		}
		if _, err := x.read(ReadOptions{MinRevision: 1 << 60}, "k"); !errors.Is(err, ErrAhead) {
			t.Fatalf("a revision that does not exist: %v", err)
		}
	}
	nw.split(rest[:1], []*node{leader, rest[1]})
	out = leader.do(t, "set k 2")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := rest[0].View(ctx, ReadOptions{MinRevision: out.Revision}, func(Reader) error { return nil })
	if !errors.Is(err, ErrBehind) {
		t.Fatalf("a node cut off: %v", err)
	}
	eventually(t, 5*time.Second, "its view is too old", func() bool {
		_, err := rest[0].read(ReadOptions{MaxAge: 50 * time.Millisecond}, "k")
		return errors.Is(err, ErrBehind)
	})
	nw.heal()
	ch := rest[0].Changed(t.Context(), out.Revision)
	if v := rest[0].get(t, ReadOptions{MinRevision: out.Revision}, "k"); v != "2" {
		t.Fatalf("read %q", v)
	}
	leader = leaderOf(t, nodes)
	leader.do(t, "set k 3")
	select {
	case <-ch:
	case <-time.After(time.Minute):
		t.Fatal("the change was not told")
	}
}

func TestNoLeader(t *testing.T) {
	t.Parallel()
	nw, _, nodes := mesh(t, 3, nil)
	x := nodes[2]
	nw.split(nodes[:2], nodes[2:])
	eventually(t, 5*time.Second, "it has no leader", func() bool { return x.raft.State() == raft.Candidate || x.leaderID() == "" })
	start := time.Now()
	if _, err := x.try("set k 1"); !errors.Is(err, ErrNoLeader) && !errors.Is(err, ErrUnknown) {
		t.Fatalf("a proposal: %v", err)
	}
	took(t, 12*time.Second, start, "waiting for a leader")
	if _, err := x.read(ReadOptions{Consistency: Linearizable}, "k"); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("a read: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := x.Propose(ctx, Proposal{Part: "kv", Body: []byte("set k 1")}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnknown) {
		t.Fatalf("a proposal that was never sent: %v", err)
	}
}

// Waiting for a revision that never comes leaves nothing behind: any reader
// could ask for one.
func TestRefusedRevisionsLeaveNothingBehind(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set k 1")
	before := runtime.NumGoroutine()
	var asked sync.WaitGroup
	for range 100 {
		asked.Go(func() {
			if _, err := x.read(ReadOptions{MinRevision: 1 << 60}, "k"); !errors.Is(err, ErrAhead) {
				t.Errorf("a revision that does not exist: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			x.Changed(ctx, 1<<60)
			cancel()
		})
	}
	asked.Wait()
	eventually(t, 10*time.Second, "all who waited are gone", func() bool { return runtime.NumGoroutine() < before+20 })
}

// What a read waited for was in a transaction that could then not be committed:
// the older state is no answer to it.
func TestReadOfWhatCouldNotBeCommittedIsRefused(t *testing.T) {
	x := one(t, nil)
	x.do(t, "add n")
	at := x.machine.state().Revision
	for _, o := range []ReadOptions{{}, {MinRevision: at}, {Consistency: Linearizable}} {
		asked := false
		_, err := x.machine.view(x.notBelow(at+1, func(Reader) error { asked = true; return nil }))
		if !errors.Is(err, ErrStateFault) || asked {
			t.Errorf("a view below what was waited for: %v", err)
		}
		if _, err := x.View(t.Context(), o, func(Reader) error { return nil }); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
