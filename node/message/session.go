package message

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what one session may have under way: handed to its receiver and
// neither delivered nor answered.
const (
	maxInflight      = 1024
	maxInflightBytes = 16 << 20
)

// Receiver takes the messages of one session.
type Receiver interface {
	// Deliver takes one message, or refuses it with an error that becomes the
	// sender's (a *consensus.Refusal crosses nodes unchanged); a nil error
	// means that the receiver will settle d. It must not block: it has a
	// bounded queue and refuses when that is full. Messages of one sender
	// come in order.
	Deliver(d *Delivery) error
}

// ReceiverFunc makes a function a Receiver.
type ReceiverFunc func(d *Delivery) error

// Deliver implements Receiver.
func (f ReceiverFunc) Deliver(d *Delivery) error { return f(d) }

// Profile is what an agent says of itself.
type Profile struct {
	Description  string
	Capabilities []string
	// Kind is "session" for a client's agent and "builtin" for one of the
	// node's own; a name used by a built-in agent cannot be attached to.
	Kind string
	// Durable says that it takes messages from inboxes, and acknowledges or
	// returns each of them.
	Durable bool
}

// Session is one agent attached to this node. Safe for concurrent use.
type Session struct {
	router    *Router
	name      string
	principal string
	receiver  Receiver
	entry     *entry
	unwatch   func() bool

	busy atomic.Int64

	mu       sync.Mutex
	profile  Profile
	inflight map[*Delivery]struct{}
	bytes    int
	closed   bool
}

// Name returns the agent's name.
func (s *Session) Name() string { return s.name }

// Describe replaces what the agent says of itself and spreads it.
func (s *Session) Describe(description string, capabilities []string) {
	s.mu.Lock()
	s.profile.Description, s.profile.Capabilities = description, capabilities
	s.mu.Unlock()
	s.router.announce()
}

// Submit sends m as this session's agent; see Router.Submit.
func (s *Session) Submit(ctx context.Context, m Message, wantReply bool, done func(Receipt, error)) {
	m.From = Sender{Agent: s.name, Principal: s.principal}
	s.router.Submit(ctx, m, wantReply, done)
}

// Close detaches the session. What its receiver has not settled is settled
// now: refused where it was never sent to the agent, unknown where it was.
func (s *Session) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	open := make([]*Delivery, 0, len(s.inflight))
	for d := range s.inflight {
		open = append(open, d)
	}
	unwatch := s.unwatch
	s.mu.Unlock()
	unwatch()
	s.router.detach(s)
	for _, d := range open {
		d.abandon()
	}
}

// deliver gives m to the receiver. It returns an error, and never calls done,
// when the receiver did not take it.
func (s *Session) deliver(m Message, wantReply bool, now time.Time, done func(outcome)) error {
	d := &Delivery{Message: &m, WantReply: wantReply, session: s, done: done}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return goneSession(s.name, s.router.cfg.NodeID)
	case len(s.inflight) >= maxInflight || s.bytes+len(m.Body) > maxInflightBytes:
		s.mu.Unlock()
		return slowReceiver(s.name, s.router.cfg.NodeID)
	}
	s.inflight[d] = struct{}{}
	s.bytes += len(m.Body)
	s.mu.Unlock()
	s.busy.Add(1)
	s.router.busyChanged()

	d.mu.Lock()
	d.timer = time.AfterFunc(m.Deadline.Sub(now), d.expire)
	d.mu.Unlock()
	if err := s.receiver.Deliver(d); err != nil {
		// If it ended in between (the session closed), the sender has its word.
		if d.withdraw() {
			return err
		}
	}
	return nil
}

// withdraw takes back a delivery that the receiver refused.
func (d *Delivery) withdraw() bool {
	d.mu.Lock()
	if d.stage == finished {
		d.mu.Unlock()
		return false
	}
	d.stage = finished
	d.timer.Stop()
	d.mu.Unlock()
	d.session.forget(d)
	return true
}

func (s *Session) forget(d *Delivery) {
	s.mu.Lock()
	if _, ok := s.inflight[d]; ok {
		delete(s.inflight, d)
		s.bytes -= len(d.Message.Body)
		s.busy.Add(-1)
	}
	s.mu.Unlock()
	s.router.busyChanged()
}
