package graphsync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Service is the graph as the packages above use it. A "no" of the graph is a
// *consensus.Refusal with one of this package's codes; other errors are those
// of consensus. Safe for concurrent use.
type Service struct {
	state consensus.State
	feed  feed
	index indexer

	queries *queryGate
}

// NewService returns the graph kept in state, which must hold NewPart().
func NewService(state consensus.State) *Service {
	return &Service{state: state, index: indexer{asked: make(chan struct{}, 1)}, queries: newQueryGate(processors())}
}

// WriteOptions goes with every write.
type WriteOptions struct {
	// Author is the principal that writes; it is recorded. Empty: unknown.
	Author string
	// Idempotency makes a repeated write take effect once; may be nil.
	Idempotency *consensus.IdempotencyKey
}

// NewNode is what CreateNode takes.
type NewNode struct {
	SessionID  string          `json:"session_id"`
	NodeType   string          `json:"node_type"`
	Label      string          `json:"label"`
	Key        string          `json:"key,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	ExpiresAt  *time.Time      `json:"expires_at,omitempty"`
}

// NodePatch changes a node; nil fields stay as they are. Properties replace
// the old ones whole, or patch them (RFC 7396) with Merge. The zero time takes
// the expiry away.
type NodePatch struct {
	NodeType   *string         `json:"node_type,omitempty"`
	Label      *string         `json:"label,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Merge      bool            `json:"merge,omitempty"`
	ExpiresAt  *time.Time      `json:"expires_at,omitempty"`
	IfVersion  uint64          `json:"-"`
}

// NewEdge is what CreateEdge takes. The ends are named by id or by key; with
// ids alone SessionID may be empty. A nil Weight is 1.
type NewEdge struct {
	SessionID  string          `json:"session_id"`
	SourceID   uint64          `json:"source_id,omitempty"`
	TargetID   uint64          `json:"target_id,omitempty"`
	Source     string          `json:"source,omitempty"`
	Target     string          `json:"target,omitempty"`
	EdgeType   string          `json:"edge_type"`
	Predicate  *string         `json:"predicate,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Weight     *float64        `json:"weight,omitempty"`
	Provenance
}

// EdgePatch changes an edge; nil fields stay as they are. The zero time and a
// negative confidence take away what was there.
type EdgePatch struct {
	Weight     *float64        `json:"weight,omitempty"`
	Predicate  *string         `json:"predicate,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Merge      bool            `json:"merge,omitempty"`
	ValidFrom  *time.Time      `json:"valid_from,omitempty"`
	ValidTo    *time.Time      `json:"valid_to,omitempty"`
	Provenance *string         `json:"provenance,omitempty"`
	Confidence *float64        `json:"confidence,omitempty"`
	ExpiresAt  *time.Time      `json:"expires_at,omitempty"`
	IfVersion  uint64          `json:"-"`
}

// CreateNode makes a node. KEY_EXISTS where its key is taken.
func (s *Service) CreateNode(ctx context.Context, wo WriteOptions, in NewNode) (Node, consensus.Outcome, error) {
	r := checkNamespace(in.SessionID)
	if r == nil {
		r = checkType("node_type", in.NodeType)
	}
	if r != nil {
		return Node{}, consensus.Outcome{}, r
	}
	return s.writeNode(ctx, wo, in.SessionID, &Op{Op: OpCreateNode, Type: in.NodeType, Label: &in.Label, Key: in.Key,
		Properties: in.Properties, ExpiresAt: in.ExpiresAt})
}

// UpdateNode changes the node with an id. An empty namespace allows any.
func (s *Service) UpdateNode(ctx context.Context, wo WriteOptions, namespace string, id uint64, p NodePatch) (Node, consensus.Outcome, error) {
	o := &Op{Op: OpUpdateNode, ID: id, Label: p.Label, Properties: p.Properties, Merge: p.Merge, ExpiresAt: p.ExpiresAt, IfVersion: p.IfVersion}
	if p.NodeType != nil {
		if r := checkType("node_type", *p.NodeType); r != nil {
			return Node{}, consensus.Outcome{}, r
		}
		o.Type = *p.NodeType
	}
	return s.writeNode(ctx, wo, namespace, o)
}

// CreateEdge makes an edge beside those that may join the same nodes already.
func (s *Service) CreateEdge(ctx context.Context, wo WriteOptions, in NewEdge) (Edge, consensus.Outcome, error) {
	if r := checkType("edge_type", in.EdgeType); r != nil {
		return Edge{}, consensus.Outcome{}, r
	}
	return s.writeEdge(ctx, wo, in.SessionID, &Op{Op: OpCreateEdge, SourceID: in.SourceID, TargetID: in.TargetID, Source: in.Source,
		Target: in.Target, Type: in.EdgeType, Predicate: in.Predicate, Properties: in.Properties, Weight: in.Weight,
		ValidFrom: in.ValidFrom, ValidTo: in.ValidTo, Provenance: in.source(), Confidence: in.Confidence, ExpiresAt: in.ExpiresAt})
}

// UpdateEdge changes the edge with an id. An empty namespace allows any.
func (s *Service) UpdateEdge(ctx context.Context, wo WriteOptions, namespace string, id uint64, p EdgePatch) (Edge, consensus.Outcome, error) {
	return s.writeEdge(ctx, wo, namespace, &Op{Op: OpUpdateEdge, ID: id, Predicate: p.Predicate, Properties: p.Properties,
		Weight: p.Weight, Merge: p.Merge, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, Provenance: p.Provenance,
		Confidence: p.Confidence, ExpiresAt: p.ExpiresAt, IfVersion: p.IfVersion})
}

// DeleteEdge ends an edge; existed is false where there was none.
func (s *Service) DeleteEdge(ctx context.Context, wo WriteOptions, namespace string, id, ifVersion uint64) (existed bool, _ consensus.Outcome, _ error) {
	res, out, err := s.one(ctx, wo, namespace, &Op{Op: OpDeleteEdge, ID: id, IfVersion: ifVersion})
	return err == nil && res.Ops[0].Status == deleted, out, err
}

// DeleteNode ends a node with its edges and observations; existed is false where
// there was none. Those of a node with more than one command may end go first, in
// commands of their own: should the last fail, the node is left with fewer.
func (s *Service) DeleteNode(ctx context.Context, wo WriteOptions, namespace string, id, ifVersion uint64) (existed bool, _ consensus.Outcome, _ error) {
	o := &Op{Op: OpDeleteNode, ID: id, IfVersion: ifVersion}
	if err := s.drain(ctx, wo, namespace, o); err != nil {
		return false, consensus.Outcome{}, err
	}
	res, out, err := s.one(ctx, wo, namespace, o)
	return err == nil && res.Ops[0].Status == deleted, out, err
}

func (s *Service) drain(ctx context.Context, wo WriteOptions, namespace string, in *Op) error {
	prepared, r := prepare(in)
	if r != nil {
		return r
	}
	prepared.Kind = opDrainNode
	for {
		var more bool
		if _, err := s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
			t := tx{view: view{r: r}}
			if ns, ok := t.nodeNamespace(in.ID); ok && (namespace == "" || t.namespace(namespace) == ns) {
				_, more = t.dependentsOf(ns, in.ID, maxCascade)
			}
			return nil
		}); err != nil {
			return err
		}
		if !more {
			return nil
		}
		if _, _, err := s.propose(ctx, WriteOptions{Author: wo.Author}, command{Namespace: namespace, Ops: []op{prepared}}); err != nil {
			return err
		}
	}
}

func (s *Service) writeNode(ctx context.Context, wo WriteOptions, namespace string, o *Op) (Node, consensus.Outcome, error) {
	res, out, err := s.one(ctx, wo, namespace, o)
	if err != nil {
		return Node{}, out, err
	}
	if res.Node == nil {
		return Node{}, out, errors.New("the graph answered without the node")
	}
	return res.Node.node(), out, nil
}

func (s *Service) writeEdge(ctx context.Context, wo WriteOptions, namespace string, o *Op) (Edge, consensus.Outcome, error) {
	res, out, err := s.one(ctx, wo, namespace, o)
	if err != nil {
		return Edge{}, out, err
	}
	if res.Edge == nil {
		return Edge{}, out, errors.New("the graph answered without the edge")
	}
	return res.Edge.edge(), out, nil
}

// one proposes a single operation.
func (s *Service) one(ctx context.Context, wo WriteOptions, namespace string, o *Op) (result, consensus.Outcome, error) {
	if namespace != "" {
		if r := checkNamespace(namespace); r != nil {
			return result{}, consensus.Outcome{}, r
		}
	}
	prepared, r := prepare(o)
	if r != nil {
		return result{}, consensus.Outcome{}, r
	}
	res, out, err := s.propose(ctx, wo, command{Namespace: namespace, Ops: []op{prepared}, Whole: true})
	if res.Node != nil && res.Node.Given {
		res.Node.Props = prepared.Props
	}
	return res, out, err
}

func (s *Service) propose(ctx context.Context, wo WriteOptions, cmd command) (result, consensus.Outcome, error) {
	if r := checkText("author", wo.Author, 0, MaxAuthor); r != nil {
		return result{}, consensus.Outcome{}, r
	}
	cmd.Author = wo.Author
	body := cmd.encode()
	if len(body) > MaxBatchBytes {
		return result{}, consensus.Outcome{}, refuse(CodeTooLarge, "operations",
			"the operations take %d bytes, one command has at most %d: send fewer at a time", len(body), MaxBatchBytes)
	}
	out, err := s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: body, Idempotency: wo.Idempotency})
	if err != nil {
		return result{}, out, err
	}
	res, err := decodeResult(out.Result)
	if err != nil {
		return res, out, fmt.Errorf("reading the graph's answer: %w", err)
	}
	if cmd.Push != nil {
		if res.Push == nil || len(res.Push.Outcomes) > len(cmd.Ops) {
			return res, out, errors.New("the graph answered without what the push came to")
		}
		return res, out, nil
	}
	if len(res.Ops) != len(cmd.Ops) {
		return res, out, fmt.Errorf("the graph answered %d of %d operations", len(res.Ops), len(cmd.Ops))
	}
	return res, out, nil
}

// source is the provenance as an Op takes it.
func (p *Provenance) source() *string {
	if p.Provenance == "" {
		return nil
	}
	return &p.Provenance
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (w *wireNode) node() Node {
	n := Node{ID: w.ID, SessionID: w.Namespace, NodeType: w.Type, Label: w.Label, Key: w.Key, Properties: rawObject(w.Props),
		Version: w.Version, CreatedBy: w.CreatedBy, UpdatedBy: w.UpdatedBy, CreatedAt: millis(w.CreatedAt), UpdatedAt: millis(w.UpdatedAt), Aliases: w.Aliases}
	if w.Expires != 0 {
		n.ExpiresAt = wireTime(&w.Expires)
	}
	return n
}

func (w *wireEdge) edge() Edge {
	e := Edge{ID: w.ID, SessionID: w.Namespace, SourceID: w.Source, TargetID: w.Target, EdgeType: w.Type, Predicate: w.Predicate,
		Weight: w.Weight, Version: w.Version, CreatedBy: w.CreatedBy, UpdatedBy: w.UpdatedBy, CreatedAt: millis(w.CreatedAt), UpdatedAt: millis(w.UpdatedAt),
		Provenance: w.provenance()}
	if len(w.Props) > 0 {
		e.Properties = rawObject(w.Props)
	}
	return e
}
