package message

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of what is under way to receivers: handed over and neither delivered
// nor answered. A node's room is shared as in "dynamic thresholds" (Choudhury
// and Hahne, 1998): a session may have up to a part of what is free, so that
// many slow ones have less each and always leave some to the others.
const (
	maxInflight      = 4096
	maxInflightBytes = 16 << 20
	nodeInflight     = 1 << 18
	nodeInflightMiB  = 512
	// A session may always have so many.
	minInflight      = 16
	minInflightBytes = 1 << 20
	inflightShare    = 16
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

// Misser is a Receiver that hears of messages to topics which its session had no
// room for, since nobody else tells the subscriber. Missed is called in place of
// Deliver and must not block.
type Misser interface{ Missed() }

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

// Session is one agent attached to this node, or a listener without a name.
// Safe for concurrent use.
type Session struct {
	router    *Router
	name      string
	principal string
	receiver  Receiver
	unwatch   func() bool

	seat seat // the Router's lock guards it
	busy atomic.Int64

	count struct{ in, inBytes, out, outBytes, refused atomic.Uint64 }

	sends sends

	mu       sync.Mutex
	profile  Profile
	first    *Delivery // of what is under way
	inflight int
	bytes    int
	closed   bool

	patterns map[Pattern]struct{} // the Router's topics' lock guards it
}

// Name returns the agent's name; "" for a listener.
func (s *Session) Name() string { return s.name }

// Describe replaces what the agent says of itself, and whether the session takes
// messages from inboxes, and spreads what is new: a client says so only after it
// has attached.
func (s *Session) Describe(description string, capabilities []string, durable bool) {
	s.mu.Lock()
	p := &s.profile
	changed := p.Description != description || !slices.Equal(p.Capabilities, capabilities)
	p.Description, p.Capabilities = description, capabilities
	s.mu.Unlock()
	s.router.mu.Lock()
	changed = changed || s.seat.durable != durable
	s.seat.durable = durable
	s.router.mu.Unlock()
	if changed {
		s.router.announce()
	}
}

// SetAway says whether the session's connection is broken and may come back:
// it stays attached, but is chosen last and not announced as present.
func (s *Session) SetAway(away bool) {
	s.router.mu.Lock()
	s.seat.away = away
	s.router.mu.Unlock()
	s.router.announce()
}

// Close detaches the session and gives up its sends. What its receiver has not
// settled is settled now: refused where it was never sent to the agent, unknown
// where it was.
func (s *Session) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	var open []*Delivery
	for d := s.first; d != nil; d = d.next {
		open = append(open, d)
	}
	unwatch := s.unwatch
	s.mu.Unlock()
	unwatch()
	s.sends.end()
	s.router.unsubscribeAll(s)
	s.router.detach(s)
	// The oldest first: what was never seen goes elsewhere in its order.
	for i := len(open) - 1; i >= 0; i-- {
		open[i].abandon()
	}
}

// share is how much of `all` one session may have under way while `used` is.
func share(used, all, least, most int64) int64 {
	return min(max((all-used)/inflightShare, least), most)
}

// deliver gives m to the receiver. It returns an error, and never tells to,
// when the receiver did not take it.
//
// d is the memory of a delivery that was never used, or nil; shared says that
// m goes to other sessions too.
func (s *Session) deliver(m *Message, d *Delivery, wantReply, shared bool, to sink, number uint64) (err error) {
	r := s.router
	size := len(m.Body)
	if span := r.cfg.Tracer.Start(m.TraceParent, "deliver"); span != nil {
		m, to = s.traceDelivery(span, m, shared, to)
		defer func() {
			if err != nil {
				span.End(err) // nobody else will
			}
		}()
	}
	if d == nil {
		d = &Delivery{}
	}
	d.Message, d.WantReply, d.session, d.to, d.number = m, wantReply, s, to, number
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return goneSession(s.name, r.cfg.NodeID)
	case int64(s.inflight) >= share(r.inflight.Load(), nodeInflight, minInflight, maxInflight),
		s.inflight > 0 && int64(s.bytes+size) > share(r.inflightBytes.Load(), nodeInflightMiB<<20, minInflightBytes, maxInflightBytes):
		s.mu.Unlock()
		s.count.refused.Add(1)
		if misser, ok := s.receiver.(Misser); ok && strings.HasPrefix(m.To, topicPrefix) {
			misser.Missed()
		}
		return slowReceiver(s.name, r.cfg.NodeID)
	}
	if d.next = s.first; d.next != nil {
		d.next.prev = d
	}
	s.first = d
	s.inflight++
	s.bytes += size
	s.mu.Unlock()
	s.busy.Add(1)
	r.inflight.Add(1)
	r.inflightBytes.Add(int64(size))
	r.busyChanged()

	if !r.wheel.add(&d.timed, d, m.Deadline) && d.withdraw() {
		return goneSession(s.name, r.cfg.NodeID)
	}
	if err := s.receiver.Deliver(d); err != nil {
		// If it ended in between (the session closed), the sender has its word.
		if d.withdraw() {
			s.count.refused.Add(1)
			return err
		}
	}
	s.count.in.Add(1)
	s.count.inBytes.Add(uint64(size))
	return nil
}

// forget takes a delivery that has ended out of what is under way.
func (s *Session) forget(d *Delivery) {
	r, size := s.router, len(d.Message.Body)
	s.mu.Lock()
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		s.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	}
	d.prev, d.next = nil, nil
	s.inflight--
	s.bytes -= size
	s.mu.Unlock()
	s.busy.Add(-1)
	r.inflight.Add(-1)
	r.inflightBytes.Add(-int64(size))
	r.busyChanged()
}
