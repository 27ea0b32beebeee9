package agent

import (
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

// take acts on one frame, which f is what scan read of where scanned. An error
// says that the frame was bad; the client has been told. What is refused for
// other reasons is told too, and is no error.
func (l *link) take(data []byte, f *inbound, scanned bool) error {
	c := l.client
	resumable := c.resumable.Load()
	if resumable {
		c.taking.Lock()
		defer c.taking.Unlock()
		if c.link.Load() != l {
			return nil // another connection has taken over, and knows what came before
		}
	}
	if !scanned {
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
		if *f, err = decodeFrame(data); err != nil {
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
	return c.act(f, l.now)
}

// act does what a good frame says.
func (c *client) act(f *inbound, now time.Time) error {
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
		c.submit(f, now)
	}
	return nil
}

// greet takes what the client says of itself.
func (c *client) greet(f *inbound) {
	c.mu.Lock()
	c.acks, c.batch, c.bulk = f.Acks, f.Batch || f.Bulk, f.Bulk
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
		err := c.mayFollow()
		if err == nil {
			err = c.follow(f.Events, 0, nil)
		}
		if err != nil {
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
		if err = d.ReplyChecked(f.Body); !d.WantReply {
			d.Delivered() // a word for it all the same
		}
	}
	if err != nil {
		if d != nil && !d.Ended() {
			c.owes(f.InReplyTo, d) // another answer may do
		}
		out := errorFrame(f.ID, err)
		out.InReplyTo = f.InReplyTo
		c.tell(out)
	}
}

// owes puts back what settled has taken out.
func (c *client) owes(id string, d *message.Delivery) {
	n, _ := parseNumber(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owe(n, d)
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
	c.sends.trim()
	c.queue.lapse(&c.server.held)
	c.queue.trim()
}
