package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/meshd/meshd/test/realmesh"
)

// keyed sends a key with each request.
type keyed struct {
	key string
	by  http.RoundTripper
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return k.by.RoundTrip(r)
}

func session(t testing.TB, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// overHTTP is an MCP client of a node's port.
func overHTTP(t testing.TB, n *realmesh.Node, key, query string) *mcp.ClientSession {
	t.Helper()
	by := &http.Transport{TLSClientConfig: realmesh.PinnedTLS(n.Pin()), MaxIdleConnsPerHost: 16}
	t.Cleanup(by.CloseIdleConnections)
	return session(t, &mcp.StreamableClientTransport{Endpoint: "https://" + n.Address + "/mcp" + query, HTTPClient: &http.Client{Transport: keyed{key, by}}})
}

// overStdio is an MCP client that starts "meshd mcp" as desktop programs do.
func overStdio(t testing.TB, n *realmesh.Node, flags ...string) (*mcp.ClientSession, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(realmesh.Binary(t), append([]string{"mcp", "--data", n.Data}, flags...)...)
	cmd.Stderr = os.Stderr
	return session(t, &mcp.CommandTransport{Command: cmd}), cmd
}

func callTool(s *mcp.ClientSession, out any, tool string, arguments map[string]any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	res, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return err
	}
	text := res.Content[0].(*mcp.TextContent).Text
	if res.IsError {
		return fmt.Errorf("%s: %s", tool, text)
	}
	if out == nil {
		return nil
	}
	b, err := json.Marshal(res.StructuredContent)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

func must(t testing.TB, s *mcp.ClientSession, out any, tool string, arguments map[string]any) {
	t.Helper()
	if err := callTool(s, out, tool, arguments); err != nil {
		t.Fatal(err)
	}
}

type memory struct {
	Entities  []struct{ Name, EntityType string }
	Relations []struct{ From, To, RelationType string }
}

func (m memory) names() []string {
	out := make([]string, 0, len(m.Entities))
	for _, e := range m.Entities {
		out = append(out, e.Name)
	}
	slices.Sort(out)
	return out
}

func creation(names ...string) map[string]any {
	var list []map[string]any
	for _, n := range names {
		list = append(list, map[string]any{"name": n, "entityType": "test thing", "observations": []string{"made"}})
	}
	return map[string]any{"entities": list}
}

// Many agents write one memory at once, at all nodes: nothing is lost, nothing
// is made twice, and every node soon shows the same.
func TestMemoryKeepsWhatManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("user")
	realmesh.Eventually(t, 10*time.Second, "all know the key", func() error { return realmesh.Same(nodes...) })
	var sessions []*mcp.ClientSession
	for _, n := range nodes {
		sessions = append(sessions, overHTTP(t, n, key, ""))
	}
	stdio, _ := overStdio(t, nodes[2])
	sessions = append(sessions, stdio)

	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 50 {
		wg.Go(func() {
			if err := callTool(sessions[i%len(sessions)], nil, "create_entities", creation(fmt.Sprintf("own %02d", i))); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			var got memory
			if err := callTool(sessions[i%len(sessions)], &got, "create_entities", creation("common", "Common two")); err != nil {
				t.Error(err)
			}
			mu.Lock()
			made += len(got.Entities)
			mu.Unlock()
		})
		wg.Go(func() {
			err := callTool(sessions[i%len(sessions)], nil, "create_relations", map[string]any{"relations": []map[string]any{
				{"from": fmt.Sprintf("own %02d", i), "to": "hub", "relationType": "belongs to"}, {"from": "hub", "to": "common", "relationType": "has"}}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != 2 {
		t.Errorf("two entities were made %d times", made)
	}
	for i, s := range sessions {
		realmesh.Eventually(t, 10*time.Second, "all is there", func() error {
			var m memory
			if err := callTool(s, &m, "read_graph", nil); err != nil {
				return err
			}
			if len(m.Entities) != 52 || len(m.Relations) != 51 {
				return fmt.Errorf("session %d shows %d entities and %d relations: %q", i, len(m.Entities), len(m.Relations), m.names())
			}
			return nil
		})
	}

	// Another memory has nothing of it.
	var m memory
	must(t, overHTTP(t, nodes[1], key, "?session_id=other"), &m, "read_graph", nil)
	other, _ := overStdio(t, nodes[0], "--session", "other")
	must(t, other, nil, "remember", map[string]any{"name": "alone"})
	if len(m.Entities) != 0 {
		t.Errorf("%q", m.names())
	}

	// While the leader is gone writes wait for the next one.
	lost := leaderOf(t, nodes...)
	left := others(nodes, lost)
	s := overHTTP(t, left[0], key, "")
	lost.Kill()
	must(t, s, nil, "remember", map[string]any{"name": "after the leader", "observations": []string{"kept"}})
	realmesh.Eventually(t, 10*time.Second, "the other has it", func() error {
		var m memory
		if err := callTool(overHTTP(t, left[1], key, ""), &m, "search_nodes", map[string]any{"query": "AFTER the"}); err != nil {
			return err
		}
		if !slices.Equal(m.names(), []string{"after the leader"}) {
			return fmt.Errorf("%q", m.names())
		}
		return nil
	})
}

// What a desktop program meets: one line of configuration, a clean end, and
// words where something is wrong.
func TestMemoryForDesktopClients(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "solo")
	n.Found()
	s, cmd := overStdio(t, n)
	must(t, s, nil, "create_entities", creation("Ada"))
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) < 15 {
		t.Errorf("%d tools: %v", len(tools.Tools), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != done {
		t.Errorf("it ends with %d when its input ends", code)
	}

	reader, cmd := overStdio(t, n, "--read-only")
	if err := callTool(reader, nil, "create_entities", creation("Babbage")); err == nil || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("a connection that only reads wrote: %v", err)
	}
	var m memory
	must(t, reader, &m, "open_nodes", map[string]any{"names": []string{"ada", "Babbage"}})
	if !slices.Equal(m.names(), []string{"Ada"}) || m.Entities[0].EntityType != "test thing" {
		t.Errorf("%+v", m)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	if code := cmd.ProcessState.ExitCode(); code != 130 && code != done {
		t.Errorf("it ends with %d on Ctrl-C", code)
	}

	// Calls that are piped in are answered before it ends; what is no message
	// is answered too.
	r := n.RunInput(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
what is this
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read_graph"}}
`, "mcp")
	if r.Code != done || r.Stderr != "" {
		t.Errorf("exit %d: %s", r.Code, r.Stderr)
	}
	for line := range strings.Lines(r.Stdout) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q is not of the protocol", line)
		}
	}
	says(t, r.Stdout, "Ada", "-32700")

	// A restart of the node is waited for.
	s, _ = overStdio(t, n)
	must(t, s, nil, "read_graph", nil)
	stop(t, n)
	n.Start("serve")
	must(t, s, &m, "read_graph", nil)
	if !slices.Equal(m.names(), []string{"Ada"}) {
		t.Errorf("%q", m.names())
	}

	// Keys and roles are those of the other routes.
	_, viewer := n.APIKey("viewer")
	reader = overHTTP(t, n, viewer, "")
	if err := callTool(reader, nil, "remember", map[string]any{"name": "x"}); err == nil || !strings.Contains(err.Error(), "role user") {
		t.Errorf("%v", err)
	}
	must(t, reader, nil, "read_graph", nil)
	c := n.Client(viewer)
	c.Want(http.StatusForbidden, nil, http.MethodPost, "/mcp", `{}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	c.Want(http.StatusBadRequest, nil, http.MethodPost, "/mcp?colour=red", `{}`)
	c.Want(http.StatusUnsupportedMediaType, nil, http.MethodPost, "/mcp", `{}`, "Content-Type", "text/plain")
	n.Client("").Want(http.StatusUnauthorized, nil, http.MethodPost, "/mcp", `{}`)

	stop(t, n)
	wantExit(t, n.Run("mcp"), unreachable, "running")
	wantExit(t, n.Run("mcp", "--sesion", "x"), usage, "--session")
}
