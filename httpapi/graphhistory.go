package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/graphsync"
)

type historyInput struct {
	ReadInput
	ShowInput
	SessionID string `query:"session_id" maxLength:"128" doc:"The namespace; any if left out, but not with key"`
	ID        uint64 `query:"id" minimum:"1" doc:"The node, or the edge"`
	EdgeID    uint64 `query:"edge_id" minimum:"1" doc:"The edge"`
	Key       string `query:"key" maxLength:"512" doc:"The node that has this key or alias, or had it last"`
	PageInput
}

type historyOutput struct {
	ReadOutput
	Body historyBody
}

type historyBody struct {
	Versions       []versionBody `json:"versions" nullable:"false" doc:"The newest first"`
	Count          int           `json:"count"`
	Cursor         string        `json:"cursor,omitempty" doc:"Where the next page begins; absent on the last one"`
	Truncated      bool          `json:"truncated,omitempty"`
	OldestRevision uint64        `json:"oldest_revision" doc:"What is older may be forgotten"`
}

// versionBody is a graphsync.Version in a detail.
type versionBody struct {
	Revision   uint64     `json:"revision"`
	Time       time.Time  `json:"time"`
	Author     string     `json:"author,omitempty"`
	What       string     `json:"what" enum:"created,updated,deleted,merged,expired,restored"`
	Version    uint64     `json:"version"`
	Changed    []string   `json:"changed,omitempty" doc:"What differs from the version before: fields, and properties as properties.NAME, at most 100"`
	Node       *shownNode `json:"node,omitempty" doc:"The version, but not where it ended"`
	Edge       *shownEdge `json:"edge,omitempty" doc:"The version, but not where it ended"`
	MergedInto uint64     `json:"merged_into,omitempty" doc:"The node that this one was merged into"`
}

func (a *API) graphHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	named := 0
	for _, is := range []bool{in.ID != 0, in.EdgeID != 0, in.Key != ""} {
		if is {
			named++
		}
	}
	switch {
	case named != 1:
		return nil, invalid("query.id", "give one of id, edge_id and key")
	case in.Key != "" && in.SessionID == "":
		return nil, invalid("query.session_id", "a key is looked for in the namespace session_id")
	}
	h, info, err := a.cfg.Graph.HistoryOf(ctx, o, graphsync.HistoryQuery{
		Namespace: in.SessionID, ID: in.ID + in.EdgeID, Key: in.Key, Limit: in.Limit, Cursor: in.Cursor, Answer: in.answer(),
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	body := historyBody{make([]versionBody, len(h.Versions)), h.Count, h.Cursor, h.Truncated, h.OldestRevision}
	for i := range h.Versions {
		v := &h.Versions[i]
		to := &body.Versions[i]
		*to = versionBody{Revision: v.Revision, Time: v.Time, Author: v.Author, What: v.What, Version: v.Version, Changed: v.Changed, MergedInto: v.MergedInto}
		if v.Node != nil {
			to.Node = &shownNode{v.Node, in.shown()}
		}
		if v.Edge != nil {
			to.Edge = &shownEdge{v.Edge, in.shown()}
		}
	}
	return &historyOutput{Read(info), body}, nil
}
