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
// 0 is 1, Limit 0 is DefaultLimit, an empty Direction is both ways; Type and
// Types, if given, are the only edge types followed. PerNode, if given, is how
// many nodes are reached from any one at most, so that one with a million edges
// does not take the whole answer.
type NeighborQuery struct {
	Namespace string
	ID        uint64
	Key       string
	Direction Direction
	Depth     int
	Type      string
	Types     []string
	Limit     int
	PerNode   int
	When      When
	Answer
}

// Neighbor is a node and how many edges it is away.
type Neighbor struct {
	Node
	Depth int `json:"depth"`
}

// Neighborhood is what lies around a node: nodes nearest first, and the edges
// met on the way whose ends are both in the answer. Truncated says that there
// was more. Capped are nodes from which more would have been reached but for
// PerNode, the first MaxLimit of them.
type Neighborhood struct {
	Start     Node       `json:"start"`
	Nodes     []Neighbor `json:"nodes"`
	Edges     []Edge     `json:"edges"`
	Count     int        `json:"count"`
	Truncated bool       `json:"truncated,omitempty"`
	Capped    []uint64   `json:"capped,omitempty" doc:"nodes from which more would have been reached but for per_node"`
}

// Neighbors walks breadth first from a node.
func (s *Service) Neighbors(ctx context.Context, ro consensus.ReadOptions, q NeighborQuery) (Neighborhood, consensus.ReadInfo, error) {
	out := Neighborhood{Nodes: []Neighbor{}, Edges: []Edge{}}
	limit, r := checkLimit(q.Limit)
	if r == nil {
		r = checkNamespace(q.Namespace)
	}
	if q.Type != "" {
		q.Types = append([]string{q.Type}, q.Types...)
	}
	if r == nil {
		r = checkTypes("type", q.Types)
	}
	if r == nil && (q.PerNode < 0 || q.PerNode > MaxLimit) {
		r = invalid("per_node", "must be 1 to %d", MaxLimit)
	}
	if r == nil {
		r = q.Answer.check()
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
		ns := v.namespace(q.Namespace)
		types, none := v.typesOf(q.Types)
		id, err := v.resolve(ns, q.ID, q.Key, "id")
		if err != nil {
			return err
		}
		if out.Start, _, err = v.findNode(ns, id); err != nil || none {
			return err
		}
		w := walk{v: v, ns: ns, types: types, dir: q.Direction, limit: limit, perNode: q.PerNode, out: &out,
			budget: budget{left: maxExpansions}, seen: map[uint64]bool{id: true}, edges: map[uint64]bool{}, bytes: q.budget()}
		w.bytes.take(w.bytes.node(&out.Start))
		return w.run(ctx, id, q.Depth)
	})
	out.Count = len(out.Nodes)
	return out, info, err
}

// walk collects a neighbourhood.
type walk struct {
	v       *view
	ns      nsID
	types   []symbol
	dir     Direction
	limit   int
	perNode int
	out     *Neighborhood
	budget  budget
	bytes   answerBudget
	seen    map[uint64]bool
	edges   map[uint64]bool
}

func (w *walk) run(ctx context.Context, start uint64, depth int) error {
	level := []uint64{start}
	for d := 1; d <= depth && len(level) > 0; d++ {
		var next []uint64
		for _, id := range level {
			if err := ctx.Err(); err != nil {
				return err
			}
			reached, err := w.from(id, d)
			if err != nil || w.out.Truncated {
				return err
			}
			next = append(next, reached...)
		}
		level = next
	}
	return nil
}

// from follows the edges of a node, and returns the nodes it is the first to
// reach.
func (w *walk) from(id uint64, depth int) (reached []uint64, failed error) {
	capped := false
	for _, typ := range w.types {
		err := w.v.eachEdge(w.ns, id, w.dir, typ, &w.budget, func(at triple, other uint64, val []byte) bool {
			if !w.seen[other] {
				if w.perNode > 0 && len(reached) == w.perNode {
					capped = true
					return false
				}
				var ok bool
				if ok, failed = w.node(other, depth); failed != nil || w.out.Truncated {
					return false
				}
				if !ok { // expired
					return true
				}
				reached = append(reached, other)
			}
			failed = w.edge(at, val)
			return failed == nil
		})
		if failed == nil {
			failed = err
		}
		w.out.Truncated = w.out.Truncated || w.budget.over
		if failed != nil || w.out.Truncated || capped {
			break
		}
	}
	if capped && len(w.out.Capped) < MaxLimit {
		w.out.Capped = append(w.out.Capped, id)
	}
	return reached, failed
}

// node adds a node to the answer; ok is false where it is not shown.
func (w *walk) node(id uint64, depth int) (ok bool, _ error) {
	if len(w.out.Nodes) == w.limit {
		w.out.Truncated = true
		return false, nil
	}
	n, ok, err := w.v.findNode(w.ns, id)
	if err != nil || !ok {
		return false, err
	}
	if !w.bytes.take(w.bytes.node(&n) + len(`,"depth":10`)) {
		w.out.Truncated = true
		return false, nil
	}
	w.seen[id] = true
	w.out.Nodes = append(w.out.Nodes, Neighbor{n, depth})
	return true, nil
}

// edge adds an edge to the answer once, while there is room.
func (w *walk) edge(at triple, val []byte) error {
	if w.edges[at.id] {
		return nil
	}
	if len(w.out.Edges) == maxWalkEdges {
		w.out.Truncated = true
		return nil
	}
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
	if !w.bytes.take(w.bytes.edge(&e)) {
		w.out.Truncated = true
		return nil
	}
	w.edges[at.id] = true
	w.out.Edges = append(w.out.Edges, e)
	return nil
}
