package graphsync

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Times of the feed.
const (
	// restPerWatcher is how long the feed rests for each watcher it woke, so
	// that many watchers take changes in batches and not one by one.
	restPerWatcher = 2 * time.Microsecond
	// stirEvery is how often watchers are woken for changes that are not
	// theirs: a credential may be among what has changed.
	stirEvery = time.Second
)

// feed reads the log once for all watchers of a node, while there are any. The
// writers of the graph know nothing of it: it is told by State.Changed and
// looks in short views.
type feed struct {
	mu       sync.Mutex
	ring     ring
	watchers map[*Watcher]struct{}
	detail   [DetailBefore + 1]int // watchers by what they want
	values   map[string]int        // those that want values, by namespace
	run      *feedRun              // nil while nobody watches
}

// feedRun is the feed's goroutine from the first watcher to the last.
type feedRun struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // why it ended; its watchers are told
}

// join adds a watcher whose state has just been looked at, and starts the feed
// for the first.
func (f *feed) join(w *Watcher, at uint64) *consensus.Refusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.watchers) >= MaxWatchers {
		return refuse(CodeWatchers, "", "this node serves %d watchers, which is as many as it takes; ask another node", MaxWatchers)
	}
	if f.run == nil || f.run.err != nil {
		ctx, cancel := context.WithCancel(context.Background())
		run := &feedRun{cancel: cancel, done: make(chan struct{})}
		f.run = run
		f.ring.maxEvents, f.ring.maxBytes = ringEvents, ringBytes
		f.ring.reset(at)
		go func() {
			defer close(run.done)
			defer attend(ctx, cancel, w.state)()
			f.follow(ctx, w.state, run)
		}()
	}
	if f.watchers == nil {
		f.watchers, f.values = make(map[*Watcher]struct{}), make(map[string]int)
	}
	w.run = f.run
	f.watchers[w] = struct{}{}
	f.detail[w.q.Detail]++
	if w.q.Detail > DetailIDs {
		f.values[w.q.Namespace]++
	}
	return nil
}

// leave takes a watcher out, and ends the feed with the last.
func (f *feed) leave(w *Watcher) {
	f.mu.Lock()
	if _, ok := f.watchers[w]; !ok {
		f.mu.Unlock()
		return
	}
	delete(f.watchers, w)
	f.detail[w.q.Detail]--
	if w.q.Detail > DetailIDs {
		if f.values[w.q.Namespace]--; f.values[w.q.Namespace] == 0 {
			delete(f.values, w.q.Namespace)
		}
	}
	run := f.run
	if len(f.watchers) > 0 {
		f.mu.Unlock()
		return
	}
	f.run = nil
	f.ring.reset(0)
	f.mu.Unlock()
	run.cancel()
	<-run.done
}

// follow reads the log into the ring until ctx ends.
func (f *feed) follow(ctx context.Context, state consensus.State, run *feedRun) {
	f.mu.Lock()
	at := f.ring.to
	f.mu.Unlock()
	stir := time.NewTimer(stirEvery)
	defer stir.Stop()
	stirred := at
	for more := false; ; {
		if !more {
			wait, stop := context.WithCancel(ctx)
			changed := state.Changed(wait, at)
			select {
			case <-changed:
			case <-stir.C:
				f.stir(at != stirred)
				stirred = at
				stir.Reset(stirEvery)
			case <-ctx.Done():
			}
			stop()
			if ctx.Err() != nil {
				return
			}
		}
		var l look
		var lost bool // the log was trimmed beyond what the feed had read
		detail, want := f.wanted()
		_, err := state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
			v := &view{r: r}
			l, err = v.readLog(Position{Revision: at}, detail, 0, want)
			var no *consensus.Refusal
			if lost = errors.As(err, &no) && no.Code == CodeCompacted; lost {
				l, err = look{upTo: r.Revision()}, nil
			}
			return err
		})
		if ctx.Err() != nil {
			return
		}
		if at, more = l.upTo, l.more; err != nil {
			f.fail(run, err)
			return
		}
		if lost {
			f.skip(run, at)
			continue
		}
		if woken := f.add(run, l); woken > 0 && !rest(ctx, time.Duration(woken)*restPerWatcher) {
			return
		}
	}
}

// attend lets commits be told at once to a node with watchers. The function it
// returns ends that.
func attend(ctx context.Context, cancel context.CancelFunc, state consensus.State) func() {
	a, ok := state.(consensus.Attender)
	if !ok {
		return cancel
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Attend(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// wanted is the most that a watcher wants to know, and of which events.
func (f *feed) wanted() (Detail, func(*Event) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for d := DetailBefore; d > DetailIDs; d-- {
		if f.detail[d] > 0 {
			namespaces := maps.Clone(f.values)
			return d, func(e *Event) bool { return namespaces[e.SessionID] > 0 || namespaces[""] > 0 }
		}
	}
	return DetailIDs, nil
}

// add puts what was found into the ring and wakes those whose namespace it is.
func (f *feed) add(run *feedRun, l look) (woken int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != run {
		return 0
	}
	f.ring.add(l)
	if len(l.events) == 0 {
		return 0
	}
	namespaces := map[string]bool{"": true}
	for _, e := range l.events {
		namespaces[e.SessionID] = true
	}
	for w := range f.watchers {
		if namespaces[w.q.Namespace] || l.events[0].SessionID == "" {
			w.wake()
			woken++
		}
	}
	return woken
}

// skip goes on at a revision. The watchers read for themselves what lies before
// it, or are told that their place is gone.
func (f *feed) skip(run *feedRun, at uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != run {
		return
	}
	f.ring.reset(at)
	for w := range f.watchers {
		w.wake()
	}
}

// stir wakes all.
func (f *feed) stir(changed bool) {
	if !changed {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		w.wake()
	}
}

// fail ends the run: its watchers are told, and the next one starts another.
func (f *feed) fail(run *feedRun, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	run.err = err
	for w := range f.watchers {
		if w.run == run {
			w.wake()
		}
	}
}

// rest waits; it is false if ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
