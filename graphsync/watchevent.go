package graphsync

import (
	"encoding/json"
	"sync"
	"time"
)

// Detail is how much an Event tells of the thing that changed.
type Detail uint8

// Each tells what those before it do.
const (
	DetailIDs    Detail = iota
	DetailValues        // Data: the thing as the change left it
	DetailBefore        // Before: the thing as it was before the revision
)

// Operations of an Event.
const (
	OperationCreate  = "create"
	OperationUpdate  = "update"
	OperationDelete  = "delete"
	OperationMerge   = "merge"   // a node into OtherID
	OperationExpire  = "expire"  // its time was up
	OperationErase   = "erase"   // with all its history
	OperationRestore = "restore" // a merge was undone
)

// Entity types of an Event.
const (
	EntityNode        = "node"
	EntityEdge        = "edge"
	EntityObservation = "observation"
	EntityVector      = "vector"
	EntitySchema      = "schema"
	EntityRetention   = "retention"
	EntityConflict    = "conflict" // of a push
)

var (
	operations = [...]string{changeCreated: OperationCreate, changeUpdated: OperationUpdate, changeDeleted: OperationDelete,
		changeMerged: OperationMerge, changeExpired: OperationExpire, changeErased: OperationErase, changeRestored: OperationRestore}
	entities = [...]string{kindNode: EntityNode, kindEdge: EntityEdge, kindObservation: EntityObservation,
		kindVector: EntityVector, kindSchema: EntitySchema, kindRetention: EntityRetention, kindConflict: EntityConflict}
)

// Event is one change of the graph as watchers see it. It is shared: nobody
// changes it.
type Event struct {
	Revision   uint64    `json:"revision"`
	Order      uint32    `json:"order"`
	EntityType string    `json:"entity_type"`
	EntityID   uint64    `json:"entity_id"`
	Operation  string    `json:"operation"`
	Timestamp  time.Time `json:"timestamp"`
	SessionID  string    `json:"session_id,omitempty"`
	Author     string    `json:"author,omitempty"`
	// Type is that of a node or edge.
	Type     string `json:"type,omitempty"`
	SourceID uint64 `json:"source_id,omitempty"`
	TargetID uint64 `json:"target_id,omitempty"`
	// NodeID is the node of an observation or a vector.
	NodeID uint64 `json:"node_id,omitempty"`
	Model  string `json:"model,omitempty"`
	// OtherID is the node into which one was merged, or from which an
	// observation came.
	OtherID uint64 `json:"other_id,omitempty"`
	// Data is a Node, an Edge or an Observation; absent where the thing ended.
	Data   json.RawMessage `json:"data,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	// Omitted says that Data and Before were left out, because those of the
	// revision are too large together.
	Omitted bool `json:"omitted,omitempty"`

	detail Detail
	last   bool   // of its revision
	former string // type of a node before, where the change gave it another
	plain  encoding
	values encoding
	before encoding
}

// encoding is an event's JSON, made once for all who want it.
type encoding struct {
	once sync.Once
	text []byte
}

// JSON is the event with as much as detail says, on one line. The text is
// shared.
func (e *Event) JSON(detail Detail) []byte {
	enc, out := &e.before, e
	switch min(detail, e.detail) {
	case DetailIDs:
		enc = &e.plain
	case DetailValues:
		enc = &e.values
	}
	enc.once.Do(func() {
		if detail < e.detail {
			out = e.less(detail)
		}
		// All in it are numbers, texts and JSON that was checked when stored.
		enc.text, _ = json.Marshal(out)
	})
	return enc.text
}

// less is the event with less detail.
func (e *Event) less(detail Detail) *Event {
	out := &Event{Revision: e.Revision, Order: e.Order, EntityType: e.EntityType, EntityID: e.EntityID, Operation: e.Operation,
		Timestamp: e.Timestamp, SessionID: e.SessionID, Author: e.Author, Type: e.Type, SourceID: e.SourceID, TargetID: e.TargetID,
		NodeID: e.NodeID, Model: e.Model, OtherID: e.OtherID}
	if detail >= DetailValues {
		out.Data, out.Omitted = e.Data, e.Omitted
	}
	return out
}

// After is the position right after the event: whole where it is the last of
// its revision.
func (e *Event) After() Position {
	if e.last {
		return Position{Revision: e.Revision}
	}
	return Position{Revision: e.Revision, Inside: true, Order: e.Order}
}

// size is what the event takes in memory, about.
func (e *Event) size() int {
	return 400 + len(e.SessionID) + len(e.Author) + 2*(len(e.Data)+len(e.Before))
}
