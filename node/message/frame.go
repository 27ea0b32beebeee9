package message

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// MaxFrame bounds a frame between nodes, in bytes: a body and its envelope.
const MaxFrame = MaxBody + 8<<10

// frame is a message on its way to the node that hosts the receiver. The
// sender's node is not in it: it is who the link authenticated.
type frame struct {
	Agent        string `cbor:"1,keyasint"`
	All          bool   `cbor:"2,keyasint,omitempty"`
	Wait         bool   `cbor:"3,keyasint,omitempty"`
	TimeoutMs    uint32 `cbor:"4,keyasint"`
	ID           string `cbor:"5,keyasint"`
	To           string `cbor:"6,keyasint"`
	FromAgent    string `cbor:"7,keyasint,omitempty"`
	Principal    string `cbor:"8,keyasint,omitempty"`
	Type         string `cbor:"9,keyasint,omitempty"`
	Body         []byte `cbor:"10,keyasint"`
	Conversation string `cbor:"11,keyasint,omitempty"`
	RequestID    string `cbor:"12,keyasint,omitempty"`
}

func encodeFrame(m Message, agent string, all, wait bool, now time.Time) []byte {
	left := max(m.Deadline.Sub(now), time.Millisecond)
	return consensus.Encode(frame{
		Agent: agent, All: all, Wait: wait, TimeoutMs: uint32(left.Milliseconds()),
		ID: m.ID, To: m.To, FromAgent: m.From.Agent, Principal: m.From.Principal,
		Type: m.Type, Body: m.Body, Conversation: m.Conversation, RequestID: m.RequestID,
	})
}

// decodeFrame reads a frame that came from node `from` and checks every field
// as if a client had sent it.
func decodeFrame(data []byte, from string, now time.Time) (frame, Message, error) {
	var f frame
	if len(data) > MaxFrame {
		return f, Message{}, consensus.Refuse(CodeTooLarge, "the message frame is too large")
	}
	if err := consensus.Decode(data, &f); err != nil {
		return f, Message{}, invalid("frame", fmt.Sprintf("the message frame cannot be read: %v", err))
	}
	if err := CheckName(f.Agent); err != nil {
		return f, Message{}, err
	}
	if _, err := ParseAddress(f.To); err != nil {
		return f, Message{}, err
	}
	if f.All && f.Wait {
		return f, Message{}, errWaitAll
	}
	timeout := min(time.Duration(f.TimeoutMs)*time.Millisecond, MaxTimeout)
	m := Message{
		ID: f.ID, To: f.To, From: Sender{Agent: f.FromAgent, Principal: f.Principal, Node: from},
		Type: f.Type, Body: f.Body, Conversation: f.Conversation, RequestID: f.RequestID,
		Deadline: now.Add(timeout),
	}
	if len(m.Body) == 0 {
		return f, Message{}, invalid("body", "a message body is one JSON value")
	}
	return f, m, m.check()
}

// outcome is what became of a frame at the node that hosts the receiver, and
// what it answers.
type outcome struct {
	Status  Status             `cbor:"1,keyasint"`
	Reply   []byte             `cbor:"2,keyasint,omitempty"`
	Refusal *consensus.Refusal `cbor:"3,keyasint,omitempty"`
	Counts  *Counts            `cbor:"4,keyasint,omitempty"`
}

func decodeOutcome(data []byte) (outcome, error) {
	var o outcome
	if len(data) > MaxFrame {
		return o, fmt.Errorf("the receipt is too large: %d bytes", len(data))
	}
	if err := consensus.Decode(data, &o); err != nil {
		return o, err
	}
	switch {
	case o.Status != Delivered && o.Status != Refused && o.Status != Unknown:
		return o, fmt.Errorf("the receipt has the status %q", o.Status)
	case o.Reply != nil && (len(o.Reply) > MaxBody || !json.Valid(o.Reply)):
		return o, fmt.Errorf("the answer is not one JSON value of at most 1 MiB")
	case o.Refusal == nil && o.Status == Refused && o.Counts == nil:
		return o, fmt.Errorf("the receipt refuses without a reason")
	case o.Counts != nil && (o.Counts.Delivered < 0 || o.Counts.Refused < 0 || o.Counts.Unknown < 0):
		return o, fmt.Errorf("the receipt has negative counts")
	}
	return o, nil
}

// refusedBy makes the outcome of a refusal.
func refusedBy(err error) outcome { return outcome{Status: Refused, Refusal: asRefusal(err)} }
