package inbox

import (
	"encoding/json"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// Bounds of messages; lengths are in bytes.
const (
	// MaxBody bounds a body, as JSON text.
	MaxBody = 16 << 20
	// MaxShown is the largest body that comes with its message: a larger one
	// is read with Body.
	MaxShown = 1 << 20
	// MaxRecipients bounds whom one message reaches.
	MaxRecipients = 10_000
	// MaxID bounds a message id.
	MaxID = message.MaxID
	// MaxTTL is the longest a message waits, DefaultTTL where none is given.
	MaxTTL     = 30 * 24 * time.Hour
	DefaultTTL = 7 * 24 * time.Hour
	// MaxDelay bounds Outgoing.Delay and Returned.Delay.
	MaxDelay = MaxTTL
	// DefaultRedelivery and MaxRedelivery bound how long a message that was
	// pushed waits for its acknowledgement.
	DefaultRedelivery = 30 * time.Second
	MaxRedelivery     = 24 * time.Hour
	// DefaultAttempts and MaxAttempts bound deliveries before it is dead.
	DefaultAttempts = 5
	MaxAttempts     = 255
	// MaxLease bounds a lease.
	MaxLease = 12 * time.Hour
	// MaxLeased bounds the messages of one lease.
	MaxLeased = 256
	// DeadLetters bounds those kept for one agent, DeadTTL how long.
	DeadLetters = 1000
	DeadTTL     = 7 * 24 * time.Hour
)

// Limits bound what waits. They are the same on every node and part of the
// format: a message over them is refused with CodeInboxFull.
type Limits struct {
	Messages int
	Bytes    int64
}

// InboxLimits hold for one agent, MeshLimits for all together, dead letters
// included.
var (
	InboxLimits = Limits{Messages: 100_000, Bytes: 256 << 20}
	MeshLimits  = Limits{Messages: 1_000_000, Bytes: 2 << 30}
)

// Priority orders an inbox: what is higher goes first, and within one priority
// what was accepted first. The zero value is Normal.
type Priority uint8

// Priorities. The numbers are part of the format.
const (
	Normal Priority = iota
	Low
	High
	Critical
)

// Recipient is an agent, and with Node (a node id) its instance there alone.
type Recipient struct {
	Agent string
	Node  string
}

// Outgoing is a message to be accepted. Exactly one of To, Topic and Broadcast
// says whom it is for.
type Outgoing struct {
	// ID is the sender's own, 1 to 128 visible ASCII characters: repeated
	// within 24 hours by the same principal and agent (and within the last
	// 1,000,000 of the mesh) it is the same message, accepted once. One that is
	// for somebody else, of another type or conversation or with another body
	// is refused with CodeOtherMessage. "": one is made.
	ID string
	To []Recipient
	// Topic is "a/b", without "topic/": it goes to every agent with a durable
	// subscription that matches.
	Topic string
	// Everywhere says that To are the instances of one agent, one for each node
	// where it is when it is sent: ToEverywhere.
	Everywhere bool
	// Broadcast goes to every known agent but the sender.
	Broadcast bool
	From      message.Sender
	// Type, Conversation, CorrelationID and RequestID are the sender's words,
	// at most 256 bytes each.
	Type, Conversation, CorrelationID, RequestID string
	// Sticky asks that all messages of one Conversation are pushed to the same
	// instance of the agent while it is there. Without a Conversation it asks
	// nothing.
	Sticky bool
	// Body is one JSON value of at most MaxBody bytes; nil is null.
	Body json.RawMessage
	// Sealed says that Body is sealed to the key whose hash is Key.
	Sealed bool
	Key    string
	// Plain is what Body was before this node sealed it: a message that comes
	// again under its ID is known by it. It is not kept; nil where Body is the
	// sender's own.
	Plain json.RawMessage
	// Priority orders it among what waits.
	Priority Priority
	// TTL is how long it waits before it is a dead letter; 0: DefaultTTL.
	TTL time.Duration
	// Delay is how long it is not delivered at first, less than its TTL.
	Delay time.Duration
	// Redelivery is how long a push waits for its acknowledgement before it is
	// repeated; 0: DefaultRedelivery.
	Redelivery time.Duration
	// MaxAttempts is how often it is delivered before it is a dead letter; 0:
	// DefaultAttempts.
	MaxAttempts int
	TraceParent string
}

// Accepted says that a message is durable, or was before.
type Accepted struct {
	ID string
	// Seq is the number of the message; of one with several recipients, the
	// first of as many consecutive ones.
	Seq uint64
	// Recipients are the agents a topic or broadcast, or several in To, came
	// to: at most 256 are named, Count is how many there are. Both are about
	// this acceptance: a duplicate has Count only.
	Recipients []string
	Count      int
	// Full is how many agents of a topic or broadcast did not get it, because
	// their inboxes were full.
	Full int
	// Known says that all recipients were known: had attached or registered
	// before. A message to an agent that is not known waits all the same.
	Known bool
	// Duplicate says that the id had been accepted before.
	Duplicate bool
	// Revision is the state's that holds it.
	Revision uint64
}

// Stored is a message as it waits, or as it died.
type Stored struct {
	Seq   uint64
	ID    string
	Agent string // whose inbox it is in
	Node  string // the instance it is for; "" any
	Topic string // the topic it came by; ""
	From  message.Sender

	Type, Conversation, CorrelationID, RequestID string
	Sticky                                       bool
	// Body is nil where it was not asked for or is over MaxShown: Body reads
	// it. Size is its length.
	Body   json.RawMessage
	Size   int64
	Sealed bool
	Key    string

	Priority    Priority
	AcceptedAt  time.Time
	ExpiresAt   time.Time
	NotBefore   time.Time // zero: at once
	LeaseUntil  time.Time // zero: not leased
	Redelivery  time.Duration
	Attempts    int // that have been counted
	MaxAttempts int
	// Reason is what the last return said.
	Reason      string
	TraceParent string

	// Death and DiedAt are set on a dead letter.
	Death  Death
	DiedAt time.Time
}

// Death is why a message is a dead letter; "" where it is none.
type Death string

// Deaths.
const (
	DeathExpired  Death = "expired"  // it waited longer than its TTL
	DeathAttempts Death = "attempts" // it was delivered MaxAttempts times
	DeathReturned Death = "returned" // its recipient said that it will never take it
	DeathPurged   Death = "purged"   // the inbox was purged
)

// Returned gives one message back.
type Returned struct {
	Seq uint64
	// Delay is how long it is not delivered again.
	Delay time.Duration
	// Reason is kept with it, its first 256 bytes.
	Reason string
	// Attempt is which one ends with it, as it was handed out: the first of a
	// message is 1. If another is under way, or it has been returned already,
	// nothing happens, so that such a return may be repeated. 0: whichever.
	Attempt int
	// Counts says that an attempt is counted; what has had all of its attempts
	// is a dead letter.
	Counts bool
	// Final makes it a dead letter at once.
	Final bool
}

// Cursor is a place in a list; "" is the beginning.
type Cursor string

// ListOptions say what to list.
type ListOptions struct {
	After Cursor
	// Limit is the most messages of a page, 1 to 1,000; 0: 100. A page ends
	// before 8 MiB of bodies.
	Limit int
	// Bodies asks for bodies up to MaxShown.
	Bodies bool
	// Dead lists the dead letters instead.
	Dead bool
	// Read says what the list must reflect.
	Read consensus.ReadOptions
}

// Page is a part of a list. Next is "" at its end.
type Page struct {
	Messages []Stored
	Next     Cursor
	Revision uint64
}

// PendingOptions say what a dispatcher wants.
type PendingOptions struct {
	// Max is the most messages, 1 to 1,024; 0: 256. A batch ends before
	// MaxBytes of bodies (0: 4 MiB), but has one message at least.
	Max      int
	MaxBytes int
	// Skip passes over what the dispatcher has in hand or holds back; it must
	// not call the Service. It may be nil.
	Skip func(Due) bool
}

// Due is what is known of a waiting message without reading it.
type Due struct {
	Seq uint64
	// Sender is a hash of principal and agent of its sender, Node a HashNode of
	// the instance it is for: 0 is any.
	Sender   uint32
	Node     uint32
	Priority Priority
	// Attempts that were counted.
	Attempts int
	// Size of its body.
	Size int64
}

// Batch is what is due, in order of delivery.
type Batch struct {
	// Node dispatches the inbox since Epoch, in the state that was read.
	Node     string
	Epoch    uint64
	Messages []Stored
	// Next is when the next message becomes due that is not yet, by this node's
	// clock; zero: none.
	Next time.Time
	// More says that more was due than fitted.
	More bool
}

// Claim says who speaks for an agent's name, and which node serves its inbox.
type Claim struct {
	Agent string
	// Principal becomes the owner of a name that has none; another owner's
	// name is refused with CodeNotYourAgent. "" asks nothing about the owner.
	Principal string
	// Node, where it is set, becomes the one that dispatches the inbox if none
	// does, or if Take is set and Epoch is the one in force.
	Node  string
	Take  bool
	Epoch uint64
}

// ClaimResult is what holds after a claim.
type ClaimResult struct {
	Agent string `cbor:"1,keyasint"`
	Owner string `cbor:"2,keyasint,omitempty"`
	// Node dispatches the inbox since Epoch; it is the claimant's where the
	// claim was granted.
	Node  string `cbor:"3,keyasint,omitempty"`
	Epoch uint64 `cbor:"4,keyasint,omitempty"`
	// Code and Sentence are set where the owner's claim was refused; nothing
	// has changed then.
	Code     string `cbor:"5,keyasint,omitempty"`
	Sentence string `cbor:"6,keyasint,omitempty"`
}

// Key is what messages to an agent are sealed to.
type Key struct {
	Agent string
	// Recipient is the age recipient, Hash its "sha256:…".
	Recipient string
	Hash      string
	Since     time.Time
	// Generation counts the keys the agent has had, from 1.
	Generation uint64
}

// AgentInfo is what the state knows of an agent.
type AgentInfo struct {
	Name  string
	Owner string
	// Node dispatches its inbox since Epoch.
	Node  string
	Epoch uint64
	// Known says that it has attached or registered.
	Known bool
	Since time.Time
	// Messages wait, with Bytes in all; Oldest is when the first of them was
	// accepted.
	Messages int
	Bytes    int64
	Oldest   time.Time
	// Dead letters are kept, Dropped were not.
	Dead    int
	Dropped uint64
	// Accepted, Acknowledged, Returned and Refused count messages of ever.
	Accepted, Acknowledged, Returned, Refused uint64
	KeyHash                                   string
	Subscriptions                             int
}

// Stats are figures of all inboxes.
type Stats struct {
	Agents                                          int
	Messages                                        int
	Bytes                                           int64
	Dead                                            int
	Dropped                                         uint64
	Accepted, Acknowledged, Returned, Died, Refused uint64
	// StagedBytes are parts of large bodies that no message names yet.
	StagedBytes int64
	// Remembered message ids.
	Remembered int
}

// Subscription is a durable one to a pattern of topics.
type Subscription struct {
	Pattern string
	Since   time.Time
}
