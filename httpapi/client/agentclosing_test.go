package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	. "github.com/meshd/meshd/httpapi/client"
)

// An Agent that is closed while its connection is being made ended never, nor did
// Attach, where the node's hello came all the same.
func TestClosedBeforeTheHello(t *testing.T) {
	arrived := make(chan struct{}, 16)
	closed := make(chan struct{})
	node := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		arrived <- struct{}{}
		<-closed
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","protocol":1,"node":"n","session":"s","limits":{}}`))
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	}))
	defer node.Close()
	pin := sha256.Sum256(node.Certificate().RawSubjectPublicKeyInfo)
	c, err := New(Config{Nodes: []Node{{URL: node.URL, Pin: base64.StdEncoding.EncodeToString(pin[:])}}, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	attached := make(chan error, 1)
	go func() {
		_, err := c.Attach(ctx, AgentConfig{Name: "early"})
		attached <- err
	}()
	<-arrived
	cancel()
	// Attach closes what it began at its own pace. Where it takes longer, it finds
	// the connection, and this shows nothing.
	select {
	case err = <-attached:
		t.Fatalf("it ended before the hello: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(closed)
	select {
	case err = <-attached:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it is attached still")
	}
}
