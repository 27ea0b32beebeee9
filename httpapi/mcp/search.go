package mcp

import (
	"context"
	"errors"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

type searchIn struct {
	Query    string    `json:"query"`
	Mode     string    `json:"mode"`
	Types    []string  `json:"entityTypes"`
	Near     string    `json:"near"`
	Vector   []float32 `json:"vector"`
	Model    string    `json:"model"`
	Limit    int       `json:"limit"`
	Cursor   string    `json:"cursor"`
	MaxBytes int       `json:"max_bytes"`
}

// Hit is an entity that was found, and where it matched best.
type Hit struct {
	ID         uint64  `json:"id"`
	Name       string  `json:"name"`
	EntityType string  `json:"entityType"`
	Score      float64 `json:"score,omitempty"`
	Field      string  `json:"field,omitempty"`
	Snippet    string  `json:"snippet,omitempty"`
	Mentioned  bool    `json:"mentioned,omitempty"`
}

// Hits is a page of them.
type Hits struct {
	Hits       []Hit  `json:"hits"`
	Mode       string `json:"mode"`
	NextCursor string `json:"nextCursor,omitempty"`
	Note       string `json:"note,omitempty"`
}

// search finds entities by words, by parts of words, or by vectors.
func search(ctx context.Context, c Call, s *Server, in searchIn) (reply, error) {
	q := graphsync.SearchQuery{Namespace: c.Namespace, Text: in.Query, Mode: graphsync.SearchMode(in.Mode),
		Vector: in.Vector, Model: in.Model, Limit: in.Limit, Cursor: in.Cursor}
	if q.Limit == 0 {
		q.Limit = 20
	}
	for _, t := range in.Types {
		kind, _ := memory.NodeType(t)
		q.Types = append(q.Types, kind)
	}
	if in.Near != "" {
		n, ok, err := s.node(ctx, consensus.ReadOptions{}, c, in.Near)
		if err != nil {
			return reply{}, err
		}
		if !ok {
			return reply{}, noEntity(in.Near)
		}
		q.Near = n.ID
	}
	ro := consensus.ReadOptions{MinRevision: s.wrote.Load()}
	page, _, err := s.graph.Search(ctx, ro, q)
	if errors.Is(err, consensus.ErrBehind) {
		ro.MinRevision = 0
		page, _, err = s.graph.Search(ctx, ro, q)
	}
	if errors.Is(err, consensus.ErrBehind) {
		return reply{}, said{"the search index is being built: use search_nodes, or try again in some seconds"}
	}
	if err != nil {
		return reply{}, err
	}
	out := Hits{Hits: []Hit{}, Mode: string(page.Mode), NextCursor: page.Cursor}
	room := roomFor(in.MaxBytes)
	for i := range page.Hits {
		h := &page.Hits[i]
		hit := Hit{ID: h.Node.ID, Name: h.Node.Label, EntityType: typeOf(&h.Node), Score: h.Score, Field: h.Field, Snippet: h.Snippet, Mentioned: !listed(&h.Node)}
		if hit.Mentioned {
			hit.EntityType = ""
		}
		if i > 0 && !room.takes(hit) {
			q.Limit = i // the same page again, to learn the cursor before this hit
			if page, _, err = s.graph.Search(ctx, ro, q); err != nil {
				return reply{}, err
			}
			out.NextCursor = page.Cursor
			break
		}
		out.Hits = append(out.Hits, hit)
	}
	switch {
	case len(out.Hits) == 0 && in.Cursor == "":
		out.Note = "Nothing is found. Try fewer or other words, word* for a beginning, word~ for a misspelling, or mode substring."
	case out.NextCursor != "":
		out.Note = "There is more: call search again with the same arguments and cursor set to nextCursor. get_node or open_nodes show an entity whole."
	case page.Partial:
		out.Note = "The query was too much work to be done to the end: ask for rarer words."
	}
	return brief(out, out.Note)
}
