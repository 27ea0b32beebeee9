package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// The routes by which older clients say how the graphs of a session are synced.

// GraphInput names a session's graph.
type GraphInput struct {
	SessionID string `path:"session_id" maxLength:"128" doc:"The session"`
	GraphName string `path:"graph_name" maxLength:"128" doc:"Its graph; default is the session's own namespace, others are SESSION/GRAPH"`
}

// SessionPath names a session.
type SessionPath struct {
	SessionID string `path:"session_id" maxLength:"128" doc:"The session"`
}

type syncStatusBody struct {
	SessionID      string     `json:"session_id"`
	GraphName      string     `json:"graph_name"`
	SyncEnabled    bool       `json:"sync_enabled"`
	VectorClock    string     `json:"vector_clock" doc:"JSON: by instance, what has been seen; the mesh is one, named by its id, and its counter is the revision"`
	LastSyncAt     *time.Time `json:"last_sync_at,omitempty" doc:"When something was pushed or applied last"`
	PendingChanges int        `json:"pending_changes" doc:"Changes of the last hour, 100,000 at most"`

	Strategy       string `json:"conflict_resolution_strategy"`
	Conflicts      uint64 `json:"conflicts" doc:"Open ones"`
	Revision       uint64 `json:"revision"`
	OldestRevision uint64 `json:"oldest_revision" doc:"The first that changes may be asked after"`
	Token          string `json:"token" doc:"The present place in the changes of the namespace"`
}

type syncStatusOutput struct {
	ReadOutput
	Body syncStatusBody
}

type syncStatusInput struct {
	ReadInput
	NamespaceInput
}

func (a *API) syncStatus(ctx context.Context, in *syncStatusInput) (*syncStatusOutput, error) {
	namespace, err := in.namespace()
	if err == nil && namespace == "" {
		err = invalid("query.ns", "ns names the namespace")
	}
	if err != nil {
		return nil, err
	}
	session, graph := graphsync.SessionGraph(namespace)
	return a.statusOf(ctx, in.ReadInput, session, graph)
}

type graphStatusInput struct {
	ReadInput
	GraphInput
}

func (a *API) graphSyncStatus(ctx context.Context, in *graphStatusInput) (*syncStatusOutput, error) {
	return a.statusOf(ctx, in.ReadInput, in.SessionID, in.GraphName)
}

func (a *API) statusOf(ctx context.Context, in ReadInput, session, graph string) (*syncStatusOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	st, info, err := a.cfg.Sync.Status(ctx, o, session, graph)
	if err != nil {
		return nil, syncError(ctx, refusedRead(ctx, info, err), "query")
	}
	return &syncStatusOutput{Read(info), syncStatusBody{
		SessionID: st.SessionID, GraphName: st.GraphName, SyncEnabled: st.SyncEnabled, VectorClock: clockText(st.VectorClock.Versions),
		LastSyncAt: st.LastSyncAt, PendingChanges: st.PendingChanges, Strategy: st.ConflictResolutionStrategy,
		Conflicts: st.Conflicts, Revision: st.Revision, OldestRevision: st.OldestRevision, Token: st.Token,
	}}, nil
}

type configsInput struct {
	ReadInput
	SessionPath
}

type configsOutput struct {
	ReadOutput
	Body struct {
		Success   bool                    `json:"success"`
		SessionID string                  `json:"session_id"`
		Graphs    []graphsync.GraphConfig `json:"graphs" nullable:"false"`
	}
}

func (a *API) syncConfigs(ctx context.Context, in *configsInput) (*configsOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	graphs, info, err := a.cfg.Sync.Configs(ctx, o, in.SessionID)
	if err != nil {
		return nil, syncError(ctx, refusedRead(ctx, info, err), "query")
	}
	out := &configsOutput{ReadOutput: Read(info)}
	out.Body.Success, out.Body.SessionID, out.Body.Graphs = true, in.SessionID, graphs
	return out, nil
}

type enableInput struct {
	WriteInput
	GraphInput
	Body struct {
		Enabled bool `json:"enabled"`
	}
}

type configuredOutput struct {
	WriteOutput
	Body struct {
		Success bool                  `json:"success"`
		Message string                `json:"message"`
		Enabled bool                  `json:"enabled"`
		Config  graphsync.GraphConfig `json:"config"`
	}
}

func (a *API) syncEnable(ctx context.Context, in *enableInput) (*configuredOutput, error) {
	return a.configureGraph(ctx, in.GraphInput, graphsync.SyncConfig{Enabled: &in.Body.Enabled})
}

type configureInput struct {
	WriteInput
	GraphInput
	Body struct {
		Enabled  bool   `json:"sync_enabled"`
		Strategy string `json:"conflict_resolution_strategy,omitempty" enum:"vector_clock,last_write_wins,manual" doc:"Where a client and others gave a field different values: keep what stands and list a conflict, take the later, or keep both and list a conflict"`
		Interval uint32 `json:"sync_interval_seconds,omitempty" minimum:"1" maximum:"86400" doc:"How often clients should ask"`
	}
}

func (a *API) syncConfigure(ctx context.Context, in *configureInput) (*configuredOutput, error) {
	b := &in.Body
	return a.configureGraph(ctx, in.GraphInput, graphsync.SyncConfig{Enabled: &b.Enabled, Strategy: b.Strategy, IntervalSeconds: b.Interval})
}

func (a *API) configureGraph(ctx context.Context, at GraphInput, set graphsync.SyncConfig) (*configuredOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	conf, wrote, err := a.cfg.Sync.Configure(ctx, wo, at.SessionID, at.GraphName, set)
	if err != nil {
		return nil, syncError(ctx, refusedWrite(ctx, wrote, err), "body")
	}
	out := &configuredOutput{WriteOutput: Wrote(wrote)}
	out.Body.Success, out.Body.Enabled, out.Body.Config = true, conf.SyncEnabled, conf
	out.Body.Message = "the graph takes no pushes"
	if conf.SyncEnabled {
		out.Body.Message = "the graph takes pushes; conflicts are dealt with by " + conf.ConflictResolutionStrategy
	}
	return out, nil
}

type bulkInput struct {
	SessionPath
	Body struct {
		Graphs  []string `json:"graphs" nullable:"false" minItems:"1" maxItems:"100" doc:"At most 100, each of which is a write"`
		Enabled bool     `json:"enabled"`
	}
}

type bulkOutput struct {
	WriteOutput
	Body struct {
		Success bool         `json:"success"`
		Message string       `json:"message"`
		Updated []string     `json:"updated" nullable:"false"`
		Failed  []bulkFailed `json:"failed" nullable:"false"`
	}
}

type bulkFailed struct {
	Graph string `json:"graph"`
	Error string `json:"error"`
}

// syncBulk sets several graphs, each by itself: setting one twice is setting it
// once, so there is no idempotency key.
func (a *API) syncBulk(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	caller, _ := Principal(ctx)
	out := &bulkOutput{}
	b := &out.Body
	b.Updated, b.Failed = []string{}, []bulkFailed{}
	for _, graph := range in.Body.Graphs {
		_, wrote, err := a.cfg.Sync.Configure(ctx, graphsync.WriteOptions{Author: caller.ID}, in.SessionID, graph, graphsync.SyncConfig{Enabled: &in.Body.Enabled})
		var refused *consensus.Refusal
		switch {
		case err == nil:
			out.WriteOutput = Wrote(wrote)
			b.Updated = append(b.Updated, graph)
		case errors.As(err, &refused):
			b.Failed = append(b.Failed, bulkFailed{graph, refused.Sentence})
		default: // of the mesh, which would befall the others as well
			return nil, refusedWrite(ctx, wrote, err)
		}
	}
	b.Success = len(b.Failed) == 0
	b.Message = "all graphs were set"
	if !b.Success {
		b.Message = "some graphs could not be set"
	}
	return out, nil
}
