package gossip

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Bounds of what one node may say of itself. They are generous: a record of
// ten thousand short agents fits.
const (
	// MaxRecordBytes bounds the encoding of one record.
	MaxRecordBytes = 1 << 20
	// MaxInstances bounds the external instances one node holds leases for.
	MaxInstances = 1024

	maxNodeID      = 128
	maxRecordItems = 1 << 14
	// maxIncarnation leaves an owner room to outbid whatever was spread in its
	// name; it lies in the year 2116 of a nanosecond clock.
	maxIncarnation = 1 << 62
)

// ErrRecordTooLarge is returned when a change would make this node's record
// larger than MaxRecordBytes; the record stays as it was.
var ErrRecordTooLarge = errors.New("the node's record is too large to gossip")

var errBadRecord = errors.New("malformed record")

// Agent is one agent as the registry lists it.
type Agent struct {
	Name         string   `cbor:"1,keyasint"`
	Description  string   `cbor:"2,keyasint,omitempty"`
	Capabilities []string `cbor:"3,keyasint,omitempty"`
	// Instances is the number of live attachments, Busy how many of them work.
	Instances int    `cbor:"4,keyasint,omitempty"`
	Busy      int    `cbor:"5,keyasint,omitempty"`
	Kind      string `cbor:"6,keyasint,omitempty"`
	// RecipientHash is the SHA-256 of the agent's encryption recipient; the
	// recipient itself is too long to gossip.
	RecipientHash string `cbor:"7,keyasint,omitempty"`
	// Durable is how many of the attachments take messages from inboxes.
	Durable int `cbor:"8,keyasint,omitempty"`
}

// Record is what one node says of itself. Its owner alone changes it; the pair
// (Incarnation, Counter) orders the versions, and a newer one replaces an
// older one whole.
type Record struct {
	NodeID  string  `cbor:"1,keyasint"`
	Name    string  `cbor:"2,keyasint,omitempty"`
	Address string  `cbor:"3,keyasint,omitempty"`
	Role    string  `cbor:"4,keyasint,omitempty"`
	Version string  `cbor:"5,keyasint,omitempty"`
	Agents  []Agent `cbor:"6,keyasint,omitempty"`
	// Instances are the external instances whose latest heartbeat this node
	// took. Use Gossip.Instances for the view of the whole mesh.
	Instances []Instance `cbor:"7,keyasint,omitempty"`
	// Load is the node's load, 0 for idle; it must be finite.
	Load float64 `cbor:"8,keyasint,omitempty"`
	// Incarnation is the start of the owner's run in Unix nanoseconds, raised
	// when an older run's record turns up with a higher one.
	Incarnation uint64 `cbor:"9,keyasint"`
	// Counter counts the versions within an incarnation.
	Counter uint64 `cbor:"10,keyasint"`
}

// Status is how this node sees another.
type Status string

const (
	// StatusAlive is a node that answers, or is only suspected not to.
	StatusAlive Status = "alive"
	// StatusFailed is a node that stopped answering, or was never seen.
	StatusFailed Status = "failed"
	// StatusLeft is a node that said goodbye.
	StatusLeft Status = "left"
)

// Member is one node of the roster as this node sees it.
type Member struct {
	NodeID string
	Status Status
	// LastSeen is the last sign of life this node has had of it, directly or by
	// hearsay; zero when it has not been seen in this run.
	LastSeen time.Time
	// Record is its newest record known here. Of a node that has failed or left
	// it is the last one; of a node never heard of only NodeID is set.
	Record Record
}

// version orders the records of one owner.
type version struct{ incarnation, counter uint64 }

func (v version) less(o version) bool {
	if v.incarnation != o.incarnation {
		return v.incarnation < o.incarnation
	}
	return v.counter < o.counter
}

func (r *Record) version() version { return version{r.Incarnation, r.Counter} }

// wireRecord is a record as it travels. Left marks the owner's last word: it
// went on purpose.
type wireRecord struct {
	Record Record `cbor:"1,keyasint"`
	Left   bool   `cbor:"2,keyasint,omitempty"`
}

// Unknown fields are kept out of the decoded record but travel on: records are
// relayed as the bytes they came in, so an older node between two newer ones
// loses nothing.
var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  8,
		MaxArrayElements: maxRecordItems,
		MaxMapPairs:      64,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func encode(v any) []byte { return must(encMode.Marshal(v)) }

func encodeRecord(w *wireRecord) ([]byte, error) {
	if math.IsNaN(w.Record.Load) || math.IsInf(w.Record.Load, 0) {
		return nil, fmt.Errorf("%w: the load is not a finite number", errBadRecord)
	}
	raw, err := encMode.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encoding record: %w", err)
	}
	if len(raw) > MaxRecordBytes {
		return nil, fmt.Errorf("%w: %d bytes of at most %d", ErrRecordTooLarge, len(raw), MaxRecordBytes)
	}
	return raw, nil
}

func decodeRecord(raw []byte) (*wireRecord, error) {
	if len(raw) > MaxRecordBytes {
		return nil, fmt.Errorf("%w: %d bytes", errBadRecord, len(raw))
	}
	var w wireRecord
	if err := decMode.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadRecord, err)
	}
	r := &w.Record
	switch {
	case r.NodeID == "" || len(r.NodeID) > maxNodeID:
		return nil, fmt.Errorf("%w: node id of %d bytes", errBadRecord, len(r.NodeID))
	case r.Incarnation == 0 || r.Incarnation >= maxIncarnation:
		return nil, fmt.Errorf("%w: incarnation %d", errBadRecord, r.Incarnation)
	case math.IsNaN(r.Load) || math.IsInf(r.Load, 0):
		return nil, fmt.Errorf("%w: the load is not a finite number", errBadRecord)
	case len(r.Instances) > MaxInstances:
		return nil, fmt.Errorf("%w: %d instances", errBadRecord, len(r.Instances))
	}
	return &w, nil
}

func (r *Record) clone() Record {
	c := *r
	c.Agents = make([]Agent, len(r.Agents))
	for i, a := range r.Agents {
		a.Capabilities = append([]string(nil), a.Capabilities...)
		c.Agents[i] = a
	}
	c.Instances = make([]Instance, len(r.Instances))
	for i := range r.Instances {
		c.Instances[i] = r.Instances[i].clone()
	}
	return c
}
