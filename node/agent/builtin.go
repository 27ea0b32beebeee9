package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// Handler is an agent that runs inside the node.
type Handler interface {
	// Name is the agent's name, reserved on this node while it is hosted.
	Name() string
	// Description says in a sentence what it is for.
	Description() string
	// Handle answers one message; ctx ends at the message's deadline or with
	// the node. The answer is one JSON value, dropped where none is wanted. A
	// *consensus.Refusal reaches the asker as it is; any other error is
	// logged, and the asker hears only that the agent failed. Calls may run
	// at the same time.
	Handle(ctx context.Context, m message.Message) (json.RawMessage, error)
}

// Bounds of a hosted agent.
const (
	hostedAtOnce = 4
	hostedQueue  = 64
)

// Hosted is a Handler attached to a router.
type Hosted struct {
	handler Handler
	logger  *slog.Logger
	session *message.Session
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	queue   []*message.Delivery
	running int
	closed  bool
	wg      sync.WaitGroup
}

// Host attaches h as a built-in agent: at most four messages at once, 64
// waiting, the others refused. It keeps no goroutine while there is nothing to
// do. logger may be nil. Close it before the router.
func Host(router *message.Router, h Handler, logger *slog.Logger) (*Hosted, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	hosted := &Hosted{handler: h, logger: logger}
	hosted.ctx, hosted.cancel = context.WithCancel(context.Background())
	profile := message.Profile{Description: h.Description(), Kind: message.KindBuiltin}
	var err error
	if hosted.session, err = router.Attach(context.Background(), h.Name(), "", profile, hosted); err != nil {
		hosted.cancel()
		return nil, fmt.Errorf("hosting the agent %s: %w", h.Name(), err)
	}
	return hosted, nil
}

// Close detaches the agent, ends what it is working on and waits for it.
func (h *Hosted) Close() {
	h.session.Close()
	h.mu.Lock()
	h.closed = true
	h.queue = nil
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

// Deliver implements message.Receiver.
func (h *Hosted) Deliver(d *message.Delivery) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return consensus.Refuse(message.CodeAgentGone, "the agent "+h.handler.Name()+" is stopping")
	case len(h.queue) >= hostedQueue:
		return consensus.Refuse(message.CodeOverloaded, "the agent "+h.handler.Name()+" has too many messages waiting")
	}
	h.queue = append(h.queue, d)
	if h.running < hostedAtOnce {
		h.running++
		h.wg.Go(h.work)
	}
	return nil
}

// work handles what waits until nothing does.
func (h *Hosted) work() {
	for {
		h.mu.Lock()
		if len(h.queue) == 0 {
			h.queue = nil
			h.running--
			h.mu.Unlock()
			return
		}
		d := h.queue[0]
		h.queue[0] = nil
		h.queue = h.queue[1:]
		h.mu.Unlock()
		if d.Sent() {
			d.Delivered()
			h.handle(d)
		}
	}
}

func (h *Hosted) handle(d *message.Delivery) {
	ctx, cancel := context.WithDeadline(h.ctx, d.Message.Deadline)
	defer cancel()
	reply, err := h.call(ctx, *d.Message)
	if !d.WantReply {
		if err != nil {
			h.logger.Warn("an agent failed", "agent", h.handler.Name(), "request_id", d.Message.RequestID, "error", err)
		}
		return
	}
	if err == nil {
		err = d.Reply(reply)
	}
	var refusal *consensus.Refusal
	if ctx.Err() != nil && !errors.As(err, &refusal) {
		return // the deadline, or Close, tells the asker
	}
	if errors.As(err, &refusal) && refusal.Code == message.CodeNotWaiting {
		return // the asker has gone or heard of the timeout
	}
	if err == nil {
		return
	}
	if refusal == nil {
		h.logger.Warn("an agent failed", "agent", h.handler.Name(), "request_id", d.Message.RequestID, "error", err)
		refusal = &consensus.Refusal{Code: CodeAgentError, Sentence: "the agent " + h.handler.Name() + " failed; the log of its node says why"}
	}
	_ = d.Fail(refusal) // too late is no failure
}

// call keeps a panicking agent from taking the node with it.
func (h *Hosted) call(ctx context.Context, m message.Message) (reply json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h.handler.Handle(ctx, m)
}
