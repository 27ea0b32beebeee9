// Package consensus keeps one ordered, durable, replicated state for a mesh:
// Raft decides the order, bbolt holds the state, and every read says which
// revision it reflects.
//
// It is not a database for others to open and not a transport: what the state
// means is written by the parts that are registered with it (roster, access,
// graph…), and connections are handed in from above as a net.Listener and a
// dial function. It knows nothing of certificates, HTTP or agents.
//
// It promises that an acknowledged command is on the disks of a majority of
// the voters, that every node applies the same commands in the same order with
// the same effect, and that a command either takes effect whole or not at all.
// DESIGN.md says how.
package consensus

import (
	"iter"
	"time"
)

// Table names one sorted key space of the state. A part owns the tables it
// declares; names are "part/table" in lower case, for example "graph/n".
type Table string

// Reader is a consistent view of the state at one revision. Byte slices that
// it yields belong to the view: copy what must outlive it, change nothing.
// A Reader is not safe for concurrent use.
type Reader interface {
	// Get returns the value of key, or nil where the key is absent.
	// A present key with an empty value returns a non-nil empty slice.
	Get(t Table, key []byte) []byte
	// Scan yields the pairs with from <= key < to in ascending order of key.
	// A nil from starts at the first key, a nil to ends after the last.
	Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte]
	// ScanReverse yields the same pairs in descending order.
	ScanReverse(t Table, from, to []byte) iter.Seq2[[]byte, []byte]
	// Revision is the number of state-changing commands the view includes.
	Revision() uint64
	// Time is the mesh time of the last applied entry, stamped by a leader
	// and never going back.
	Time() time.Time
}

// each is a Reader that hands pairs to a function that was made before: a loop
// over a Scan makes several.
type each interface {
	each(t Table, from, to []byte, fn func(k, v []byte) bool)
}

// Each calls fn for the pairs that Scan would yield, until it returns false. It
// is for those who scan a great many times.
func Each(r Reader, t Table, from, to []byte, fn func(k, v []byte) bool) {
	if r, ok := r.(each); ok {
		r.each(t, from, to, fn)
		return
	}
	for k, v := range r.Scan(t, from, to) {
		if !fn(k, v) {
			return
		}
	}
}

// ends is a Reader that finds the first and the last pair of a table with less
// work than a scan.
type ends interface {
	first(t Table, from []byte) (k, v []byte)
	last(t Table) (k, v []byte)
}

// First returns the first pair of a table with from <= key, no key where there
// is none. It does what a Scan would that ends after one pair.
func First(r Reader, t Table, from []byte) (k, v []byte) {
	if r, ok := r.(ends); ok {
		return r.first(t, from)
	}
	return only(r.Scan(t, from, nil))
}

// Last returns the last pair of a table, no key where there is none.
func Last(r Reader, t Table) (k, v []byte) {
	if r, ok := r.(ends); ok {
		return r.last(t)
	}
	return only(r.ScanReverse(t, nil, nil))
}

func only(pairs iter.Seq2[[]byte, []byte]) ([]byte, []byte) {
	for k, v := range pairs {
		return k, v
	}
	return nil, nil
}

// Writer is the overlay one command writes to. Its reads see its own writes;
// nothing reaches the state until the command has succeeded, and a refused or
// panicking command leaves no trace. Keys and values are copied.
type Writer interface {
	Reader
	// Put sets key to value; a nil value is stored as an empty one.
	Put(t Table, key, value []byte)
	// Delete removes key; removing an absent key is no change.
	Delete(t Table, key []byte)
}

// Command is one proposal as every replica sees it.
type Command struct {
	// Body is the part's own encoding (deterministic CBOR). It is only valid
	// during the call.
	Body []byte
	// Revision is the number this command gets if it changes the state.
	Revision uint64
	// Time is the leader's stamp for the entry, forced monotone. Parts use it
	// in place of a clock.
	Time time.Time
	// Level is the replicated command level in force.
	Level uint32
}

// Part is a pure core kept in the replicated state: state and command in, state
// and result out. Apply must be deterministic: no clock, no randomness, no map
// order, no I/O, no goroutine. It runs on one goroutine.
type Part interface {
	// Name is the part's unique name: lower case, without "/".
	Name() string
	// Tables lists every table the part uses.
	Tables() []Table
	// Apply executes one command. The result is opaque to consensus and
	// handed back to the proposer; it must hold no secret. A *Refusal drops
	// the writes and reaches the proposer as such; any other error is
	// reported as an internal refusal.
	Apply(w Writer, c Command) (result []byte, err error)
}

// Observer is what a part implements to be told of the state it lives in. Both
// methods are called in the order of revisions on the applying goroutine,
// before the proposer is answered, so they must not propose and must not block.
type Observer interface {
	// Committed is called after a batch that changed one of the part's tables
	// has been committed.
	Committed(r Reader)
	// Reset is called when the state was replaced as a whole: at open and
	// after a snapshot was installed.
	Reset(r Reader)
}

// Listener is what a part implements in place of Observer that keeps its own
// account of what its commands do, and only has to hear when they count. That
// costs a batch neither a commit of its own nor a view. Both methods are called
// as an Observer's are.
type Listener interface {
	// Applied is called after a batch that changed one of the part's tables.
	// The batch may not be in the file yet, but whoever looks (View) sees it.
	Applied()
	// Reset is called when the state was replaced as a whole: at open and
	// after a snapshot was installed.
	Reset(r Reader)
}

// Refusal is a command's answer "no": the state is as it was. It crosses nodes
// unchanged. Code is from the error catalogue of the HTTP surface
// (UPPER_SNAKE), Sentence is for people, Details for programs.
type Refusal struct {
	Code     string            `cbor:"1,keyasint"`
	Sentence string            `cbor:"2,keyasint"`
	Details  map[string]string `cbor:"3,keyasint,omitempty"`
}

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Sentence }

// Refuse makes a *Refusal with a code and a sentence.
func Refuse(code, sentence string) error { return &Refusal{Code: code, Sentence: sentence} }
