package consensus

import (
	"context"
	"errors"
	"time"
)

// Errors of asking the state. They are wrapped with detail; branch on them with
// errors.Is. ErrUnknown alone means that a proposal may or may not have taken
// effect: repeat it with the same idempotency key.
var (
	ErrNoLeader   = errors.New("no leader is known")
	ErrOverloaded = errors.New("too many proposals are waiting")
	ErrTooLarge   = errors.New("the command is too large")
	ErrUnknown    = errors.New("the outcome of the proposal is unknown")
	ErrBehind     = errors.New("this node has not reached the revision asked for")
	ErrAhead      = errors.New("the revision asked for does not exist")
	ErrStateFault = errors.New("the state cannot be written")
	ErrDiskFull   = errors.New("the disk is almost full")
	// ErrViewTooLong ends a read that scanned for longer than 10 s: what it has
	// seen is not the whole. Read in pages.
	ErrViewTooLong = errors.New("the view was held open for too long")
	ErrClosed      = errors.New("consensus is closed")
)

// IdempotencyKey makes a client's proposal apply once however often it is sent.
type IdempotencyKey struct {
	// Scope separates clients and routes: a hash of credential, method, path.
	Scope string `cbor:"1,keyasint"`
	// Key is the client's own word, 1 to 255 bytes.
	Key string `cbor:"2,keyasint"`
	// BodyHash is the SHA-256 of the request; the same key with another hash
	// is refused as IDEMPOTENCY_MISMATCH.
	BodyHash [32]byte `cbor:"3,keyasint"`
}

// Proposal asks a part to execute one command.
type Proposal struct {
	Part string
	Body []byte
	// Idempotency is nil where the client gave none.
	Idempotency *IdempotencyKey
}

// Outcome is what an applied proposal came to.
type Outcome struct {
	// Revision is the state's revision right after the command.
	Revision uint64
	// Result is what the part returned.
	Result []byte
	// Replayed says that the command had been applied before under the same
	// idempotency key, and that this is the first answer again.
	Replayed bool
}

// Consistency is how fresh a read must be.
type Consistency uint8

const (
	// Stale reads this node's state as it is; it includes everything this
	// node has acknowledged.
	Stale Consistency = iota
	// Leader reads what the node that believes itself leader has applied.
	Leader
	// Linearizable includes every write acknowledged anywhere before the read
	// began.
	Linearizable
)

// ReadOptions says what a read must reflect.
type ReadOptions struct {
	Consistency Consistency
	// MinRevision waits until the state has reached it (at most 5 s).
	MinRevision uint64
	// MaxAge refuses a stale read when the leader was last heard longer ago;
	// 0 sets no limit.
	MaxAge time.Duration
}

// ReadInfo says what a read reflected.
type ReadInfo struct {
	Revision uint64
	// Age is how long ago this node last heard from the leader; 0 on it.
	Age time.Duration
}

// State is what the parts above see of the replicated state: it proposes
// commands and reads. Safe for concurrent use. *Group implements it.
type State interface {
	// Propose replicates one command and returns when it has been applied on
	// this node. A part's "no" is a *Refusal.
	Propose(ctx context.Context, p Proposal) (Outcome, error)
	// View calls fn with a consistent view. Keep it short: a view held open
	// keeps old pages alive.
	View(ctx context.Context, o ReadOptions, fn func(Reader) error) (ReadInfo, error)
	// Changed returns a channel that is closed once the revision is above rev,
	// or when ctx ends: who waits must end it.
	Changed(ctx context.Context, rev uint64) <-chan struct{}
}

// Attender is a State that can be asked to learn of commits at once and not
// with the next entry, a few milliseconds later. A Group is one.
type Attender interface {
	// Attend asks for that until ctx ends.
	Attend(ctx context.Context)
}
