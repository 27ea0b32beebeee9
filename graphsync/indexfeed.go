package graphsync

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/search"
)

// feeder feeds one index; run belongs to one goroutine.
type feeder struct {
	s     *Service
	log   *slog.Logger
	open  func() wordIndex
	large chan struct{} // there may be something large to merge
	// merged is the time that merging took since the last round.
	merged atomic.Int64
}

const (
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
	words := f.open()
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
		if more && !b.heavy() {
			continue
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
	for ended, worked := time.Now(), time.Duration(0); ; {
		if err := f.changed(ctx, at); err != nil {
			return err
		}
		f.rest(ctx, ended, worked)
		worked = 0
		for more := true; more; {
			todo := backlog{at: at}
			took, err := f.collect(ctx, &todo)
			if err == nil {
				took, err = f.index(ctx, words, &todo, took)
			}
			if err != nil {
				return err
			}
			at, more = todo.upTo, todo.more
			worked += took
		}
		ended, worked = time.Now(), worked+time.Duration(f.merged.Swap(0))
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

// collect reads the log, in short views, up to where it ended when that began.
func (f *feeder) collect(ctx context.Context, todo *backlog) (took time.Duration, err error) {
	start := time.Now()
	for todo.more = true; todo.more && !todo.full(); {
		if _, err := f.s.read(ctx, consensus.ReadOptions{}, todo.read); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// index brings the documents of a backlog up to date and returns how long that
// and what was done before took, without the pauses.
func (f *feeder) index(ctx context.Context, words wordIndex, todo *backlog, took time.Duration) (time.Duration, error) {
	for done := 0; ; {
		if err := ctx.Err(); err != nil {
			return took, err
		}
		start := time.Now()
		var b docPage
		for done < len(todo.nodes) && !b.heavy() {
			if _, err := f.s.read(ctx, consensus.ReadOptions{}, func(v *view) error {
				n, err := b.fetch(v, todo.nodes[done:])
				done += n
				return err
			}); err != nil {
				return took, err
			}
		}
		b.apply(words)
		f.s.index.set(func() { f.s.index.applied = todo.reached(done) })
		select {
		case f.large <- struct{}{}:
		default:
		}
		worked := time.Since(start)
		took += worked
		end := done == len(todo.nodes)
		if !end || todo.more {
			f.breathe(ctx, worked)
		}
		if end {
			return took, nil
		}
	}
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
			start := time.Now()
			if words == nil || !words.Compact() {
				break
			}
			took := time.Since(start)
			f.merged.Add(int64(took))
			pause(ctx, min(took, feedBreath))
		}
	}
}

var _ wordIndex = (*search.Index)(nil)
