package graphsync

import (
	"cmp"
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// Bounds of a search for several paths.
const (
	MaxPaths = 20
	// maxPathsEdges bounds the edges that all its searches look at together,
	// some 100 ms of work.
	maxPathsEdges = 5 * maxExpansions
)

// PathsQuery asks for the K shortest paths between two nodes, the shortest
// first. K 0 is 3.
type PathsQuery struct {
	PathQuery
	K int
}

// Paths are different paths between two nodes, none of which meets a node
// twice, the shortest first. Paths that differ in an edge alone are different.
// Each names its nodes and edges by id; both lists have everything once.
// Truncated says that the search or the answer ended early: more paths may
// exist, though none shorter than those given.
type Paths struct {
	Paths     []PathIDs `json:"paths"`
	Nodes     []Node    `json:"nodes"`
	Edges     []Edge    `json:"edges"`
	Count     int       `json:"count"`
	Truncated bool      `json:"truncated,omitempty"`
}

// PathIDs is a path by ids: Length edges, and the nodes they join, in order.
type PathIDs struct {
	Length int      `json:"length"`
	Nodes  []uint64 `json:"nodes"`
	Edges  []uint64 `json:"edges"`
}

// Paths returns the K shortest paths (Yen's algorithm, 1971, with Lawler's
// saving: a path is varied only behind the place where it left its model). The
// same graph gives the same paths.
func (s *Service) Paths(ctx context.Context, ro consensus.ReadOptions, q PathsQuery) (Paths, consensus.ReadInfo, error) {
	out := Paths{Paths: []PathIDs{}, Nodes: []Node{}, Edges: []Edge{}}
	if q.K == 0 {
		q.K = 3
	}
	r := q.check()
	if r == nil && (q.K < 0 || q.K > MaxPaths) {
		r = invalid("k", "must be 1 to %d", MaxPaths)
	}
	if r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		search, err := v.pathSearch(&q.PathQuery, maxPathsEdges)
		if err != nil || search == nil {
			return err
		}
		y := yen{search: search, depth: q.MaxDepth, seen: map[string]bool{}}
		if err := y.run(ctx, q.K, q.Direction); err != nil {
			return err
		}
		out.Truncated = search.budget.over
		return y.fill(&out, q.budget())
	})
	out.Count = len(out.Paths)
	return out, info, err
}

// yen is the search under way.
type yen struct {
	search *pathSearch
	depth  int
	found  []route // in order
	open   []route // candidates, unordered
	seen   map[string]bool
}

// route is a path of which the first left edges are those of its model.
type route struct {
	steps []triple
	nodes []uint64
	left  int
}

func (y *yen) run(ctx context.Context, k int, d Direction) error {
	s := y.search
	if err := y.try(ctx, route{nodes: []uint64{s.from}}, 0, nil, d); err != nil {
		return err
	}
	for {
		if len(y.open) == 0 || s.budget.over && len(y.found) > 0 {
			return nil // what is open may not be the next shortest
		}
		best := 0
		for i := range y.open {
			if compareRoutes(&y.open[i], &y.open[best]) < 0 {
				best = i
			}
		}
		next := y.open[best]
		y.open = slices.Delete(y.open, best, best+1)
		y.found = append(y.found, next)
		if len(y.found) == k {
			return nil
		}
		for i := next.left; i < len(next.steps) && !s.budget.over; i++ {
			var taken []uint64
			for _, p := range y.found {
				if len(p.steps) > i && slices.EqualFunc(p.steps[:i], next.steps[:i], func(a, b triple) bool { return a.id == b.id }) {
					taken = append(taken, p.steps[i].id)
				}
			}
			if err := y.try(ctx, next, i, taken, d); err != nil {
				return err
			}
		}
	}
}

// try looks for the shortest path that has the first root edges of model and
// then none of the edges taken.
func (y *yen) try(ctx context.Context, model route, root int, taken []uint64, d Direction) error {
	s, before := y.search, model.nodes[:root]
	s.skip = func(at triple, node uint64) bool {
		return slices.Contains(taken, at.id) || slices.Contains(before, node)
	}
	steps, found, err := s.run(ctx, model.nodes[root], s.to, d, y.depth-root)
	if err != nil || !found {
		return err
	}
	r := route{steps: append(slices.Clone(model.steps[:root]), steps...), nodes: slices.Clone(model.nodes[:root+1]), left: root}
	name := make([]byte, 0, 5*len(r.steps))
	for i, at := range r.steps {
		name = appendID(name, at.id)
		if i >= root {
			r.nodes = append(r.nodes, at.other(r.nodes[i]))
		}
	}
	if !y.seen[string(name)] {
		y.seen[string(name)] = true
		y.open = append(y.open, r)
	}
	return nil
}

// other is the end of an edge that is not id; of a loop it is id.
func (t triple) other(id uint64) uint64 {
	if t.source == id {
		return t.target
	}
	return t.source
}

func compareRoutes(a, b *route) int {
	return cmp.Or(cmp.Compare(len(a.steps), len(b.steps)), slices.Compare(a.nodes, b.nodes),
		slices.CompareFunc(a.steps, b.steps, func(a, b triple) int { return cmp.Compare(a.id, b.id) }))
}

// fill answers with the paths found, as many as the bytes allow.
func (y *yen) fill(out *Paths, left answerBudget) error {
	nodes, edges := map[uint64]bool{}, map[uint64]bool{}
	for _, r := range y.found {
		var whole Path
		if err := y.search.v.fillPath(&whole, y.search.ns, y.search.from, r.steps); err != nil {
			return err
		}
		p := PathIDs{Length: len(r.steps), Nodes: r.nodes, Edges: make([]uint64, 0, len(r.steps))}
		size := 64 + 16*(len(r.nodes)+len(r.steps))
		for i := range whole.Nodes {
			if !nodes[whole.Nodes[i].ID] {
				size += left.node(&whole.Nodes[i])
			}
		}
		for i := range whole.Edges {
			p.Edges = append(p.Edges, whole.Edges[i].ID)
			if !edges[whole.Edges[i].ID] {
				size += left.edge(&whole.Edges[i])
			}
		}
		if !left.take(size) {
			out.Truncated = true
			return nil
		}
		for _, n := range whole.Nodes {
			if !nodes[n.ID] {
				nodes[n.ID] = true
				out.Nodes = append(out.Nodes, n)
			}
		}
		for _, e := range whole.Edges {
			if !edges[e.ID] {
				edges[e.ID] = true
				out.Edges = append(out.Edges, e)
			}
		}
		out.Paths = append(out.Paths, p)
	}
	return nil
}
