package httpapi

import (
	"net/http"

	"github.com/meshd/meshd/node/access"
)

// factEntries is the part of the graph's routes about what is known of nodes:
// observations, other names, vectors, what was merged, and what a namespace
// asks for.
func (a *API) factEntries(get func(path, summary string) Route, write func(method, path, summary string, status int) Route) []Entry {
	admin := func(r Route) Route {
		r.Role = access.RoleAdmin
		return r
	}
	return []Entry{
		// graphobservations.go
		Op(get("/graph/nodes/{id}/observations", "What was observed of a node"), a.listObservations),
		Op(write(http.MethodPost, "/graph/nodes/{id}/observations", "Observe something of a node; 200 where it was observed so already", http.StatusCreated), a.addObservation),
		Op(get("/graph/observations/{id}", "One observation"), a.getObservation),
		Op(write(http.MethodDelete, "/graph/observations/{id}", "End an observation", http.StatusNoContent), a.deleteObservation),

		// graphaliases.go, graphvectors.go
		Op(write(http.MethodPut, "/graph/nodes/{id}/aliases/{alias}", "Give a node another key", http.StatusOK), a.addAlias),
		Op(write(http.MethodDelete, "/graph/nodes/{id}/aliases/{alias}", "Take another key from a node", http.StatusOK), a.removeAlias),
		Op(get("/graph/nodes/{id}/vectors/{model}", "What a model made of a node"), a.getVector),
		Op(write(http.MethodPut, "/graph/nodes/{id}/vectors/{model}", "Keep what a model made of a node", http.StatusCreated), a.setVector),
		Op(write(http.MethodDelete, "/graph/nodes/{id}/vectors/{model}", "Remove what a model made of a node", http.StatusNoContent), a.deleteVector),

		// graphduplicates.go, graphmerge.go
		Op(get("/graph/duplicates", "Nodes that may be one"), a.duplicates),
		Op(write(http.MethodPost, "/graph/merge", "Make two nodes one", http.StatusOK), a.mergeNodes),
		Op(get("/graph/merge", "Merges that can be undone, newest first"), a.merges),
		Op(write(http.MethodPost, "/graph/merge/{id}/undo", "Bring back the node that a merge ended", http.StatusOK), a.undoMerge),

		// graphschema.go
		Op(get("/graph/schema", "What a namespace asks of its nodes and edges"), a.getSchema),
		Op(write(http.MethodPut, "/graph/schema", "Replace what a namespace asks for", http.StatusOK), a.setSchema),
		Op(get("/graph/retention", "How long history is kept, and what is"), a.getRetention),
		Op(admin(write(http.MethodPut, "/graph/retention", "Say how long history is kept", http.StatusOK)), a.setRetention),

		// graphpaths.go, graphhubs.go, graphhistory.go
		Op(get("/graph/paths", "The shortest paths between two nodes"), a.paths),
		Op(get("/graph/hubs", "The nodes with the most edges"), a.hubs()),
		Op(get("/graph/degree", "How many edges a node has"), a.degree),
		Op(get("/graph/history", "What a node or an edge was"), a.graphHistory),

		// grapherase.go
		Op(admin(write(http.MethodPost, "/graph/erase", "Remove a thing and all its history", http.StatusOK)), a.erase),
		Op(admin(get("/graph/erasures", "What was erased, by whom and why; newest first")), a.erasures),
	}
}
