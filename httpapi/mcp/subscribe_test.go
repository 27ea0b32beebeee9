package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

// listener is a session's stream.
type listener struct {
	t     testing.TB
	id    string
	url   string
	lines *bufio.Scanner
	calls int
}

func listen(t testing.TB, url string) *listener {
	t.Helper()
	l := &listener{t: t, url: url, id: begin(t, url, "2025-06-18"), calls: 10}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(sessionHeader, l.id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	l.lines = bufio.NewScanner(res.Body)
	return l
}

func (l *listener) send(method, uri string) string {
	l.t.Helper()
	l.calls++
	_, _, body := send(l.t, l.url, http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"uri":%q}}`, l.calls, method, uri),
		sessionHeader, l.id, protocolHeader, "2025-06-18")
	return body
}

// updated waits for the next notice and returns its URI.
func (l *listener) updated() string {
	l.t.Helper()
	for l.lines.Scan() {
		data, ok := strings.CutPrefix(l.lines.Text(), "data: ")
		var m struct {
			Method string
			Params struct{ URI string }
		}
		if ok && json.Unmarshal([]byte(data), &m) == nil && m.Method == "notifications/resources/updated" {
			return m.Params.URI
		}
	}
	l.t.Fatal("the stream has ended:", l.lines.Err())
	return ""
}

// Subscribers of a resource are told of its changes and of no others, in their
// own namespace, for as long as they want it.
func TestSubscriptions(t *testing.T) {
	graph, url := serve(t, Call{})
	note := func(namespace, key string) {
		t.Helper()
		if _, _, err := graph.CreateNode(t.Context(), graphsync.WriteOptions{}, graphsync.NewNode{SessionID: namespace, NodeType: "n", Label: key, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	all, one := listen(t, url), listen(t, url)
	if got := all.send("resources/subscribe", "memory://nothing"); !strings.Contains(got, `"error"`) {
		t.Error(got)
	}
	for l, uri := range map[*listener]string{all: resource.URI, one: "memory://entities/Ada%20L"} {
		if got := l.send("resources/subscribe", uri); strings.Contains(got, `"error"`) {
			t.Fatal(got)
		}
	}
	note("other", "ada l") // another memory
	note("default", "somebody")
	if uri := all.updated(); uri != resource.URI {
		t.Error(uri)
	}
	note("default", "ada l")
	if uri := one.updated(); uri != "memory://entities/Ada%20L" {
		t.Error(uri)
	}
	if uri := all.updated(); uri != resource.URI {
		t.Error(uri)
	}
	if got := one.send("resources/read", "memory://entities/Ada%20L"); !strings.Contains(got, "ada l") {
		t.Error(got)
	}
	if got := one.send("resources/unsubscribe", "memory://entities/Ada%20L"); strings.Contains(got, `"error"`) {
		t.Error(got)
	}
	// Without a session there is nobody to tell.
	_, _, body := send(t, url, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"`+resource.URI+`"}}`)
	if !strings.Contains(body, "needs a session") {
		t.Error(body)
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	status, _, body := send(t, url, http.MethodPost, `{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["`+resource.URI+`"]},`+meta+`}}`,
		protocolHeader, "2026-07-28", "Mcp-Method", "subscriptions/listen")
	if status != http.StatusOK || strings.Contains(body, resource.URI) {
		t.Errorf("agreed to tell over what is no stream: %d %s", status, body)
	}
}

// What is followed ends with its sessions, and with the server.
func TestSubscriptionsEndWithTheirSession(t *testing.T) {
	graph := graphsync.NewService(consensustest.New(graphsync.NewPart()))
	s := New(Config{Graph: graph, Version: "test"})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(WithCall(r.Context(), Call{Caller: "tester", Namespace: "default"})))
	}))
	defer web.Close()
	defer s.Close()
	first, second := listen(t, web.URL), listen(t, web.URL)
	for _, l := range []*listener{first, second} {
		l.send("resources/subscribe", resource.URI)
	}
	send(t, web.URL, http.MethodDelete, "", sessionHeader, first.id)
	note := func() {
		t.Helper()
		if _, _, err := graph.CreateNode(t.Context(), graphsync.WriteOptions{}, graphsync.NewNode{SessionID: "default", NodeType: "n", Label: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	note()
	if uri := second.updated(); uri != resource.URI {
		t.Error(uri)
	}
	send(t, web.URL, http.MethodDelete, "", sessionHeader, second.id)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		note()
		s.notices.mu.Lock()
		open := len(s.notices.open)
		s.notices.mu.Unlock()
		if open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("followed for nobody")
		}
	}
}
