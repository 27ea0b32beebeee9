package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
)

// ns is the namespace of these tests.
const ns = "notes"

// oneNode is a mesh of one node in memory behind the real HTTP surface.
type oneNode struct {
	t     testing.TB
	graph *graphsync.Service
	state *consensustest.Local
	url   string
	pin   string

	mu sync.Mutex
	// fault is asked before and after each request: where it is true, the
	// connection is cut there.
	fault func(r *http.Request, after bool) bool
}

type nodeSelf struct{}

func (nodeSelf) Ready() error                                   { return nil }
func (nodeSelf) ActiveSessions() int                            { return 0 }
func (nodeSelf) Detail(context.Context) (map[string]any, error) { return nil, nil }
func (nodeSelf) Authenticate(key string) (access.Principal, error) {
	if key == "nobody" {
		return access.Principal{}, access.ErrBadCredential
	}
	return access.Principal{ID: "key-" + key, Role: access.RoleAdmin}, nil
}

func newMesh(t testing.TB) *oneNode {
	t.Helper()
	m := &oneNode{t: t, state: consensustest.New(graphsync.NewPart())}
	m.graph = graphsync.NewService(m.state)
	api, err := httpapi.New(httpapi.Config{
		Version: "test", Auth: nodeSelf{}, Health: nodeSelf{}, Graph: m.graph, Watches: m.graph, Sync: m.graph.Sync("mesh-1"), MeshID: "mesh-1",
		Certificate: func() identity.CertificateInfo { return identity.CertificateInfo{} },
		Hosts:       func() []string { return []string{"127.0.0.1"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		fault := m.fault
		m.mu.Unlock()
		if fault == nil {
			api.Handler().ServeHTTP(w, r)
			return
		}
		if fault(r, false) {
			panic(http.ErrAbortHandler)
		}
		got := httptest.NewRecorder() // what was answered may be lost whole
		api.Handler().ServeHTTP(got, r)
		if fault(r, true) {
			panic(http.ErrAbortHandler)
		}
		for name, v := range got.Header() {
			w.Header()[name] = v
		}
		w.WriteHeader(got.Code)
		_, _ = w.Write(got.Body.Bytes())
	}))
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	m.url, m.pin = s.URL, pinOf(s)
	return m
}

func pinOf(s *httptest.Server) string {
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (m *oneNode) faulty(f func(r *http.Request, after bool) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// cutOff lets no request through, until it is called with false.
func (m *oneNode) cutOff(yes bool) {
	if !yes {
		m.faulty(nil)
		return
	}
	m.faulty(func(*http.Request, bool) bool { return true })
}

func (m *oneNode) client(key string) *Client {
	m.t.Helper()
	c, err := New(Config{Nodes: []Node{{m.url, m.pin}}, Key: key, Patience: time.Millisecond})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(c.Close)
	return c
}

func (m *oneNode) offline(c *Client, path string) *Offline {
	m.t.Helper()
	o, err := OpenOffline(OfflineConfig{Client: c, Path: path, Namespace: ns})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = o.Close() })
	return o
}

func (m *oneNode) replica(key string) *Offline {
	m.t.Helper()
	return m.offline(m.client(key), filepath.Join(m.t.TempDir(), "replica"))
}

// do writes at the mesh, as somebody else.
func (m *oneNode) do(ops ...graphsync.Op) []graphsync.OpResult {
	m.t.Helper()
	res, _, err := m.graph.Batch(context.Background(), graphsync.WriteOptions{Author: "other"}, ns, ops)
	if err != nil {
		m.t.Fatal(err)
	}
	return res
}

// held is what a replica has of the mesh, or the mesh at a revision, as text by
// kind and id.
type held map[string]string

func (h held) put(i *graphsync.SnapshotItem) {
	var name string
	switch {
	case i.Node != nil:
		name = fmt.Sprintf("node %d", i.Node.ID)
	case i.Edge != nil:
		name = fmt.Sprintf("edge %d", i.Edge.ID)
	default:
		name = fmt.Sprintf("observation %d", i.Observation.ID)
	}
	text, _ := json.Marshal(i) // things always encode
	h[name] = string(text)
}

func (m *oneNode) at(c *Client, revision uint64) held {
	m.t.Helper()
	out := held{}
	for cursor := ""; ; {
		p, err := c.Snapshot(context.Background(), SnapshotQuery{Namespace: ns, Kinds: kinds, At: revision, Cursor: cursor, Limit: 7})
		if err != nil {
			m.t.Fatalf("the mesh at %d: %v", revision, err)
		}
		for i := range p.Items {
			out.put(&p.Items[i])
		}
		if cursor, revision = p.Cursor, 0; cursor == "" {
			return out
		}
	}
}

// base is what the replica has beneath its own writes.
func base(o *Offline) held {
	out := held{}
	err := o.look(func(v view) error {
		b := v.base.(stored).bkt
		return errors.Join(
			b.Bucket(bktNodes).ForEach(func(_, text []byte) error {
				var i graphsync.SnapshotItem
				err := json.Unmarshal(text, &i.Node)
				out.put(&i)
				return err
			}),
			b.Bucket(bktEdges).ForEach(func(_, text []byte) error {
				var i graphsync.SnapshotItem
				err := json.Unmarshal(text, &i.Edge)
				out.put(&i)
				return err
			}),
			b.Bucket(bktObservations).ForEach(func(_, text []byte) error {
				var i graphsync.SnapshotItem
				err := json.Unmarshal(text, &i.Observation)
				out.put(&i)
				return err
			}))
	})
	if err != nil {
		panic(err)
	}
	return out
}

// asserter is a *testing.T or a *rapid.T.
type asserter interface {
	Helper()
	Errorf(string, ...any)
}

func same(t asserter, what string, got, want held) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %s is %s, want %s", what, k, got[k], v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %s should not be there: %s", what, k, got[k])
		}
	}
}

func node(label, key string) graphsync.Mutation {
	return graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: &label, Key: key}}
}

func props(id uint64, text string) graphsync.Mutation {
	return graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpUpdateNode, ID: id, Properties: json.RawMessage(text), Merge: true}}
}

func catchUp(t testing.TB, o *Offline) Report {
	t.Helper()
	r, err := o.CatchUp(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
