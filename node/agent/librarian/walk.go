package librarian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

// maxExpansions bounds how many nodes a walk over several edge types opens.
const maxExpansions = 500

// surroundings are nodes around one, nearest first, and the edges between.
type surroundings struct {
	nodes     []graphsync.Neighbor
	edges     []graphsync.Edge
	truncated bool
}

// kind is what the nodes are called together: their type if they share one.
func (s surroundings) kind(asked string) string {
	if asked != "" {
		return asked
	}
	for _, n := range s.nodes {
		if n.NodeType != s.nodes[0].NodeType {
			return "node"
		}
	}
	if len(s.nodes) == 0 {
		return "node"
	}
	return s.nodes[0].NodeType
}

// around collects what a neighbors question asks for.
func (r *reader) around(id uint64, q Question) (surroundings, error) {
	depth := max(q.Depth, 1)
	var s surroundings
	if len(q.EdgeTypes) <= 1 {
		typ := strings.Join(q.EdgeTypes, "")
		n, err := r.neighbors(id, q.Direction, typ, depth)
		if err != nil {
			return s, err
		}
		s = surroundings{n.Nodes, n.Edges, n.Truncated}
	} else {
		var err error
		if s, err = r.walk(id, 0, q.Direction, q.EdgeTypes, depth); err != nil {
			return s, err
		}
	}
	if q.Type != "" {
		s.nodes = slices.DeleteFunc(s.nodes, func(n graphsync.Neighbor) bool { return n.NodeType != q.Type })
	}
	return s, nil
}

// walk goes breadth first along edges of several types; it stops at the level
// where it meets stop, if that is not 0.
func (r *reader) walk(start, stop uint64, d graphsync.Direction, types []string, depth int) (surroundings, error) {
	var s surroundings
	seen, seenEdges := map[uint64]bool{start: true}, map[uint64]bool{}
	level := []uint64{start}
	opened := 0
	for at := 1; at <= depth && len(level) > 0 && !(stop != 0 && seen[stop]); at++ {
		var next []uint64
		for _, id := range level {
			for _, typ := range types {
				if opened++; opened > maxExpansions || len(s.nodes) >= graphsync.MaxLimit {
					s.truncated = true
					return s, nil
				}
				n, err := r.neighbors(id, d, typ, 1)
				if err != nil {
					return s, err
				}
				s.truncated = s.truncated || n.Truncated
				for _, e := range n.Edges {
					if !seenEdges[e.ID] {
						seenEdges[e.ID] = true
						s.edges = append(s.edges, e)
					}
				}
				for _, found := range n.Nodes {
					if !seen[found.ID] {
						seen[found.ID] = true
						found.Depth = at
						s.nodes = append(s.nodes, found)
						next = append(next, found.ID)
					}
				}
			}
		}
		level = next
	}
	return s, nil
}

// chain finds a shortest path along any of several edge types.
func (r *reader) chain(from, to graphsync.Node, d graphsync.Direction, types []string, depth int) (graphsync.Path, error) {
	var p graphsync.Path
	if from.ID == to.ID {
		return graphsync.Path{Found: true, Nodes: []graphsync.Node{from}}, nil
	}
	s, err := r.walk(from.ID, to.ID, d, types, depth)
	if err != nil {
		return p, err
	}
	byID, depths := map[uint64]graphsync.Node{from.ID: from}, map[uint64]int{from.ID: 0}
	for _, n := range s.nodes {
		byID[n.ID], depths[n.ID] = n.Node, n.Depth
	}
	if _, ok := depths[to.ID]; !ok {
		p.Truncated = s.truncated
		return p, nil
	}
	// Back from the end, each time over an edge from the level before.
	at := to.ID
	p.Nodes = []graphsync.Node{to}
	for at != from.ID {
		i := slices.IndexFunc(s.edges, func(e graphsync.Edge) bool {
			before := e.SourceID
			if d == graphsync.In || d != graphsync.Out && e.SourceID == at {
				before = e.TargetID
			}
			after := e.SourceID + e.TargetID - before
			depth, ok := depths[before]
			return ok && after == at && depth == depths[at]-1
		})
		if i < 0 {
			return graphsync.Path{Truncated: true}, nil
		}
		e := s.edges[i]
		at = e.SourceID + e.TargetID - at
		p.Nodes, p.Edges = append(p.Nodes, byID[at]), append(p.Edges, e)
	}
	slices.Reverse(p.Nodes)
	slices.Reverse(p.Edges)
	p.Found, p.Length = true, len(p.Edges)
	return p, nil
}

func (r *reader) answerPath(q Question) (Answer, error) {
	from, err := r.resolve(q.From)
	if err != nil {
		return Answer{}, err
	}
	to, err := r.resolve(q.To)
	if err != nil {
		return Answer{}, err
	}
	var lost []Ref
	if len(from.nodes) == 0 {
		lost = append(lost, q.From)
	}
	if len(to.nodes) == 0 {
		lost = append(lost, q.To)
	}
	if len(lost) > 0 {
		return r.missing(lost...)
	}
	if q.phrase != "" && len(q.EdgeTypes) == 0 {
		return Answer{Text: fmt.Sprintf("The graph has no edges that mean %q. %s", q.phrase, r.types().Text)}, nil
	}
	a, b := from.nodes[0], to.nodes[0]
	directions := []graphsync.Direction{q.Direction}
	if q.along {
		directions = []graphsync.Direction{graphsync.Out, graphsync.In, graphsync.Both}
	}
	var p graphsync.Path
	truncated := false
	for _, q.Direction = range directions {
		var ended bool
		if a, b, p, ended, err = r.anyPath(from, to, q); err != nil {
			return Answer{}, err
		}
		truncated = truncated || ended
		if p.Found {
			break
		}
	}
	out := Answer{Truncated: truncated && !p.Found}
	if !p.Found {
		out.add([]graphsync.Node{a, b})
		out.Text = fmt.Sprintf("%s%s is not joined to %s%s.", no(q), from.one(), to.one(), along(q))
		if out.Truncated {
			out.Text = fmt.Sprintf("I found no path from %s to %s%s before I had to stop; there may be one.", from.one(), to.one(), along(q))
		}
		return out, nil
	}
	out.add(p.Nodes)
	for _, e := range p.Edges {
		out.Edges = append(out.Edges, relation(e))
	}
	yes := ""
	if q.yesNo {
		yes = "Yes. "
	}
	out.Text = fmt.Sprintf("%s%s: %s.", yes, steps(p.Length), draw(p))
	if p.Length == 0 {
		out.Text = fmt.Sprintf("%s%s is the same node.", yes, name(a))
	}
	return out, nil
}

// anyPath searches between the nodes that two names may mean: of several of the
// same name, any pair that is joined will do. ended says that a search stopped
// early.
func (r *reader) anyPath(from, to found, q Question) (a, b graphsync.Node, p graphsync.Path, ended bool, err error) {
	for _, a = range from.nodes {
		for _, b = range to.nodes {
			if p, err = r.pathBetween(a, b, q); err != nil || p.Found {
				return a, b, p, ended, err
			}
			ended = ended || p.Truncated
		}
	}
	return from.nodes[0], to.nodes[0], p, ended, nil
}

func (r *reader) pathBetween(x, y graphsync.Node, q Question) (graphsync.Path, error) {
	depth := q.Depth
	if depth == 0 {
		depth = graphsync.MaxPathDepth
	}
	if len(q.EdgeTypes) > 1 {
		return r.chain(x, y, q.Direction, q.EdgeTypes, depth)
	}
	return r.path(x.ID, y.ID, q.Direction, strings.Join(q.EdgeTypes, ""), depth)
}

func no(q Question) string {
	if q.yesNo {
		return "No: "
	}
	return ""
}

func along(q Question) string {
	if len(q.EdgeTypes) == 0 {
		return " by any edges"
	}
	return " by edges of the type " + strings.Join(q.EdgeTypes, " or ")
}

func steps(n int) string { return plural(uint64(n), "step") }

// draw shows a path: a -imports-> b <-contains- c.
func draw(p graphsync.Path) string {
	var b strings.Builder
	for i, n := range p.Nodes {
		b.WriteString(clip(n.Label, 200))
		if i < len(p.Edges) {
			e := p.Edges[i]
			if e.SourceID == n.ID {
				fmt.Fprintf(&b, " -%s-> ", e.EdgeType)
			} else {
				fmt.Fprintf(&b, " <-%s- ", e.EdgeType)
			}
		}
	}
	return b.String()
}
