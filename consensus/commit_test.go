package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// bare is a state machine without Raft.
type bare struct {
	*machine
	t     *testing.T
	index uint64
	waits bool // for what is applied, somebody here
}

func bareMachine(t *testing.T) *bare {
	t.Helper()
	m, err := newMachine(t.TempDir(), []Part{quiet{&kv{}}}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.use(f); err != nil {
		t.Fatal(err)
	}
	b := &bare{machine: m, t: t}
	m.resolve = func(origin, uint64, outcome) bool { return b.waits }
	t.Cleanup(func() {
		if err := m.close(false); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bare) apply(body string) any { return b.Apply(b.next(body)) }

func (b *bare) next(body string) *raft.Log {
	b.index++
	e := entry{stamp: int64(b.index), level: 1, envelopes: [][]byte{(&envelope{origin: origin{1}, seq: b.index, part: "kv", body: []byte(body)}).encode()}}
	return &raft.Log{Index: b.index, Term: 1, Type: raft.LogCommand, Data: e.encode()}
}

func (b *bare) filed() uint64 {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.committed.Applied
}

func (b *bare) see(k string) (value string, err error) {
	_, err = b.view(func(r Reader) error {
		value = string(r.Get(kvTable, []byte(k)))
		return nil
	})
	return value, err
}

// nobodyLooks makes the last view one of long ago.
func (b *bare) nobodyLooks() { b.looked.Store(time.Now().Add(-time.Hour).UnixNano()) }

func TestViewsSeeWhatIsNotCommittedYet(t *testing.T) {
	b := bareMachine(t)
	for i := range 50 {
		b.nobodyLooks()
		if got := b.apply(fmt.Sprintf("set k v%d", i)); got != nil {
			t.Fatal(got)
		}
		if b.state().Applied != b.index {
			t.Fatalf("applied %d of %d", b.state().Applied, b.index)
		}
		if i%7 != 3 {
			continue
		}
		if got, err := b.see("k"); err != nil || got != fmt.Sprintf("v%d", i) {
			t.Fatalf("%q after %d, %v", got, i, err)
		}
		if b.filed() != b.index {
			t.Fatalf("a view left %d of %d", b.filed(), b.index)
		}
		// Who reads while others write need not wait for an apply.
		if b.apply("set x y"); b.filed() != b.index {
			t.Fatal("a batch soon after a view was not committed with it")
		}
	}
}

func TestAnOpenTransactionEndsByItself(t *testing.T) {
	b := bareMachine(t)
	b.nobodyLooks()
	b.apply("set k v")
	for end := time.Now().Add(time.Minute); b.filed() != b.index; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it stays open")
		}
	}
}

func TestAnOpenTransactionIsBounded(t *testing.T) {
	b := bareMachine(t)
	for range 3 { // unless it ended by itself in between
		b.nobodyLooks()
		b.apply("set k v")
		b.turn.Lock()
		open := b.tx != nil
		b.bytes = settleBytes
		b.turn.Unlock()
		b.nobodyLooks()
		if b.apply("set k w"); open && b.filed() == b.index {
			return
		}
	}
	t.Fatal("it grows without bound")
}

func TestFailedCommitOfWhatWasAnswered(t *testing.T) {
	for _, waits := range []bool{false, true} {
		t.Run(fmt.Sprint("answered=", waits), func(t *testing.T) {
			b := bareMachine(t)
			b.apply("set k old")
			if _, err := b.see("k"); err != nil {
				t.Fatal(err)
			}
			b.turn.Lock()
			b.failCommit = func() error { return errors.New("no room") }
			b.turn.Unlock()
			b.waits = waits
			b.nobodyLooks()
			before := b.index
			if got := b.apply("set k new"); got != nil {
				t.Fatal(got)
			}
			got, err := b.see("k")
			if waits && !errors.Is(err, ErrStateFault) {
				t.Errorf("%q, %v: it goes back behind what was answered", got, err)
			}
			if !waits && (err != nil || got != "old") {
				t.Errorf("%q, %v: what nobody has heard of need not stop reads", got, err)
			}
			if b.broken() == nil || b.state().Applied != before {
				t.Errorf("fault %v, applied %d", b.broken(), b.state().Applied)
			}
			if got, _ := b.apply("set k later").(error); !errors.Is(got, ErrStateFault) {
				t.Errorf("%v", got)
			}
		})
	}
}

// The timer's commit fails while a batch already waits for its turn: the batch
// must not begin a transaction without what that one lost, nor wait for a store
// that still holds the lost one.
func TestBatchBehindAFailedCommit(t *testing.T) {
	for _, c := range []struct {
		what string
		fail func() error
	}{
		{"the disk is full", func() error { return errors.New("no room") }},
		{"the store throws", func() error { panic(storePanic{"page 7"}) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := bareMachine(t)
			b.apply("set k old")
			if _, err := b.see("k"); err != nil {
				t.Fatal(err)
			}
			before := b.filed()
			b.turn.Lock()
			b.failCommit = c.fail
			b.turn.Unlock()
			b.nobodyLooks()
			b.apply("set k lost")
			if err := b.settle(); err == nil {
				t.Fatal("it has not failed")
			}
			b.turn.Lock()
			b.failCommit = nil
			b.turn.Unlock()
			done := make(chan error, 1)
			go func() {
				_, err := b.applyBatch([]*raft.Log{b.next("set other v")})
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil {
					t.Error("it goes on without what was lost")
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits for ever")
			}
			if b.filed() != before {
				t.Errorf("the file is at %d, it was at %d", b.filed(), before)
			}
		})
	}
}

// A process that is killed leaves a file that is older than its answers, and
// goes on from the log: its stale reads wait for that.
func TestKilledBeforeTheCommit(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	x := one(t, nil)
	for i := range 20 {
		x.machine.looked.Store(0)
		x.do(t, fmt.Sprintf("set k v%d", i))
		x.machine.looked.Store(0)
		x.do(t, "add n")
		x.kill()
		x.opened = i
		x.open()
		if got := x.get(t, ReadOptions{}, "k"); got != fmt.Sprintf("v%d", i) {
			t.Fatalf("%q after %d", got, i)
		}
	}
	if out := x.do(t, "add n"); out.Result[7] != 21 {
		t.Fatalf("%v", out.Result)
	}
}

// What Raft hands over at once may be more than a transaction should hold.
func TestABatchIsDividedWhereItsTransactionIsFull(t *testing.T) {
	b := bareMachine(t)
	b.nobodyLooks()
	logs := []*raft.Log{b.next("set a 1"), b.next("set b 2"), b.next("set c 3")}
	b.turn.Lock()
	if _, err := b.write(); err != nil {
		t.Fatal(err)
	}
	b.writes = settleWrites - 1
	b.turn.Unlock()
	first, err := b.applyBatch(logs)
	if err != nil || first.taken != 1 || b.filed() != logs[0].Index {
		t.Fatalf("took %d entries, %d are filed: %v", first.taken, b.filed(), err)
	}
	b.ApplyBatch(logs[1:])
	for k, want := range map[string]string{"a": "1", "b": "2", "c": "3"} {
		if got, err := b.see(k); got != want || err != nil {
			t.Errorf("%s is %q: %v", k, got, err)
		}
	}
}
