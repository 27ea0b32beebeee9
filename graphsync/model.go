package graphsync

import (
	"encoding/json"
	"time"
)

// Node is a node as clients see it. Properties is a JSON object in canonical
// spelling. Version counts the node's changes from 1; it is what If-Match
// compares. Times are the mesh's, in UTC with milliseconds.
type Node struct {
	ID         uint64          `json:"id" doc:"unique in the mesh, never used again"`
	SessionID  string          `json:"session_id" doc:"the namespace"`
	NodeType   string          `json:"node_type"`
	Label      string          `json:"label"`
	Key        string          `json:"key,omitempty" doc:"unique in the namespace, ignoring case, width and runs of spaces"`
	Properties json.RawMessage `json:"properties"`
	Version    uint64          `json:"version"`
	CreatedBy  string          `json:"created_by,omitempty"`
	UpdatedBy  string          `json:"updated_by,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// Edge is a directed, typed edge as clients see it.
type Edge struct {
	ID         uint64          `json:"id" doc:"unique in the mesh, never used again"`
	SessionID  string          `json:"session_id" doc:"the namespace"`
	SourceID   uint64          `json:"source_id"`
	TargetID   uint64          `json:"target_id"`
	EdgeType   string          `json:"edge_type"`
	Predicate  string          `json:"predicate,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Weight     float64         `json:"weight"`
	Version    uint64          `json:"version"`
	CreatedBy  string          `json:"created_by,omitempty"`
	UpdatedBy  string          `json:"updated_by,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// Verbs of an Op.
const (
	OpCreateNode = "create_node"
	OpUpsertNode = "upsert_node" // by key; all of it is replaced
	OpUpdateNode = "update_node"
	OpDeleteNode = "delete_node" // and its edges
	OpCreateEdge = "create_edge"
	OpUpsertEdge = "upsert_edge" // by source, type, target and parallel; all of it is replaced
	OpUpdateEdge = "update_edge"
	OpDeleteEdge = "delete_edge"
)

// Op is one operation of a batch. Which fields an operation takes:
//
//	create_node, upsert_node   type, label, key, properties
//	update_node                id or key; type, label, properties, merge, if_version
//	delete_node                id or key; if_version
//	create_edge, upsert_edge   source_id or source, target_id or target, type, weight, predicate, properties, parallel
//	update_edge                id; weight, predicate, properties, merge, if_version
//	delete_edge                id; if_version
//
// A field that the operation does not take is refused. Source and Target are
// keys. An operation sees the effect of those before it in the batch.
type Op struct {
	Op         string          `json:"op"`
	ID         uint64          `json:"id,omitempty"`
	Key        string          `json:"key,omitempty"`
	Type       string          `json:"type,omitempty"`
	Label      *string         `json:"label,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	// Merge patches the properties (RFC 7396) instead of replacing them.
	Merge     bool     `json:"merge,omitempty"`
	SourceID  uint64   `json:"source_id,omitempty"`
	TargetID  uint64   `json:"target_id,omitempty"`
	Source    string   `json:"source,omitempty"`
	Target    string   `json:"target,omitempty"`
	Weight    *float64 `json:"weight,omitempty"`
	Predicate *string  `json:"predicate,omitempty"`
	// Parallel tells edges of the same source, type and target apart when
	// they are upserted: how many such edges come before this one.
	Parallel uint32 `json:"parallel,omitempty"`
	// IfVersion refuses the operation unless the version is this one; 0 asks
	// for nothing.
	IfVersion uint64 `json:"if_version,omitempty"`
}

// Statuses of an OpResult.
const (
	StatusCreated   = "created"
	StatusUpdated   = "updated"
	StatusUnchanged = "unchanged" // as it was already, or absent already
	StatusDeleted   = "deleted"
)

// OpResult is what one operation of a batch came to.
type OpResult struct {
	ID      uint64 `json:"id"`
	Status  string `json:"status"`
	Version uint64 `json:"version,omitempty"`
}
