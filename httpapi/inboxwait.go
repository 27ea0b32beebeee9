package httpapi

import (
	"maps"
	"slices"
	"sync"
)

// inboxWaits wakes the requests that wait for something in an inbox. Safe for
// concurrent use.
type inboxWaits struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

func newInboxWaits() *inboxWaits {
	return &inboxWaits{waiting: map[string]map[chan struct{}]struct{}{}}
}

// wake is told of inboxes that have changed; nil: any may have. It does not
// block.
func (w *inboxWaits) wake(agents []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return
	}
	if agents == nil {
		agents = slices.Collect(maps.Keys(w.waiting))
	}
	for _, agent := range agents {
		for c := range w.waiting[agent] {
			select {
			case c <- struct{}{}:
			default: // it has not looked since the last change
			}
		}
	}
}

// wait has something put into changed after each change of the inbox, until
// cancel.
func (w *inboxWaits) wait(agent string) (changed <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting[agent] == nil {
		w.waiting[agent] = map[chan struct{}]struct{}{}
	}
	w.waiting[agent][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.waiting[agent], c); len(w.waiting[agent]) == 0 {
			delete(w.waiting, agent)
		}
	}
}
