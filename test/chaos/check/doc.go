// Package check judges what clients of a mesh have seen: whether an order of
// the operations exists that explains every answer, whether what was
// acknowledged is there, and whether nodes that say they are at one revision
// hold one state. It is pure: histories in, problems out.
package check

// Kind is what an operation does.
type Kind string

// Kinds of operations. Registers are graph nodes with one property; elements
// are graph nodes or edges that are made once; messages are durable ones, to
// inboxes that clients share; tasks are known by their labels.
const (
	Write   Kind = "write"   // register: set the value
	CAS     Kind = "cas"     // register: set it if the version is still Expect
	Read    Kind = "read"    // register: linearizable
	Stale   Kind = "stale"   // register: this node's state as it is
	AtLeast Kind = "atleast" // register: this node's state once it has MinRevision
	Add     Kind = "add"     // element: a graph node
	Edge    Kind = "edge"    // element: a graph edge
	Delete  Kind = "delete"  // element: gone, with its edges
	Has     Kind = "has"     // element: linearizable read; Found says
	Send    Kind = "send"    // message: into the inboxes To
	Take    Kind = "take"    // inbox: a lease of the messages Keys, in the order they came
	Ack     Kind = "ack"     // inbox: the messages Keys are done with
	Task    Kind = "task"    // task: ask for it
	Report  Kind = "report"  // task: it is completed, by the attempt Version
)

// Outcome is what a client knows of an operation.
type Outcome string

// Outcomes. A refused operation has had no effect and never will; an unknown
// one may take effect at any time after its call, or never.
const (
	OK      Outcome = "ok"
	Refused Outcome = "refused"
	Unknown Outcome = "unknown"
)

// Op is one operation of one client. Times are nanoseconds of one clock since
// the run began.
type Op struct {
	Client      int     `json:"client"`
	Node        string  `json:"node"`
	Kind        Kind    `json:"kind"`
	Key         string  `json:"key"`
	ID          uint64  `json:"id,omitempty"`
	Value       string  `json:"value,omitempty"`
	Expect      uint64  `json:"expect,omitempty"`   // CAS: the version asked for
	Version     uint64  `json:"version,omitempty"`  // registers: of what was read or written
	Found       bool    `json:"found,omitempty"`    // Has
	Mismatch    bool    `json:"mismatch,omitempty"` // CAS: refused since the version was another (then OK is the outcome)
	MinRevision uint64  `json:"min_revision,omitempty"`
	Revision    uint64  `json:"revision,omitempty"`
	Call        int64   `json:"call"`
	Return      int64   `json:"return"`
	Outcome     Outcome `json:"outcome"`
	Code        string  `json:"code,omitempty"`
	Idempotent  string  `json:"idempotent,omitempty"` // the key it was sent with
	Replayed    bool    `json:"replayed,omitempty"`
	Batch       string  `json:"batch,omitempty"` // asked for together with those of the same name: all or none

	// Of messages. Key is a message's label for Send and the inbox otherwise.
	To    []string `json:"to,omitempty"`
	Keys  []string `json:"keys,omitempty"`
	Lease int64    `json:"lease,omitempty"` // Take: nanoseconds
}

// Problem is a broken promise.
type Problem struct {
	// Kind is lost, duplicated, stale, nonlinear, foreign, order, deleted,
	// backwards, diverged or another short word.
	Kind string `json:"kind"`
	Text string `json:"text"`
	Ops  []Op   `json:"ops,omitempty"`
}
