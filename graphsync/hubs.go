package graphsync

import (
	"cmp"
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

const (
	// maxHubEdges bounds the edges, past ones too, that one search for hubs looks
	// at, some second of work, in views of maxScan edges each; maxHubNodes the nodes it counts for
	// at a time, some 50 MB.
	maxHubEdges = 5_000_000
	maxHubNodes = 1 << 20
	// maxHubLooks bounds the nodes read to find those of a type.
	maxHubLooks = 50_000
)

// HubsQuery asks for the nodes with the most edges. Direction (default both)
// and EdgeType say which edges count, NodeType which nodes are wanted.
type HubsQuery struct {
	Namespace string
	Direction Direction
	EdgeType  string
	NodeType  string
	MinDegree uint64
	Limit     int
	When      When
	Answer
}

// Hub is a node and its edges: Degree is Out and In together, as far as the
// direction asks for them; a loop counts once in each.
type Hub struct {
	Node
	Degree uint64 `json:"degree"`
	Out    uint64 `json:"out"`
	In     uint64 `json:"in"`
}

// Hubs are the nodes with the most edges, the highest degree first, among
// equals the oldest. Counted is how many edges went into the degrees. Truncated says
// that not all were: each degree is then a lower bound and a node may be missed;
// or that the answer ended for its bytes.
type Hubs struct {
	Hubs      []Hub  `json:"hubs"`
	Count     int    `json:"count"`
	Counted   uint64 `json:"edges_counted"`
	Truncated bool   `json:"truncated,omitempty"`
}

// Hubs counts the edges of a whole namespace, in views short enough to delay
// nobody: while the graph changes, it counts what it finds on the way.
func (s *Service) Hubs(ctx context.Context, ro consensus.ReadOptions, q HubsQuery) (Hubs, consensus.ReadInfo, error) {
	out := Hubs{Hubs: []Hub{}}
	if r := q.check(); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	c := hubCount{q: &q, edges: map[uint64]hubEdges{}}
	var info consensus.ReadInfo
	for done := false; !done; {
		got, err := s.readAt(ctx, ro, q.When, func(v *view) (err error) {
			done, err = c.page(ctx, v)
			return err
		})
		if err != nil {
			return out, got, err
		}
		if info == (consensus.ReadInfo{}) {
			info = got
			ro = consensus.ReadOptions{MinRevision: got.Revision}
		}
	}
	out.Counted, out.Truncated = c.counted, c.over
	_, err := s.readAt(ctx, ro, q.When, func(v *view) error { return c.fill(v, &out) })
	out.Count = len(out.Hubs)
	return out, info, err
}

func (q *HubsQuery) check() (r *consensus.Refusal) {
	if q.Limit, r = checkLimit(q.Limit); r != nil {
		return r
	}
	if r = checkNamespace(q.Namespace); r != nil {
		return r
	}
	if q.Direction, r = checkDirection(q.Direction); r != nil {
		return r
	}
	for _, typ := range []struct{ field, name string }{{"type", q.EdgeType}, {"node_type", q.NodeType}} {
		if typ.name != "" {
			if r = checkType(typ.field, typ.name); r != nil {
				return r
			}
		}
	}
	return q.Answer.check()
}

// hubEdges are the edges of one node counted so far.
type hubEdges struct{ out, in uint32 }

// hubCount is a count under way.
type hubCount struct {
	q       *HubsQuery
	edges   map[uint64]hubEdges
	last    []byte // the key to go on after
	looked  uint64 // keys, past ones too
	counted uint64
	over    bool
}

// page counts the edges of one view.
func (c *hubCount) page(ctx context.Context, v *view) (done bool, _ error) {
	ns, typ, none := v.lookup(c.q.Namespace, c.q.EdgeType)
	if ns == 0 || none {
		return true, nil
	}
	from := appendSymbol(nil, ns)
	to := after(from)
	if c.last != nil {
		if from = after(c.last); from == nil { // past the versions of that edge too
			return true, nil
		}
	}
	scanned, done := 0, true
	look := func(k []byte) bool {
		switch {
		case c.looked == maxHubEdges:
			c.over = true
			return false
		case scanned == maxScan:
			done = false
			return false
		}
		scanned++
		c.looked++
		c.last = append(c.last[:0], k...)
		return true
	}
	err := v.edgesIn(tSPO, from, to, look, func(at triple, _ []byte) bool {
		if typ != 0 && at.typ != typ || v.hides(ns, at.source) || v.hides(ns, at.target) {
			return true
		}
		c.counted++
		if c.q.Direction != In {
			c.add(at.source, hubEdges{out: 1})
		}
		if c.q.Direction != Out {
			c.add(at.target, hubEdges{in: 1})
		}
		return true
	})
	if err == nil && !done {
		err = ctx.Err()
	}
	return done, err
}

func (c *hubCount) add(id uint64, more hubEdges) {
	had, ok := c.edges[id]
	if !ok && len(c.edges) == maxHubNodes {
		c.over = true
		return
	}
	c.edges[id] = hubEdges{had.out + more.out, had.in + more.in}
}

// fill reads the highest nodes.
func (c *hubCount) fill(v *view, out *Hubs) error {
	ns := v.namespace(c.q.Namespace)
	least := max(c.q.MinDegree, 1)
	all := make([]Hub, 0, len(c.edges))
	for id, e := range c.edges {
		if h := (Hub{Node: Node{ID: id}, Degree: uint64(e.out) + uint64(e.in), Out: uint64(e.out), In: uint64(e.in)}); h.Degree >= least {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b Hub) int { return cmp.Or(cmp.Compare(b.Degree, a.Degree), cmp.Compare(a.ID, b.ID)) })
	left := c.q.budget()
	for i, h := range all {
		if len(out.Hubs) == c.q.Limit {
			return nil
		}
		if i == maxHubLooks {
			out.Truncated = true
			return nil
		}
		n, ok, err := v.findNode(ns, h.ID)
		if err != nil {
			return err
		}
		if !ok || c.q.NodeType != "" && n.NodeType != c.q.NodeType { // it may have ended since it was counted
			continue
		}
		if !left.take(left.node(&n) + 64) {
			out.Truncated = true
			return nil
		}
		h.Node = n
		out.Hubs = append(out.Hubs, h)
	}
	return nil
}
