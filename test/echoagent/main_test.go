package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/message"
)

type alone struct{ attached chan struct{} }

func (alone) Lookup(string) []message.Host         { return nil }
func (alone) ResolveNode(s string) (string, error) { return s, nil }
func (a alone) Announce(l []message.Local) {
	if len(l) == 1 && l[0].Description != "" {
		select {
		case a.attached <- struct{}{}:
		default:
		}
	}
}

// The example against the real server side, over real TLS with a pin.
func TestEcho(t *testing.T) {
	for _, byMessage := range []bool{false, true} {
		dir := alone{make(chan struct{}, 1)}
		router := message.New(message.Config{NodeID: "n1", Directory: dir})
		server := agent.NewServer(agent.Config{Router: router})
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			principal := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if principal == "" {
				if principal, err = agent.Authenticate(r.Context(), conn, func(_ context.Context, token string) (string, error) { return token, nil }); err != nil {
					return
				}
			}
			_ = server.Serve(context.Background(), conn, agent.Client{Principal: principal, Name: strings.Split(r.URL.Path, "/")[2]})
		}))
		spki := sha256.Sum256(srv.Certificate().RawSubjectPublicKeyInfo)
		o := options{node: srv.URL, pin: base64.StdEncoding.EncodeToString(spki[:]), key: "k", name: "echo", authMessage: byMessage}

		wrong := o
		wrong.pin, wrong.once = base64.StdEncoding.EncodeToString(make([]byte, 32)), true
		if err := run(context.Background(), wrong); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Fatalf("a wrong pin: %v", err)
		}

		ctx, leave := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, o) }()
		select {
		case <-dir.attached:
		case <-time.After(time.Minute):
			t.Fatal("it did not attach")
		}
		receipt, err := router.Send(context.Background(), message.Message{To: "echo", Body: json.RawMessage(`{"a":[1,"ü"]}`)}, true)
		if err != nil || string(receipt.Reply) != `{"a":[1,"ü"]}` {
			t.Fatalf("%+v, %v", receipt, err)
		}
		leave()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		server.Close()
		router.Close()
		srv.Close()
	}
}
