package graphsync

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// PathQuery asks for a shortest path between two nodes, each named by id or
// key. MaxDepth 0 is 10; Direction (default both) is how edges are followed
// from From.
type PathQuery struct {
	Namespace string
	From      uint64
	FromKey   string
	To        uint64
	ToKey     string
	MaxDepth  int
	Direction Direction
	Type      string
	Answer
	When When
}

// Path is a shortest path: Length edges, and the nodes they join, in order.
// Where none was found, Truncated says that the search ended early and one may
// exist. Detail says that nodes and edges are to be shown in less detail than
// was asked for, to keep within the bytes.
type Path struct {
	Found     bool   `json:"found"`
	Length    int    `json:"length"`
	Nodes     []Node `json:"nodes"`
	Edges     []Edge `json:"edges"`
	Truncated bool   `json:"truncated,omitempty"`
	Detail    Show   `json:"detail,omitempty" doc:"less than was asked for, to keep within the bytes"`
}

func (q *PathQuery) check() (r *consensus.Refusal) {
	if r = checkNamespace(q.Namespace); r != nil {
		return r
	}
	if q.Type != "" {
		if r = checkType("type", q.Type); r != nil {
			return r
		}
	}
	if q.Direction, r = checkDirection(q.Direction); r != nil {
		return r
	}
	if q.MaxDepth == 0 {
		q.MaxDepth = 10
	}
	if q.MaxDepth < 0 || q.MaxDepth > MaxPathDepth {
		return invalid("max_depth", "must be 1 to %d", MaxPathDepth)
	}
	return q.Answer.check()
}

// Path searches breadth first from both ends, always widening the smaller
// side. Of several shortest paths it returns the same one each time.
func (s *Service) Path(ctx context.Context, ro consensus.ReadOptions, q PathQuery) (Path, consensus.ReadInfo, error) {
	out := Path{Nodes: []Node{}, Edges: []Edge{}}
	if r := q.check(); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		search, err := v.pathSearch(&q, maxExpansions)
		if err != nil || search == nil {
			return err
		}
		steps, found, err := search.run(ctx, search.from, search.to, q.Direction, q.MaxDepth)
		if err != nil {
			return err
		}
		out.Truncated = search.budget.over && !found
		if !found {
			return nil
		}
		if err = v.fillPath(&out, search.ns, search.from, steps); err == nil {
			out.shrink(q.Answer)
		}
		return err
	})
	return out, info, err
}

// pathSearch prepares a search; it is nil where there can be no way.
func (v *view) pathSearch(q *PathQuery, edges int) (*pathSearch, error) {
	ns, typ, none := v.lookup(q.Namespace, q.Type)
	from, err := v.resolve(ns, q.From, q.FromKey, "from")
	if err != nil {
		return nil, err
	}
	to, err := v.resolve(ns, q.To, q.ToKey, "to")
	if err != nil || from != to && none {
		return nil, err
	}
	return &pathSearch{v: v, ns: ns, typ: typ, from: from, to: to, budget: budget{left: edges}}, nil
}

// shrink lowers the detail until the path fits: a part of a path is none.
func (p *Path) shrink(a Answer) {
	levels := []Show{ShowFull, ShowSummary, ShowIDs}
	for i := max(0, slices.Index(levels, a.Detail)); i < len(levels); i++ {
		a.Detail = levels[i]
		b := a.budget()
		for j := range p.Nodes {
			b.left -= b.node(&p.Nodes[j])
		}
		for j := range p.Edges {
			b.left -= b.edge(&p.Edges[j])
		}
		if b.left >= 0 || i == len(levels)-1 {
			return
		}
		p.Detail = levels[i+1]
	}
}

func (v *view) fillPath(out *Path, ns nsID, from uint64, steps []triple) error {
	out.Found, out.Length = true, len(steps)
	at := from
	for i := range len(steps) + 1 {
		n, err := v.mustNode(ns, at)
		if err != nil {
			return err
		}
		out.Nodes = append(out.Nodes, n)
		if i == len(steps) {
			break
		}
		_, rec, ok, err := v.seeEdge(steps[i].id)
		if err != nil {
			return err
		}
		if !ok {
			return errRecord
		}
		e, err := v.toEdge(steps[i], &rec)
		if err != nil {
			return err
		}
		out.Edges = append(out.Edges, e)
		if at == steps[i].source {
			at = steps[i].target
		} else {
			at = steps[i].source
		}
	}
	return nil
}

type pathSearch struct {
	v      *view
	ns     nsID
	typ    symbol
	from   uint64
	to     uint64
	budget budget
	// skip, where set, leaves out an edge towards a node.
	skip func(at triple, node uint64) bool
}

// side is one of the two searches: how each node was reached, and the nodes of
// the last level.
type side struct {
	dir   Direction
	via   map[uint64]triple // the edge towards the start; zero at the start
	level []uint64
	deep  int
}

func newSide(start uint64, d Direction) *side {
	return &side{dir: d, via: map[uint64]triple{start: {}}, level: []uint64{start}}
}

// back returns the edges from a node to the side's start.
func (s *side) back(id uint64) (steps []triple) {
	for {
		at := s.via[id]
		if at.id == 0 {
			return steps
		}
		steps = append(steps, at)
		if id == at.source {
			id = at.target
		} else {
			id = at.source
		}
	}
}

func (p *pathSearch) run(ctx context.Context, from, to uint64, d Direction, maxDepth int) ([]triple, bool, error) {
	if from == to {
		return nil, true, nil
	}
	a, b := newSide(from, d), newSide(to, d.reverse())
	for a.deep+b.deep < maxDepth && len(a.level) > 0 && len(b.level) > 0 {
		grow, other := a, b
		if p.cost(b) < p.cost(a) {
			grow, other = b, a
		}
		meet, found, err := p.widen(ctx, grow, other)
		if err != nil {
			return nil, false, err
		}
		if found {
			steps := a.back(meet)
			slices.Reverse(steps)
			return append(steps, b.back(meet)...), true, nil
		}
		if p.budget.over {
			return nil, false, nil
		}
	}
	return nil, false, nil
}

// fewNodes and fewEdges bound what cost looks at.
const (
	fewNodes = 4
	fewEdges = 128
)

// cost says, about, how much there is to look at to widen a side: where few
// nodes are on its last level, one of them may be a hub.
func (p *pathSearch) cost(s *side) int {
	if len(s.level) > fewNodes {
		return len(s.level) * fewEdges / fewNodes
	}
	n := 0
	for _, id := range s.level {
		b := budget{left: fewEdges}
		// An error will be met again when the side is widened.
		_ = p.v.eachEdge(p.ns, id, s.dir, p.typ, &b, func(triple, uint64, []byte) bool { return true })
		n += fewEdges - b.left
	}
	return n
}

// widen grows one side by a level, until it meets the other. The sides had not
// met, so whatever of the other side is reached now lies on its last level: all
// meetings are equally short, and the first in the order of keys is taken.
func (p *pathSearch) widen(ctx context.Context, grow, other *side) (meet uint64, found bool, _ error) {
	grow.deep++
	var next []uint64
	for _, id := range grow.level {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		err := p.v.eachEdge(p.ns, id, grow.dir, p.typ, &p.budget, func(at triple, node uint64, _ []byte) bool {
			if _, ok := grow.via[node]; ok || p.skip != nil && p.skip(at, node) || p.v.hides(p.ns, node) {
				return true
			}
			grow.via[node] = at
			next = append(next, node)
			if _, ok := other.via[node]; ok {
				meet, found = node, true
			}
			return !found
		})
		if err != nil {
			return 0, false, err
		}
		if found || p.budget.over {
			break
		}
	}
	grow.level = next
	return meet, found, nil
}
