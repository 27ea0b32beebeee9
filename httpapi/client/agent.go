package client

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// MaxBody is the largest body of a live message, in bytes of JSON.
const MaxBody = 1 << 20

// AgentConfig says what a program attaches to the mesh as.
type AgentConfig struct {
	// Name is the agent it becomes; several may share one, and then share its
	// messages. Without a name it sends, subscribes and follows events.
	Name string
	// Description and Capabilities are what the agent says of itself: at most
	// 1,024 bytes, and 32 words of 64 bytes.
	Description  string
	Capabilities []string
	// Handler takes messages; nil: they come by Agent.Messages.
	Handler Handler
	// Concurrency is how many messages are handled at a time; 0: 1. With more,
	// they may be handled in another order than they came.
	Concurrency int
	// Credit is how many messages may be on their way to the handlers, those in
	// work included; 0: 256, and never less than Concurrency. 1 leaves the next
	// message to other instances until this one is done.
	Credit int
	// LiveOnly leaves the agent's inbox alone.
	LiveOnly bool
	// Identity is the age identity ("AGE-SECRET-KEY-PQ-1…") that opens what is
	// sealed to this agent. Its recipient is published under the name. It never
	// leaves the program.
	Identity string
	// Keys remembers the keys of those it seals to; nil: as long as it lives.
	Keys KnownKeys
	// Events are the kinds of events of the mesh that OnEvent is told, such as
	// "agent.started" or "agent.*".
	Events  []string
	OnEvent func(Event)
	// OnState is told what becomes of the connection, in order. It must not
	// block.
	OnState func(State)
	// Logger may be nil.
	Logger *slog.Logger
}

// Handler does the work of one message. A message that it has not answered,
// acknowledged or returned itself ends by what it returns: nil acknowledges; an
// error answers a request with that error, and returns a message of the inbox
// for another attempt, or fails the attempt at the task that it hands over
// (Message.Task). ctx ends with the request's deadline, and with the Agent.
type Handler func(ctx context.Context, m *Message) error

// State is a turn in the life of an Agent's connection.
type State struct {
	// Connected says whether it can be reached now; Resumed, that it is the
	// connection of before to its peers: nothing of it was lost.
	Connected, Resumed bool
	// Node is the id of the node it is connected to, or was.
	Node string
	// Dropped counts messages of subscriptions that were dropped because they
	// were read too slowly.
	Dropped uint64
	// Err is why it was lost.
	Err error
}

// Event is something that happened in the mesh.
type Event struct {
	// Kind is such as "agent.started".
	Kind string
	// At is the event's place in the order of the node that told it.
	At string
	// Time is when it happened.
	Time time.Time
	// Data depends on the kind.
	Data json.RawMessage
}

// Status is what is known of a message.
type Status string

// What may be known of a message.
const (
	// Delivered: the receiver has it.
	Delivered Status = "delivered"
	// Accepted: a majority of the voters has it on disk, and it will be
	// delivered at least once.
	Accepted Status = "accepted"
	// Refused: it certainly was not delivered.
	Refused Status = "refused"
	// Unknown: the trace was lost after it may have been delivered.
	Unknown Status = "unknown"
)

// Outgoing is a message to be sent.
type Outgoing struct {
	// ID tells messages of one sender apart; empty: the Agent makes one. A
	// durable message is taken once under its id.
	ID string
	// To is AGENT, AGENT@NODE, AGENT@* or topic/PATH.
	To string
	// Type is a word for the receiver.
	Type string
	// Body is sent as JSON; json.RawMessage as it is.
	Body any
	// Durable puts it into the receivers' inboxes. It is repeated under its id
	// until a majority has it or the context ends.
	Durable bool
	// Conversation holds messages together; with Sticky they go to the same
	// instance while it is there.
	Conversation string
	Sticky       bool
	// Seal encrypts the body to the receiving agent's key.
	Seal bool
	// TTL is for how long an inbox keeps it (0: 7 days), Delay how long it is
	// held back.
	TTL, Delay time.Duration
	// Priority of a durable message: "low", "normal", "high", "critical".
	Priority string
	// Timeout is how long the receiver has; 0: until the context's deadline, or
	// 30 s. At most 10 min.
	Timeout time.Duration
	// TraceParent is W3C trace context.
	TraceParent string
	// RequestID is carried to the receiver.
	RequestID string

	key string // hash of the key it is sealed to
}

// Receipt is what became of a message.
type Receipt struct {
	// ID is the message's.
	ID     string
	Status Status
	// Reply is the answer to a request.
	Reply json.RawMessage
	// Counts are of messages to several: AGENT@* and topics.
	Counts *Counts
	// Known is false where a durable message waits for an agent that the mesh
	// has not heard of. Duplicate: it had been accepted before.
	Known, Duplicate bool
	// Recipients are the inboxes that a durable message to several went to.
	Recipients []string
}

// Counts say what became of a message to several. A node that was lost or did not
// answer in time is one of the unknown, however many receivers it has: only it
// knows them.
type Counts struct {
	Delivered int `json:"delivered"`
	Refused   int `json:"refused"`
	Unknown   int `json:"unknown"`
}

// Sender is who sent a message, as the mesh has authenticated it.
type Sender struct {
	// Agent is empty for a sender that is none.
	Agent string `json:"agent,omitempty"`
	// Principal is the credential's id, Node the id of its node.
	Principal string `json:"principal,omitempty"`
	Node      string `json:"node,omitempty"`
}

// KnownKeys remembers, by agent, the hash of the key that was sealed to last,
// so that a change is seen. Safe for concurrent use.
type KnownKeys interface {
	Known(agent string) (hash string, ok bool)
	Remember(agent, hash string) error
}
