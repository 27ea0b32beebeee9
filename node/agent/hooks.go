package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// CodeReturned is the code under which a message of an inbox that its receiver
// gave back ends (Delivery.Fail). Details["delay"] is how long it wants it held
// back, as a duration, where it said so; the sentence is its reason.
const CodeReturned = "RETURNED"

// CodeNotYourAgent says that the name belongs to another credential (403).
const CodeNotYourAgent = "NOT_YOUR_AGENT"

// CodeDuplicateID says that the id of a send is that of another which is under
// way (409). It is not the end of that one, and has no status.
const CodeDuplicateID = "DUPLICATE_ID"

// Outgoing is a message that a client wants kept until it is delivered.
type Outgoing struct {
	// Message has To, From (agent and principal), ID where the client gave one,
	// Type, Conversation, Body, Sealed, Key, TraceParent, RequestID.
	message.Message
	// Priority is "low", "normal", "high" or "critical"; "" is normal.
	Priority string
	// TTL is for how long it is kept, Delay how long it is held back; 0: what
	// the inboxes do by themselves.
	TTL, Delay time.Duration
}

// Accepted says that a quorum has a message on disk.
type Accepted struct {
	ID string
	// Recipients are the agents whose inboxes it went to, of one to several.
	Recipients []string
	// Known says that its receiver was ever there, Duplicate that this id was
	// accepted before.
	Known, Duplicate bool
	// Key is the hash of the key it was sealed to here.
	Key string
}

// Durable keeps the inboxes. Safe for concurrent use.
type Durable interface {
	// Submit accepts m. Messages submitted one after the other by one sender
	// are accepted in that order. done is called exactly once, on any
	// goroutine, perhaps before Submit returns; it must not block. Its error is
	// a *consensus.Refusal, or one that the error catalogue knows.
	Submit(ctx context.Context, m Outgoing, done func(Accepted, error))
	// Subscribe puts what is published durably to topics that match the pattern
	// into the agent's inbox from now on, Unsubscribe no longer.
	Subscribe(ctx context.Context, agent, pattern string) error
	Unsubscribe(ctx context.Context, agent, pattern string) error
}

// Hooks are what a Server asks of the rest of the node. Each may be nil.
type Hooks struct {
	// Durable keeps the inboxes; nil: durable messages are refused.
	Durable Durable
	// Claim is asked before a client attaches as an agent. Its error refuses it,
	// NOT_YOUR_AGENT where this node knows that the name belongs to another.
	// Otherwise it calls settled once, perhaps before it returns: with nil as
	// soon as the name is known to be the client's, or the client may use it
	// whoever owns it, and with the refusal if another was quicker. That may take
	// as long as the mesh has no leader.
	Claim func(who Client, settled func(error)) error
	// Seal encrypts a body to the key of the agent that address names. want is
	// the hash of the key that the client expects, or "". It returns the body to
	// be sent and the hash of the key.
	Seal func(ctx context.Context, address string, body json.RawMessage, want string) (sealed json.RawMessage, hash string, err error)
	// Lost is told, before it is detached, of an agent whose connection ended
	// without a goodbye.
	Lost func(agent string)
	// Events is where clients subscribe to events.
	Events *event.Hub
}
