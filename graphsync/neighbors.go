package graphsync

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// Bounds of walks.
const (
	MaxNeighborDepth = 10
	MaxPathDepth     = 20
	maxExpansions    = 100_000
	maxWalkEdges     = 5_000
)

// NeighborQuery asks for the surroundings of a node, named by ID or Key. Depth
// 0 is 1, Limit 0 is DefaultLimit, an empty Direction is both ways; Type, if
// given, is the only edge type followed.
type NeighborQuery struct {
	Namespace string
	ID        uint64
	Key       string
	Direction Direction
	Depth     int
	Type      string
	Limit     int
	When      When
}

// Neighbor is a node and how many edges it is away.
type Neighbor struct {
	Node
	Depth int `json:"depth"`
}

// Neighborhood is what lies around a node: nodes nearest first, and the edges
// met on the way whose ends are both in the answer. Truncated says that there
// was more.
type Neighborhood struct {
	Start     Node       `json:"start"`
	Nodes     []Neighbor `json:"nodes"`
	Edges     []Edge     `json:"edges"`
	Count     int        `json:"count"`
	Truncated bool       `json:"truncated,omitempty"`
}

// Neighbors walks breadth first from a node.
func (s *Service) Neighbors(ctx context.Context, ro consensus.ReadOptions, q NeighborQuery) (Neighborhood, consensus.ReadInfo, error) {
	out := Neighborhood{Nodes: []Neighbor{}, Edges: []Edge{}}
	limit, r := checkLimit(q.Limit)
	if r == nil {
		r = checkNamespace(q.Namespace)
	}
	if r == nil && q.Type != "" {
		r = checkType("type", q.Type)
	}
	if r == nil {
		q.Direction, r = checkDirection(q.Direction)
	}
	if q.Depth == 0 {
		q.Depth = 1
	}
	if r == nil && (q.Depth < 0 || q.Depth > MaxNeighborDepth) {
		r = invalid("depth", "must be 1 to %d", MaxNeighborDepth)
	}
	if r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns, typ, none := v.lookup(q.Namespace, q.Type)
		id, err := v.resolve(ns, q.ID, q.Key, "id")
		if err != nil {
			return err
		}
		if out.Start, _, err = v.findNode(ns, id); err != nil || none {
			return err
		}
		w := walk{v: v, ns: ns, typ: typ, dir: q.Direction, limit: limit, out: &out,
			budget: budget{left: maxExpansions}, seen: map[uint64]bool{id: true}}
		return w.run(ctx, id, q.Depth)
	})
	out.Count = len(out.Nodes)
	return out, info, err
}

// walk collects a neighbourhood.
type walk struct {
	v      *view
	ns     nsID
	typ    symbol
	dir    Direction
	limit  int
	out    *Neighborhood
	budget budget
	seen   map[uint64]bool
	edges  map[uint64]bool
	size   int
}

func (w *walk) run(ctx context.Context, start uint64, depth int) error {
	w.edges = make(map[uint64]bool)
	level := []uint64{start}
	for d := 1; d <= depth && len(level) > 0; d++ {
		var next []uint64
		for _, id := range level {
			if err := ctx.Err(); err != nil {
				return err
			}
			var failed error
			err := w.v.eachEdge(w.ns, id, w.dir, w.typ, &w.budget, func(at triple, other uint64, val []byte) bool {
				if !w.seen[other] {
					if len(w.out.Nodes) == w.limit || w.size > MaxAnswerBytes {
						w.out.Truncated = true
						return false
					}
					n, ok, err := w.v.findNode(w.ns, other)
					if err != nil {
						failed = err
						return false
					}
					if !ok { // expired
						return true
					}
					w.seen[other] = true
					w.out.Nodes = append(w.out.Nodes, Neighbor{n, d})
					w.size += n.size()
					next = append(next, other)
				}
				failed = w.edge(at, val)
				return failed == nil
			})
			if failed != nil {
				return failed
			}
			if err != nil {
				return err
			}
			if w.budget.over {
				w.out.Truncated = true
			}
			if w.out.Truncated {
				return nil
			}
		}
		level = next
	}
	return nil
}

// edge adds an edge to the answer once, while there is room.
func (w *walk) edge(at triple, val []byte) error {
	if w.edges[at.id] {
		return nil
	}
	if len(w.out.Edges) == maxWalkEdges || w.size > MaxAnswerBytes {
		w.out.Truncated = true
		return nil
	}
	w.edges[at.id] = true
	if val == nil {
		w.v.buf = at.appendSPO(w.v.buf[:0])
		val = w.v.r.Get(tSPO, w.v.buf)
	}
	rec, err := decodeEdge(val)
	if err != nil {
		return err
	}
	e, err := w.v.toEdge(at, &rec)
	if err != nil {
		return err
	}
	w.out.Edges = append(w.out.Edges, e)
	w.size += e.size()
	return nil
}
