package consensus

import (
	"context"
	"log/slog"
	"sync"
)

// blockingHandler takes log lines until it is stopped, and then makes who logs
// wait.
type blockingHandler struct {
	mu   sync.Mutex
	gate chan struct{} // closed: lines go through
}

func newBlockingHandler() *blockingHandler {
	h := &blockingHandler{gate: make(chan struct{})}
	close(h.gate)
	return h
}

func (h *blockingHandler) logger() *slog.Logger { return slog.New(h) }

func (h *blockingHandler) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = make(chan struct{})
}

func (h *blockingHandler) resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.gate)
}

func (h *blockingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *blockingHandler) Handle(context.Context, slog.Record) error {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	<-gate
	return nil
}

func (h *blockingHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *blockingHandler) WithGroup(string) slog.Handler      { return h }
