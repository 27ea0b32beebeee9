package dispatch

import (
	"time"

	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// entryOf is what the core needs to know of a waiting message.
func entryOf(m inbox.Due) entry {
	e := entry{seq: m.Seq, node: m.Node, size: perMessage, attempts: m.Attempts}
	// Two senders with one hash wait for each other at times, no more.
	e.lane = uint64(m.Sender)<<34 | uint64(m.Priority&3)<<32 | uint64(m.Node)
	if m.Size <= inbox.MaxShown {
		e.size += int(m.Size) // a larger body is not carried
	}
	return e
}

// messageOf makes a stored message one that the router carries.
func messageOf(agent string, m *inbox.Stored, deadline time.Time) message.Message {
	out := message.Message{
		ID: m.ID, To: agent, From: m.From, Type: m.Type, Body: m.Body, Conversation: m.Conversation, Sticky: m.Sticky,
		Deadline: deadline, RequestID: m.RequestID, Sealed: m.Sealed, Key: m.Key, TraceParent: m.TraceParent,
		Priority: uint8(m.Priority), Checked: true,
		Stored: &message.Stored{Seq: m.Seq, Attempt: m.Attempts + 1, AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt},
	}
	switch {
	case m.Topic != "":
		out.To, out.Stored.Inbox = "topic/"+m.Topic, agent
	case m.Node != "":
		out.To = agent + "@" + m.Node
	}
	if m.Body == nil {
		out.Stored.Size = m.Size
	}
	return out
}
