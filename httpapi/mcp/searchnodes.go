package mcp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

const (
	leftOut = "Not all relations of these entities fit: open_nodes with a few names shows them all."
	// byScan marks places in a search without the index.
	byScan = "s"
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
	found, stop, err := f.containing(ctx, at, in.Query)
	if err != nil {
		return reply{}, err
	}
	if len(found) > len(f.page.Entities) { // the last had no room
		found = found[:len(f.page.Entities)]
	}
	f.left = max(f.left, 0) + all - all*2/3
	left, err := f.relationsOf(ctx, found, place{Phase: "o"})
	switch {
	case err != nil:
		return reply{}, err
	case stop == nil && left == nil && in.Cursor == "":
		slices.SortFunc(found, byID)
		order := make(map[string]int, len(found))
		for i := range found {
			order[found[i].Label] = i
		}
		slices.SortStableFunc(f.page.Entities, func(a, b Entity) int { return order[a.Name] - order[b.Name] })
		return f.whole(), nil
	}
	r := reply{what: f.page}
	if stop != nil {
		r = f.stopped("search_nodes", *stop)
	}
	if left != nil {
		f.page.Note = strings.TrimSpace(f.page.Note + " " + leftOut)
		r.what, r.note = f.page, strings.TrimSpace(r.note+" "+leftOut)
	}
	return r, nil
}

func byID(a, b graphsync.Node) int { return int(int64(a.ID) - int64(b.ID)) }

// containing adds the entities that contain a text: by the search index, or
// where there is none yet, or nothing to look up, by looking at all.
func (f *filler) containing(ctx context.Context, at place, query string) (found []graphsync.Node, stop *place, err error) {
	if at.Phase != byScan && strings.TrimSpace(query) != "" && len(query) <= graphsync.MaxLabel {
		found, stop, err = f.hits(ctx, at, query)
		if !errors.Is(err, consensus.ErrBehind) || at.Cursor != "" {
			return found, stop, err
		}
	}
	lower := strings.ToLower(query)
	stop, err = f.nodes(ctx, at, func(ctx context.Context, n *graphsync.Node) (bool, error) {
		ok, err := f.s.contains(ctx, f.c, n, lower)
		if ok && err == nil {
			found = append(found, *n)
		}
		return ok, err
	})
	if stop != nil {
		stop.Phase = byScan
	}
	return found, stop, err
}

// hits adds what the search index finds, in the order in which it was made.
func (f *filler) hits(ctx context.Context, at place, query string) (found []graphsync.Node, stop *place, _ error) {
	q := graphsync.SearchQuery{Namespace: f.c.Namespace, Text: query, Mode: graphsync.SearchSubstring, Limit: 200, Cursor: at.Cursor}
	ro := consensus.ReadOptions{MinRevision: f.s.wrote.Load()}
	lower := strings.ToLower(query)
	for {
		page, _, err := f.s.graph.Search(ctx, ro, q)
		if err != nil {
			return nil, nil, err
		}
		for i := range page.Hits {
			n := &page.Hits[i].Node
			if !listed(n) {
				continue
			}
			switch page.Hits[i].Field {
			case "label", "type", "observation":
			default: // found by what the reference server does not look at
				if ok, err := f.s.contains(ctx, f.c, n, lower); err != nil {
					return nil, nil, err
				} else if !ok {
					continue
				}
			}
			rest, ok, err := f.entity(ctx, n, at.Obs)
			at.Obs = ""
			if err != nil {
				return nil, nil, err
			}
			if ok || rest != "" {
				found = append(found, *n)
			}
			if ok {
				continue
			}
			stop = &place{Cursor: q.Cursor, Obs: rest, Query: at.Query}
			if i > 0 { // the same page again, to learn the cursor before this hit
				q.Limit = i
				if page, _, err = f.s.graph.Search(ctx, ro, q); err != nil {
					return nil, nil, err
				}
				stop.Cursor = page.Cursor
			}
			return found, stop, nil
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return found, nil, nil
		}
	}
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
