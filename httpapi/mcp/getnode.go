package mcp

import (
	"context"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// which names an entity by name or id.
type which struct {
	Name string `json:"name"`
	ID   uint64 `json:"id"`
}

func (s *Server) which(ctx context.Context, c Call, when graphsync.When, w which) (n graphsync.Node, info consensus.ReadInfo, err error) {
	switch {
	case (w.Name == "") == (w.ID == 0):
		return n, info, said{"give name, or id"}
	case w.ID != 0:
		n, info, err = s.graph.GetNodeAt(ctx, consensus.ReadOptions{}, when, c.Namespace, w.ID)
	default:
		n, info, err = s.graph.GetNodeByKeyAt(ctx, consensus.ReadOptions{}, when, c.Namespace, w.Name)
	}
	if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
		if w.Name == "" {
			w.Name = fmt.Sprint("with id ", w.ID)
		}
		err = noEntity(w.Name)
	}
	return n, info, err
}

// Whole is an entity with all that is said of it.
type Whole struct {
	Entity    Shown    `json:"entity"`
	Relations []Joined `json:"relations"`
	Revision  uint64   `json:"revision"`
	Truncated bool     `json:"truncated,omitempty"`
	Note      string   `json:"note,omitempty"`
}

type getNodeIn struct {
	which
	at
	MaxBytes int `json:"max_bytes"`
}

// getNode shows one entity with ids, times, authors and provenance, now or as
// it was.
func getNode(ctx context.Context, c Call, s *Server, in getNodeIn) (reply, error) {
	when, err := in.when()
	if err != nil {
		return reply{}, err
	}
	n, info, err := s.which(ctx, c, when, in.which)
	if err != nil {
		return reply{}, err
	}
	out := Whole{Entity: shown(&n, true), Relations: []Joined{}, Revision: info.Revision}
	room, names := roomFor(in.MaxBytes), s.names(c, when)
	names.of[n.ID] = n.Label
	if !room.takes(out.Entity) {
		out.Entity.Properties, out.Truncated = nil, true
		out.Note = "The properties do not fit: ask with a larger max_bytes. "
	}
	if err := s.observed(ctx, c, when, &out, room); err != nil {
		return reply{}, err
	}
	for _, q := range []graphsync.EdgeQuery{{Source: n.ID}, {Target: n.ID}} {
		if err := s.related(ctx, c, when, q, &out, room, names); err != nil {
			return reply{}, err
		}
	}
	if out.Truncated {
		out.Note += "There is more than is shown: open_nodes pages through all observations and relations, neighbors takes one relationType."
	}
	return brief(out, out.Note)
}

func (s *Server) observed(ctx context.Context, c Call, when graphsync.When, out *Whole, room *room) error {
	q := graphsync.ObservationQuery{Namespace: c.Namespace, NodeID: out.Entity.ID, Limit: graphsync.MaxLimit, When: when}
	for {
		page, _, err := s.graph.ListObservations(ctx, consensus.ReadOptions{}, q)
		if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range page.Observations {
			o := told(&page.Observations[i])
			if !room.takes(o) {
				out.Truncated = true
				return nil
			}
			out.Entity.Observations = append(out.Entity.Observations, o)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}

func (s *Server) related(ctx context.Context, c Call, when graphsync.When, q graphsync.EdgeQuery, out *Whole, room *room, names *names) error {
	q.Namespace, q.Limit, q.When = c.Namespace, 200, when
	into := q.Target != 0
	for {
		page, _, err := s.graph.ListEdges(ctx, consensus.ReadOptions{}, q)
		if err != nil {
			return err
		}
		for i := range page.Edges {
			if into && page.Edges[i].SourceID == q.Target {
				continue // shown already, among those out of it
			}
			j, err := names.joined(ctx, &page.Edges[i])
			if err != nil {
				return err
			}
			if !room.takes(j) {
				out.Truncated = true
				return nil
			}
			out.Relations = append(out.Relations, j)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}
