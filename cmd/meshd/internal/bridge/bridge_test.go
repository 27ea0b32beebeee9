package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi/mcp"
)

// node serves a memory as a node does.
func node(t testing.TB) string {
	t.Helper()
	s := mcp.New(mcp.Config{Graph: graphsync.NewService(consensustest.New(graphsync.NewPart())), Version: "test"})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(mcp.WithCall(r.Context(), mcp.Call{Caller: "tester", Namespace: "default"})))
	}))
	t.Cleanup(func() {
		s.Close()
		web.Close()
	})
	return web.URL
}

// The whole way: a client's pipes, the bridge, a node.
func TestServe(t *testing.T) {
	fromClient, toBridge := io.Pipe()
	fromBridge, toClient := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(t.Context(), Options{Endpoint: node(t), HTTP: &http.Client{}, In: fromClient, Out: toClient, Version: "test"})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, nil).Connect(ctx, &sdk.IOTransport{Reader: fromBridge, Writer: toBridge}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]any{"entities": []map[string]any{{"name": "Ada", "entityType": "person", "observations": []string{"x"}}}}
	for _, c := range []struct {
		tool string
		in   any
		says string
	}{
		{"create_entities", made, `"Ada"`}, {"create_entities", made, "[]"}, {"search_nodes", map[string]any{"query": "ADA"}, `"person"`},
		{"no_such", nil, "Tool no_such not found"}, {"open_nodes", map[string]any{"names": 1}, "expected array"},
	} {
		res, err := client.CallTool(ctx, &sdk.CallToolParams{Name: c.tool, Arguments: c.in})
		if err != nil {
			t.Fatal(err)
		}
		if text := res.Content[0].(*sdk.TextContent).Text; !strings.Contains(text, c.says) {
			t.Errorf("%s: %s", c.tool, text)
		}
	}
	read, err := client.ReadResource(ctx, &sdk.ReadResourceParams{URI: "memory://knowledge-graph"})
	if err != nil || !strings.Contains(read.Contents[0].Text, `"Ada"`) {
		t.Errorf("%+v %v", read, err)
	}
	if err := toBridge.Close(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, fromBridge) }()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFates(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fate
	}{
		{fmt.Errorf("x: %w", sdk.ErrSessionMissing), unsent},
		{&url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, unsent},
		{&url.Error{Op: "Post", Err: io.ErrUnexpectedEOF}, lost},
		{io.EOF, lost}, {context.DeadlineExceeded, lost},
	} {
		if got := fateOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", maxLine) + `"}`
	for in, want := range map[string]struct {
		through string
		refused int
	}{
		"{}\n{}\n":                {"{}\n{}\n", 0},
		"{}\r\n\r\n\n{}":          {"{}\n{}\n", 0},
		"x\n{}\n\xff\n":           {"{}\n", 2},
		long + "\n{\"b\":1}\n":    {"{\"b\":1}\n", 1},
		"{\"id\":1}\nhalf a line": {"{\"id\":1}\n", 1},
	} {
		var out bytes.Buffer
		got, err := io.ReadAll(&lines{ctx: t.Context(), in: strings.NewReader(in), out: &writer{w: &out}})
		if err != nil || string(got) != want.through || strings.Count(out.String(), "-32700") != want.refused {
			t.Errorf("%.40q: %q through, said %q, %v", in, got, out.String(), err)
		}
	}
}

// FuzzLines: what comes through is JSON by the line, and what is said too.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{}\n"), 1)
	f.Add([]byte("\"\n\"\r\n[\xff]\nnull"), 7)
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nobody answers here
		l := &lines{ctx: ctx, in: io.MultiReader(bytes.NewReader(in[:max(0, min(at, len(in)))]), bytes.NewReader(in[max(0, min(at, len(in))):])), out: &writer{w: &out}}
		got, err := io.ReadAll(l)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{got, out.Bytes()} {
			for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
				if !json.Valid(s.Bytes()) {
					t.Fatalf("%q from %q", s.Bytes(), in)
				}
			}
		}
	})
}
