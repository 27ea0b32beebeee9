// Package agenttest is a node for tests of programs that attach to one: the real
// router and the real sessions of agents behind real TLS, without the rest of a
// node. It has no inboxes and no other nodes, and lets everybody in.
package agenttest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/message"
)

// Node is one node.
type Node struct {
	URL, Pin string
	Router   *message.Router
	// HTTP answers what is no WebSocket; set it before anything is asked.
	HTTP http.HandlerFunc
	directory
}

// New starts a node that ends with the test.
func New(t testing.TB, id string) *Node {
	t.Helper()
	n := &Node{directory: directory{more: make(chan struct{})}}
	n.Router = message.New(message.Config{NodeID: id, Directory: &n.directory})
	server := agent.NewServer(agent.Config{Router: n.Router})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.HTTP != nil && !websocket.IsWebSocketUpgrade(r) {
			n.HTTP(w, r)
			return
		}
		conn, err := (&websocket.Upgrader{}).Upgrade(transport{w}, r, nil)
		if err != nil {
			return
		}
		who := agent.Client{Principal: r.Header.Get("Authorization"), Resumes: r.URL.Query().Has("resume")}
		if parts := strings.Split(r.URL.Path, "/"); len(parts) == 4 {
			who.Name = parts[2]
		}
		server.Start(conn, who, nil)
	}))
	s.StartTLS()
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	n.URL, n.Pin = s.URL, base64.StdEncoding.EncodeToString(sum[:])
	t.Cleanup(func() {
		server.Close()
		n.Router.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return n
}

// Client asks the nodes.
func Client(t testing.TB, nodes ...*Node) *client.Client {
	t.Helper()
	cfg := client.Config{Key: "k", Patience: 10 * time.Second}
	for _, n := range nodes {
		cfg.Nodes = append(cfg.Nodes, client.Node{URL: n.URL, Pin: n.Pin})
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Attach attaches to the nodes until the test ends.
func Attach(t testing.TB, c *client.Client, cfg client.AgentConfig) *client.Agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	a, err := c.Attach(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
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

// directory knows the agents of its node only.
type directory struct {
	mu    sync.Mutex
	local []message.Local
	more  chan struct{}
}

// Lookup implements message.Directory.
func (*directory) Lookup(string) []message.Host { return nil }

// ResolveNode implements message.Directory.
func (*directory) ResolveNode(s string) (string, error) { return s, nil }

// Announce implements message.Directory.
func (d *directory) Announce(l []message.Local) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.local = slices.Clone(l)
	close(d.more)
	d.more = make(chan struct{})
}

// Until waits until the agents of the node are such.
func (d *directory) Until(t testing.TB, what string, ok func([]message.Local) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		d.mu.Lock()
		l, more := d.local, d.more
		d.mu.Unlock()
		if ok(l) {
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s: not in time; there is %+v", what, l)
		}
	}
}
