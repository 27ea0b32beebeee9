package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/cursor"
	"github.com/meshd/meshd/graphsync/memory"
)

const (
	// defaultBytes bounds an answer, text and structured content together;
	// callers may ask for up to maxBytes.
	defaultBytes = 64 << 10
	minBytes     = 4 << 10
	maxBytes     = 1 << 20
	// overhead is what an answer has beside its records.
	overhead = 2 << 10
)

// place is where an answer stopped. It is handed out as a cursor.
type place struct {
	Phase  string `json:"p,omitempty"` // "": entities, "o": out of, "i": into them
	Index  int    `json:"n,omitempty"` // of the entity, where they were named
	Cursor string `json:"c,omitempty"` // the graph's
	Obs    string `json:"o,omitempty"` // within the observations of one entity
	Query  string `json:"q,omitempty"` // hash of what was asked
}

func (p place) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	return cursor.Seal("mcp", b)
}

// placeOf reads a cursor that a call has brought. It must belong to the same
// question.
func placeOf(text, query string) (p place, err error) {
	if text == "" {
		return place{Query: query}, nil
	}
	b, ok := cursor.Open("mcp", text)
	if !ok || json.Unmarshal(b, &p) != nil || p.Index < 0 || p.Query != query {
		return p, said{"the cursor is not one that this tool has given for these arguments: leave it out to begin anew"}
	}
	return p, nil
}

// Page is a part of the graph as the reference server shows graphs. NextCursor
// and Note are there where it is not the whole.
type Page struct {
	Entities   []Entity   `json:"entities"`
	Relations  []Relation `json:"relations"`
	NextCursor string     `json:"nextCursor,omitempty"`
	Note       string     `json:"note,omitempty"`
}

// filler collects a page until its bytes are used up.
type filler struct {
	s     *Server
	c     Call
	ro    consensus.ReadOptions
	page  Page
	left  int
	names map[uint64]string // of nodes, for the ends of relations
	edges []uint64          // ids of the relations, for their order
}

func (s *Server) filler(c Call, bytes int) *filler {
	if bytes == 0 {
		bytes = defaultBytes
	}
	return &filler{s: s, c: c, left: bytes - overhead, names: map[uint64]string{},
		page: Page{Entities: []Entity{}, Relations: []Relation{}}}
}

// spelled is how long a text is as JSON, about.
func spelled(s string) int {
	n := len(s) + 2
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			n++
		} else if s[i] < 0x20 {
			n += 5
		}
	}
	return n
}

// cost is what an entity adds to an answer: once with indent, once without.
func (e *Entity) cost() int {
	n := 2*(spelled(e.Name)+spelled(e.EntityType)) + 150
	for _, o := range e.Observations {
		n += 2*spelled(o) + 12
	}
	return n
}

func (r *Relation) cost() int {
	return 2*(spelled(r.From)+spelled(r.To)+spelled(r.RelationType)) + 120
}

// entity adds a node with its observations, from a cursor on. It answers false
// where there is no room, with the cursor of what is left where some was added:
// the first entity of a page may be shown in parts.
func (f *filler) entity(ctx context.Context, n *graphsync.Node, from string) (rest string, ok bool, _ error) {
	e := Entity{Name: n.Label, EntityType: typeOf(n), Observations: []string{}}
	f.names[n.ID] = n.Label
	first := len(f.page.Entities) == 0
	left := f.left - e.cost()
	q := graphsync.ObservationQuery{Namespace: f.c.Namespace, NodeID: n.ID, Cursor: from, Limit: graphsync.MaxLimit}
	for {
		page, _, err := f.s.graph.ListObservations(ctx, f.ro, q)
		if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
			return "", true, nil // deleted just now
		}
		if err != nil {
			return "", false, err
		}
		for i := range page.Observations {
			text := page.Observations[i].Text
			if left -= 2*spelled(text) + 12; left >= 0 || first && len(e.Observations) == 0 {
				e.Observations = append(e.Observations, text)
				continue
			}
			if !first {
				return "", false, nil
			}
			// The page again, just as long as there was room: its cursor is
			// where to go on.
			if i == 0 {
				return f.part(&e, q.Cursor)
			}
			q.Limit = i
			if page, _, err = f.s.graph.ListObservations(ctx, f.ro, q); err != nil {
				return "", false, err
			}
			return f.part(&e, page.Cursor)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if left < 0 && !first {
		return "", false, nil
	}
	f.page.Entities = append(f.page.Entities, e)
	f.left = left
	return "", true, nil
}

func (f *filler) part(e *Entity, rest string) (string, bool, error) {
	f.page.Entities = append(f.page.Entities, *e)
	f.left = 0
	return rest, false, nil
}

// relation adds an edge; false where there is no room.
func (f *filler) relation(ctx context.Context, e *graphsync.Edge) (bool, error) {
	r := Relation{RelationType: memory.RelationType(e.EdgeType, e.Predicate)}
	for _, end := range []struct {
		id   uint64
		name *string
	}{{e.SourceID, &r.From}, {e.TargetID, &r.To}} {
		name, ok := f.names[end.id]
		if !ok {
			n, _, err := f.s.graph.GetNode(ctx, f.ro, f.c.Namespace, end.id)
			if gone, _ := refused(err, graphsync.CodeNotFound); gone != nil {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			name = n.Label
			f.names[end.id] = name
		}
		*end.name = name
	}
	if f.left -= r.cost(); f.left < 0 && len(f.page.Entities)+len(f.page.Relations) > 0 {
		return false, nil
	}
	f.page.Relations = append(f.page.Relations, r)
	f.edges = append(f.edges, e.ID)
	return true, nil
}

// learnNames reads the names of all ends of a page of edges in one view, where
// there are several to learn.
func (f *filler) learnNames(ctx context.Context, edges []graphsync.Edge) error {
	var ids []uint64
	for i := range edges {
		for _, id := range [2]uint64{edges[i].SourceID, edges[i].TargetID} {
			if _, known := f.names[id]; !known {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) < 2 {
		return nil
	}
	labels, _, err := f.s.graph.Labels(ctx, f.ro, f.c.Namespace, ids)
	maps.Copy(f.names, labels)
	return err
}

// relations adds a listing of edges from a cursor on, without those that skip
// leaves out. It answers the cursor of what is left, and whether all is said.
func (f *filler) relations(ctx context.Context, q graphsync.EdgeQuery, skip func(*graphsync.Edge) bool) (rest string, all bool, _ error) {
	q.Namespace, q.Limit = f.c.Namespace, 200
	for {
		page, _, err := f.s.graph.ListEdges(ctx, f.ro, q)
		if err != nil {
			return "", false, err
		}
		if err := f.learnNames(ctx, page.Edges); err != nil {
			return "", false, err
		}
		for i := range page.Edges {
			if skip != nil && skip(&page.Edges[i]) {
				continue
			}
			ok, err := f.relation(ctx, &page.Edges[i])
			if err != nil {
				return "", false, err
			}
			if ok {
				continue
			}
			if i == 0 {
				return q.Cursor, false, nil
			}
			q.Limit = i // the same page again, to learn its cursor
			page, _, err = f.s.graph.ListEdges(ctx, f.ro, q)
			return page.Cursor, false, err
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return "", true, nil
		}
	}
}

// whole puts a graph that was shown in one answer into the order in which it
// was made, as the reference server does.
func (f *filler) whole() reply {
	order := make([]int, len(f.edges))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(int64(f.edges[a]) - int64(f.edges[b])) })
	sorted := make([]Relation, len(order))
	for i, at := range order {
		sorted[i] = f.page.Relations[at]
	}
	f.page.Relations = sorted
	return reply{what: f.page}
}

// stopped is an answer that is not the whole.
func (f *filler) stopped(tool string, at place) reply {
	f.page.NextCursor = at.String()
	f.page.Note = fmt.Sprintf("This is a part: %d entities and %d relations. Call %s again with the same arguments and cursor set to nextCursor for more.", len(f.page.Entities), len(f.page.Relations), tool)
	return reply{what: f.page, note: fmt.Sprintf("%s cursor: %s", f.page.Note, f.page.NextCursor)}
}
