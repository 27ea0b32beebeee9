package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// A node that does not answer is passed over, one that puts off is asked again,
// and a refusal ends the asking.
func TestAsking(t *testing.T) {
	m := newMesh(t)
	dead := httptest.NewTLSServer(nil)
	dead.Close()
	c, err := New(Config{Nodes: []Node{{dead.URL, m.pin}, {m.url, m.pin}}, Key: "a", Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Changes(t.Context(), ChangesQuery{Namespace: ns}); err != nil {
		t.Fatal(err)
	}
	if f := c.Figures(); f.Requests != 2 || f.Retries != 1 || f.Received == 0 {
		t.Errorf("%+v", f)
	}
	if _, err := c.Changes(t.Context(), ChangesQuery{Namespace: ns}); err != nil || c.Figures().Requests != 3 {
		t.Errorf("the dead node is asked first again: %+v %v", c.Figures(), err)
	}
	_, err = c.Changes(t.Context(), ChangesQuery{Since: "nonsense"})
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != 400 || refused.Code != "TOKEN" || refused.Details["field"] != "query.since" || refused.RequestID == "" {
		t.Errorf("%+v", err)
	}
	if c.Figures().Requests != 4 {
		t.Errorf("a refusal is asked for again: %+v", c.Figures())
	}

	var busy atomic.Int64
	slow := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error":"no leader answers","code":"NO_LEADER","details":{}}`))
			return
		}
		_, _ = w.Write([]byte(`{"events":[],"token":"t","up_to_date":true,"revision":7}`))
	}))
	defer slow.Close()
	c, err = New(Config{Nodes: []Node{{slow.URL, pinOf(slow)}}, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p, err := c.Changes(t.Context(), ChangesQuery{}); err != nil || p.Revision != 7 {
		t.Errorf("%+v %v", p, err)
	}
	busy.Store(-1 << 30)
	c.patience = time.Millisecond
	if _, err := c.Changes(t.Context(), ChangesQuery{}); !IsCode(err, "NO_LEADER") {
		t.Errorf("without patience: %v", err)
	}
}

// Nothing is sent to a node that has another key than the pin names, and what is
// no node is told from one.
func TestWhoAnswers(t *testing.T) {
	m := newMesh(t)
	var asked atomic.Int64
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer other.Close()
	// Both serve the same test certificate, so a pin that is nobody's.
	c, err := New(Config{Nodes: []Node{{other.URL, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}, Key: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Changes(t.Context(), ChangesQuery{}); !errors.Is(err, ErrPin) || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	if c, err = New(Config{Nodes: []Node{{other.URL, "sha256//" + pinOf(other)}}}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Changes(t.Context(), ChangesQuery{}); !IsCode(err, "NO_MESHD") {
		t.Errorf("%v", err)
	}
	for _, bad := range []Config{{}, {Nodes: []Node{{"http://host", m.pin}}}, {Nodes: []Node{{"https://host/path", m.pin}}}, {Nodes: []Node{{"https://host", "short"}}}, {Nodes: []Node{{"://", ""}}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if _, err := m.client("nobody").Changes(t.Context(), ChangesQuery{}); !IsCode(err, "UNAUTHORIZED") {
		t.Errorf("%v", err)
	}
}

// Follow brings what others do, and takes what is written here to them.
func TestFollow(t *testing.T) {
	m := newMesh(t)
	o := m.replica("a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	told := make(chan Report, 100)
	go func() { ended <- o.Follow(ctx, func(r Report, _ error) { told <- r }) }()
	<-told
	m.do(graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: ptr("theirs"), Key: "theirs"})
	wait := func(what string, done func(Report) bool) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case r := <-told:
				if done(r) {
					return
				}
			case <-deadline:
				t.Fatalf("%s: not in time", what)
			}
		}
	}
	wait("the change of another", func(Report) bool { _, err := o.NodeByKey("theirs"); return err == nil })
	if _, err := o.Do(node("mine", "mine")); err != nil {
		t.Fatal(err)
	}
	wait("the push", func(r Report) bool { return r.Applied == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A mesh that does not know the client, here by another key: what was answered
// stays, what may have been taken is told, the rest is pushed under a new name.
func TestAForgottenClientGoesOn(t *testing.T) {
	m := newMesh(t)
	path := filepath.Join(t.TempDir(), "replica")
	o := m.offline(m.client("a"), path)
	first, err := o.Do(node("one", ""))
	if err != nil {
		t.Fatal(err)
	}
	catchUp(t, o)
	if _, err := o.Do(node("lost", "")); err != nil {
		t.Fatal(err)
	}
	m.faulty(func(r *http.Request, _ bool) bool { return r.URL.Path == "/sync/push" })
	if _, err := o.CatchUp(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Fatal(err)
	}
	m.faulty(nil)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = m.offline(m.client("b"), path)
	two, err := o.Do(node("two", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateEdge, SourceID: two, TargetID: first, Type: "SEES"}}); err != nil {
		t.Fatal(err)
	}
	r := catchUp(t, o)
	if !r.Renewed || r.Applied != 2 || r.Problems != 1 {
		t.Fatalf("%+v", r)
	}
	list, err := o.Problems()
	if err != nil || len(list) != 1 || list[0].Result.Status != StatusUnknown || *list[0].Mutation.Label != "lost" {
		t.Fatalf("%+v %v", list, err)
	}
	if edges, err := o.EdgesOf(first); err != nil || len(edges) != 1 || Local(edges[0].ID) {
		t.Errorf("%+v %v", edges, err)
	}
	if all, _ := o.Nodes(0, 10); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	if err := o.Dismiss(list[0].Mutation.Seq); err != nil {
		t.Fatal(err)
	}
	if r := catchUp(t, o); r.Pushed != 0 {
		t.Errorf("%+v", r)
	}
}
