package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

// command is one proposal of this part. Everything in it was checked, folded
// and canonicalised by the proposing Service; Apply checks again what the
// tables rely on.
type command struct {
	// Namespace the operations work in. Empty is allowed where every
	// operation names things by id; else an id of another namespace counts as
	// unknown.
	Namespace string `cbor:"1,keyasint,omitempty"`
	Author    string `cbor:"2,keyasint,omitempty"`
	Ops       []op   `cbor:"3,keyasint"`
	// Lenient applies the operations that can be and reports the refusals of
	// the others, where otherwise the first refusal drops all.
	Lenient bool `cbor:"4,keyasint,omitempty"`
	// Whole asks for the node or edge of the one operation in the result.
	Whole bool `cbor:"5,keyasint,omitempty"`
	// Push makes the operations a client's mutations, from command level 3 on.
	Push *pushPart `cbor:"6,keyasint,omitempty"`
}

type opKind uint8

const (
	opCreateNode opKind = 1 + iota
	opUpdateNode
	opDeleteNode
	opCreateEdge
	opUpdateEdge
	opDeleteEdge
	opDrainNode // ends up to maxCascade edges of a node

	// From command level 2 on.
	opAddAlias
	opRemoveAlias
	opAddObservation
	opDeleteObservation
	opSetVector
	opDeleteVector
	opMergeNodes // source into target
	opUndoMerge
	opSetSchema
	opSetRetention
	opEraseNode
	opEraseEdge
	opEraseObservation

	// From command level 3 on.
	opLease
	opUnlease
	opConfigureSync
	opResolveConflict

	// From command level 5 on.
	opForgetClient

	lastOp = opForgetClient
)

// What an op gives; absent fields of an update stay as they are.
const (
	hasType uint64 = 1 << iota
	hasLabel
	hasProps
	hasWeight
	hasPredicate
	isUpsert
	isMerge
	hasValidFrom // noTime in the op: taken away
	hasValidTo
	hasSource
	hasConfidence // negative in the op: taken away
	hasExpires    // 0 in the op: taken away
)

type op struct {
	Kind      opKind  `cbor:"1,keyasint"`
	Flags     uint64  `cbor:"2,keyasint,omitempty"`
	ID        uint64  `cbor:"3,keyasint,omitempty"`
	Key       string  `cbor:"4,keyasint,omitempty"` // as given; only where a node is made
	Norm      string  `cbor:"5,keyasint,omitempty"` // normalised; absent: as Key
	Type      string  `cbor:"6,keyasint,omitempty"`
	Label     string  `cbor:"7,keyasint,omitempty"`
	Name      string  `cbor:"8,keyasint,omitempty"` // label as indexed; absent: as Label
	Props     []byte  `cbor:"9,keyasint,omitempty"` // canonical
	Source    uint64  `cbor:"10,keyasint,omitempty"`
	Target    uint64  `cbor:"11,keyasint,omitempty"`
	SourceKey string  `cbor:"12,keyasint,omitempty"` // normalised
	TargetKey string  `cbor:"13,keyasint,omitempty"`
	Weight    float64 `cbor:"14,keyasint,omitempty"`
	Predicate string  `cbor:"15,keyasint,omitempty"`
	Parallel  uint32  `cbor:"16,keyasint,omitempty"`
	IfVersion uint64  `cbor:"17,keyasint,omitempty"`

	ValidFrom  int64   `cbor:"18,keyasint,omitempty"`
	ValidTo    int64   `cbor:"19,keyasint,omitempty"`
	From       string  `cbor:"20,keyasint,omitempty"` // provenance.Source
	Confidence float64 `cbor:"21,keyasint,omitempty"`
	Expires    int64   `cbor:"22,keyasint,omitempty"`
	// Text is an observation's text, an alias as given, a model's name, or the
	// reason of an erasure.
	Text string `cbor:"23,keyasint,omitempty"`
	// Data is a vector (float32, little-endian) or a schemaRecord.
	Data []byte `cbor:"24,keyasint,omitempty"`
	// Days and Bytes bound log and history.
	Days  uint64 `cbor:"25,keyasint,omitempty"`
	Bytes uint64 `cbor:"26,keyasint,omitempty"`
	// Rev is the revision that a lease keeps.
	Rev uint64 `cbor:"27,keyasint,omitempty"`
}

func (o *op) has(f uint64) bool { return o.Flags&f != 0 }

func (o *op) norm() string {
	if o.Norm != "" {
		return o.Norm
	}
	return o.Key
}

func (o *op) name() string {
	if o.Name != "" {
		return o.Name
	}
	return o.Label
}

type status uint8

const (
	unchanged status = iota
	created
	updated
	deleted
)

func (s status) String() string {
	return [...]string{StatusUnchanged, StatusCreated, StatusUpdated, StatusDeleted}[s]
}

// opResult is an array: a batch has ten thousand of them.
type opResult struct {
	_       struct{} `cbor:",toarray"`
	ID      uint64
	Status  status
	Version uint64
}

type opRefusal struct {
	Index   int               `cbor:"1,keyasint"`
	Refusal consensus.Refusal `cbor:"2,keyasint"`
}

// result is what Apply answers.
type result struct {
	Ops      []opResult  `cbor:"1,keyasint"`
	Refusals []opRefusal `cbor:"2,keyasint,omitempty"` // of a lenient command
	Node     *wireNode   `cbor:"3,keyasint,omitempty"`
	Edge     *wireEdge   `cbor:"4,keyasint,omitempty"`
	Push     *pushResult `cbor:"5,keyasint,omitempty"`
}

// wireNode is a node outside its tables: symbols spelled out.
type wireNode struct {
	Namespace string `cbor:"1,keyasint"`
	ID        uint64 `cbor:"2,keyasint"`
	Type      string `cbor:"3,keyasint"`
	Label     string `cbor:"4,keyasint"`
	Key       string `cbor:"5,keyasint,omitempty"`
	Props     []byte `cbor:"6,keyasint,omitempty"`
	// Given says that the properties are those of the operation, which its
	// proposer has, and are left out: the answer is kept on every node.
	Given   bool     `cbor:"7,keyasint,omitempty"`
	Aliases []string `cbor:"8,keyasint,omitempty"`
	wireStamp
	Expires int64 `cbor:"30,keyasint,omitempty"`
}

type wireEdge struct {
	Namespace string  `cbor:"1,keyasint"`
	ID        uint64  `cbor:"2,keyasint"`
	Type      string  `cbor:"3,keyasint"`
	Source    uint64  `cbor:"4,keyasint"`
	Target    uint64  `cbor:"5,keyasint"`
	Props     []byte  `cbor:"6,keyasint,omitempty"`
	Predicate string  `cbor:"7,keyasint,omitempty"`
	Weight    float64 `cbor:"8,keyasint"`
	wireStamp
	wireTold
}

// wireTold is a provenance.
type wireTold struct {
	Expires    int64    `cbor:"30,keyasint,omitempty"`
	ValidFrom  *int64   `cbor:"31,keyasint,omitempty"`
	ValidTo    *int64   `cbor:"32,keyasint,omitempty"`
	Origin     string   `cbor:"33,keyasint,omitempty"`
	Confidence *float64 `cbor:"34,keyasint,omitempty"`
}

type wireStamp struct {
	Version   uint64 `cbor:"20,keyasint"`
	CreatedAt int64  `cbor:"21,keyasint"`
	UpdatedAt int64  `cbor:"22,keyasint"`
	CreatedBy string `cbor:"23,keyasint,omitempty"`
	UpdatedBy string `cbor:"24,keyasint,omitempty"`
}
