package graphsync

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// Bounds of reads. A read that meets one says "truncated" and gives what it
// has, with a cursor where it can go on.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
	// MaxAnswerBytes bounds the records of one answer.
	MaxAnswerBytes = 1 << 20
	// maxScan bounds the keys one read looks at, some 20 ms of work.
	maxScan = 200_000
)

func checkLimit(limit int) (int, *consensus.Refusal) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, invalid("limit", "must be 1 to %d", MaxLimit)
	}
	return limit, nil
}

// GetNode returns the node with an id, NOT_FOUND where there is none in the
// namespace. An empty namespace allows any.
func (s *Service) GetNode(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Node, consensus.ReadInfo, error) {
	var out Node
	info, err := s.read(ctx, ro, func(v *view) error {
		ns, ok := v.nodeNamespace(id)
		if !ok || namespace != "" && v.namespace(namespace) != ns {
			return noNode(id)
		}
		var err error
		out, err = v.mustNode(ns, id)
		return err
	})
	return out, info, err
}

// GetNodeByKey returns the node of a namespace that holds a key.
func (s *Service) GetNodeByKey(ctx context.Context, ro consensus.ReadOptions, namespace, key string) (Node, consensus.ReadInfo, error) {
	norm, r := checkKey("key", key)
	if r != nil {
		return Node{}, consensus.ReadInfo{}, r
	}
	var out Node
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		id := v.byKey(ns, norm)
		if id == 0 {
			return refuse(CodeNotFound, "key", "no node has the key %q", key)
		}
		var err error
		out, err = v.mustNode(ns, id)
		return err
	})
	return out, info, err
}

// GetEdge returns the edge with an id, NOT_FOUND where there is none in the
// namespace. An empty namespace allows any.
func (s *Service) GetEdge(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Edge, consensus.ReadInfo, error) {
	var out Edge
	info, err := s.read(ctx, ro, func(v *view) error {
		at, e, ok, err := v.edge(id)
		if err != nil {
			return err
		}
		if !ok || namespace != "" && v.namespace(namespace) != at.ns {
			return noEdge(id)
		}
		w, err := v.wireEdge(at, &e)
		out = w.edge()
		return err
	})
	return out, info, err
}

// read runs fn in one short view.
func (s *Service) read(ctx context.Context, ro consensus.ReadOptions, fn func(*view) error) (consensus.ReadInfo, error) {
	return s.state.View(ctx, ro, func(r consensus.Reader) error { return fn(&view{r: r}) })
}

// mustNode returns a node that an index speaks of.
func (v *view) mustNode(ns nsID, id uint64) (Node, error) {
	n, ok, err := v.node(ns, id)
	if err != nil {
		return Node{}, err
	}
	if !ok {
		return Node{}, noNode(id)
	}
	return v.toNode(ns, id, &n)
}

func (v *view) toNode(ns nsID, id uint64, n *nodeRecord) (Node, error) {
	w, err := v.wireNode(ns, id, n)
	if err != nil {
		return Node{}, err
	}
	return w.node(), nil
}

func (v *view) toEdge(at triple, e *edgeRecord) (Edge, error) {
	w, err := v.wireEdge(at, e)
	if err != nil {
		return Edge{}, err
	}
	return w.edge(), nil
}

// size is what a node adds to an answer, about.
func (n *Node) size() int {
	return 200 + len(n.SessionID) + len(n.Label) + len(n.Key) + len(n.Properties)
}

func (e *Edge) size() int {
	return 220 + len(e.SessionID) + len(e.Predicate) + len(e.Properties)
}
