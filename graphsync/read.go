package graphsync

import (
	"context"
	"time"

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
	return s.GetNodeAt(ctx, ro, When{}, namespace, id)
}

// GetNodeAt is GetNode as of another time. Where a node was merged into
// another, the details of NOT_FOUND say "merged_into".
func (s *Service) GetNodeAt(ctx context.Context, ro consensus.ReadOptions, when When, namespace string, id uint64) (Node, consensus.ReadInfo, error) {
	var out Node
	info, err := s.readAt(ctx, ro, when, func(v *view) error {
		ns, into, ok := v.everNode(id)
		if !ok || namespace != "" && v.namespace(namespace) != ns {
			return noNode(id)
		}
		var err error
		out, ok, err = v.findNode(ns, id)
		if err == nil && !ok {
			r := noNode(id)
			if into != 0 {
				r.Details["merged_into"] = itoa(into)
			}
			return r
		}
		return err
	})
	return out, info, err
}

// GetNodeByKey returns the node of a namespace that holds a key.
func (s *Service) GetNodeByKey(ctx context.Context, ro consensus.ReadOptions, namespace, key string) (Node, consensus.ReadInfo, error) {
	return s.GetNodeByKeyAt(ctx, ro, When{}, namespace, key)
}

// GetNodeByKeyAt is GetNodeByKey as of another time.
func (s *Service) GetNodeByKeyAt(ctx context.Context, ro consensus.ReadOptions, when When, namespace, key string) (Node, consensus.ReadInfo, error) {
	norm, r := checkKey("key", key)
	if r != nil {
		return Node{}, consensus.ReadInfo{}, r
	}
	var out Node
	info, err := s.readAt(ctx, ro, when, func(v *view) error {
		ns := v.namespace(namespace)
		id := v.seeKey(ns, norm)
		if id == 0 {
			return noKey("key", key)
		}
		var ok bool
		var err error
		if out, ok, err = v.findNode(ns, id); err == nil && !ok {
			return noKey("key", key)
		}
		return err
	})
	return out, info, err
}

func noKey(field, key string) *consensus.Refusal {
	return refuse(CodeNotFound, field, "no node has the key %q", key)
}

// GetEdge returns the edge with an id, NOT_FOUND where there is none in the
// namespace. An empty namespace allows any. Who names an edge is shown it
// whether or not it is true at present.
func (s *Service) GetEdge(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Edge, consensus.ReadInfo, error) {
	return s.GetEdgeAt(ctx, ro, When{}, namespace, id)
}

// GetEdgeAt is GetEdge as of another time; only a ValidAt that is given hides
// an edge that is not true then.
func (s *Service) GetEdgeAt(ctx context.Context, ro consensus.ReadOptions, when When, namespace string, id uint64) (Edge, consensus.ReadInfo, error) {
	var out Edge
	info, err := s.readAt(ctx, ro, when, func(v *view) error {
		v.at.any = v.at.any || when.ValidAt.IsZero()
		at, e, ok, err := v.seeEdge(id)
		if err != nil {
			return err
		}
		if !ok || !v.shows(&e.provenance) || namespace != "" && v.namespace(namespace) != at.ns {
			return noEdge(id)
		}
		out, err = v.toEdge(at, &e)
		return err
	})
	return out, info, err
}

// readAt is read with a view that shows another time.
func (s *Service) readAt(ctx context.Context, ro consensus.ReadOptions, when When, fn func(*view) error) (consensus.ReadInfo, error) {
	return s.read(ctx, ro, func(v *view) error {
		if err := v.look(when, time.Now()); err != nil {
			return err
		}
		return fn(v)
	})
}

// read runs fn in one short view.
func (s *Service) read(ctx context.Context, ro consensus.ReadOptions, fn func(*view) error) (consensus.ReadInfo, error) {
	return s.state.View(ctx, ro, func(r consensus.Reader) error { return fn(&view{r: r}) })
}

// findNode returns a node that an index speaks of, if the view shows it.
func (v *view) findNode(ns nsID, id uint64) (Node, bool, error) {
	n, ok, err := v.seeNode(ns, id)
	if err != nil || !ok {
		return Node{}, false, err
	}
	out, err := v.toNode(ns, id, &n)
	return out, err == nil, err
}

// mustNode is findNode where the view shows the node.
func (v *view) mustNode(ns nsID, id uint64) (Node, error) {
	n, ok, err := v.findNode(ns, id)
	if err == nil && !ok {
		err = noNode(id)
	}
	return n, err
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
