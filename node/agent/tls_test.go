package agent

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/message"
)

// tlsNode is a node behind TLS, as clients reach it.
func tlsNode(t testing.TB, change ...func(*Config)) (*node, func(path string) *websocket.Conn) {
	n := &node{}
	n.router = message.New(message.Config{NodeID: "n1", Directory: alone{}})
	cfg := Config{Router: n.router}
	for _, c := range change {
		c(&cfg)
	}
	n.server = NewServer(cfg)
	up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferPool: &sync.Pool{}}
	n.http = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := up.Upgrade(corking{w}, r, nil); err == nil {
			n.server.Start(conn, Client{Principal: "key-1", Name: strings.Trim(r.URL.Path, "/"), Resumes: r.URL.Query().Has("resume")}, nil)
		}
	}))
	t.Cleanup(func() {
		n.server.Close()
		n.router.Close()
		n.http.Close()
	})
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return n, func(path string) *websocket.Conn {
		t.Helper()
		conn, _, err := d.Dial(strings.Replace(n.http.URL, "https", "wss", 1)+"/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}
