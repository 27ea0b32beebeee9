package graphsync

import (
	"encoding/json"
	"time"
)

// Bounds of a payload: larger graphs are for Snapshot and Changes.
const (
	MaxPayload      = 20_000 // things
	MaxPayloadBytes = 16 << 20
)

// Sync types of a payload.
const (
	SyncFull        = "full"
	SyncIncremental = "incremental"
)

// SyncPayload is a graph, or what changed in it, as instances hand it to each
// other. Types are the graph's own names.
type SyncPayload struct {
	SyncType      string          `json:"sync_type"`
	SessionID     string          `json:"session_id"`
	GraphName     string          `json:"graph_name"`
	VectorClock   VectorClock     `json:"vector_clock"`
	Nodes         []SyncedNode    `json:"nodes"`
	Edges         []SyncedEdge    `json:"edges"`
	Tombstones    []SyncTombstone `json:"tombstones"`
	CorrelationID string          `json:"correlation_id,omitempty"`
}

// SyncedNode is a node in a payload.
type SyncedNode struct {
	ID             uint64          `json:"id"`
	SessionID      string          `json:"session_id"`
	NodeType       string          `json:"node_type"`
	Label          string          `json:"label"`
	Key            string          `json:"key,omitempty"`
	Properties     json.RawMessage `json:"properties"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	VectorClock    VectorClock     `json:"vector_clock"`
	LastModifiedBy string          `json:"last_modified_by,omitempty"`
	IsDeleted      bool            `json:"is_deleted"`
	SyncEnabled    bool            `json:"sync_enabled"`
}

// SyncedEdge is an edge in a payload.
type SyncedEdge struct {
	ID             uint64          `json:"id"`
	SessionID      string          `json:"session_id"`
	SourceID       uint64          `json:"source_id"`
	TargetID       uint64          `json:"target_id"`
	EdgeType       string          `json:"edge_type"`
	Predicate      string          `json:"predicate,omitempty"`
	Properties     json.RawMessage `json:"properties,omitempty"`
	Weight         float64         `json:"weight"`
	TemporalStart  *time.Time      `json:"temporal_start,omitempty"`
	TemporalEnd    *time.Time      `json:"temporal_end,omitempty"`
	CreatedAt      time.Time       `json:"created_at"`
	VectorClock    VectorClock     `json:"vector_clock"`
	LastModifiedBy string          `json:"last_modified_by,omitempty"`
	IsDeleted      bool            `json:"is_deleted"`
	SyncEnabled    bool            `json:"sync_enabled"`
}

// SyncTombstone is something that ended.
type SyncTombstone struct {
	EntityType  string      `json:"entity_type"` // node or edge
	EntityID    uint64      `json:"entity_id"`
	VectorClock VectorClock `json:"vector_clock"`
	DeletedBy   string      `json:"deleted_by,omitempty"`
	DeletedAt   time.Time   `json:"deleted_at"`
}

// ApplyStats is what applying a payload came to. Passed counts what was no
// news, Invalid what cannot be.
type ApplyStats struct {
	NodesApplied      int    `json:"nodes_applied"`
	EdgesApplied      int    `json:"edges_applied"`
	TombstonesApplied int    `json:"tombstones_applied"`
	ConflictsDetected int    `json:"conflicts_detected"`
	ConflictsResolved int    `json:"conflicts_resolved"`
	SyncType          string `json:"sync_type"`
	Passed            int    `json:"passed"`
	Invalid           int    `json:"invalid"`
}
