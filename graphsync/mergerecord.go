package graphsync

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// mergeRecord is all that undoing a merge needs, in tMerge under the merge's
// id. Beside it lie entries that find it by the things whose content it holds:
// 0xff thing merge → empty.
type mergeRecord struct {
	NS     nsID   `cbor:"1,keyasint"`
	Source uint64 `cbor:"2,keyasint"`
	Target uint64 `cbor:"3,keyasint"`
	Record []byte `cbor:"4,keyasint"` // the source as it was
	At     int64  `cbor:"5,keyasint"`
	By     symbol `cbor:"6,keyasint,omitempty"`
	Rev    uint64 `cbor:"7,keyasint"`
	// Norms are the keys and Props the properties that the target got.
	Norms []string `cbor:"8,keyasint,omitempty"`
	Props []byte   `cbor:"9,keyasint,omitempty"`
	// Edges and Observations were moved, Twice ended because the target had
	// observations of the same text, Vectors removed.
	Edges        []movedThing `cbor:"10,keyasint,omitempty"`
	Observations []movedThing `cbor:"11,keyasint,omitempty"`
	Twice        []savedThing `cbor:"12,keyasint,omitempty"`
	Vectors      []savedThing `cbor:"13,keyasint,omitempty"`
}

// movedThing is an edge or observation as the merge left it.
type movedThing struct {
	_    struct{} `cbor:",toarray"`
	ID   uint64
	Sum  uint64 // of its content
	Ends uint8  // of an edge: which were the source
}

// sum is a hash of what an edge says, wherever it is and whoever wrote it when.
func (e *edgeRecord) sum() uint64 {
	c := *e
	c.stamp = stamp{}
	return contentSum(c.encode(nil))
}

func (o *obsRecord) sum() uint64 {
	c := *o
	c.stamp = stamp{}
	return contentSum(c.encode(nil))
}

func contentSum(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

const (
	movedSource uint8 = 1 << iota
	movedTarget
)

// savedThing is the record of an observation, or of the vector of a model.
type savedThing struct {
	_      struct{} `cbor:",toarray"`
	ID     uint64
	Record []byte
}

// maxMergeBytes bounds what a merge keeps of observations said twice.
const maxMergeBytes = 1 << 20

func decodeMerge(v []byte) (mergeRecord, error) {
	var m mergeRecord
	if err := consensus.Decode(v, &m); err != nil {
		return m, fmt.Errorf("%w: %w", errRecord, err)
	}
	if m.NS == 0 || m.Source == 0 || m.Target == 0 || m.Source == m.Target || max(m.Source, m.Target) > maxID || !goodProps(m.Props) {
		return m, errRecord
	}
	if _, err := peekNode(m.Record); err != nil {
		return m, err
	}
	return m, nil
}

const (
	mergeIndex        = 0xff
	mergeIndexKeySize = 1 + 5 + 5
)

func appendMergeIndex(b []byte, thing, merge uint64) []byte {
	return appendID(appendID(append(b, mergeIndex), thing), merge)
}

// holds lists the things whose content the record has.
func (m *mergeRecord) holds() []uint64 {
	out := []uint64{m.Source, m.Target}
	for _, s := range m.Twice {
		out = append(out, s.ID)
	}
	return out
}

func (t *tx) putMerge(id uint64, m *mergeRecord) {
	t.w.Put(tMerge, appendID(nil, id), consensus.Encode(m))
	for _, thing := range m.holds() {
		t.w.Put(tMerge, appendMergeIndex(nil, thing, id), nil)
	}
}

func (t *tx) dropMerge(id uint64, m *mergeRecord) {
	t.w.Delete(tMerge, appendID(nil, id))
	for _, thing := range m.holds() {
		t.w.Delete(tMerge, appendMergeIndex(nil, thing, id))
	}
}

func (v *view) mergeRecord(id uint64) (mergeRecord, bool, error) {
	if id == 0 || id > maxID {
		return mergeRecord{}, false, nil
	}
	got := v.r.Get(tMerge, appendID(nil, id))
	if got == nil {
		return mergeRecord{}, false, nil
	}
	m, err := decodeMerge(got)
	return m, err == nil, err
}

// mergesWith lists the merges that hold something of a thing.
func (v *view) mergesWith(thing uint64) (ids []uint64) {
	prefix := appendID([]byte{mergeIndex}, thing)
	for k := range v.r.Scan(tMerge, prefix, after(prefix)) {
		if len(k) == mergeIndexKeySize {
			ids = append(ids, readID(k[6:]))
		}
	}
	return ids
}
