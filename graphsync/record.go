package graphsync

import (
	"bytes"
	"errors"
	"math"
)

// Records are numbered CBOR; a number once given is never used for something
// else. Kept free for what is to come: 20 aliases, 21 valid from, 22 valid to,
// 23 source, 24 confidence, 25 embedding. A field left out has its zero value
// or the default that is said beside it.

// metaRecord counts what the state machine hands out.
type metaRecord struct {
	Format     uint64 `cbor:"1,keyasint"` // of the tables; 1
	NextID     uint64 `cbor:"2,keyasint"` // next node or edge id
	Namespaces symbol `cbor:"3,keyasint,omitempty"`
	Types      symbol `cbor:"4,keyasint,omitempty"`
	Authors    symbol `cbor:"5,keyasint,omitempty"`
}

const format = 1

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
}

// edgeRecord is an edge's value in tSPO.
type edgeRecord struct {
	stamp
	Weight    *float64 `cbor:"9,keyasint,omitempty"` // absent: 1
	Predicate string   `cbor:"10,keyasint,omitempty"`
	Props     []byte   `cbor:"14,keyasint,omitempty"`
}

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
