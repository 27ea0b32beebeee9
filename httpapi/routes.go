package httpapi

import (
	"net/http"

	"github.com/meshd/meshd/node/access"
)

var (
	probe   = []string{"application/json", "text/plain"}
	metrics = []string{"text/plain", "application/openmetrics-text"}
	openapi = []string{"application/json", "application/openapi+json"}
)

// entries is the route table: every route of the node on one page. A route is
// one line here and its types and handler in the file of its group.
func (a *API) entries() []Entry {
	return []Entry{
		// health.go: public
		Op(Route{Method: http.MethodGet, Path: "/health", Summary: "Is the node alive", Public: true, Produces: probe}, a.health),
		Op(Route{Method: http.MethodGet, Path: "/api/health", Summary: "Is the node alive", Public: true, Produces: probe}, a.health),
		Op(Route{Method: http.MethodGet, Path: "/livez", Summary: "Does the process answer", Public: true, Produces: probe}, a.live),
		Op(Route{Method: http.MethodGet, Path: "/readyz", Summary: "Does the node serve reads", Public: true, Produces: probe}, a.ready),
		Op(Route{Method: http.MethodGet, Path: "/cert", Summary: "The node's certificate and pin", Public: true}, a.cert),
		Plain(Route{Method: http.MethodGet, Path: "/openapi.json", Summary: "This document", Public: true, Produces: openapi}, a.serveOpenAPI),

		// health.go, metrics.go, verify.go: the node itself
		Op(Route{Method: http.MethodGet, Path: "/health/detail", Summary: "Disk, raft, gossip and queues", Role: access.RoleViewer}, a.healthDetail),
		Plain(Route{Method: http.MethodGet, Path: "/metrics", Summary: "Figures for Prometheus", Role: access.RoleViewer, Produces: metrics, Query: []string{"name[]"}}, a.metrics()),
		Op(Route{Method: http.MethodGet, Path: "/api/auth/verify", Summary: "The caller, its role and scopes", Role: access.RoleViewer, Scope: AnyScope}, a.verify),
	}
}
