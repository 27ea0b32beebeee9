package agent

import (
	"maps"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// sending is a message of a client's on its way, until it has heard of its end.
type sending struct {
	message.Send
	client *client
	id     string // as the client calls it
}

// sealing is the end of one that was sealed here, to a key with this hash.
type sealing struct {
	*sending
	key string
}

// Ended implements message.Ender.
func (s *sending) Ended(r message.Receipt, err error) {
	s.end("", &r, err)
}

// Ended implements message.Ender.
func (s sealing) Ended(r message.Receipt, err error) {
	s.end(s.key, &r, err)
}

// end tells it. A refusal may be of another node, whose codes are not to be
// relied on.
func (s *sending) end(key string, r *message.Receipt, err error) {
	if err != nil {
		err = s.client.refusal(err)
	}
	s.client.sent(s.id, s.WantReply(), key, r, err)
}

// submit sends a client's message; its end is told when it comes.
func (c *client) submit(f *inbound, now time.Time) {
	c.mu.Lock()
	twice := !c.sends.add(f.ID)
	full := !twice && c.sends.n > maxSends
	if full {
		c.sends.remove(f.ID)
	}
	session, speaks := c.session, c.speaks()
	var outbox *message.Outbox
	if !speaks {
		outbox = c.outboxFor()
	}
	c.mu.Unlock()
	switch {
	case twice:
		c.tell(errorFrame(f.ID, consensus.Refuse(CodeDuplicateID, "a send with this id is still under way, and goes on; this one was not sent")))
		return
	case full:
		out := errorFrame(f.ID, consensus.Refuse(message.CodeOverloaded, "too many sends of this connection are under way"))
		out.Status = message.Refused
		c.tell(out)
		return
	}
	s := &sending{client: c, id: f.ID}
	end, sealed := message.Ender(s), ""
	m := s.Message()
	f.fill(m)
	if f.Seal {
		if err := c.seal(m, f.Key); err != nil {
			c.refused(f.ID, m.ID, err)
			return
		}
		sealed = m.Key
		end = sealing{s, sealed}
	}
	if f.Durable {
		c.submitDurable(f, *m, sealed)
		return
	}
	timeout, _ := f.timeout() // checked when it was decoded
	m.Deadline = now.Add(timeout)
	// Its sends end with the session; a context of their own would cost more.
	switch {
	case !speaks && outbox != nil:
		outbox.Submit(&s.Send, f.Wait, now, end)
	case speaks && session != nil:
		session.Submit(&s.Send, f.Wait, now, end)
	default: // the session has ended: nobody is there to be told
		end.Ended(message.Receipt{ID: m.ID, Status: message.Refused}, consensus.ErrClosed)
	}
}

// fill writes what the client says of its message.
func (f *inbound) fill(m *message.Message) {
	m.ID, m.To, m.Type, m.Body = f.MessageID, f.To, f.MessageType, f.Body
	m.Conversation, m.Sticky = f.Conversation, f.Sticky
	m.RequestID, m.TraceParent = f.RequestID, f.TraceParent
	m.Sealed, m.Key, m.Checked = f.Sealed, f.Key, true
}

// sent tells the end of a send.
func (c *client) sent(id string, wait bool, key string, r *message.Receipt, err error) {
	c.mu.Lock()
	c.sends.remove(id)
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
			out = sendError(id, err)
		case wait:
			out.Type, out.Body = "reply", r.Reply
		}
		out.MessageID, out.Status, out.Counts, out.Key = r.ID, r.Status, r.Counts, key
		ok = c.put(&out)
	}
	c.mu.Unlock()
	c.told(ok)
}

// sendError is errorFrame with the refused field named as a send frame has it.
func sendError(id string, err error) outbound {
	out := errorFrame(id, err)
	if field, odd := map[string]string{"id": "message_id", "type": "message_type"}[out.Details["field"]]; odd {
		out.Details = maps.Clone(out.Details) // a refusal may be shared
		out.Details["field"] = field
	}
	return out
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
func (c *client) submitDurable(f *inbound, m message.Message, sealed string) {
	if c.server.cfg.Durable == nil {
		c.refused(f.ID, m.ID, consensus.Refuse(message.CodeUnsupported, "this node keeps no inboxes"))
		return
	}
	if c.who.Name != "" && !c.speaks() {
		c.refused(f.ID, m.ID, c.errUnconfirmed())
		return
	}
	m.From = message.Sender{Agent: c.who.Name, Principal: c.who.Principal, Node: c.server.cfg.Router.NodeID()}
	out := Outgoing{Message: m, Priority: f.Priority}
	out.TTL, _ = f.duration("ttl", f.TTL, maxTTL) // checked when they were decoded
	out.Delay, _ = f.duration("delay", f.Delay, maxDelay)
	id := f.ID
	// What is accepted does not depend on who waits to hear of it.
	c.server.cfg.Durable.Submit(c.server.ctx, out, func(a Accepted, err error) { c.accepted(id, m.ID, sealed, &a, err) })
}

// accepted tells the end of a durable send.
func (c *client) accepted(id, messageID, key string, a *Accepted, err error) {
	var out outbound
	if err != nil {
		err = c.refusal(err)
		out = sendError(id, err)
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
	c.sends.remove(id)
	ok := c.ended || c.put(&out)
	c.mu.Unlock()
	c.told(ok)
}

// codeOutcomeUnknown is the catalogue's word for a command whose fate is not
// known.
const codeOutcomeUnknown = "OUTCOME_UNKNOWN"
