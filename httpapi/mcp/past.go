package mcp

import (
	"context"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// Step is a version of an entity.
type Step struct {
	Revision   uint64    `json:"revision"`
	Time       time.Time `json:"time"`
	By         string    `json:"by,omitempty"`
	What       string    `json:"what"`
	Version    uint64    `json:"version"`
	Changed    []string  `json:"changed,omitempty"`
	Entity     *Shown    `json:"entity,omitempty"`
	Relation   *Joined   `json:"relation,omitempty"`
	MergedInto uint64    `json:"merged_into,omitempty"`
}

// Past is a page of a history.
type Past struct {
	Versions       []Step `json:"versions"`
	OldestRevision uint64 `json:"oldest_revision"`
	NextCursor     string `json:"nextCursor,omitempty"`
	Note           string `json:"note,omitempty"`
}

type historyIn struct {
	which
	Limit    int    `json:"limit"`
	Cursor   string `json:"cursor"`
	MaxBytes int    `json:"max_bytes"`
}

// history shows how an entity, or a relation by its id, came to be what it is,
// newest first.
func history(ctx context.Context, c Call, s *Server, in historyIn) (reply, error) {
	id := in.ID
	if in.Name != "" || id == 0 {
		n, _, err := s.which(ctx, c, graphsync.When{}, in.which)
		if err != nil {
			return reply{}, err
		}
		id = n.ID
	}
	page, _, err := s.graph.History(ctx, consensus.ReadOptions{}, c.Namespace, id, in.Limit, in.Cursor)
	if err != nil {
		return reply{}, err
	}
	out := Past{Versions: []Step{}, OldestRevision: page.OldestRevision, NextCursor: page.Cursor}
	room, names := roomFor(in.MaxBytes), s.names(c, graphsync.When{})
	for i := range page.Versions {
		v := &page.Versions[i]
		step := Step{Revision: v.Revision, Time: v.Time, By: v.Author, What: v.What, Version: v.Version, Changed: v.Changed, MergedInto: v.MergedInto}
		if v.Node != nil {
			e := shown(v.Node, true)
			e.CreatedAt, e.UpdatedAt, e.Version = nil, nil, 0
			step.Entity = &e
		}
		if v.Edge != nil {
			j, err := names.joined(ctx, v.Edge)
			if err != nil {
				return reply{}, err
			}
			step.Relation = &j
		}
		if !room.takes(step) {
			if i == 0 { // it alone is too large: say that it was, not what it was
				step.Entity, step.Relation, step.Changed = nil, nil, nil
				out.Versions = append(out.Versions, step)
				i = 1
			}
			shorter, _, err := s.graph.History(ctx, consensus.ReadOptions{}, c.Namespace, id, i, in.Cursor)
			if err != nil {
				return reply{}, err
			}
			out.NextCursor = shorter.Cursor
			break
		}
		out.Versions = append(out.Versions, step)
	}
	if out.NextCursor != "" {
		out.Note = "There are older versions: call history again with cursor set to nextCursor."
	}
	return brief(out, out.Note)
}

// News is a page of what has changed.
type News struct {
	Changes  []NewsItem `json:"changes"`
	Revision uint64     `json:"revision"`
	More     bool       `json:"more,omitempty"`
	Note     string     `json:"note"`
}

// NewsItem is one change, by the names that things have now.
type NewsItem struct {
	Revision     uint64    `json:"revision"`
	Time         time.Time `json:"time"`
	By           string    `json:"by,omitempty"`
	What         string    `json:"what"`
	Kind         string    `json:"kind"`
	ID           uint64    `json:"id,omitempty"`
	Name         string    `json:"name,omitempty"`
	From         string    `json:"from,omitempty"`
	RelationType string    `json:"relationType,omitempty"`
	To           string    `json:"to,omitempty"`
	Text         string    `json:"text,omitempty"`
}

type changesIn struct {
	Revision uint64 `json:"revision"`
	Limit    int    `json:"limit"`
	MaxBytes int    `json:"max_bytes"`
}

// changesSince shows what was changed in this memory after a revision, by
// anybody.
func changesSince(ctx context.Context, c Call, s *Server, in changesIn) (reply, error) {
	if in.Limit == 0 {
		in.Limit = 200
	}
	out := News{Changes: []NewsItem{}, Revision: in.Revision}
	room, names := roomFor(in.MaxBytes), s.names(c, graphsync.When{})
	cut := false
	for looked := 0; len(out.Changes) < in.Limit && looked < 100_000; {
		list, upTo, _, err := s.graph.Log(ctx, consensus.ReadOptions{}, out.Revision, 1000)
		if r, _ := refused(err, graphsync.CodeCompacted); r != nil {
			return reply{}, said{fmt.Sprintf("changes after revision %d are not kept any more, the oldest revision to ask for is %s: read what you need anew", in.Revision, r.Details["oldest"])}
		}
		if err != nil {
			return reply{}, err
		}
		looked += len(list)
		done := out.Revision
		for i := 0; i < len(list); {
			// A revision is shown whole or not at all, as it can only be
			// asked for whole; one that is too large by itself is cut.
			var items []NewsItem
			rev, fits := list[i].Revision, true
			for ; i < len(list) && list[i].Revision == rev; i++ {
				if list[i].SessionID != c.Namespace || !fits {
					continue
				}
				item, err := s.item(ctx, c, &list[i], names)
				if err != nil {
					return reply{}, err
				}
				if fits = room.takes(item); fits {
					items = append(items, item)
				}
			}
			if !fits && len(out.Changes) > 0 {
				out.More = true
				break
			}
			out.Changes = append(out.Changes, items...)
			cut = cut || !fits
			if done = rev; !fits || len(out.Changes) >= in.Limit {
				out.More = true
				break
			}
		}
		if out.More {
			out.Revision = done
			break
		}
		if upTo <= out.Revision {
			break
		}
		out.Revision = upTo
	}
	out.Note = fmt.Sprintf("This is up to revision %d: ask again with revision %d for what comes later.", out.Revision, out.Revision)
	if out.More {
		out.Note = fmt.Sprintf("There is more: ask again with revision %d.", out.Revision)
	}
	if cut {
		out.Note += fmt.Sprintf(" Not all changes of revision %d fit: a larger max_bytes shows more of them.", out.Revision)
	}
	return brief(out, out.Note)
}
