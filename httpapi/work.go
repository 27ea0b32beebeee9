package httpapi

import (
	"context"
	"sync"
)

// work counts the requests at work, so that stopping can wait for them.
type work struct {
	mu      sync.Mutex
	count   int
	closed  bool
	closing chan struct{} // closed with it
	idle    chan struct{} // closed when closed and nothing is at work

	requests, polls shares // of credentials
}

func newWork() *work {
	return &work{closing: make(chan struct{}), idle: make(chan struct{})}
}

func (w *work) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.count++
	return true
}

func (w *work) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count--; w.count == 0 && w.closed {
		close(w.idle)
	}
}

func (w *work) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	close(w.closing)
	if w.count == 0 {
		close(w.idle)
	}
}

// Closing is closed when the node begins to stop; streams end then.
func (a *API) Closing() <-chan struct{} { return a.work.closing }

// Close refuses further requests with CLOSING, tells streams to end and waits
// for the requests at work, at most until ctx ends. It may be called again.
func (a *API) Close(ctx context.Context) error {
	a.work.close()
	defer func() {
		for _, end := range a.ends {
			end()
		}
	}()
	select {
	case <-a.work.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
