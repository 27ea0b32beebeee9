package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// Sync is what the routes for clients that work offline ask. graphsync.Sync
// implements it.
type Sync interface {
	Changes(ctx context.Context, ro consensus.ReadOptions, q graphsync.ChangesQuery) (graphsync.ChangesPage, consensus.ReadInfo, error)
	Watch(ctx context.Context, q graphsync.ChangesQuery, permit func() error) (*graphsync.Watcher, error)
	Token(f graphsync.WatchFilter, p graphsync.Position) (string, error)
	Position(f graphsync.WatchFilter, token string) (graphsync.Position, error)
	Snapshot(ctx context.Context, ro consensus.ReadOptions, wo graphsync.WriteOptions, q graphsync.SnapshotQuery) (graphsync.SnapshotPage, consensus.ReadInfo, error)
	Push(ctx context.Context, wo graphsync.WriteOptions, in graphsync.Push) (graphsync.PushAnswer, consensus.Outcome, error)

	Conflicts(ctx context.Context, ro consensus.ReadOptions, q graphsync.ConflictQuery) (graphsync.ConflictPage, consensus.ReadInfo, error)
	Resolve(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, how graphsync.Resolution) (graphsync.OpResult, consensus.Outcome, error)

	Clients(ctx context.Context, ro consensus.ReadOptions, q graphsync.SyncClientsQuery) (graphsync.SyncClientsPage, consensus.ReadInfo, error)
	ForgetClient(ctx context.Context, wo graphsync.WriteOptions, id string) (consensus.Outcome, error)

	Configure(ctx context.Context, wo graphsync.WriteOptions, session, graph string, c graphsync.SyncConfig) (graphsync.GraphConfig, consensus.Outcome, error)
	Configs(ctx context.Context, ro consensus.ReadOptions, session string) ([]graphsync.GraphConfig, consensus.ReadInfo, error)
	Status(ctx context.Context, ro consensus.ReadOptions, session, graph string) (graphsync.SyncStatus, consensus.ReadInfo, error)

	Request(ctx context.Context, ro consensus.ReadOptions, session, graph string, clock graphsync.VectorClock) (graphsync.SyncPayload, consensus.ReadInfo, error)
	Apply(ctx context.Context, wo graphsync.WriteOptions, in graphsync.SyncPayload, from string) (graphsync.ApplyStats, consensus.Outcome, error)
}

var _ Sync = graphsync.Sync{}

// Bodies of a push and of a payload, in bytes.
const (
	maxPushBody    = 16 << 20
	maxPayloadBody = 32 << 20
)

// syncEntries is the part of the route table for clients that work offline.
// Their scopes are the graph's: it is the graph that they read and write.
func (a *API) syncEntries() []Entry {
	if a.cfg.Sync == nil {
		return nil
	}
	get := func(path, summary string) Route {
		return Route{Method: http.MethodGet, Path: path, Summary: summary, Role: access.RoleViewer, Scope: "graph:read"}
	}
	post := func(path, summary string) Route {
		return Route{Method: http.MethodPost, Path: path, Summary: summary, Role: access.RoleUser, Scope: "graph:write", Status: http.StatusOK, MaxBody: maxGraphBody}
	}
	stream := func(r Route, query []string, media ...string) Route {
		r.Query, r.Produces, r.Timeout = append(query, readQuery...), media, -1
		return r
	}
	admin := func(r Route) Route {
		r.Role = access.RoleAdmin
		return r
	}
	push := post("/sync/push", "Take over what a client did while it was cut off, each mutation once")
	push.MaxBody = maxPushBody
	apply := post("/sync/apply", "Take over a payload of an older instance")
	apply.MaxBody = maxPayloadBody
	// It reads, though it is a POST.
	request := post("/sync/request", "A session's graph, or what changed in it, as a payload for an older instance")
	request.Role, request.Scope = access.RoleViewer, "graph:read"
	return []Entry{
		// syncchanges.go, syncfeed.go, syncsnapshot.go
		Plain(stream(get("/sync/changes", "What changed after a token: a page, a long poll, or server-sent events"), changesParameters, mediaJSON, mediaSSE), a.syncChanges),
		Plain(stream(get("/sync/snapshot", "All of a namespace as of one revision, and the token of what follows"), snapshotParameters, mediaLines, mediaJSON), a.atMost(maxExports, a.syncSnapshot)),

		// syncpush.go, syncconflicts.go
		Op(push, a.syncPush),
		Op(get("/sync/conflicts", "Mutations that are at odds with what others did, oldest first"), a.syncConflicts),
		Op(post("/sync/conflicts/{id}/resolve", "Settle a conflict"), a.syncResolve),

		// syncclients.go
		Op(admin(get("/sync/clients", "The clients that the mesh remembers for what they push, those first that have not for longest")), a.syncClients),
		Op(admin(Route{Method: http.MethodDelete, Path: "/sync/clients/{id}", Summary: "Forget a client that never comes back", Scope: "graph:write", Status: http.StatusNoContent}), a.syncForgetClient),

		// syncgraphs.go
		Op(get("/sync/status", "Where a namespace stands"), a.syncStatus),
		Op(get("/sync/status/{session_id}/{graph_name}", "Where a session's graph stands"), a.graphSyncStatus),
		Op(get("/sync/configs/{session_id}", "How a session's graphs are synced"), a.syncConfigs),
		Op(post("/sync/enable/{session_id}/{graph_name}", "Let a session's graph take pushes, or not"), a.syncEnable),
		Op(post("/sync/bulk/{session_id}", "Let several graphs take pushes, or not"), a.syncBulk),
		Op(post("/sync/configure/{session_id}/{graph_name}", "Say how a session's graph is synced"), a.syncConfigure),

		// syncpayload.go
		Op(request, a.syncRequest()),
		Op(apply, a.syncApply),
	}
}

// syncError gives the details of a refusal of sync their types, and names the
// field's place.
func syncError(ctx context.Context, err error, place string) error {
	return typed(named(ctx, err, place))
}

// typed gives the details of a refusal of sync their types: a part of the state
// has texts only.
func typed(err error) error {
	var r *consensus.Refusal
	if !errors.As(err, &r) {
		return err
	}
	e := fromRefusal(r)
	for name, v := range e.Details {
		text, _ := v.(string)
		switch name {
		case "resync", "unknown_client":
			e.Details[name] = text == "true"
		case "expected", "oldest":
			if n, err := strconv.ParseUint(text, 10, 64); err == nil {
				e.Details[name] = n
			}
		}
	}
	return e
}

// isToken says that a text can only be a token of sync: revisions, ids of events
// and times are shorter.
func isToken(text string) bool { return len(text) > 40 }

// NamespaceInput names the namespace in one of its two spellings.
type NamespaceInput struct {
	NS        string `query:"ns" maxLength:"128" doc:"The namespace"`
	SessionID string `query:"session_id" maxLength:"128" doc:"As ns, which it may not contradict"`
}

func (in NamespaceInput) namespace() (string, error) {
	switch {
	case in.NS != "" && in.SessionID != "" && in.NS != in.SessionID:
		return "", invalid("query.ns", "ns and session_id both name the namespace, and not the same one")
	case in.NS != "":
		return in.NS, nil
	}
	return in.SessionID, nil
}
