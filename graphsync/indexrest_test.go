package graphsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync/search"
)

func TestRestAfter(t *testing.T) {
	for _, c := range []struct {
		worked time.Duration
		sought bool
		want   time.Duration
	}{
		{0, false, 100 * time.Millisecond},
		{time.Millisecond, false, 100 * time.Millisecond},
		{50 * time.Millisecond, false, 950 * time.Millisecond},
		{time.Second, false, 5 * time.Second},
		{0, true, 100 * time.Millisecond},
		{50 * time.Millisecond, true, 100 * time.Millisecond},
		{300 * time.Millisecond, true, 300 * time.Millisecond},
		{time.Minute, true, time.Second},
	} {
		if got := restAfter(c.worked, c.sought); got != c.want {
			t.Errorf("after %v (sought: %t): %v, want %v", c.worked, c.sought, got, c.want)
		}
	}
}

// costly is an index that takes its time over each document.
type costly struct {
	wordIndex
	each   time.Duration
	mu     sync.Mutex
	worked time.Duration
	docs   int
}

func (c *costly) Apply(namespace string, changes []search.Change) {
	took := c.each * time.Duration(len(changes))
	time.Sleep(took)
	c.wordIndex.Apply(namespace, changes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worked += took
	c.docs += len(changes)
}

func (c *costly) spent() (time.Duration, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worked, c.docs
}

// withCostly runs f in a bubble with a graph of some nodes whose index is built
// and costs so much a document.
func withCostly(t *testing.T, nodes int, each time.Duration, f func(s *Service, words *costly)) {
	synctest.Test(t, func(t *testing.T) {
		s := NewService(consensustest.New(NewPart()))
		for i := range nodes {
			touch(t, s, i, "begin")
		}
		words := &costly{wordIndex: newIndex()}
		ctx, cancel := context.WithCancel(t.Context())
		s.index.set(func() { s.index.kept = true })
		fd := feeder{s: s, log: slog.New(slog.DiscardHandler), open: func() wordIndex { return words }, large: make(chan struct{}, 1)}
		var tasks sync.WaitGroup
		tasks.Go(func() { fd.run(ctx) })
		defer func() { cancel(); tasks.Wait() }()
		synctest.Wait()
		words.each, words.docs = each, 0
		f(s, words)
	})
}

func touch(t testing.TB, s *Service, i int, label string) uint64 {
	t.Helper()
	_, out, err := s.Batch(bg, WriteOptions{}, "ns", []Op{node(fmt.Sprint("k", i), "t", label, `{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Revision
}

func TestIndexTakesATwentiethUnderSustainedWrites(t *testing.T) {
	withCostly(t, 200, time.Millisecond, func(s *Service, words *costly) {
		start, writes, rev := time.Now(), 0, uint64(0)
		for ; time.Since(start) < 20*time.Second; writes++ {
			rev = touch(t, s, writes%200, fmt.Sprint("step ", writes))
			time.Sleep(4 * time.Millisecond)
		}
		worked, docs := words.spent()
		if worked > 1200*time.Millisecond || worked < 800*time.Millisecond {
			t.Errorf("worked %v of 20 s", worked)
		}
		if docs > writes/4 {
			t.Errorf("indexed %d documents for %d writes", docs, writes)
		}
		time.Sleep(restMost + time.Second)
		if _, at := s.index.current(); at != rev {
			t.Errorf("the index stays at %d of %d", at, rev)
		}
	})
}

func TestIndexTakesADocumentOnceInARound(t *testing.T) {
	withCostly(t, 5, 100*time.Millisecond, func(s *Service, words *costly) {
		var rev uint64
		for i := range 3 * feedChanges {
			rev = touch(t, s, i%5, fmt.Sprint("step ", i))
		}
		time.Sleep(2 * time.Second)
		if _, docs := words.spent(); docs != 5 {
			t.Errorf("indexed %d documents", docs)
		}
		if got := labels(t, s, rev, SearchQuery{Text: "step"}); len(got) != 5 || !slices.Contains(got, fmt.Sprint("step ", 3*feedChanges-1)) {
			t.Errorf("found %q", got)
		}
	})
}

func TestWhoWaitsEndsTheRest(t *testing.T) {
	withCostly(t, 1000, time.Millisecond, func(s *Service, _ *costly) {
		for i := range 1000 {
			touch(t, s, i, "again")
		}
		time.Sleep(1200 * time.Millisecond) // it worked for one second, and rests for five
		rev := touch(t, s, 1, "awaited")
		time.Sleep(2 * time.Second)
		if _, at := s.index.current(); at >= rev {
			t.Fatal("it does not rest")
		}
		for wait := range 2 {
			start := time.Now()
			if err := s.WaitIndex(bg, rev); err != nil || time.Since(start) > 10*time.Millisecond {
				t.Errorf("wait %d: %v after %v", wait, err, time.Since(start))
			}
			rev = touch(t, s, 2, "awaited too")
		}
	})
}

func TestSearchesKeepTheRestShort(t *testing.T) {
	withCostly(t, 1000, time.Millisecond, func(s *Service, _ *costly) {
		for i := range 1000 {
			touch(t, s, i, "again")
		}
		time.Sleep(1200 * time.Millisecond)
		rev := touch(t, s, 1, "one")
		time.Sleep(time.Second)
		seek := func() {
			t.Helper()
			if _, _, err := s.Search(bg, consensus.ReadOptions{}, SearchQuery{Namespace: "ns", Text: "one"}); err != nil {
				t.Fatal(err)
			}
		}
		seek() // shows what the index has, and cuts the rest short
		time.Sleep(150 * time.Millisecond)
		if _, at := s.index.current(); at != rev {
			t.Errorf("after a search it is at %d of %d", at, rev)
		}
		for range 20 {
			rev = touch(t, s, 1, "two")
			time.Sleep(150 * time.Millisecond)
			if _, at := s.index.current(); at != rev {
				t.Fatalf("while searches are made it is at %d of %d", at, rev)
			}
		}
		time.Sleep(interactive)
		for i := range 1000 {
			touch(t, s, i, "much")
		}
		time.Sleep(1200 * time.Millisecond)
		rev = touch(t, s, 1, "three")
		time.Sleep(4 * time.Second)
		if _, at := s.index.current(); at >= rev {
			t.Error("it does not rest when no searches are made any more")
		}
	})
}

// What was asked for is served as soon as it is in, before the whole backlog is.
func TestBacklogIsReachedStepByStep(t *testing.T) {
	s := newService(t)
	after := touch(t, s, 0, "before")
	first := touch(t, s, 1, "a")
	touch(t, s, 1, "b")
	touch(t, s, 1, "c")
	third := touch(t, s, 2, "a")
	last := touch(t, s, 1, "d")
	b := backlog{at: after}
	if _, err := s.read(bg, consensus.ReadOptions{}, b.read); err != nil {
		t.Fatal(err)
	}
	if len(b.nodes) != 2 || b.more || !slices.Equal(b.first, []uint64{first, third}) {
		t.Fatalf("backlog %+v", b)
	}
	for done, want := range []uint64{after, third - 1, last} {
		if got := b.reached(done); got != want {
			t.Errorf("after %d documents: %d, want %d", done, got, want)
		}
	}
}

func TestBacklogIsReadInWholeRevisions(t *testing.T) {
	s := newService(t)
	var ops []Op
	for i := range MaxBatchOps {
		ops = append(ops, node(fmt.Sprint("k", i), "t", "x", `{}`))
	}
	var rev uint64
	for n := 0; n <= 2*feedChanges; n += len(ops) {
		for i := range ops {
			ops[i].Label = ptr(fmt.Sprint("x", n))
		}
		_, out, err := s.Batch(bg, WriteOptions{}, "ns", ops)
		if err != nil {
			t.Fatal(err)
		}
		rev = out.Revision
	}
	b := backlog{}
	for reads := 0; reads == 0 || b.more; reads++ {
		was := b.upTo
		if _, err := s.read(bg, consensus.ReadOptions{}, b.read); err != nil || b.upTo <= was || reads > 3 {
			t.Fatalf("read %d from %d to %d: %v", reads, was, b.upTo, err)
		}
	}
	if b.upTo != rev || len(b.nodes) != len(ops) {
		t.Errorf("to %d of %d, %d nodes", b.upTo, rev, len(b.nodes))
	}
	b.at = rev + 1
	b.seen = nil
	if _, err := s.read(bg, consensus.ReadOptions{}, b.read); !errors.Is(err, errReplaced) {
		t.Errorf("an earlier state: %v", err)
	}
}
