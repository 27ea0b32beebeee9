package message

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message/seal"
)

// Bounds of a message, in bytes where they are lengths.
const (
	// MaxBody bounds a body and an answer, as JSON text.
	MaxBody = 1 << 20
	// MaxID bounds a message id.
	MaxID = 128
	// maxLabel bounds type, conversation, request id and principal.
	maxLabel = 256
	// MaxTimeout bounds how long a send may last.
	MaxTimeout = 10 * time.Minute
	// MaxHold bounds how long a message of an inbox may be with a receiver.
	MaxHold = 24 * time.Hour
	// DefaultTimeout holds where neither context nor message sets one.
	DefaultTimeout = 30 * time.Second
)

// Sender says who sent a message. It is never what the sender claims: the
// principal is the credential's, the agent the session's (or one the
// credential may speak for), the node the one whose authenticated link the
// message came over.
type Sender struct {
	Agent     string `json:"agent,omitempty"`
	Principal string `json:"principal"`
	// Node is a node id.
	Node string `json:"node"`
}

// Message is one live message. Treat it as immutable once sent.
type Message struct {
	// ID is the sender's own, 1 to 128 visible ASCII characters, or a UUIDv7
	// made at send. It need not be unique among senders.
	ID string `json:"id"`
	// To is the address as the sender wrote it.
	To   string `json:"to"`
	From Sender `json:"from"`
	// Type is the sender's word for the kind of message; may be "".
	Type string `json:"type,omitempty"`
	// Body is one JSON value of at most MaxBody bytes.
	Body json.RawMessage `json:"body"`
	// Conversation groups messages; may be "".
	Conversation string `json:"conversation,omitempty"`
	// Deadline ends the wait for receipt and answer, by this node's clock.
	// Between nodes the remaining time travels, so that clocks need not agree.
	Deadline time.Time `json:"deadline,omitzero"`
	// RequestID ties the log lines of all nodes together.
	RequestID string `json:"request_id,omitempty"`
	// Sticky asks that all messages of one Conversation reach the same
	// instance, as long as the set of instances stays as it is.
	Sticky bool `json:"sticky,omitempty"`
	// Sealed says that Body is encrypted to the receiver; Key is the hash of
	// the key it is sealed to.
	Sealed bool   `json:"sealed,omitempty"`
	Key    string `json:"key,omitempty"`
	// TraceParent is the W3C trace context, or "".
	TraceParent string `json:"traceparent,omitempty"`
	// Priority orders an inbox, as package inbox numbers it; live messages
	// carry it and are not ordered by it.
	Priority uint8 `json:"priority,omitempty"`
	// Stored is set on what comes from an inbox, and only by Forward's caller.
	Stored *Stored `json:"stored,omitempty"`
	// Checked says that Body is known to be one JSON value: the router does
	// not look again.
	Checked bool `json:"-"`
}

// Stored says what an inbox knows of a message that it holds.
type Stored struct {
	// Inbox is the agent whose inbox it is; "" where To names it.
	Inbox string `json:"inbox,omitempty"`
	Seq   uint64 `json:"seq"`
	// Attempt counts the deliveries, this one included.
	Attempt    int       `json:"attempt"`
	AcceptedAt time.Time `json:"accepted_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	// Size is the length of a body that is not carried: Body is nil then.
	Size int64 `json:"size,omitempty"`
}

// normalise checks the fields that a client sets, makes an id where there is
// none and bounds the deadline.
func (m *Message) normalise(now time.Time, ctxDeadline time.Time) error {
	if m.ID == "" {
		m.ID = newID(now)
	}
	if err := m.check(); err != nil {
		return err
	}
	if m.Body == nil && m.Stored == nil {
		m.Body = json.RawMessage("null")
	}
	if m.Deadline.IsZero() {
		m.Deadline = now.Add(DefaultTimeout)
		if !ctxDeadline.IsZero() {
			m.Deadline = ctxDeadline
		}
	} else if !ctxDeadline.IsZero() && ctxDeadline.Before(m.Deadline) {
		m.Deadline = ctxDeadline
	}
	longest := MaxTimeout
	if m.Stored != nil {
		longest = MaxHold
	}
	if limit := now.Add(longest); m.Deadline.After(limit) {
		m.Deadline = limit
	}
	return nil
}

func (m *Message) check() error {
	if !Visible(m.ID, MaxID) || m.ID == "" {
		return invalid("id", "a message id is 1 to 128 visible ASCII characters")
	}
	var odd string
	switch {
	case !Printable(m.Type):
		odd = "type"
	case !Printable(m.Conversation):
		odd = "conversation"
	case !Printable(m.RequestID):
		odd = "request_id"
	case !Printable(m.From.Principal):
		odd = "principal"
	case !Printable(m.Key):
		odd = "key"
	}
	if odd != "" {
		return invalid(odd, odd+" is at most 256 bytes of printable text")
	}
	if m.From.Agent != "" {
		if err := CheckName(m.From.Agent); err != nil {
			return err
		}
	}
	if m.TraceParent != "" && !ValidTraceParent(m.TraceParent) {
		return invalid("traceparent", "traceparent is a W3C trace context: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")
	}
	if err := checkBody(m.Body, m.Checked); err != nil || !m.Sealed {
		return err
	}
	if err := seal.Check(m.Body); err != nil && m.Body != nil { // a large body of an inbox is not carried
		return invalid("body", "the body is called sealed and is not: "+err.Error())
	}
	return nil
}

func checkBody(body json.RawMessage, checked bool) error {
	if len(body) > MaxBody {
		return consensus.Refuse(CodeTooLarge, "a message body is at most 1 MiB")
	}
	if body != nil && !checked && !ValidJSON(body) {
		return errNotJSON()
	}
	return nil
}

// ValidTraceParent says whether s is a traceparent of W3C Trace Context,
// version 00 or a later one that begins alike.
func ValidTraceParent(s string) bool {
	if len(s) < 55 || len(s) > maxLabel || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	for i := range 55 {
		c := s[i]
		if i != 2 && i != 35 && i != 52 && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	switch {
	case s[:2] == "ff", s[:2] == "00" && len(s) != 55, len(s) > 55 && (s[55] != '-' || !Visible(s, maxLabel)):
		return false
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// Status says what is known of a message's fate.
type Status string

const (
	// Delivered: it reached the agent's session.
	Delivered Status = "delivered"
	// Refused: it did not, and never will.
	Refused Status = "refused"
	// Unknown: it was on its way when nothing more could be heard of it; it may have
	// been delivered.
	Unknown Status = "unknown"
	// Accepted, of a durable message: a quorum has it on disk. No Router says
	// so; whoever keeps inboxes does.
	Accepted Status = "accepted"
)

// Receipt is the end of a send.
type Receipt struct {
	ID     string `json:"id" doc:"the message's: as it was given, or made"`
	Status Status `json:"status" doc:"delivered, refused, unknown; accepted: durable, a majority has it on disk"`
	// Reply is the answer, where one was wanted and came.
	Reply json.RawMessage `json:"reply,omitempty" doc:"the answer, where one was waited for"`
	// Counts is set for agent@* and topics: how many instances or
	// subscribers the message reached. A node that said nothing of its own is
	// counted as one.
	Counts *Counts `json:"counts,omitempty" doc:"of agent@* and topics: how many instances or subscribers it reached; a node that was lost or did not answer in time counts as one, however many it has"`
	// Known, of a durable message, says whether its receiver was ever seen.
	Known *bool `json:"known,omitempty" doc:"of a durable message: whether its agent was ever seen"`
	// Duplicate, of a durable message, says that its id was accepted before.
	Duplicate bool `json:"duplicate,omitempty" doc:"of a durable message: its id was accepted before"`
	// Recipients are the agents in whose inboxes a durable message to a topic
	// or to everybody is.
	Recipients []string `json:"recipients,omitempty" doc:"of a durable message to a topic: the agents in whose inboxes it is"`
	// Key is the hash of the key the body was sealed to on the sender's behalf.
	Key string `json:"key,omitempty" doc:"the hash of the key that the body was sealed to here"`
}

// Counts tells the fates of one message to many instances.
type Counts struct {
	Delivered int `json:"delivered" cbor:"1,keyasint,omitempty"`
	Refused   int `json:"refused" cbor:"2,keyasint,omitempty"`
	Unknown   int `json:"unknown" cbor:"3,keyasint,omitempty"`
}

func (c Counts) plus(d Counts) Counts {
	return Counts{c.Delivered + d.Delivered, c.Refused + d.Refused, c.Unknown + d.Unknown}
}

// status is the word for the whole: the best that is certain.
func (c Counts) status() Status {
	switch {
	case c.Delivered > 0:
		return Delivered
	case c.Unknown > 0:
		return Unknown
	}
	return Refused
}
