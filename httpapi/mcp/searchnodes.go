package mcp

import (
	"context"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// searchNodes shows the entities whose name, type or an observation contains
// the text, whatever the case, and their relations. A page has its entities'
// relations with it.
func searchNodes(ctx context.Context, c Call, s *Server, in struct {
	Query string `json:"query"`
	paging
}) (reply, error) {
	query := hashOf(in.Query)
	at, err := placeOf(in.Cursor, query)
	if err != nil {
		return reply{}, err
	}
	f := s.filler(c, in.MaxBytes)
	all := f.left
	f.left = all * 2 / 3 // the rest is for relations
	var found []graphsync.Node
	wanted := strings.ToLower(in.Query)
	stop, err := f.nodes(ctx, at, func(ctx context.Context, n *graphsync.Node) (bool, error) {
		ok, err := s.contains(ctx, c, n, wanted)
		if ok && err == nil {
			found = append(found, *n)
		}
		return ok, err
	})
	if err != nil {
		return reply{}, err
	}
	if len(found) > len(f.page.Entities) { // the last had no room
		found = found[:len(f.page.Entities)]
	}
	f.left = max(f.left, 0) + all - all*2/3
	left, err := f.relationsOf(ctx, found, place{Phase: "o"})
	if err != nil {
		return reply{}, err
	}
	return f.searched("search_nodes", stop, left != nil, in.Cursor == ""), nil
}

// searched finishes a page of found entities.
func (f *filler) searched(tool string, stop *place, dropped, first bool) reply {
	r := reply{what: f.page}
	switch {
	case stop != nil:
		r = f.stopped(tool, *stop)
	case first && !dropped:
		slices.Reverse(f.page.Entities)
		r = f.whole()
	}
	if dropped {
		page := f.page
		page.Note = strings.TrimSpace(page.Note + " Not all relations of these entities fit: open_nodes with a few names shows them all.")
		r.what, r.note = page, strings.TrimSpace(r.note+" Not all relations of these entities fit: open_nodes with a few names shows them all.")
	}
	return r
}

// contains looks for a text in all that is said of a node.
func (s *Server) contains(ctx context.Context, c Call, n *graphsync.Node, lower string) (bool, error) {
	if strings.Contains(strings.ToLower(n.Label), lower) || strings.Contains(strings.ToLower(typeOf(n)), lower) {
		return true, nil
	}
	q := graphsync.ObservationQuery{Namespace: c.Namespace, NodeID: n.ID, Limit: graphsync.MaxLimit}
	for {
		page, _, err := s.graph.ListObservations(ctx, consensus.ReadOptions{}, q)
		if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for i := range page.Observations {
			if strings.Contains(strings.ToLower(page.Observations[i].Text), lower) {
				return true, nil
			}
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return false, nil
		}
	}
}
