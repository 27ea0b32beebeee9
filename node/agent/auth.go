package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/strictjson"
)

// Bounds of the first message of a connection that came without credentials.
const (
	authTimeout  = 5 * time.Second
	maxAuthBytes = 4 << 10
)

// CodeUnauthorized is told to a client whose first message is no good
// credential (401).
const CodeUnauthorized = "UNAUTHORIZED"

// ErrUnauthenticated says that the first message was not a good credential, or
// did not come in time. The connection has been closed.
var ErrUnauthenticated = errors.New("the connection did not authenticate")

// Authenticate reads the first message of a connection whose upgrade carried
// no credential: {"type":"auth","token":"…"} within 5 s, at most 4 KiB, and
// nothing before it. It returns what check makes of the token. On any failure
// it tells the client, closes the connection and returns an error that wraps
// ErrUnauthenticated. check must compare in constant time.
func Authenticate[P any](ctx context.Context, conn *websocket.Conn, check func(ctx context.Context, token string) (P, error)) (P, error) {
	var none P
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	token, err := readToken(conn)
	if err == nil {
		var p P
		if p, err = check(ctx, token); err == nil {
			return p, conn.SetReadDeadline(time.Time{})
		}
	}
	Refuse(conn, consensus.Refuse(CodeUnauthorized, `the first message must be {"type":"auth","token":"…"} with a good credential, within 5 seconds`))
	return none, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
}

func readToken(conn *websocket.Conn) (string, error) {
	conn.SetReadLimit(maxAuthBytes)
	if err := conn.SetReadDeadline(time.Now().Add(authTimeout)); err != nil {
		return "", err
	}
	kind, data, err := conn.ReadMessage()
	if err != nil {
		return "", err
	}
	if kind != websocket.TextMessage {
		return "", errors.New("the first message is not text")
	}
	return decodeToken(data)
}

// decodeToken reads the auth frame. Its errors do not repeat the input, which
// may hold a secret.
func decodeToken(data []byte) (string, error) {
	var f struct {
		Type  string `json:"type"`
		Token string `json:"token"`
	}
	if strictjson.Decode(data, &f) != nil {
		return "", errors.New("the first message is not an auth frame")
	}
	if f.Type != "auth" || f.Token == "" {
		return "", errors.New("the first message is not an auth frame with a token")
	}
	return f.Token, nil
}

// Refuse tells a client why and closes its connection, instead of serving it.
func Refuse(conn *websocket.Conn, err error) {
	frame := errorFrame("", err)
	if data, err := frame.encode(); err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(closeTimeout))
		_ = conn.WriteMessage(websocket.TextMessage, data)
	}
	_ = conn.WriteControl(websocket.CloseMessage,
		websocket.FormatCloseMessage(websocket.ClosePolicyViolation, frame.Code), time.Now().Add(closeTimeout))
	_ = conn.Close()
}
