package httpapi

import (
	"net/http"
	"slices"
	"time"

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
	entries := []Entry{
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
	if a.cfg.Mesh != nil {
		entries = append(entries,
			// mesh.go, tokens.go: nodes and who may become one
			Op(Route{Method: http.MethodGet, Path: "/status", Summary: "How the mesh stands, seen from this node", Role: access.RoleViewer}, a.meshStatus),
			Op(Route{Method: http.MethodGet, Path: "/members", Summary: "Who belongs to the mesh", Role: access.RoleViewer}, a.members),
			Op(Route{Method: http.MethodDelete, Path: "/members/{id}", Summary: "Remove a node for ever", Role: access.RoleAdmin, Status: http.StatusOK}, a.removeMember),
			Op(Route{Method: http.MethodPost, Path: "/leave", Summary: "Take this node out of the mesh", Role: access.RoleAdmin, Timeout: 90 * time.Second}, a.leave),
			Op(Route{Method: http.MethodPost, Path: "/seat/hand-over", Summary: "Give this node's leadership to another", Role: access.RoleAdmin}, a.handOver),
			Op(Route{Method: http.MethodPost, Path: "/seat/move", Summary: "Give a voter's seat to another node", Role: access.RoleAdmin, Timeout: 45 * time.Second}, a.moveSeat),
			Op(Route{Method: http.MethodPost, Path: "/ping", Summary: "Round trips to another node", Role: access.RoleUser}, a.ping),
			Op(Route{Method: http.MethodGet, Path: "/doctor", Summary: "What is wrong, in words", Role: access.RoleViewer}, a.doctor),
			Op(Route{Method: http.MethodGet, Path: "/tokens", Summary: "Join tokens, without their secrets", Role: access.RoleAdmin}, a.tokens),
			Op(Route{Method: http.MethodPost, Path: "/tokens", Summary: "Make a join token", Role: access.RoleAdmin, Status: http.StatusCreated}, a.createToken),
			Op(Route{Method: http.MethodDelete, Path: "/tokens/{id}", Summary: "Revoke a join token", Role: access.RoleAdmin, Status: http.StatusOK}, a.revokeToken),
		)
	}
	if a.cfg.Keys != nil {
		entries = append(entries,
			// apikeys.go
			Op(Route{Method: http.MethodGet, Path: "/apikeys", Summary: "API keys, without their secrets", Role: access.RoleAdmin}, a.keys),
			Op(Route{Method: http.MethodPost, Path: "/apikeys", Summary: "Make an API key", Role: access.RoleAdmin, Status: http.StatusCreated}, a.createKey),
			Op(Route{Method: http.MethodDelete, Path: "/apikeys/{id}", Summary: "Revoke an API key", Role: access.RoleAdmin, Status: http.StatusOK}, a.revokeKey),
		)
	}
	if a.cfg.Insight != nil {
		entries = append(entries,
			// insight.go
			Op(Route{Method: http.MethodGet, Path: "/traces/{trace_id}", Summary: "The way of one message, as the nodes remember it", Role: access.RoleViewer}, a.trace),
			Op(Route{Method: http.MethodGet, Path: "/top", Summary: "What the nodes are busy with", Role: access.RoleViewer}, a.top),
		)
	}
	if a.cfg.Agents != nil {
		// socket.go; its frames need more, by socketframes.go
		entries = append(entries, Plain(Route{Method: http.MethodGet, Path: "/ws", Summary: "Read, write and send messages, by WebSocket", Role: access.RoleViewer, Scope: AnyScope, Timeout: -1, FirstMessage: true, Query: []string{"resume"}}, a.socket))
		for _, path := range []string{"/agents/{name}/ws", "/api/agents/{name}/ws"} {
			// socket.go
			entries = append(entries, Plain(Route{Method: http.MethodGet, Path: path, Summary: "Attach as an agent, by WebSocket", Role: access.RoleAgent, Scope: "agents:write", Timeout: -1, FirstMessage: true, Query: []string{"resume"}}, a.socket))
		}
	}
	if a.cfg.Registry != nil {
		entries = append(entries,
			// registry.go
			Op(Route{Method: http.MethodGet, Path: "/registry/nodes", Summary: "Members, their agents and load", Role: access.RoleViewer}, a.registryNodes),
			Op(Route{Method: http.MethodGet, Path: "/registry/agents", Summary: "External instances and agents", Role: access.RoleViewer}, a.registryAgents),
			Op(Route{Method: http.MethodPost, Path: "/registry/register", Summary: "List an external instance for 15 s", Role: access.RoleAgent}, a.register),
			Op(Route{Method: http.MethodPost, Path: "/registry/heartbeat/{instance_id}", Summary: "Renew an instance's lease, at any node", Role: access.RoleAgent}, a.heartbeat),
			Op(Route{Method: http.MethodDelete, Path: "/registry/deregister/{instance_id}", Summary: "End an instance's lease", Role: access.RoleAgent}, a.deregister),
		)
	}
	// graphwatch.go
	entries = append(entries, a.watchEntries()...)
	return slices.Concat(entries, a.graphEntries(), a.syncEntries(), a.memoryEntries(), a.backupEntries(), a.messageEntries(), a.eventEntries(), a.taskEntries(), a.proposalEntries())
}
