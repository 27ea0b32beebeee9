package program

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

// own is a message of the child's own, on its way to the mesh.
type own struct {
	agent *client.Agent
	m     client.Outgoing
	id    string // the child's
	wait  bool
	until time.Time
}

// send puts a message of the child's own in line.
func (c *child) send(s *said) {
	c.mu.Lock()
	a, full := c.agent, c.own >= maxOwn
	if a != nil && !full {
		c.own++
	}
	c.mu.Unlock()
	switch {
	case a == nil:
		c.complain(s.ID, &client.Error{Code: client.CodeOverloaded, Sentence: "the agent is not attached yet: wait for the hello"})
		return
	case full:
		c.complain(s.ID, &client.Error{Code: client.CodeOverloaded, Sentence: fmt.Sprintf("at most %d messages of yours may be under way", maxOwn)})
		return
	}
	timeout, _ := duration(s.Timeout) // checked when it was read
	ttl, _ := duration(s.TTL)
	delay, _ := duration(s.Delay)
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	c.outbox <- &own{agent: a, id: s.ID, wait: s.Wait, until: time.Now().Add(timeout), m: client.Outgoing{
		ID: s.MessageID, To: s.To, Type: s.MessageType, Body: s.Body, Conversation: s.Conversation, Sticky: s.Sticky,
		Durable: s.Durable, TTL: ttl, Delay: delay, Priority: s.Priority, Seal: s.Seal, TraceParent: s.TraceParent,
	}} // it has room for as many as may be under way
}

// post sends the child's own messages in the order in which it printed them,
// until there are no more. ctx ends its patience with a mesh that takes none.
func (c *child) post(ctx context.Context) {
	for o := range c.outbox {
		c.submit(ctx, o)
	}
}

func (c *child) submit(ctx context.Context, o *own) {
	ctx, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	submit := o.agent.Submit
	if o.wait {
		submit = o.agent.SubmitRequest
	}
	// What it came to is told on another goroutine: it must not wait here for a
	// child that does not read.
	done := func(r client.Receipt, err error) { go c.told(o, r, err) }
	if err := submit(ctx, o.m, done); err != nil {
		done(client.Receipt{ID: o.m.ID}, err)
	}
}

// told tells the child what became of a message of its own, which is under way
// until then: so one that never reads has no more of them than any other.
func (c *child) told(o *own, r client.Receipt, err error) {
	t := told{Type: "receipt", InReplyTo: o.id, MessageID: r.ID, Status: string(r.Status), Counts: r.Counts}
	if o.m.Durable && err == nil {
		t.Known = &r.Known
	}
	switch {
	case err != nil:
		t.Type, t.Code, t.Error = "error", client.CodeInvalid, err.Error()
		var e *client.Error
		switch {
		case errors.As(err, &e):
			t.Code, t.Error = e.Code, e.Sentence
		case errors.Is(err, client.ErrKeyChanged):
			t.Code = "KEY_CHANGED"
		case errors.Is(err, client.ErrTimeout):
			t.Code = client.CodeReplyTimeout
		case errors.Is(err, client.ErrUnknown):
			t.Code = "UNKNOWN"
		}
	case o.wait:
		t.Type, t.Body = "reply", r.Reply
	}
	c.tellSoon(t.line())
	c.mu.Lock()
	c.own--
	c.mu.Unlock()
}

// tellSoon puts a line in line for a child that reads. One that only tells the
// mesh things need not: what it leaves unread is waited for once, and then
// dropped until it reads again.
func (c *child) tellSoon(line []byte) {
	select {
	case c.lines <- line:
		return
	default:
		if c.deaf.Load() {
			return
		}
	}
	timer := time.NewTimer(unreadTime)
	defer timer.Stop()
	select {
	case c.lines <- line:
	case <-c.life.Done():
	case <-timer.C:
		if !c.deaf.Swap(true) {
			c.in.report(Event{Event: "log", Level: "warn", Source: "log", Text: "the program does not read what became of its messages: it is not told of all of them"})
		}
	}
}
