package mcp

import (
	"context"
	"slices"

	"github.com/meshd/meshd/graphsync"
)

// paging are the optional arguments that bound an answer.
type paging struct {
	Cursor   string `json:"cursor"`
	MaxBytes int    `json:"max_bytes"`
}

// readGraph shows the whole graph where it fits into one answer, oldest first;
// else a page of it: first the entities, newest first, then the relations.
func readGraph(ctx context.Context, c Call, s *Server, in paging) (reply, error) {
	at, err := placeOf(in.Cursor, "")
	if err != nil {
		return reply{}, err
	}
	f := s.filler(c, in.MaxBytes)
	whole := in.Cursor == ""
	if at.Phase == "" {
		stop, err := f.nodes(ctx, at, nil)
		if err != nil {
			return reply{}, err
		}
		if stop != nil {
			return f.stopped("read_graph", *stop), nil
		}
		at = place{Phase: "o"}
	}
	rest, all, err := f.relations(ctx, graphsync.EdgeQuery{Cursor: at.Cursor}, nil)
	if err != nil {
		return reply{}, err
	}
	if !all {
		return f.stopped("read_graph", place{Phase: "o", Cursor: rest}), nil
	}
	if whole {
		slices.Reverse(f.page.Entities)
		return f.whole(), nil
	}
	return reply{what: f.page}, nil
}

// nodes adds the entities of the namespace, newest first, that keep lets
// through (nil: all). It answers where it stopped, nil at the end.
func (f *filler) nodes(ctx context.Context, at place, keep func(context.Context, *graphsync.Node) (bool, error)) (*place, error) {
	q := graphsync.NodeQuery{Namespace: f.c.Namespace, Cursor: at.Cursor, Limit: 200}
	looked := 0
	for {
		page, _, err := f.s.graph.ListNodes(ctx, f.ro, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Nodes {
			n := &page.Nodes[i]
			if !listed(n) {
				continue
			}
			if keep != nil {
				if ok, err := keep(ctx, n); err != nil {
					return nil, err
				} else if !ok {
					continue
				}
			}
			rest, ok, err := f.entity(ctx, n, at.Obs)
			at.Obs = ""
			if err != nil {
				return nil, err
			}
			if ok {
				continue
			}
			stop := place{Cursor: q.Cursor, Obs: rest, Query: at.Query}
			if i > 0 { // the same page again, to learn the cursor before this node
				q.Limit = i
				if page, _, err = f.s.graph.ListNodes(ctx, f.ro, q); err != nil {
					return nil, err
				}
				stop.Cursor = page.Cursor
			}
			return &stop, nil
		}
		looked += len(page.Nodes)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil, nil
		}
		if keep != nil && looked >= maxLooked {
			return &place{Cursor: q.Cursor, Query: at.Query}, nil
		}
	}
}

// maxLooked bounds the entities that one search looks at.
const maxLooked = 20_000
