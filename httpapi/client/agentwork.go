package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// work is the messages that wait for the program, and those it has in hand.
type work struct {
	handler     Handler
	concurrency int
	messages    chan *Message // where there is no handler

	mu      sync.Mutex
	waiting []*Message
	busy    int // goroutines at work
	stopped bool
	closed  bool
	ended   bool          // messages is closed
	idle    chan struct{} // closed when nothing is waiting or busy; nil: nobody asks
}

func (w *work) init(cfg AgentConfig) {
	w.handler, w.concurrency = cfg.Handler, cfg.Concurrency
	if w.handler == nil {
		w.messages, w.concurrency = make(chan *Message), 1
	}
}

// Messages are what comes, where there is no Handler. Each has to be answered,
// acknowledged or returned by who takes it; live messages without an answer are
// acknowledged as they are taken. The channel is closed when the Agent ends.
func (a *Agent) Messages() <-chan *Message { return a.work.messages }

// add hands a message to a goroutine, in their order where there is one.
func (w *work) add(a *Agent, m *Message) {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		if m.Wait {
			_ = m.ReplyError("AGENT_STOPPING", "the agent is stopping")
		}
		return // what is durable comes again, what is live ends with the connection
	}
	w.waiting = append(w.waiting, m)
	more := w.busy < w.concurrency
	if more {
		w.busy++
	}
	w.mu.Unlock()
	if more {
		go w.run(a)
	}
}

// run works until nothing waits.
func (w *work) run(a *Agent) {
	for {
		w.mu.Lock()
		if len(w.waiting) == 0 || w.closed {
			w.busy--
			if w.busy == 0 && w.idle != nil {
				close(w.idle)
				w.idle = nil
			}
			if w.busy == 0 && w.closed {
				w.end()
			}
			w.mu.Unlock()
			return
		}
		m := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		w.mu.Unlock()
		a.handle(m)
	}
}

// stop lets nothing more in; what waits of the inbox is left to come again.
func (w *work) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	kept := w.waiting[:0]
	for _, m := range w.waiting {
		if !m.Durable {
			kept = append(kept, m)
		}
	}
	w.waiting = kept
}

// wait waits until nothing is waiting or in hand.
func (w *work) wait(ctx context.Context) error {
	w.mu.Lock()
	if w.busy == 0 {
		w.mu.Unlock()
		return nil
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close drops what waits.
func (w *work) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped, w.closed, w.waiting = true, true, nil
	if w.busy == 0 {
		w.end()
	}
}

// end closes the channel, once. It needs the lock.
func (w *work) end() {
	if w.messages != nil && !w.ended {
		w.ended = true
		close(w.messages)
	}
}

// handle has the program do one message.
func (a *Agent) handle(m *Message) {
	h := a.work.handler
	if m.handler != nil {
		h = m.handler
	}
	if t := m.Task(); t != nil && !a.mayBegin(m, t) {
		return
	}
	if !m.Wait && !m.Durable {
		_ = m.Ack() // taken: live is at most once
	}
	if h == nil { // who takes it settles it
		select {
		case a.work.messages <- m:
		case <-a.ctx.Done():
		}
		return
	}
	ctx, cancel := a.ctx, context.CancelFunc(func() {})
	if m.Wait {
		ctx, cancel = context.WithDeadline(a.ctx, m.Deadline)
	}
	err := guarded(h, ctx, m)
	cancel()
	a.settleBy(m, err)
	a.handled(m)
}

// guarded is a handler whose panic is an error: one message must not end the
// program that serves others.
func guarded(h Handler, ctx context.Context, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	return h(ctx, m)
}

// settleBy ends a message by what its handler returned, unless it has ended it.
func (a *Agent) settleBy(m *Message, err error) {
	switch {
	case err != nil && a.ctx.Err() != nil:
		return // cut off, not failed
	case err == nil && m.Wait:
		err = m.ReplyError("NO_ANSWER", "the agent gave no answer")
	case err == nil:
		err = m.Ack()
	case m.Wait:
		a.log.Warn("a request failed", "agent", a.cfg.Name, "message", m.ID, "error", err)
		var e *Error
		code, sentence := "", err.Error()
		if errors.As(err, &e) {
			code, sentence = e.Code, e.Sentence
		}
		err = m.ReplyError(code, sentence)
	case m.Durable && a.failTask(m, err):
		return
	case m.Durable:
		a.log.Warn("a message goes back", "agent", a.cfg.Name, "message", m.ID, "attempt", m.Attempt, "error", err)
		err = m.Return(0, err.Error())
	default:
		a.log.Warn("a message failed", "agent", a.cfg.Name, "message", m.ID, "error", err)
		return
	}
	if err != nil && !errors.Is(err, ErrSettled) {
		a.log.Warn("a message was not settled", "agent", a.cfg.Name, "message", m.ID, "error", err)
	}
}
