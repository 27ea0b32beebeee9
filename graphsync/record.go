package graphsync

import (
	"bytes"
	"errors"
	"math"
)

// Records are numbered CBOR; a number once given is never used for something
// else. A field left out has its zero value or the default that is said beside
// it.

// metaRecord counts what the state machine hands out.
type metaRecord struct {
	Format     uint64 `cbor:"1,keyasint"` // of the tables; 1
	NextID     uint64 `cbor:"2,keyasint"` // next node or edge id
	Namespaces symbol `cbor:"3,keyasint,omitempty"`
	Types      symbol `cbor:"4,keyasint,omitempty"`
	Authors    symbol `cbor:"5,keyasint,omitempty"`
	Models     symbol `cbor:"6,keyasint,omitempty"`
	// LogFrom is the first revision whose changes are all in the log, 0 where
	// nothing was logged yet.
	LogFrom uint64 `cbor:"7,keyasint,omitempty"`
	// KeepMillis and KeepBytes bound log and history; 0 is the default.
	KeepMillis uint64 `cbor:"10,keyasint,omitempty"`
	KeepBytes  uint64 `cbor:"11,keyasint,omitempty"`
	// LogSince is the time of the last change that is no longer in the log, or
	// of the first one in it where others may have come before.
	LogSince int64 `cbor:"12,keyasint,omitempty"`
}

// Format is the number of the tables' format, which the state carries.
const Format = 1

// flagBounded in a stamp says that the record is valid or kept for a time only.
// As the first field it is seen without decoding the record.
const flagBounded uint64 = 1

// stamp is what every record carries about its making. Times are Unix
// milliseconds of the mesh, revisions those of the commands.
type stamp struct {
	Flags      uint64 `cbor:"1,keyasint,omitempty"`
	Version    uint64 `cbor:"2,keyasint"`
	CreatedRev uint64 `cbor:"3,keyasint"`
	CreatedAt  int64  `cbor:"4,keyasint"`
	UpdatedRev uint64 `cbor:"5,keyasint,omitempty"` // absent: never updated
	UpdatedAt  int64  `cbor:"6,keyasint,omitempty"`
	CreatedBy  symbol `cbor:"7,keyasint,omitempty"`
	UpdatedBy  symbol `cbor:"8,keyasint,omitempty"`
}

// nodeRecord is a node's value in tNode.
type nodeRecord struct {
	stamp
	Type  symbol `cbor:"9,keyasint"`
	Label string `cbor:"10,keyasint"`
	Name  string `cbor:"11,keyasint,omitempty"` // label as indexed, where it differs
	Key   string `cbor:"12,keyasint,omitempty"`
	Norm  string `cbor:"13,keyasint,omitempty"` // key as indexed, where it differs
	Props []byte `cbor:"14,keyasint,omitempty"` // canonical JSON object; absent: {}
	// Aliases are other keys of the node, in the order given.
	Aliases []alias `cbor:"20,keyasint,omitempty"`
	Expires int64   `cbor:"26,keyasint,omitempty"` // ms; 0: never
}

// bounded looks for flagBounded in a stored record.
func bounded(v []byte) bool { return len(v) > 2 && v[1] == 1 && v[2]&byte(flagBounded) != 0 }

// bound sets flagBounded as it should be.
func (s *stamp) bound(is bool) {
	s.Flags &^= flagBounded
	if is {
		s.Flags |= flagBounded
	}
}

// bounded says that the fact is true or kept for a time only.
func (p *provenance) bounded() bool { return p.ValidFrom != nil || p.ValidTo != nil || p.Expires != 0 }

// bounds is the part of a provenance that reads filter by, nil where there is
// none: it is kept in tOPS too, so that a walk need not fetch the record.
func (p *provenance) bounds(b []byte) []byte {
	if !p.bounded() {
		return nil
	}
	f := mapFields(b)
	(&provenance{ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, Expires: p.Expires}).encode(&f)
	return f.end()
}

func readBounds(v []byte) (p provenance, ok bool) {
	if len(v) == 0 {
		return p, true
	}
	r := cborReader{b: v}
	r.members(func(name uint64) bool { return p.member(&r, name) })
	return p, r.whole()
}

// alias is another key of a node.
type alias struct {
	_    struct{} `cbor:",toarray"`
	Key  string   // as given
	Norm string   // as indexed
}

// edgeRecord is an edge's value in tSPO.
type edgeRecord struct {
	stamp
	Weight    *float64 `cbor:"9,keyasint,omitempty"` // absent: 1
	Predicate string   `cbor:"10,keyasint,omitempty"`
	Props     []byte   `cbor:"14,keyasint,omitempty"`
	provenance
}

// provenance is what a fact and an observation carry about the world: when it
// was so, who says so and how sure that is. Times are Unix milliseconds.
type provenance struct {
	ValidFrom  *int64   `cbor:"21,keyasint,omitempty"` // absent: since ever
	ValidTo    *int64   `cbor:"22,keyasint,omitempty"` // exclusive; absent: for ever
	Source     string   `cbor:"23,keyasint,omitempty"`
	Confidence *float64 `cbor:"24,keyasint,omitempty"` // 0 to 1; absent: not said
	Expires    int64    `cbor:"26,keyasint,omitempty"` // 0: never
}

// obsRecord is an observation's value in tObs: a sentence about a node.
type obsRecord struct {
	stamp
	Text  string `cbor:"10,keyasint"`
	Props []byte `cbor:"14,keyasint,omitempty"`
	provenance
}

// vectorRecord is a vector's value in tVector; there is no history of vectors.
type vectorRecord struct {
	stamp
	Data []byte `cbor:"25,keyasint"` // float32, little-endian
}

// pastRecord is a version that is no longer current.
type pastRecord struct {
	Record []byte `cbor:"1,keyasint"`           // as it was
	EndAt  int64  `cbor:"2,keyasint"`           // ms
	EndBy  symbol `cbor:"3,keyasint,omitempty"` // author
	How    ending `cbor:"4,keyasint,omitempty"`
	// Place is the value of tEdge that the edge had.
	Place []byte `cbor:"5,keyasint,omitempty"`
	// Gap stands for no version: what began with the end of this one had been
	// gone since that revision. There is no record then.
	Gap uint64 `cbor:"6,keyasint,omitempty"`
}

// ending says why a version is past.
type ending uint8

const (
	endChanged ending = iota // a newer version followed
	endDeleted
	endMerged  // into another node
	endExpired // its time was up
)

var errRecord = errors.New("damaged graph record")

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func (e *edgeRecord) weight() float64 {
	if e.Weight == nil {
		return 1
	}
	return *e.Weight
}

func (e *edgeRecord) setWeight(w float64) {
	e.Weight = nil
	if w != 1 {
		e.Weight = &w
	}
}

func (n *nodeRecord) name() string {
	if n.Name != "" {
		return n.Name
	}
	return n.Label
}

func (n *nodeRecord) norm() string {
	if n.Norm != "" {
		return n.Norm
	}
	return n.Key
}

// goodProps is a cheap look at stored properties, enough that an answer made
// of them is an object in shape.
func goodProps(p []byte) bool {
	return len(p) == 0 || len(p) <= MaxProperties && p[0] == '{' && p[len(p)-1] == '}'
}

var emptyObject = []byte("{}")

// storedProps drops the empty object, which is stored as nothing.
func storedProps(canonical []byte) []byte {
	if bytes.Equal(canonical, emptyObject) {
		return nil
	}
	return canonical
}
