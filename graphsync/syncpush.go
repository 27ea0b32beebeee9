package graphsync

import (
	"encoding/json"
	"time"
)

// Push is what a client did while it was cut off, in order.
type Push struct {
	// Namespace the mutations work in.
	Namespace string `json:"session_id"`
	// ClientID is the client's own name, unique for the principal and the
	// namespace. A client that lost its memory takes another.
	ClientID string `json:"client_id"`
	// Base says what the client had seen when it made the mutations: a token,
	// or a revision in its place. Neither: nothing.
	BaseToken    string     `json:"base_token,omitempty"`
	BaseRevision uint64     `json:"base_revision,omitempty"`
	Mutations    []Mutation `json:"mutations"`
}

// Mutation is one operation of a client. The verbs are create_node,
// upsert_node, update_node, delete_node, create_edge, upsert_edge, update_edge,
// delete_edge, add_observation, delete_observation, add_alias, remove_alias and
// merge_nodes, with the fields of Op but if_version.
//
// What the same client made by an earlier mutation may be named by that one's
// seq: Ref in place of the operation's id (or key), SourceRef and TargetRef in
// place of source_id and target_id, NodeRef in place of node_id.
type Mutation struct {
	// Seq counts the client's mutations from 1, without gaps.
	Seq uint64 `json:"seq"`
	Op
	Ref       uint64 `json:"ref,omitempty" doc:"seq of the mutation that made it, in place of id"`
	SourceRef uint64 `json:"source_ref,omitempty" doc:"seq of the mutation that made the source"`
	TargetRef uint64 `json:"target_ref,omitempty" doc:"seq of the mutation that made the target"`
	NodeRef   uint64 `json:"node_ref,omitempty" doc:"seq of the mutation that made the node of the observation"`
	// IfRev asks for the thing to be as of that revision still, but for the
	// client's own changes. Else the answer is a conflict of which no record is
	// kept: the client decides.
	IfRev uint64 `json:"if_rev,omitempty"`
	// BaseRevision is what the client had seen when it made this mutation, where
	// that is not the push's.
	BaseRevision uint64 `json:"base_revision,omitempty"`
	// At is the client's clock. It is data, never order: since when a
	// single-valued fact is so that does not say it itself.
	At *time.Time `json:"at,omitempty"`
	// Cascade deletes a node with edges and observations that the client could
	// not know of.
	Cascade bool `json:"cascade,omitempty"`
}

// What a mutation came to.
const (
	PushApplied   = "applied"
	PushDuplicate = "duplicate" // known already, and its result no longer
	PushRebased   = "rebased"   // applied, and others had changed the thing too
	PushConflict  = "conflict"
	PushInvalid   = "invalid"
)

// Reasons of a conflict.
const (
	ReasonChanged   = "changed"    // others gave one of the fields another value
	ReasonKeptBoth  = "kept_both"  // the same, and both values are kept
	ReasonDeleted   = "deleted"    // the thing, or an end of the edge, is gone
	ReasonMerged    = "merged"     // the node is another by now
	ReasonInUse     = "in_use"     // the node has edges or observations the client did not know of
	ReasonValidFrom = "valid_from" // another value of a single-valued fact begins at the same time
	ReasonKeyTaken  = "key_taken"  // the alias is another node's key
	ReasonIfRev     = "if_rev"     // the thing changed after if_rev
)

// MutationResult is what one mutation came to.
type MutationResult struct {
	Seq    uint64 `json:"seq"`
	Status string `json:"status" enum:"applied,duplicate,rebased,conflict,invalid"`
	// Repeated says that the mutation was known, and this is its result from
	// then.
	Repeated bool `json:"repeated,omitempty"`
	// ID is the thing's: for a node that was there under its key, that one's.
	ID      uint64 `json:"id,omitempty"`
	Version uint64 `json:"version,omitempty"`
	// Reason, Fields, ConflictID and Current are of a conflict: why, which
	// fields are at odds, the record to resolve (0: none is kept) and the thing
	// as it is now, where there is one.
	Reason     string          `json:"reason,omitempty"`
	Fields     []string        `json:"fields,omitempty"`
	ConflictID uint64          `json:"conflict_id,omitempty"`
	Current    json.RawMessage `json:"current,omitempty"`
	// Code, Field and Message say what is wrong with an invalid one.
	Code    string `json:"code,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message,omitempty"`
}

// StoppedUnknown is PushAnswer.Stopped where the mesh could not be reached any
// more: the outcome of the others is not known.
const StoppedUnknown = "STOPPED"

// PushAnswer answers the mutations in order. Where Stopped is given, those
// behind the results were not looked at and are to be pushed again.
type PushAnswer struct {
	Results []MutationResult `json:"results"`
	// LastSeq is the last mutation of the client that is known.
	LastSeq  uint64 `json:"last_seq"`
	Revision uint64 `json:"revision"`
	// Stopped is the code of a refusal, or StoppedUnknown.
	Stopped string `json:"stopped,omitempty"`
	Message string `json:"message,omitempty"`
}
