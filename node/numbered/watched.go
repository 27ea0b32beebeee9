package numbered

import (
	"sync"

	"github.com/meshd/meshd/consensus"
)

// maxFresh bounds what is remembered of one commit, or of a log that is
// replayed and tells nobody.
const maxFresh = 1 << 16

// Watched tells who watches of the events of a part, when they are committed. A
// part embeds it. The zero value is ready.
type Watched[E any] struct {
	// Of commands that are not committed yet; the applying goroutine's.
	fresh  []E
	missed bool

	mu       sync.Mutex
	watchers map[*watcher[E]]struct{}
}

type watcher[E any] struct{ fn func(events []E) }

// Happened notes the events of a command that was applied.
func (w *Watched[E]) Happened(events []E) {
	if w.fresh = append(w.fresh, events...); len(w.fresh) > maxFresh {
		w.fresh, w.missed = nil, true
	}
}

// Watch calls fn with the events of each commit, in order, until cancel is
// called. fn must not block, propose or keep the slice. Events may be missing
// where the state was replaced as a whole, which a call without events says:
// who must not miss any reads on from the last revision it saw.
func (w *Watched[E]) Watch(fn func(events []E)) (cancel func()) {
	one := &watcher[E]{fn}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = map[*watcher[E]]struct{}{}
	}
	w.watchers[one] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, one)
	}
}

// Committed implements consensus.Observer.
func (w *Watched[E]) Committed(consensus.Reader) {
	events, missed := w.fresh, w.missed
	w.fresh, w.missed = nil, false
	if missed {
		w.tell(nil)
	}
	if len(events) > 0 {
		w.tell(events)
	}
}

// Reset implements consensus.Observer.
func (w *Watched[E]) Reset(consensus.Reader) {
	w.fresh, w.missed = nil, false
	w.tell(nil)
}

func (w *Watched[E]) tell(events []E) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.watchers {
		one.fn(events)
	}
}
