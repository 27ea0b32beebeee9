package graphsync

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/search"
)

// feeder feeds one index; run belongs to one goroutine.
type feeder struct {
	s     *Service
	log   *slog.Logger
	large chan struct{} // there may be something large to merge
}

const (
	// feedChanges is how many changes are taken from the log at once; more
	// than feedCalm of them are bulk, which leaves half the time to others.
	feedChanges = 4000
	feedCalm    = 500
	// feedGather is how long changes gather where nobody waits for them. A
	// look at the state ends the transaction that consensus keeps open for the
	// entries to come, and has it commit each for a while: one after every
	// write would make all writes dearer.
	feedGather = 100 * time.Millisecond
	// feedRetry is how long it waits after an error, and at least between two
	// rebuilds; a rebuild that took long is not repeated for ten times that.
	feedRetry = time.Second
)

// errReplaced says that the index cannot go on from where it is.
var errReplaced = errors.New("the state is not a later one of what was indexed")

// run builds the index and follows the log, and begins again where that does
// not reach back.
func (f *feeder) run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		at, err := f.build(ctx)
		took := time.Since(start)
		if err == nil {
			f.log.Debug("built the search index", "revision", at, "took", took)
			err = f.follow(ctx, at)
		}
		if ctx.Err() != nil {
			return
		}
		wait := feedRetry
		if rebuildable(err) {
			wait = max(wait, 10*took)
			f.log.Info("building the search index anew", "reason", err, "in", wait)
		} else {
			f.log.Warn("the search index cannot read the state", "error", err)
		}
		pause(ctx, wait)
	}
}

func rebuildable(err error) bool {
	var r *consensus.Refusal
	return errors.Is(err, errReplaced) || errors.As(err, &r) && r.Code == CodeCompacted
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// build indexes the whole state and returns the revision from which on the log
// is to be followed: that of the first page, since what a later page saw newer
// is only indexed again.
func (f *feeder) build(ctx context.Context) (uint64, error) {
	words := newIndex()
	var b docPage
	first := uint64(0)
	for more := true; more; {
		info, err := f.s.read(ctx, consensus.ReadOptions{}, func(v *view) (err error) {
			more, err = b.scan(v)
			return err
		})
		if err != nil {
			return 0, err
		}
		if first == 0 {
			first = info.Revision
		}
		b.apply(words)
		for words.Compact() {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
	}
	f.s.index.set(func() { f.s.index.words, f.s.index.applied = words, first; f.s.index.rebuilt++ })
	return first, nil
}

// follow keeps the index up with the log until it cannot.
func (f *feeder) follow(ctx context.Context, at uint64) error {
	words, _ := f.s.index.current()
	for n := 0; ; {
		if err := f.changed(ctx, at); err != nil {
			return err
		}
		if n <= feedCalm {
			f.s.index.gather(ctx)
		}
		start := time.Now()
		to, taken, err := f.take(ctx, words, at)
		if err != nil {
			return err
		}
		n = taken
		at = to
		f.s.index.set(func() { f.s.index.applied = at })
		select {
		case f.large <- struct{}{}:
		default:
		}
		if n > feedCalm && !f.s.index.urgent() {
			pause(ctx, min(time.Since(start), feedRetry))
		}
	}
}

// changed waits until the state is above a revision.
func (f *feeder) changed(ctx context.Context, at uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-f.s.state.Changed(ctx, at):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// take brings the index from one revision to a later one.
func (f *feeder) take(ctx context.Context, words wordIndex, at uint64) (to uint64, n int, err error) {
	var todo []nodeRef
	_, err = f.s.read(ctx, consensus.ReadOptions{}, func(v *view) error {
		if now := v.r.Revision(); now < at || now-at >= 1<<32 {
			return errReplaced // by a recovery, or a state that is being fetched
		}
		list, upTo, err := v.changes(at, feedChanges)
		todo, to, n = dirty(list), upTo, len(list)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	for len(todo) > 0 {
		var b docPage
		if _, err := f.s.read(ctx, consensus.ReadOptions{}, func(v *view) (err error) {
			todo, err = b.fetch(v, todo)
			return err
		}); err != nil {
			return 0, 0, err
		}
		b.apply(words)
	}
	return to, n, nil
}

// compact does the large merges beside the feeding.
func (f *feeder) compact(ctx context.Context) {
	for {
		select {
		case <-f.large:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			words, _ := f.s.index.current()
			if words == nil || !words.Compact() {
				break
			}
		}
	}
}

// nodeRef is a node whose document may have changed.
type nodeRef struct {
	ns nsID
	id uint64
}

// dirty lists the nodes that changes touch, each once.
func dirty(list []change) []nodeRef {
	seen := make(map[nodeRef]bool, len(list))
	var out []nodeRef
	add := func(ns nsID, id uint64) {
		if r := (nodeRef{ns, id}); id != 0 && !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	for i := range list {
		switch c := &list[i]; c.kind {
		case kindNode:
			add(c.ns, c.id)
			add(c.ns, c.other)
		case kindObservation:
			add(c.ns, c.node)
			add(c.ns, c.other)
		case kindVector:
			add(c.ns, c.id)
		}
	}
	return out
}

var _ wordIndex = (*search.Index)(nil)
