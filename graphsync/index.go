package graphsync

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/search"
)

// wordIndex is what the graph asks of its search index. *search.Index is one in
// memory.
type wordIndex interface {
	Apply(namespace string, changes []search.Change)
	Compact() bool
	Stats() search.Stats
	Words(namespace string, q *search.Query, f search.Filter, k int) (hits []search.Hit, partial bool)
	Contains(namespace, needle string, f search.Filter, after uint64, yield func(id uint64) bool)
	Vectors(namespace, model string, vector []float32, m search.Metric, f search.Filter, k int) []search.Hit
}

func newIndex() wordIndex { return search.New(fold) }

// indexer is this node's search index: where it is, and who waits for it. It is
// built from the state and then follows the log of changes, so it is never part
// of a write or a snapshot.
type indexer struct {
	mu      sync.Mutex
	words   wordIndex // nil until it is built
	applied uint64    // the revision it reflects
	kept    bool      // KeepIndex runs
	waiting int
	sought  time.Time     // when it was last asked for
	asked   chan struct{} // has something after it was
	moved   chan struct{} // closed when any of the above changes
	rebuilt uint64        // how often it was built
}

// indexWait is how long a search waits for the index to reach a revision.
const indexWait = 5 * time.Second

// set changes the indexer and wakes who waits.
func (x *indexer) set(change func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change()
	if x.moved != nil {
		close(x.moved)
		x.moved = nil
	}
}

// current returns the index and the revision it reflects, nil before it is
// built.
func (x *indexer) current() (wordIndex, uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.words, x.applied
}

// urgent says that somebody waits for the index.
func (x *indexer) urgent() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiting > 0
}

// wait returns the index once it reflects a revision, or says BEHIND.
func (x *indexer) wait(ctx context.Context, revision uint64) (wordIndex, uint64, error) {
	var timeout <-chan time.Time
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting++
	defer func() { x.waiting-- }()
	x.sought = time.Now()
	select {
	case x.asked <- struct{}{}:
	default:
	}
	for x.words == nil || x.applied < revision {
		if !x.kept {
			return nil, 0, fmt.Errorf("%w: there is no search index here", consensus.ErrBehind)
		}
		if timeout == nil {
			t := time.NewTimer(indexWait)
			defer t.Stop()
			timeout = t.C
		}
		if x.moved == nil {
			x.moved = make(chan struct{})
		}
		moved, at := x.moved, x.applied
		x.mu.Unlock()
		var err error
		select {
		case <-moved:
		case <-timeout:
			err = fmt.Errorf("%w: the search index is at %d", consensus.ErrBehind, at)
		case <-ctx.Done():
			err = ctx.Err()
		}
		x.mu.Lock()
		if err != nil {
			return nil, 0, err
		}
	}
	return x.words, x.applied, nil
}

// WaitIndex waits until this node's search index reflects a revision, at most
// five seconds; consensus.ErrBehind after that.
func (s *Service) WaitIndex(ctx context.Context, revision uint64) error {
	_, _, err := s.index.wait(ctx, revision)
	return err
}

// IndexStats is what this node's search index holds.
type IndexStats struct {
	search.Stats
	Revision uint64 `json:"index_revision" doc:"what it reflects"`
	Ready    bool   `json:"ready"`
	Rebuilt  uint64 `json:"rebuilt" doc:"how often it was built from the state"`
}

// IndexStats counts what this node's search index holds.
func (s *Service) IndexStats() IndexStats {
	words, at := s.index.current()
	out := IndexStats{Revision: at, Ready: words != nil}
	s.index.mu.Lock()
	out.Rebuilt = s.index.rebuilt
	s.index.mu.Unlock()
	if words != nil {
		out.Stats = words.Stats()
	}
	return out
}

// KeepIndex builds this node's search index and keeps it up with the state
// until ctx ends. Only one may run for a Service; without one, searches that
// need the index answer consensus.ErrBehind.
func (s *Service) KeepIndex(ctx context.Context, log *slog.Logger) {
	s.index.set(func() { s.index.kept = true })
	defer s.index.set(func() { s.index.kept, s.index.words, s.index.applied = false, nil, 0 })
	f := feeder{s: s, log: log, open: newIndex, large: make(chan struct{}, 1)}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { f.compact(ctx) })
	f.run(ctx)
}
