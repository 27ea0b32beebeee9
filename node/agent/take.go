package agent

import (
	"context"
	"errors"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// CodeAgentError is the code under which an agent's own error reaches the one
// who asked (502); Details["agent_code"] is the agent's code, if it gave one.
// An agent cannot speak with the mesh's codes.
const CodeAgentError = "AGENT_ERROR"

// errMissingFrame ends a connection: what came between is lost.
var errMissingFrame = errors.New("a numbered frame is missing")

// take acts on one frame. An error says that the frame was bad; the client has
// been told. What is refused for other reasons is told too, and is no error.
func (l *link) take(data []byte) error {
	c := l.client
	resumable := c.resumable.Load()
	if resumable {
		c.taking.Lock()
		defer c.taking.Unlock()
		if c.link.Load() != l {
			return nil // another connection has taken over, and knows what came before
		}
	}
	var f inbound
	if !l.scan(data, &f) {
		if kind := peekType(data); c.who.Requests != nil && allowed[kind] == nil {
			frame, number := data, uint64(0)
			if resumable {
				frame, number = cutNumber(data)
			}
			known, err := c.request(kind, append([]byte(nil), frame...), resumable, number)
			if known {
				return err
			}
		}
		var err error
		if f, err = decodeFrame(data); err != nil {
			if resumable {
				_, number := cutNumber(data)
				_, _ = c.arrived(number, len(data))
			}
			out := errorFrame(f.ID, err)
			if f.Type == "send" && f.ID != "" {
				out.Status = message.Refused
			}
			c.tell(out)
			return err
		}
	}
	if resumable && f.counts() {
		if fresh, err := c.arrived(f.Frame, len(data)); !fresh {
			return err
		}
	}
	return c.act(&f)
}

// act does what a good frame says.
func (c *client) act(f *inbound) error {
	switch f.Type {
	case "hello":
		c.greet(f)
	case "ping":
		c.tell(outbound{Type: "pong", ID: f.ID})
	case "ack":
		c.acknowledge(f)
	case "return":
		c.giveBack(f)
	case "reply":
		c.reply(f)
	case "credit":
		c.credit(int(f.Add), false)
	case "seen":
		return c.confirm(f.Frame)
	case "subscribe", "unsubscribe":
		c.subscribe(f)
	case "send":
		if c.who.Requests != nil {
			if err := c.who.Requests.Permit(); err != nil {
				out := errorFrame(f.ID, err)
				out.Status = message.Refused
				c.tell(out)
				return nil
			}
		}
		c.submit(f)
	}
	return nil
}

// greet takes what the client says of itself.
func (c *client) greet(f *inbound) {
	c.mu.Lock()
	c.acks, c.batch = f.Acks, f.Batch
	c.mu.Unlock()
	if f.Credit != nil {
		c.credit(int(*f.Credit), true)
	}
	if f.Resume {
		c.canResume()
	}
	if s := c.router(); s != nil && c.who.Name != "" {
		s.Describe(f.Description, f.Capabilities, f.Acks)
	}
	if len(f.Events) > 0 {
		if err := c.follow(f.Events, 0, nil); err != nil {
			c.tell(errorFrame(f.ID, err))
		}
	}
}

// credit gives the client room for more messages, or sets it.
func (c *client) credit(n int, anew bool) {
	c.mu.Lock()
	q := &c.queue
	switch {
	case anew:
		q.credit = n
	case q.credit >= 0:
		q.credit = min(q.credit+n, maxCredit)
	}
	c.mu.Unlock()
	c.wake()
}

// names calls fn for each receive frame that a frame names.
func (f *inbound) names(fn func(id string)) {
	if f.ID != "" {
		fn(f.ID)
	}
	for _, id := range f.IDs {
		fn(id)
	}
}

// settled takes a receive frame out of those that the client owes its word
// for; nil where it owes none. One that waits for an answer stays if keep.
func (c *client) settled(id string, keep bool) *message.Delivery {
	n, ok := parseNumber(id)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.unsure[n]
	if d != nil && !(keep && d.WantReply) {
		delete(c.unsure, n)
	}
	return d
}

func (c *client) acknowledge(f *inbound) {
	f.names(func(id string) {
		if d := c.settled(id, true); d != nil {
			d.Delivered()
		}
	})
}

// giveBack returns messages of the inbox.
func (c *client) giveBack(f *inbound) {
	f.names(func(id string) {
		d := c.settled(id, true)
		if d == nil {
			return // it was settled before, or its time is over
		}
		if d.Message.Stored == nil {
			d.Delivered()
			out := errorFrame("", badFrame("id", "the message in the receive frame "+id+" is not of the inbox and cannot be returned"))
			out.InReplyTo = id
			c.tell(out)
			return
		}
		r := &consensus.Refusal{Code: CodeReturned, Sentence: f.Reason, Details: map[string]string{}}
		if f.Delay != "" {
			r.Details["delay"] = f.Delay
		}
		_ = d.Fail(r) // too late: it will come again
	})
}

func (c *client) reply(f *inbound) {
	d := c.settled(f.InReplyTo, false)
	var err error
	switch {
	case d == nil:
		err = consensus.Refuse(message.CodeNotWaiting, "nobody waits for an answer to the frame "+f.InReplyTo)
	case d.Message.Stored != nil:
		d.Delivered()
		err = consensus.Refuse(message.CodeNotWaiting, "a message of the inbox is acknowledged and not answered; send to its sender")
	case f.Error != "":
		r := &consensus.Refusal{Code: CodeAgentError, Sentence: f.Error}
		if f.Code != "" {
			r.Details = map[string]string{"agent_code": f.Code}
		}
		err = d.Fail(r)
	default:
		err = d.ReplyChecked(f.Body)
	}
	if err != nil {
		out := errorFrame(f.ID, err)
		out.InReplyTo = f.InReplyTo
		c.tell(out)
	}
}

// owe notes that the client owes its word for a receive frame. It needs mu.
func (c *client) owe(id uint64, d *message.Delivery) {
	if c.unsure == nil {
		c.unsure = map[uint64]*message.Delivery{}
	}
	c.unsure[id] = d
	if c.owed += perMessage + len(d.Message.Body); c.owed > maxQueueBytes {
		c.forgive()
	}
}

// forgive drops deliveries that ended without the client's word, so that those
// of a client who never gives it do not pile up. It needs mu.
func (c *client) forgive() {
	c.owed = 0
	for id, d := range c.unsure {
		if d.Ended() {
			delete(c.unsure, id)
		}
	}
}

// sweep drops what is no longer needed.
func (c *client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgive()
	if len(c.unsure) == 0 {
		c.unsure = nil // a map keeps the size it once had
	}
	if len(c.sends) == 0 {
		c.sends = nil
	}
	c.queue.trim()
}

// submit sends a client's message; its end is told when it comes.
func (c *client) submit(f *inbound) {
	c.mu.Lock()
	_, twice := c.sends[f.ID]
	full := len(c.sends) >= maxSends
	if !twice && !full {
		if c.sends == nil {
			c.sends = map[string]struct{}{}
		}
		c.sends[f.ID] = struct{}{}
	}
	session := c.session
	if c.who.Name == "" && c.outbox == nil && !c.ended {
		c.outbox = c.server.cfg.Router.Outbox(c.who.Principal)
	}
	outbox := c.outbox
	c.mu.Unlock()
	switch {
	case twice:
		c.tell(errorFrame(f.ID, badFrame("id", "a send with this id is still under way")))
		return
	case full:
		out := errorFrame(f.ID, consensus.Refuse(message.CodeOverloaded, "too many sends of this connection are under way"))
		out.Status = message.Refused
		c.tell(out)
		return
	}
	m := message.Message{
		ID: f.MessageID, To: f.To, Type: f.MessageType, Body: f.Body, Conversation: f.Conversation, Sticky: f.Sticky,
		RequestID: f.RequestID, TraceParent: f.TraceParent, Sealed: f.Sealed, Key: f.Key, Checked: true,
	}
	if f.Seal {
		if err := c.seal(&m, f.Key); err != nil {
			c.refused(f.ID, m.ID, err)
			return
		}
	}
	if f.Durable {
		c.submitDurable(f, m)
		return
	}
	timeout, _ := f.timeout() // checked when it was decoded
	m.Deadline = time.Now().Add(timeout)
	id, wait, sealed := f.ID, f.Wait, ""
	if f.Seal {
		sealed = m.Key
	}
	done := func(receipt message.Receipt, err error) { c.sent(id, wait, sealed, &receipt, err) }
	// Its sends end with the session; a context of their own would cost more.
	switch {
	case c.who.Name == "" && outbox != nil:
		outbox.Submit(m, wait, done)
	case c.who.Name != "" && session != nil:
		session.Submit(context.Background(), m, wait, done)
	default: // the session has ended: nobody is there to be told
		done(message.Receipt{ID: m.ID, Status: message.Refused}, consensus.ErrClosed)
	}
}

// sent tells the end of a send.
func (c *client) sent(id string, wait bool, key string, r *message.Receipt, err error) {
	c.mu.Lock()
	delete(c.sends, id)
	q := &c.queue
	ok := true
	switch plain := err == nil && r.Counts == nil && key == ""; {
	case c.ended:
	case plain && wait && r.Status == message.Delivered:
		if ok = q.fits(len(r.Reply)); ok {
			b := q.open()
			*b = appendReply(*b, id, r.ID, r.Reply)
			q.close()
		}
	case plain && !wait && c.batch && r.Status == message.Delivered:
		ok = q.ack(id)
	case plain && !wait:
		if ok = q.fits(0); ok {
			b := q.open()
			*b = appendAck(*b, id, r.ID, r.Status)
			q.close()
		}
	default:
		out := outbound{Type: "ack", ID: id}
		switch {
		case err != nil:
			out = errorFrame(id, err)
		case wait:
			out.Type, out.Body = "reply", r.Reply
		}
		out.MessageID, out.Status, out.Counts, out.Key = r.ID, r.Status, r.Counts, key
		ok = c.put(&out)
	}
	c.mu.Unlock()
	c.told(ok)
}

// refused tells that a send ended before it began.
func (c *client) refused(id, messageID string, err error) {
	c.sent(id, false, "", &message.Receipt{ID: messageID, Status: message.Refused}, c.refusal(err))
}

// seal encrypts the body of m to its receiver.
func (c *client) seal(m *message.Message, want string) error {
	if c.server.cfg.Seal == nil {
		return consensus.Refuse(message.CodeUnsupported, "this node does not seal messages; seal the body yourself")
	}
	body := m.Body
	if body == nil {
		body = []byte("null")
	}
	sealed, hash, err := c.server.cfg.Seal(c.ctx, m.To, body, want)
	if err != nil {
		return err
	}
	m.Body, m.Key, m.Sealed = sealed, hash, true
	return nil
}

// submitDurable gives a message to the inboxes.
func (c *client) submitDurable(f *inbound, m message.Message) {
	if c.server.cfg.Durable == nil {
		c.refused(f.ID, m.ID, consensus.Refuse(message.CodeUnsupported, "this node keeps no inboxes"))
		return
	}
	m.From = message.Sender{Agent: c.who.Name, Principal: c.who.Principal, Node: c.server.cfg.Router.NodeID()}
	out := Outgoing{Message: m, Priority: f.Priority}
	out.TTL, _ = f.duration("ttl", f.TTL, maxTTL) // checked when they were decoded
	out.Delay, _ = f.duration("delay", f.Delay, maxDelay)
	id, sealed := f.ID, ""
	if f.Seal {
		sealed = m.Key
	}
	// What is accepted does not depend on who waits to hear of it.
	c.server.cfg.Durable.Submit(c.server.ctx, out, func(a Accepted, err error) { c.accepted(id, m.ID, sealed, &a, err) })
}

// accepted tells the end of a durable send.
func (c *client) accepted(id, messageID, key string, a *Accepted, err error) {
	var out outbound
	if err != nil {
		err = c.refusal(err)
		out = errorFrame(id, err)
		out.MessageID, out.Status = messageID, message.Refused
		if out.Code == codeOutcomeUnknown {
			out.Status = message.Unknown
		}
	} else {
		if a.Key != "" {
			key = a.Key
		}
		known := a.Known
		out = outbound{Type: "ack", ID: id, MessageID: a.ID, Status: message.Accepted, Known: &known, Duplicate: a.Duplicate, Recipients: a.Recipients, Key: key}
	}
	c.mu.Lock()
	delete(c.sends, id)
	ok := c.ended || c.put(&out)
	c.mu.Unlock()
	c.told(ok)
}

// codeOutcomeUnknown is the catalogue's word for a command whose fate is not
// known.
const codeOutcomeUnknown = "OUTCOME_UNKNOWN"
