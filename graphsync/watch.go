package graphsync

import (
	"context"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Bounds of watching.
const (
	// MaxWatchers is how many may watch at one node.
	MaxWatchers = 2048
	// MaxWatchLag is how many changes a watcher that has kept up may fall
	// behind until it is cut.
	MaxWatchLag = 64 << 10
	// BookmarkEvery and BookmarkChanges say when a watcher is told how far it
	// is though nothing was for it: after that time, and after so many changes
	// that its filter left out.
	BookmarkEvery   = 15 * time.Second
	BookmarkChanges = 1000

	// stepEvents is how many changes are handed out at once, or one revision.
	stepEvents = 256
)

// CodeWatchers refuses one watcher more than a node takes.
const CodeWatchers = "TOO_MANY_WATCHERS" // 503

// WatchQuery says what to watch, and from where.
type WatchQuery struct {
	WatchFilter
	// After is where to begin; nil: from now on. What is no longer kept is
	// refused as COMPACTED. A revision that this node has not reached yet is
	// waited for.
	After *Position
	// Since begins at a time in place of After: with the first change then or
	// later.
	Since  time.Time
	Detail Detail
	// Permit is asked before each step is handed out, and soon after any
	// change of the state: its error ends the watch. May be nil.
	Permit func() error
}

// Step is what a watcher gets at once: events, in order and whole revisions,
// or a bookmark, which has none.
type Step struct {
	Events []*Event
	// At is where to resume after the step: everything before it was handed
	// out or is not wanted.
	At Position
}

// Cut ends a watch that could be resumed: At says where.
type Cut struct {
	At     Position
	Behind uint64 // changes
}

// Error says that the watcher was too slow.
func (c *Cut) Error() string {
	return fmt.Sprintf("the watcher is %d changes behind, which is more than are kept for it; resume after %s", c.Behind, c.At)
}

// Watcher follows the changes of the graph at one node. It takes them at its
// own pace and never holds up who writes: it has a place in the log, not a
// queue. Its methods are for one goroutine; Close it.
type Watcher struct {
	state  consensus.State
	feed   *feed
	q      WatchQuery
	at     Position
	told   time.Time // when the last step was handed out
	passed int       // changes left out since then
	woken  chan struct{}
	run    *feedRun
	// Once it has kept up, seen counts the changes of the feed that lie before
	// at.
	live bool
	seen uint64
	lag  uint64
}

// Watch begins to watch. The first step is a bookmark that says where it
// begins. A full node refuses with TOO_MANY_WATCHERS.
func (s *Service) Watch(ctx context.Context, q WatchQuery) (*Watcher, error) {
	if r := q.check(); r != nil {
		return nil, r
	}
	w := &Watcher{state: s.state, feed: &s.feed, q: q, woken: make(chan struct{}, 1), lag: MaxWatchLag}
	var ro consensus.ReadOptions
	if q.After != nil {
		ro.MinRevision = q.After.Revision
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		switch {
		case q.After != nil:
			w.at = *q.After
		case !q.Since.IsZero():
			w.at = v.positionAt(q.Since)
		default:
			w.at = Position{Revision: v.r.Revision()}
		}
		return v.keptFrom(w.at, true)
	})
	if err != nil {
		return nil, err
	}
	if r := w.feed.join(w, info.Revision); r != nil {
		return nil, r
	}
	return w, nil
}

// Close ends the watch and gives its place to another. It may be called again.
func (w *Watcher) Close() { w.feed.leave(w) }

// At is where the next step begins.
func (w *Watcher) At() Position { return w.at }

func (w *Watcher) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Next waits for the next step. After an error the watch is over; a *Cut says
// that it was too slow, a COMPACTED that the log was trimmed beyond its place.
func (w *Watcher) Next(ctx context.Context) (Step, error) {
	first := w.told.IsZero()
	if first {
		w.told = time.Now()
	}
	due := time.NewTimer(time.Until(w.told.Add(BookmarkEvery)))
	defer due.Stop()
	for late := first; ; {
		if w.q.Permit != nil {
			if err := w.q.Permit(); err != nil {
				return Step{}, err
			}
		}
		if first {
			return w.step(nil), nil
		}
		// What is there at once is taken even if ctx has ended.
		events, more, err := w.take(context.WithoutCancel(ctx))
		switch {
		case err != nil:
			return Step{}, err
		case len(events) > 0, late, w.passed >= BookmarkChanges:
			return w.step(events), nil
		case more:
			continue
		}
		select {
		case <-w.woken:
		case <-due.C:
			late = true
		case <-ctx.Done():
			return Step{}, ctx.Err()
		}
	}
}

func (w *Watcher) step(events []*Event) Step {
	w.told, w.passed = time.Now(), 0
	return Step{events, w.at}
}

// take moves on by some revisions and returns what is wanted of them; more
// says that there are others at once.
func (w *Watcher) take(ctx context.Context) (wanted []*Event, more bool, err error) {
	w.feed.mu.Lock()
	if w.run.err != nil {
		defer w.feed.mu.Unlock()
		return nil, false, w.run.err
	}
	events, upTo, before, ok := w.feed.ring.after(w.at, stepEvents)
	count := w.feed.ring.count
	w.feed.mu.Unlock()

	if ok {
		w.live, w.seen = true, before
	} else if w.live && count-min(count, w.seen) > w.lag {
		return nil, false, &Cut{w.at, count - w.seen}
	}
	missing := false
	for _, e := range events {
		if !w.q.passes(e) {
			continue
		}
		missing = missing || e.detail < w.q.Detail
		wanted = append(wanted, e)
	}
	if !ok || missing || len(wanted) > 0 && len(w.q.keys) > 0 {
		if events, wanted, upTo, err = w.read(ctx, ok && !missing, events, wanted, upTo); err != nil {
			return nil, false, err
		}
	}
	w.seen += uint64(len(events))
	w.passed += len(events) - len(wanted)
	w.at = Position{Revision: max(upTo, w.at.Revision), Inside: w.at.Inside && upTo < w.at.Revision, Order: w.at.Order}
	if !w.at.Inside {
		w.at.Order = 0
	}
	return wanted, len(events) > 0, nil
}

// read goes to the state for what the ring does not have: older changes,
// values that nobody wanted when they were read, and who had a key.
func (w *Watcher) read(ctx context.Context, have bool, events, wanted []*Event, upTo uint64) (_, _ []*Event, _ uint64, err error) {
	_, err = w.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		v := &view{r: r}
		if !have {
			l, err := v.readLog(w.at, w.q.Detail, 0, w.q.passes)
			if err != nil {
				return err
			}
			events, wanted, upTo = l.events, nil, l.upTo
			for _, e := range events {
				if w.q.passes(e) {
					wanted = append(wanted, e)
				}
			}
		}
		if len(w.q.keys) > 0 {
			wanted = w.q.byKeys(v, wanted)
		}
		return nil
	})
	return events, wanted, upTo, err
}

// positionAt is right before the first change that was made then or later.
// Times do not go back as revisions rise.
func (v *view) positionAt(t time.Time) Position {
	meta, err := v.counters()
	low, high := meta.LogFrom, v.r.Revision()+1
	if err != nil || low == 0 || low > high {
		return Position{Revision: v.r.Revision()}
	}
	ms := t.UnixMilli()
	if ms <= meta.LogSince {
		return Position{} // which is no longer kept
	}
	for low < high { // the first revision at or after which there is no earlier change
		mid := low + (high-low)/2
		rev, at, ok := v.firstFrom(mid)
		if !ok || at >= ms {
			high = mid
		} else {
			low = rev + 1
		}
	}
	return Position{Revision: low - 1}
}

// firstFrom is the first logged revision from one on, and its time.
func (v *view) firstFrom(rev uint64) (found uint64, ms int64, ok bool) {
	for k, val := range v.r.Scan(tLog, appendLogKey(nil, rev, 0), nil) {
		c, ok := readChange(k, val)
		return c.rev, c.at, ok
	}
	return 0, 0, false
}
