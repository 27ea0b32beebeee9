package message

import (
	"context"
	"sync"
	"time"
)

// Ender is told how a send ended.
type Ender interface {
	// Ended is called exactly once, on any goroutine, perhaps before Submit
	// returns. It must not block.
	Ended(Receipt, error)
}

type enderFunc func(Receipt, error)

// Ended implements Ender.
func (f enderFunc) Ended(r Receipt, err error) { f(r, err) }

// Send is one message on its way from a Session or an Outbox. Embed it in what
// the sender keeps of the message: both are then one piece of memory. It is sent
// once.
type Send struct{ call call }

// Message is what will be sent, to be filled in before Submit; the sender is
// not. It must not be touched after.
func (s *Send) Message() *Message { return &s.call.m }

// WantReply says whether Submit was told to wait for an answer.
func (s *Send) WantReply() bool { return s.call.wait }

// Submit sends s as this session's agent; see Router.Submit. It is given up,
// with context.Canceled, when the session is closed. now is the time, which
// whoever submits many at once asks for once.
func (s *Session) Submit(send *Send, wantReply bool, now time.Time, to Ender) {
	c := &send.call
	c.m.From = Sender{Agent: s.name, Principal: s.principal, Node: s.router.cfg.NodeID}
	s.count.out.Add(1)
	s.count.outBytes.Add(uint64(len(c.m.Body)))
	s.sends.submit(s.router, c, wantReply, now, to)
}

// Outbox sends for a client that is attached as no agent. Safe for concurrent
// use.
type Outbox struct {
	router    *Router
	principal string
	sends     sends
}

// Outbox returns one that sends for a principal, which must be authenticated.
func (r *Router) Outbox(principal string) *Outbox { return &Outbox{router: r, principal: principal} }

// Submit is Session.Submit for the principal.
func (o *Outbox) Submit(send *Send, wantReply bool, now time.Time, to Ender) {
	c := &send.call
	c.m.From = Sender{Principal: o.principal, Node: o.router.cfg.NodeID}
	o.sends.submit(o.router, c, wantReply, now, to)
}

// Close gives up what is under way, and refuses what comes from now on.
func (o *Outbox) Close() { o.sends.end() }

// sends are the calls that are under way of a session or an Outbox.
type sends struct {
	mu    sync.Mutex
	first *call
	ended bool
}

func (l *sends) submit(r *Router, c *call, wantReply bool, now time.Time, to Ender) {
	c.r, c.wait, c.to, c.sends, c.m.Stored = r, wantReply, to, l, nil
	r.submit(context.Background(), c, "", now)
}

// add reports whether the session is still open.
func (l *sends) add(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	if c.later = l.first; c.later != nil {
		c.later.earlier = c
	}
	l.first, c.listed = c, true
	return true
}

func (l *sends) remove(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.listed {
		return
	}
	if c.earlier != nil {
		c.earlier.later = c.later
	} else {
		l.first = c.later
	}
	if c.later != nil {
		c.later.earlier = c.earlier
	}
	c.earlier, c.later, c.listed = nil, nil, false
}

// end gives up all that is under way.
func (l *sends) end() {
	l.mu.Lock()
	l.ended = true
	var open []*call
	for c := l.first; c != nil; c = c.later {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		c.finish(Receipt{ID: c.m.ID, Status: Unknown}, context.Canceled)
	}
}
