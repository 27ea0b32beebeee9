package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// Graph is what the graph routes ask. *graphsync.Service implements it.
type Graph interface {
	graphsync.Applier
	Searcher

	CreateNode(ctx context.Context, wo graphsync.WriteOptions, in graphsync.NewNode) (graphsync.Node, consensus.Outcome, error)
	UpdateNode(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, p graphsync.NodePatch) (graphsync.Node, consensus.Outcome, error)
	DeleteNode(ctx context.Context, wo graphsync.WriteOptions, namespace string, id, ifVersion uint64) (existed bool, _ consensus.Outcome, _ error)
	CreateEdge(ctx context.Context, wo graphsync.WriteOptions, in graphsync.NewEdge) (graphsync.Edge, consensus.Outcome, error)
	UpdateEdge(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, p graphsync.EdgePatch) (graphsync.Edge, consensus.Outcome, error)
	DeleteEdge(ctx context.Context, wo graphsync.WriteOptions, namespace string, id, ifVersion uint64) (existed bool, _ consensus.Outcome, _ error)
	AddObservation(ctx context.Context, wo graphsync.WriteOptions, in graphsync.NewObservation) (_ graphsync.Observation, added bool, _ consensus.Outcome, _ error)
	DeleteObservation(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64) (existed bool, _ consensus.Outcome, _ error)
	AddAlias(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, alias string, ifVersion uint64) (graphsync.Node, consensus.Outcome, error)
	RemoveAlias(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, alias string, ifVersion uint64) (graphsync.Node, consensus.Outcome, error)
	SetVector(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, model string, vector []float32) (graphsync.OpResult, consensus.Outcome, error)
	DeleteVector(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, model string) (existed bool, _ consensus.Outcome, _ error)
	MergeNodes(ctx context.Context, wo graphsync.WriteOptions, in graphsync.NewMerge) (graphsync.Merge, graphsync.Node, consensus.Outcome, error)
	UndoMerge(ctx context.Context, wo graphsync.WriteOptions, namespace string, merge uint64) (graphsync.Node, consensus.Outcome, error)
	SetSchema(ctx context.Context, wo graphsync.WriteOptions, namespace string, in graphsync.Schema) (graphsync.OpResult, consensus.Outcome, error)
	EraseNode(ctx context.Context, wo graphsync.WriteOptions, at graphsync.Target, reason string) (consensus.Outcome, error)
	EraseEdge(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, reason string) (consensus.Outcome, error)
	EraseObservation(ctx context.Context, wo graphsync.WriteOptions, namespace string, id uint64, reason string) (consensus.Outcome, error)
	SetRetention(ctx context.Context, wo graphsync.WriteOptions, days, bytes uint64) (consensus.Outcome, error)
	Batch(ctx context.Context, wo graphsync.WriteOptions, namespace string, ops []graphsync.Op) ([]graphsync.OpResult, consensus.Outcome, error)

	GetNodeAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace string, id uint64) (graphsync.Node, consensus.ReadInfo, error)
	GetNodeByKeyAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace, key string) (graphsync.Node, consensus.ReadInfo, error)
	GetEdgeAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace string, id uint64) (graphsync.Edge, consensus.ReadInfo, error)
	ListNodes(ctx context.Context, ro consensus.ReadOptions, q graphsync.NodeQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	ListEdges(ctx context.Context, ro consensus.ReadOptions, q graphsync.EdgeQuery) (graphsync.EdgePage, consensus.ReadInfo, error)
	Find(ctx context.Context, ro consensus.ReadOptions, q graphsync.FindQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	Neighbors(ctx context.Context, ro consensus.ReadOptions, q graphsync.NeighborQuery) (graphsync.Neighborhood, consensus.ReadInfo, error)
	Path(ctx context.Context, ro consensus.ReadOptions, q graphsync.PathQuery) (graphsync.Path, consensus.ReadInfo, error)
	Paths(ctx context.Context, ro consensus.ReadOptions, q graphsync.PathsQuery) (graphsync.Paths, consensus.ReadInfo, error)
	GetObservation(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (graphsync.Observation, consensus.ReadInfo, error)
	GetObservationAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace string, id uint64) (graphsync.Observation, consensus.ReadInfo, error)
	ListObservations(ctx context.Context, ro consensus.ReadOptions, q graphsync.ObservationQuery) (graphsync.ObservationPage, consensus.ReadInfo, error)
	Duplicates(ctx context.Context, ro consensus.ReadOptions, q graphsync.DuplicateQuery) (graphsync.DuplicatePage, consensus.ReadInfo, error)
	GetVector(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, model string) (graphsync.Vector, consensus.ReadInfo, error)
	Merges(ctx context.Context, ro consensus.ReadOptions, namespace string, limit int, cursor string) (graphsync.MergePage, consensus.ReadInfo, error)
	GetSchema(ctx context.Context, ro consensus.ReadOptions, namespace string) (graphsync.Schema, consensus.ReadInfo, error)
	HistoryOf(ctx context.Context, ro consensus.ReadOptions, q graphsync.HistoryQuery) (graphsync.HistoryPage, consensus.ReadInfo, error)
	DegreeOf(ctx context.Context, ro consensus.ReadOptions, q graphsync.DegreeQuery) (graphsync.Degree, consensus.ReadInfo, error)
	Hubs(ctx context.Context, ro consensus.ReadOptions, q graphsync.HubsQuery) (graphsync.Hubs, consensus.ReadInfo, error)
	Erasures(ctx context.Context, ro consensus.ReadOptions, namespace string, limit int, cursor string) (graphsync.ErasurePage, consensus.ReadInfo, error)
	Query(ctx context.Context, ro consensus.ReadOptions, q graphsync.Query) (graphsync.QueryAnswer, consensus.ReadInfo, error)
	Retention(ctx context.Context, ro consensus.ReadOptions) (graphsync.Retention, consensus.ReadInfo, error)
	Stats(ctx context.Context, ro consensus.ReadOptions, namespace string) (graphsync.Stats, consensus.ReadInfo, error)
	Namespaces(ctx context.Context, ro consensus.ReadOptions, limit int, cursor string) (graphsync.NamespacePage, consensus.ReadInfo, error)
	Export(ctx context.Context, ro consensus.ReadOptions, q graphsync.ExportQuery, w io.Writer) (graphsync.ExportReport, error)
}

var _ Graph = (*graphsync.Service)(nil)

// Bodies of the graph routes, in bytes. A node's properties are bounded after
// normalisation, so the spelling may be longer; a batch likewise.
const (
	maxGraphBody = 1 << 20
	maxBatchBody = 16 << 20
	maxQueryBody = 4 << 20
)

var jsonLines = []string{"application/x-ndjson", "application/json"}

// graphEntries is the part of the route table that needs a graph.
func (a *API) graphEntries() []Entry {
	if a.cfg.Graph == nil {
		return nil
	}
	get := func(path, summary string) Route {
		return Route{Method: http.MethodGet, Path: path, Summary: summary, Role: access.RoleViewer}
	}
	write := func(method, path, summary string, status int) Route {
		return Route{Method: method, Path: path, Summary: summary, Role: access.RoleUser, Status: status, MaxBody: maxGraphBody}
	}
	batch := write(http.MethodPost, "/graph/batch", "Several writes, all or none", http.StatusOK)
	batch.MaxBody = maxBatchBody
	return append(a.factEntries(get, write), []Entry{
		// graphnodes.go
		Op(get("/graph/nodes", "Nodes of a namespace, newest first"), a.listNodes),
		Op(write(http.MethodPost, "/graph/nodes", "Make a node", http.StatusCreated), a.createNode),
		Op(get("/graph/nodes/{id}", "One node"), a.getNode),
		Hot(write(http.MethodPut, "/graph/nodes/{id}", "Change a node", http.StatusOK), a.updateNode, a.updateNodeShort),
		Op(write(http.MethodDelete, "/graph/nodes/{id}", "End a node and its edges", http.StatusNoContent), a.deleteNode),

		// graphedges.go
		Op(get("/graph/edges", "Edges of a namespace"), a.listEdges),
		Op(write(http.MethodPost, "/graph/edges", "Make an edge", http.StatusCreated), a.createEdge),
		Op(get("/graph/edges/{id}", "One edge"), a.getEdge),
		Op(write(http.MethodPut, "/graph/edges/{id}", "Change an edge", http.StatusOK), a.updateEdge),
		Op(write(http.MethodDelete, "/graph/edges/{id}", "End an edge", http.StatusNoContent), a.deleteEdge),

		// graphfind.go, graphwalk.go
		Op(get("/graph/find", "Nodes by key or label"), a.findNodes),
		Op(get("/graph/search", "Nodes by words, or by a part of a label or of any text"), a.searchNodes),
		Op(Route{Method: http.MethodPost, Path: "/graph/search", Summary: "Nodes by words, by a vector, or by both", Role: access.RoleViewer, Scope: "graph:read", MaxBody: maxGraphBody}, a.searchGraph),
		Op(Route{Method: http.MethodPost, Path: "/graph/query", Summary: "Ask in openCypher", Role: access.RoleViewer, Scope: "graph:read", MaxBody: maxQueryBody}, a.queryGraph),
		Op(get("/graph/neighbors", "What lies around a node"), a.neighbors),
		Op(get("/graph/path", "A shortest path between two nodes"), a.path),
		Op(get("/graph/stats", "Totals of a namespace"), a.graphStats),
		Op(get("/graph/namespaces", "The namespaces and their totals"), a.namespaces),

		// graphbatch.go, graphimport.go, graphexport.go
		Hot(batch, a.batch, a.batchShort),
		a.importEntry(),
		a.exportEntry(),
	}...)
}

// The inputs that routes share are exported because huma sees nothing of other
// embedded structs.

// SessionInput names the namespace where one must be named.
type SessionInput struct {
	SessionID string `query:"session_id" required:"true" maxLength:"128" doc:"The namespace"`
}

// ScopeInput narrows a route that finds its thing by id.
type ScopeInput struct {
	SessionID string `query:"session_id" maxLength:"128" doc:"The namespace that the thing must lie in; any if left out"`
}

// PageInput is what every list takes.
type PageInput struct {
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"The cursor of the page before"`
}

// IDInput is the id in a path.
type IDInput struct {
	ID uint64 `path:"id" minimum:"1" doc:"The id, a whole number"`
}

// writeOptions says who writes, and under which idempotency key.
func writeOptions(ctx context.Context) (graphsync.WriteOptions, error) {
	key, err := Idempotency(ctx)
	if err != nil {
		return graphsync.WriteOptions{}, err
	}
	caller, _ := Principal(ctx)
	return graphsync.WriteOptions{Author: caller.ID, Idempotency: key}, nil
}

// changeOptions is writeOptions for a change of a versioned thing.
func changeOptions(ctx context.Context, in MatchInput) (wo graphsync.WriteOptions, ifVersion uint64, m Match, err error) {
	if m, err = in.Match(); err != nil {
		return wo, 0, m, err
	}
	if ifVersion = m.Version; m.Set && !m.Any && ifVersion == 0 {
		ifVersion = math.MaxUint64 // versions begin at 1, and the graph takes 0 for no condition
	}
	wo, err = writeOptions(ctx)
	return wo, ifVersion, m, err
}

// gone turns the absence of a thing that a condition asked for into 412.
func gone(m Match, existed bool, err error) error {
	var r *consensus.Refusal
	if m.Set && (err == nil && !existed || errors.As(err, &r) && r.Code == graphsync.CodeNotFound) {
		return Fail(CodePreconditionFailed, "there is nothing with that id any more").With("field", "header.If-Match")
	}
	return err
}

// absent takes an explicit null for a field left out.
func absent(v json.RawMessage) json.RawMessage {
	if string(v) == "null" {
		return nil
	}
	return v
}

// refusedRead gives a refusal the revision it speaks of and the parameter's
// full name.
func refusedRead(ctx context.Context, info consensus.ReadInfo, err error) error {
	if x := exchangeOf(ctx); x.response != nil && info.Revision > 0 {
		SetReadInfo(x.response.Header(), info)
	}
	return named(ctx, err, "query")
}

// refusedWrite is refusedRead for writes.
func refusedWrite(ctx context.Context, out consensus.Outcome, err error) error {
	if x := exchangeOf(ctx); x.response != nil && out.Revision > 0 {
		SetOutcome(x.response.Header(), out)
	}
	return named(ctx, err, "body")
}

// named says where the field lies that the graph refused, as validation does:
// "body.ops[3].weight".
func named(ctx context.Context, err error, place string) error {
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Details["field"] == "" {
		return err
	}
	field, op := r.Details["field"], r.Details["op"]
	switch {
	case op != "":
		field = place + ".ops[" + op + "]." + field
	case field == "if_version":
		field = "header.If-Match"
	case inPath(ctx, field):
		field = "path." + field
	case field == "node_id" && inPath(ctx, "id"):
		field = "path.id"
	case field == "operations":
		field = place + ".ops"
	case !strings.Contains(field, "."):
		field = place + "." + field
	}
	out := *r // a refusal may be shared
	out.Details = maps.Clone(r.Details)
	out.Details["field"] = field
	return &out
}

// inPath says that the route finds its thing by that part of its path.
func inPath(ctx context.Context, field string) bool {
	r := exchangeOf(ctx).route
	return r != nil && strings.Contains(r.Path, "{"+field+"}")
}
