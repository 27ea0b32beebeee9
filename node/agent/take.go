package agent

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// CodeAgentError is the code under which an agent's own error reaches the one
// who asked (502); Details["agent_code"] is the agent's code, if it gave one.
// An agent cannot speak with the mesh's codes.
const CodeAgentError = "AGENT_ERROR"

// take acts on one frame. An error says that the frame was bad; the client has
// been told. What is refused for other reasons is told too, and is no error.
func (c *client) take(ctx context.Context, data []byte) error {
	if kind := peekType(data); c.requests != nil && allowed[kind] == nil {
		if known, err := c.request(ctx, kind, data); known {
			return err
		}
	}
	f, err := decodeFrame(data)
	if err != nil {
		c.tell(errorFrame(f.ID, err))
		return err
	}
	switch f.Type {
	case "hello":
		c.mu.Lock()
		c.acks = f.Acks
		c.mu.Unlock()
		if c.session != nil {
			c.session.Describe(f.Description, f.Capabilities)
		}
	case "ping":
		c.tell(outbound{Type: "pong", ID: f.ID})
	case "ack":
		c.acknowledge(f)
	case "reply":
		c.reply(f)
	case "send":
		if c.requests != nil {
			if err := c.requests.Permit(); err != nil {
				c.tell(errorFrame(f.ID, err))
				return nil
			}
		}
		c.submit(ctx, f)
	}
	return nil
}

func (c *client) acknowledge(f inbound) {
	ids := f.IDs
	if f.ID != "" {
		ids = append(ids, f.ID)
	}
	for _, id := range ids {
		c.mu.Lock()
		d := c.pending[id]
		if d != nil && !d.WantReply {
			delete(c.pending, id)
		}
		c.mu.Unlock()
		if d != nil {
			d.Delivered()
		}
	}
}

func (c *client) reply(f inbound) {
	c.mu.Lock()
	d := c.pending[f.InReplyTo]
	delete(c.pending, f.InReplyTo)
	c.mu.Unlock()
	var err error
	switch {
	case d == nil:
		err = consensus.Refuse(message.CodeNotWaiting, "nobody waits for an answer to the frame "+f.InReplyTo)
	case f.Error != "":
		r := &consensus.Refusal{Code: CodeAgentError, Sentence: f.Error}
		if f.Code != "" {
			r.Details = map[string]string{"agent_code": f.Code}
		}
		err = d.Fail(r)
	default:
		err = d.Reply(f.Body)
	}
	if err != nil {
		out := errorFrame(f.ID, err)
		out.InReplyTo = f.InReplyTo
		c.tell(out)
	}
}

// submit sends a client's message; its end is told when it comes.
func (c *client) submit(ctx context.Context, f inbound) {
	c.mu.Lock()
	_, twice := c.sends[f.ID]
	full := len(c.sends) >= maxSends
	if !twice && !full {
		c.sends[f.ID] = struct{}{}
	}
	c.mu.Unlock()
	switch {
	case twice:
		c.tell(errorFrame(f.ID, badFrame("id", "a send with this id is still under way")))
		return
	case full:
		c.tell(errorFrame(f.ID, consensus.Refuse(message.CodeOverloaded, "too many sends of this connection are under way")))
		return
	}
	timeout, _ := f.timeout() // checked when it was decoded
	m := message.Message{
		ID: f.MessageID, To: f.To, Type: f.MessageType, Body: f.Body, Conversation: f.Conversation,
		RequestID: f.RequestID, Deadline: time.Now().Add(timeout),
	}
	done := func(receipt message.Receipt, err error) {
		c.mu.Lock()
		delete(c.sends, f.ID)
		c.mu.Unlock()
		out := outbound{Type: "ack", ID: f.ID}
		switch {
		case err != nil:
			out = errorFrame(f.ID, err)
		case f.Wait:
			out.Type, out.Body = "reply", receipt.Reply
		}
		out.MessageID, out.Status, out.Counts = receipt.ID, receipt.Status, receipt.Counts
		c.tell(out)
	}
	if c.session != nil {
		c.session.Submit(ctx, m, f.Wait, done)
		return
	}
	m.From = message.Sender{Principal: c.principal}
	c.server.cfg.Router.Submit(ctx, m, f.Wait, done)
}
