// Package librarian is the built-in agent that answers questions about the
// knowledge graph: what a thing is, what lies around it, what depends on it,
// how two things are connected, how many there are.
//
// It is not a language model and does not guess: a question is read by a fixed
// table of sentence patterns (LIBRARIAN.md, beside this package), and one it
// cannot read is answered with what it can. It only reads.
//
// It promises that the same question about the same state has the same answer,
// that every answer names the ids it rests on and the revision it reflects,
// and that it says when it left something out.
package librarian

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/strictjson"
)

// Name is the librarian's name in every mesh.
const Name = "librarian"

// DefaultNamespace is where questions look that name no other.
const DefaultNamespace = "default"

// Graph is what the librarian reads; *graphsync.Service is one.
type Graph interface {
	GetNode(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (graphsync.Node, consensus.ReadInfo, error)
	GetNodeByKey(ctx context.Context, ro consensus.ReadOptions, namespace, key string) (graphsync.Node, consensus.ReadInfo, error)
	ListNodes(ctx context.Context, ro consensus.ReadOptions, q graphsync.NodeQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	Find(ctx context.Context, ro consensus.ReadOptions, q graphsync.FindQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	Degree(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, key string) (graphsync.Degree, consensus.ReadInfo, error)
	Neighbors(ctx context.Context, ro consensus.ReadOptions, q graphsync.NeighborQuery) (graphsync.Neighborhood, consensus.ReadInfo, error)
	Path(ctx context.Context, ro consensus.ReadOptions, q graphsync.PathQuery) (graphsync.Path, consensus.ReadInfo, error)
	Stats(ctx context.Context, ro consensus.ReadOptions, namespace string) (graphsync.Stats, consensus.ReadInfo, error)
}

// Librarian answers questions. Safe for concurrent use.
type Librarian struct{ graph Graph }

// New returns a librarian that reads graph.
func New(graph Graph) *Librarian { return &Librarian{graph: graph} }

// Name implements agent.Handler.
func (*Librarian) Name() string { return Name }

// Description implements agent.Handler.
func (*Librarian) Description() string {
	return "answers questions about the knowledge graph; ask it: help"
}

// Handle implements agent.Handler: the body is a question as text, or as a
// Question; the answer is an Answer.
func (l *Librarian) Handle(ctx context.Context, m message.Message) (json.RawMessage, error) {
	q, err := decodeQuestion(m.Body)
	if err != nil {
		return nil, err
	}
	a, err := l.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// maxQuestion bounds a question in bytes.
const maxQuestion = 4 << 10

// Question is what can be asked. Either Question is set, a sentence, or Op and
// the fields that the operation takes. Namespace and the read options go with
// both.
type Question struct {
	Question string `json:"question,omitempty"`
	// Op is find, describe, neighbors, path, count, types or help.
	Op string `json:"op,omitempty"`
	// Text is what find looks for in labels and keys.
	Text string `json:"text,omitempty"`
	// Type keeps to nodes of a type: find, count, neighbors.
	Type string `json:"type,omitempty"`
	// Node is whom describe and neighbors are about; From and To are the ends
	// of path.
	Node Ref `json:"node,omitempty"`
	From Ref `json:"from,omitempty"`
	To   Ref `json:"to,omitempty"`
	// Property is the one that describe is asked for; all where it is empty.
	Property string `json:"property,omitempty"`
	// Direction is how edges are followed: out, in or both.
	Direction graphsync.Direction `json:"direction,omitempty"`
	// EdgeTypes keeps to edges of these types.
	EdgeTypes []string `json:"edge_types,omitempty"`
	// Depth is how many edges away neighbors goes (1), or the most edges of a
	// path (10).
	Depth int `json:"depth,omitempty"`
	// Limit bounds the nodes of an answer (100, at most 1000).
	Limit int `json:"limit,omitempty"`
	// Namespace is "default" where it is empty.
	Namespace string `json:"namespace,omitempty"`
	// MinRevision makes the answer reflect at least this revision.
	MinRevision uint64 `json:"min_revision,omitempty"`

	// phrase is the relation in the asker's words, as the answer repeats it.
	phrase string
	// swapped says that Direction runs against the phrase: "contains" said of
	// part_of edges.
	swapped bool
	// along marks a path that should follow the edges' direction if it can,
	// else run against it, and only else do both.
	along bool
	// yesNo marks a question of whether a path exists.
	yesNo bool
	// counted marks a question of how many neighbours there are.
	counted bool
}

// subject says that the node asked about is the subject of the relation.
func (q *Question) subject() bool { return (q.Direction == graphsync.Out) != q.swapped }

// Ref names a node: its id, its key, its label, or a part of its label. In JSON
// a number or a string.
type Ref string

// UnmarshalJSON reads a string or a whole number.
func (r *Ref) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*r = Ref(s)
		return nil
	}
	var id uint64
	if err := json.Unmarshal(data, &id); err != nil {
		return errors.New("a node is named by a string or an id")
	}
	*r = Ref("#" + utoa(id))
	return nil
}

// Answer is what a question came to.
type Answer struct {
	// Text is one sentence or a few.
	Text string `json:"text"`
	// Op is how the question was understood, "unknown" where it was not.
	Op string `json:"op"`
	// IDs are the nodes that the answer rests on, those asked about first.
	IDs []uint64 `json:"ids"`
	// Nodes are the nodes of the answer.
	Nodes []Thing `json:"nodes"`
	// Edges are the steps of a path, or what joins neighbours.
	Edges []Relation `json:"edges,omitempty"`
	// Count is how many there are, where that was the question.
	Count *uint64 `json:"count,omitempty"`
	// Truncated says that there is more than the answer holds.
	Truncated bool `json:"truncated,omitempty"`
	// Suggestions are questions, or labels, to try instead.
	Suggestions []string `json:"suggestions,omitempty"`
	// Revision is the state that the answer reflects; changes after it may
	// or may not be in it.
	Revision uint64 `json:"revision"`
}

// Thing is a node in an answer. Properties are given where one was described.
type Thing struct {
	ID         uint64          `json:"id"`
	Type       string          `json:"type"`
	Label      string          `json:"label"`
	Key        string          `json:"key,omitempty"`
	Depth      int             `json:"depth,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
}

// Relation is an edge in an answer.
type Relation struct {
	ID     uint64 `json:"id"`
	Source uint64 `json:"source"`
	Type   string `json:"type"`
	Target uint64 `json:"target"`
}

// decodeQuestion reads a message body: a JSON string, or an object.
func decodeQuestion(body json.RawMessage) (Question, error) {
	var q Question
	if len(body) > 4*maxQuestion {
		return q, refuse("question", "a question is at most 4 KiB")
	}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '"' {
		if err := json.Unmarshal(body, &q.Question); err != nil {
			return q, refuse("question", "the question cannot be read")
		}
		return q, nil
	}
	if err := strictjson.Decode(body, &q); err != nil {
		return q, refuse("question", err.Error()+`: a question is text, {"question":"…"} or {"op":"find|describe|neighbors|path|count|types|help",…}`)
	}
	return q, nil
}

func refuse(field, sentence string) error {
	return &consensus.Refusal{Code: message.CodeInvalid, Sentence: sentence, Details: map[string]string{"field": field}}
}
