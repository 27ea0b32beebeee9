package httpapi

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/wire"
)

// Agents serves agents' WebSocket connections. *agent.Server implements it.
type Agents interface {
	Serve(ctx context.Context, conn *websocket.Conn, who agent.Client) error
}

// upgrader leaves the check of Host and Origin to its stage of the middleware.
var upgrader = websocket.Upgrader{
	ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
	CheckOrigin: func(*http.Request) bool { return true },
}

// corking lets the WebSocket write several frames at once.
type corking struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (w corking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return agent.Cork(c), rw, nil
}

// socket attaches the caller as the agent named in the path, or as a client
// where the path names none. The credential comes in a header or in the first
// message.
func (a *API) socket(c *gin.Context) {
	r := c.Request
	if !websocket.IsWebSocketUpgrade(r) {
		a.Refuse(c, Fail("UPGRADE_REQUIRED", ""))
		return
	}
	ctx := r.Context()
	x := exchangeOf(ctx)
	caller, known, route := x.caller, x.known, x.route
	// Authentication has read it already where there is one.
	credential, _ := credentialOf(r.Header)
	conn, err := upgrader.Upgrade(corking{c.Writer}, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	defer conn.Close()
	if !known {
		caller, err = agent.Authenticate(ctx, conn, func(_ context.Context, token string) (access.Principal, error) {
			credential = token
			return a.admitSocket(ctx, route, token)
		})
		if err != nil {
			a.strangers.take(x.address, a.cfg.Now())
			return
		}
	}
	who := agent.Client{Principal: caller.ID, Name: c.Param("name"), Requests: &socketFrames{api: a, route: route, caller: caller, credential: credential}}
	if err := a.cfg.Agents.Serve(ctx, conn, who); err != nil && !errors.Is(err, context.Canceled) {
		a.log.Debug("a WebSocket ended", "agent", who.Name, "request_id", x.id, "error", err)
	}
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
