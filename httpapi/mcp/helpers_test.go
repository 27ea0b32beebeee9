package mcp

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

// serve serves a memory over HTTP, as a caller who may do what the call says.
func serve(t testing.TB, c Call) (*graphsync.Service, string) {
	t.Helper()
	graph := graphsync.NewService(consensustest.New(graphsync.NewPart()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		graph.KeepIndex(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return graph, serveGraph(t, graph, c)
}

func serveGraph(t testing.TB, graph Graph, c Call) string {
	t.Helper()
	if c.Caller == "" {
		c.Caller = "tester"
	}
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	s := New(Config{Graph: graph, Version: "test"})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := c
		if who := r.Header.Get("X-Caller"); who != "" {
			c.Caller = who
		}
		s.ServeHTTP(w, r.WithContext(WithCall(r.Context(), c)))
	}))
	t.Cleanup(func() {
		s.Close()
		web.Close()
	})
	return web.URL
}

// connect begins a session as the SDK's client does.
func connect(t testing.TB, url string) *sdk.ClientSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, &sdk.StreamableClientTransport{Endpoint: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// answer is what a tool said.
type answer struct {
	Text       string
	Notes      []string
	Structured json.RawMessage
	IsError    bool
}

func ask(t testing.TB, session *sdk.ClientSession, tool string, arguments any) answer {
	t.Helper()
	res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	a := answer{IsError: res.IsError}
	for i, c := range res.Content {
		if text := c.(*sdk.TextContent).Text; i == 0 {
			a.Text = text
		} else {
			a.Notes = append(a.Notes, text)
		}
	}
	if a.Structured, err = json.Marshal(res.StructuredContent); err != nil {
		t.Fatal(err)
	}
	return a
}

// want asks and reads the structured answer into out, which may be nil.
func want(t testing.TB, session *sdk.ClientSession, out any, tool string, arguments any) answer {
	t.Helper()
	a := ask(t, session, tool, arguments)
	if a.IsError {
		t.Fatalf("%s: %s", tool, a.Text)
	}
	if out != nil {
		if err := json.Unmarshal(a.Structured, out); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

type args map[string]any

func entity(name, kind string, observations ...string) args {
	if observations == nil {
		observations = []string{}
	}
	return args{"name": name, "entityType": kind, "observations": observations}
}
