package graphsync

import (
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// erasureRecord says who erased what and why, in tErased for ever. It keeps
// nothing of what was erased but its id.
type erasureRecord struct {
	Kind         changeKind `cbor:"1,keyasint"`
	NS           nsID       `cbor:"2,keyasint"`
	ID           uint64     `cbor:"3,keyasint"`
	At           int64      `cbor:"4,keyasint"`
	By           symbol     `cbor:"5,keyasint,omitempty"`
	Reason       string     `cbor:"6,keyasint,omitempty"`
	Edges        uint64     `cbor:"7,keyasint,omitempty"`
	Observations uint64     `cbor:"8,keyasint,omitempty"`
	Vectors      uint64     `cbor:"9,keyasint,omitempty"`
	Versions     uint64     `cbor:"10,keyasint,omitempty"` // past ones
	Merges       uint64     `cbor:"11,keyasint,omitempty"` // that can no longer be undone
	Partial      bool       `cbor:"12,keyasint,omitempty"` // more was left
}

func decodeErasure(v []byte) (erasureRecord, error) {
	var e erasureRecord
	if err := consensus.Decode(v, &e); err != nil {
		return e, fmt.Errorf("%w: %w", errRecord, err)
	}
	if e.Kind < kindNode || e.Kind > kindObservation || e.NS == 0 || e.ID == 0 || e.ID > maxID || len(e.Reason) > MaxReason {
		return e, errRecord
	}
	return e, nil
}
