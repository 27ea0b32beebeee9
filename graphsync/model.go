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
	// Aliases are other keys of the node.
	Aliases   []string   `json:"aliases,omitempty" doc:"other keys of the node"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Provenance is what a fact (an edge) or an observation says about the world:
// since and until when it is so, who says so, and how sure that is. What is
// left out is open or not said.
type Provenance struct {
	ValidFrom  *time.Time `json:"valid_from,omitempty" doc:"so since then; since ever if left out"`
	ValidTo    *time.Time `json:"valid_to,omitempty" doc:"so until just before then; for ever if left out"`
	Provenance string     `json:"provenance,omitempty" doc:"where it comes from: an address, a document, a message"`
	Confidence *float64   `json:"confidence,omitempty" doc:"0 to 1"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"ended then by itself"`
}

// Observation is a sentence about a node.
type Observation struct {
	ID         uint64          `json:"id" doc:"unique in the mesh, never used again"`
	SessionID  string          `json:"session_id" doc:"the namespace"`
	NodeID     uint64          `json:"node_id"`
	Text       string          `json:"text"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Provenance
	Version   uint64    `json:"version"`
	CreatedBy string    `json:"created_by,omitempty"`
	CreatedAt time.Time `json:"created_at"`
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
	Provenance
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

	OpAddAlias          = "add_alias"
	OpRemoveAlias       = "remove_alias"
	OpAddObservation    = "add_observation" // unchanged where the node has one of that text
	OpDeleteObservation = "delete_observation"
	OpSetVector         = "set_vector"
	OpDeleteVector      = "delete_vector"
	OpMergeNodes        = "merge_nodes" // source into target; the result's id undoes it
	OpUndoMerge         = "undo_merge"
	OpSetSchema         = "set_schema"
	OpSetRetention      = "set_retention"
	OpEraseNode         = "erase_node" // and all that was ever said of it, history too
	OpEraseEdge         = "erase_edge"
	OpEraseObservation  = "erase_observation"
)

// Op is one operation of a batch. Which fields an operation takes:
//
//	create_node, upsert_node   type, label, key, properties, expires_at
//	update_node                id or key; type, label, properties, merge, expires_at, if_version
//	delete_node                id or key; if_version
//	create_edge, upsert_edge   source_id or source, target_id or target, type, weight, predicate, properties, parallel, +
//	update_edge                id; weight, predicate, properties, merge, +, if_version
//	delete_edge                id; if_version
//	add_alias, remove_alias    id or key; alias, if_version
//	add_observation            id or key; text, properties, +
//	delete_observation         id, or node_id or key and text
//	set_vector, delete_vector  id or key; model, vector
//	merge_nodes                source_id or source, target_id or target
//	undo_merge                 id
//	set_schema                 schema
//	set_retention              days, bytes
//	erase_node                 id or key; reason
//	erase_edge, erase_observation  id; reason
//
// + is valid_from, valid_to, provenance, confidence, expires_at; in an update
// the zero time and a negative confidence take away what was there.
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

	ValidFrom  *time.Time `json:"valid_from,omitempty"`
	ValidTo    *time.Time `json:"valid_to,omitempty"`
	Provenance *string    `json:"provenance,omitempty"`
	Confidence *float64   `json:"confidence,omitempty"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	NodeID     uint64     `json:"node_id,omitempty"`
	Alias      string     `json:"alias,omitempty"`
	Text       string     `json:"text,omitempty"`
	Model      string     `json:"model,omitempty"`
	Vector     []float32  `json:"vector,omitempty"`
	Schema     *Schema    `json:"schema,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	// Days and Bytes bound the history; 0 is the default.
	Days  uint64 `json:"days,omitempty"`
	Bytes uint64 `json:"bytes,omitempty"`
}

// Schema is what a namespace asks of its nodes and edges; nothing, if there is
// none. Types that are not listed are refused where Closed.
type Schema struct {
	Closed    bool                `json:"closed,omitempty"`
	NodeTypes map[string]NodeRule `json:"node_types,omitempty"`
	EdgeTypes map[string]EdgeRule `json:"edge_types,omitempty"`
}

// NodeRule is what a schema says of a node type.
type NodeRule struct {
	Required []string `json:"required,omitempty" doc:"properties that must be there"`
}

// EdgeRule is what a schema says of an edge type. Single says that a source has
// one such fact at a time: a new one ends the old one when it begins to be so.
type EdgeRule struct {
	Single bool     `json:"single,omitempty"`
	From   []string `json:"from,omitempty" doc:"node types it may come from; any if empty"`
	To     []string `json:"to,omitempty" doc:"node types it may lead to; any if empty"`
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
