package httpapi

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/wire"
)

// Agents serves agents' WebSocket connections. *agent.Server implements it.
type Agents interface {
	// Start serves a connection from now on, without the request that it came
	// by; ended is told how it went.
	Start(conn *websocket.Conn, who agent.Client, ended func(error))
}

// upgrader leaves the check of Host and Origin to its stage of the middleware.
// The small buffer for reading is all that an idle connection needs; writing
// takes one only for the handshake.
var upgrader = websocket.Upgrader{
	ReadBufferSize: 512, WriteBufferPool: new(sync.Pool),
	CheckOrigin: func(*http.Request) bool { return true },
}

// transport gives the WebSocket a connection as the agents' server reads it.
type transport struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (w transport) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return agent.Transport(c), rw, nil
}

// socket attaches the caller as the agent named in the path, or as a client
// where the path names none. The credential comes in a header or in the first
// message. The connection outlives the request, and keeps nothing of it.
func (a *API) socket(c *gin.Context) {
	r := c.Request
	if !websocket.IsWebSocketUpgrade(r) {
		a.Refuse(c, Fail("UPGRADE_REQUIRED", ""))
		return
	}
	ctx := r.Context()
	x := exchangeOf(ctx)
	caller, known, route, request := x.caller, x.known, x.route, x.id
	// Authentication has read it already where there is one.
	credential, _ := credentialOf(r.Header)
	conn, err := upgrader.Upgrade(transport{c.Writer}, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	if !known {
		caller, err = agent.Authenticate(ctx, conn, func(_ context.Context, token string) (access.Principal, error) {
			credential = token
			return a.admitSocket(ctx, route, token)
		})
		if err != nil {
			a.guesses.take(x.address, a.cfg.Now())
			return
		}
	}
	who := agent.Client{Principal: caller.ID, Name: strings.Clone(c.Param("name")), Resumes: r.URL.Query().Has("resume")}
	who.Requests = &socketFrames{api: a, route: route, caller: caller, credential: strings.Clone(credential), agent: who.Name}
	who.Hears = func(of *event.Audience) bool { return hears(caller, of) }
	any, refusal := attachesAny(caller, who.Name)
	if refusal != nil {
		agent.Refuse(conn, refusal)
		return
	}
	who.AnyName = any
	name := who.Name
	a.cfg.Agents.Start(conn, who, func(err error) {
		if err != nil {
			a.log.Debug("a WebSocket ended", "agent", name, "request_id", request, "error", err)
		}
	})
}

// attachesAny says whether a caller may attach as an agent whoever owns the
// name: as an administrator, or by a scope. A credential that has scopes of
// agents is held to their names.
func attachesAny(caller access.Principal, name string) (bool, error) {
	named := func(s string) bool { return strings.HasPrefix(s, agentScope) }
	switch {
	case name == "", slices.Contains(caller.Scopes, agentScope+name):
		return true, nil
	case slices.ContainsFunc(caller.Scopes, named):
		return false, &consensus.Refusal{Code: agent.CodeNotYourAgent, Sentence: "this credential is for other agents than " + name, Details: map[string]string{"agent": name}}
	}
	return caller.Role == access.RoleAdmin, nil
}

// admitSocket does for a first message what authentication and policy do for a
// header.
func (a *API) admitSocket(ctx context.Context, route *Route, token string) (access.Principal, error) {
	caller, err := a.cfg.Auth.Authenticate(token)
	if err != nil {
		return caller, err
	}
	if e := route.allows(caller); e != nil {
		return caller, e
	}
	wire.Authenticated(ctx)
	return caller, nil
}
