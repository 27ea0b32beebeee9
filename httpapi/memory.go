package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi/mcp"
	"github.com/meshd/meshd/node/access"
)

const (
	// defaultMemory is the namespace of MCP clients that name none.
	defaultMemory = "default"
	memoryHeader  = "X-Session-Id"
	// maxMemoryStreams bounds the streams of MCP clients that wait for news.
	maxMemoryStreams = 1000
)

var eventStream = []string{"text/event-stream"}

// memoryEntries are the routes of MCP clients (Model Context Protocol,
// streamable HTTP). Roles and scopes are the graph's: reading suffices to
// connect, and each tool that writes asks again.
func (a *API) memoryEntries() []Entry {
	if a.cfg.Memory == nil {
		return nil
	}
	server := mcp.New(mcp.Config{Graph: a.cfg.Memory, Version: a.cfg.Version, Logger: a.log, Explain: a.explain})
	a.ends = append(a.ends, server.Close)
	route := Route{Path: "/mcp", Role: access.RoleViewer, Scope: "graph:read", Query: []string{"session_id", "read_only"}}
	post, get, end := route, route, route
	post.Method, post.Summary, post.MaxBody, post.Produces = http.MethodPost, "The graph as a memory for MCP clients", mcp.MaxBody, append([]string{"application/json"}, eventStream...)
	get.Method, get.Summary, get.Timeout, get.Produces = http.MethodGet, "What an MCP session is told unasked", -1, eventStream
	end.Method, end.Summary = http.MethodDelete, "End an MCP session"
	return []Entry{
		Plain(post, a.memory(server)),
		Plain(get, a.atMost(maxMemoryStreams, func(c *gin.Context) {
			s := a.openStream(c)
			defer s.end()
			c.Request = c.Request.WithContext(s.ctx)
			a.memory(server)(c)
		})),
		Plain(end, a.memory(server)),
	}
}

// memory serves a request of an MCP client.
func (a *API) memory(server *mcp.Server) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := c.Request
		namespace := cmp.Or(c.Query("session_id"), r.Header.Get(memoryHeader), defaultMemory)
		if err := graphsync.CheckNamespace(namespace); err != nil {
			a.Refuse(c, named(r.Context(), err, "query"))
			return
		}
		call := mcp.Call{Caller: exchangeOf(r.Context()).caller.ID, Namespace: namespace}
		switch read := c.Query("read_only"); {
		case read != "" && read != "true" && read != "false":
			a.Refuse(c, invalid("query.read_only", "read_only is true or false"))
			return
		case read == "true":
			call.Refusal = "this connection only reads: it was made with read_only"
		default:
			write := Route{Role: access.RoleUser, Scope: "graph:write"}
			if e := write.allows(exchangeOf(r.Context()).caller); e != nil {
				call.Refusal = e.Sentence + ": this connection only reads"
			}
		}
		server.ServeHTTP(c.Writer, r.WithContext(mcp.WithCall(r.Context(), call)))
	}
}

// explain tells a model what a person would be told.
func (a *API) explain(ctx context.Context, err error) string {
	e := a.asError(ctx, err)
	if next, ok := e.Details["next"].(string); ok && next != "" {
		return e.Sentence + ". Next: " + next
	}
	return e.Sentence
}
