package httpapi

import (
	"context"
	"net/url"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type conflictsInput struct {
	ReadInput
	NamespaceInput
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"The cursor of the page before"`
}

type conflictsOutput struct {
	ReadOutput
	Next string         `header:"X-Next-Cursor" doc:"Where the next page begins; absent on the last one"`
	Link string         `header:"Link" doc:"The next page, rel=\"next\""`
	Body []syncConflict `nullable:"false"`
}

// syncConflict is a conflict in the older shape, with more beside it. Session
// and graph together name the namespace.
type syncConflict struct {
	graphsync.Conflict
	SessionID     string `json:"session_id"`
	GraphName     string `json:"graph_name"`
	EntityID      uint64 `json:"entity_id" doc:"0 where the mutation would have made something"`
	Resolution    string `json:"resolution" enum:"open"`
	LocalVersion  string `json:"local_version" doc:"The vector clock of the mesh, as JSON"`
	RemoteVersion string `json:"remote_version" doc:"The vector clock of the client when it made the mutation, as JSON"`
}

// syncConflicts lists open conflicts. The answer is the array that older
// clients know, whose pages are linked by headers.
func (a *API) syncConflicts(ctx context.Context, in *conflictsInput) (*conflictsOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	namespace, err := in.namespace()
	if err != nil {
		return nil, err
	}
	page, info, err := a.cfg.Sync.Conflicts(ctx, o, graphsync.ConflictQuery{Namespace: namespace, Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, syncError(ctx, refusedRead(ctx, info, err), "query")
	}
	out := &conflictsOutput{ReadOutput: Read(info), Next: page.Cursor, Body: make([]syncConflict, len(page.Conflicts))}
	for i := range page.Conflicts {
		out.Body[i] = a.conflict(&page.Conflicts[i])
	}
	if page.Cursor != "" {
		x := exchangeOf(ctx)
		q, _ := url.ParseQuery(x.query)
		q.Set("cursor", page.Cursor)
		out.Link = "<" + x.path + "?" + q.Encode() + `>; rel="next"`
	}
	return out, nil
}

func (a *API) conflict(c *graphsync.Conflict) syncConflict {
	session, graph := graphsync.SessionGraph(c.SessionID)
	remote := map[string]uint64{a.cfg.MeshID: c.BaseRevision}
	if c.ClientID != "" {
		remote[c.ClientID] = c.Seq
	}
	return syncConflict{Conflict: *c, SessionID: session, GraphName: graph, EntityID: c.EntityID, Resolution: "open",
		LocalVersion: clockText(map[string]uint64{a.cfg.MeshID: c.Revision}), RemoteVersion: clockText(remote)}
}

// clockText spells a vector clock as older clients have it: JSON in a string.
func clockText(versions map[string]uint64) string {
	return string(marshal(graphsync.VectorClock{Versions: versions}))
}

type resolveInput struct {
	WriteInput
	IDInput
	Body struct {
		graphsync.Resolution
		SessionID string `json:"session_id,omitempty" maxLength:"128" doc:"The namespace, or the session; looked for if left out"`
		GraphName string `json:"graph_name,omitempty" maxLength:"128" doc:"The session's graph"`
	}
}

type resolveOutput struct {
	WriteOutput
	Body graphsync.OpResult
}

// syncResolve settles a conflict.
func (a *API) syncResolve(ctx context.Context, in *resolveInput) (*resolveOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Custom != nil {
		if err := mayApply(ctx, []graphsync.Op{*in.Body.Custom}); err != nil {
			return nil, err
		}
	}
	namespace := graphsync.GraphNamespace(in.Body.SessionID, in.Body.GraphName)
	if in.Body.SessionID == "" {
		if namespace, err = a.conflictNamespace(ctx, in.ID); err != nil {
			return nil, err
		}
	}
	res, out, err := a.cfg.Sync.Resolve(ctx, wo, namespace, in.ID, in.Body.Resolution)
	if err != nil {
		return nil, syncError(ctx, refusedWrite(ctx, out, err), "body")
	}
	return &resolveOutput{Wrote(out), res}, nil
}

// conflictNamespace looks for a conflict of which only the id is known.
func (a *API) conflictNamespace(ctx context.Context, id uint64) (string, error) {
	q := graphsync.ConflictQuery{Limit: graphsync.MaxLimit}
	for {
		page, _, err := a.cfg.Sync.Conflicts(ctx, consensus.ReadOptions{}, q)
		if err != nil {
			return "", err
		}
		for i := range page.Conflicts {
			if page.Conflicts[i].ID == id {
				return page.Conflicts[i].SessionID, nil
			}
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return "", Fail(CodeNotFound, "no conflict has the id %d", id).With("field", "path.id")
		}
	}
}
