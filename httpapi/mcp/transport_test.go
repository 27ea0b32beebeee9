package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// send is one request in plain HTTP.
func send(t testing.TB, url, method, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func begin(t testing.TB, url, version string, headers ...string) string {
	t.Helper()
	status, h, body := send(t, url, http.MethodPost,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"`+version+`","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, headers...)
	if status != http.StatusOK || !strings.Contains(body, version) || h.Get(sessionHeader) == "" {
		t.Fatalf("%d %s", status, body)
	}
	return h.Get(sessionHeader)
}

const listTools = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`

// A client of each protocol version is served, by session or without.
func TestVersions(t *testing.T) {
	_, url := serve(t, Call{})
	for _, v := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		id := begin(t, url, v)
		status, _, body := send(t, url, http.MethodPost, listTools, sessionHeader, id, protocolHeader, v)
		if status != http.StatusOK || !strings.Contains(body, "search_nodes") {
			t.Errorf("%s: %d %.300s", v, status, body)
		}
		if status, _, body := send(t, url, http.MethodDelete, "", sessionHeader, id); status != http.StatusNoContent {
			t.Errorf("%s: %d %s", v, status, body)
		}
		if status, _, _ := send(t, url, http.MethodPost, listTools, sessionHeader, id); status != http.StatusNotFound {
			t.Errorf("%s: a session that has ended answers %d", v, status)
		}
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	status, h, body := send(t, url, http.MethodPost, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read_graph","arguments":{},`+meta+`}}`,
		protocolHeader, "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "read_graph")
	if status != http.StatusOK || !strings.Contains(body, `"relations"`) || h.Get(sessionHeader) != "" {
		t.Errorf("2026-07-28: %d %s", status, body)
	}
	// One call by hand, as with curl.
	status, _, body = send(t, url, http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_graph"}}`)
	if status != http.StatusOK || !strings.Contains(body, `"relations"`) {
		t.Errorf("by hand: %d %s", status, body)
	}
}

// A session belongs to who began it.
func TestSessionOfAnother(t *testing.T) {
	_, url := serve(t, Call{})
	id := begin(t, url, "2025-06-18", "X-Caller", "ada")
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		if status, _, body := send(t, url, method, listTools, sessionHeader, id, "X-Caller", "mallory", "Accept", "text/event-stream"); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", method, status, body)
		}
	}
	if status, _, body := send(t, url, http.MethodPost, listTools, sessionHeader, id, "X-Caller", "ada"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	_, url := serve(t, Call{})
	var last string
	for range maxOwnSessions {
		last = begin(t, url, "2025-06-18")
	}
	initialize := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	status, h, body := send(t, url, http.MethodPost, initialize)
	if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" || !strings.Contains(body, "too many sessions") {
		t.Fatalf("%d %s", status, body)
	}
	begin(t, url, "2025-06-18", "X-Caller", "another")
	if status, _, _ := send(t, url, http.MethodDelete, "", sessionHeader, last); status != http.StatusNoContent {
		t.Fatal(status)
	}
	begin(t, url, "2025-06-18")
}

// The stream of a session opens and ends with the session.
func TestStream(t *testing.T) {
	_, url := serve(t, Call{})
	id := begin(t, url, "2025-06-18")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(sessionHeader, id)
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	send(t, url, http.MethodDelete, "", sessionHeader, id)
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Error(err)
	}
}

func TestWhoMayOnlyReadGetsOnlyReadingTools(t *testing.T) {
	_, url := serve(t, Call{Refusal: "this needs the role user: this connection only reads"})
	s := connect(t, url)
	got, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tools) == 0 {
		t.Fatal("no tools")
	}
	for _, tool := range got.Tools {
		if !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s is offered", tool.Name)
		}
	}
	for i := range tools {
		if !tools[i].writes {
			continue
		}
		if a := ask(t, s, tools[i].name, args{}); !a.IsError || !strings.Contains(a.Text, "needs the role user") {
			t.Errorf("%s: %s", tools[i].name, a.Text)
		}
	}
	want(t, s, nil, "read_graph", nil)
}

func TestHostileRequests(t *testing.T) {
	_, url := serve(t, Call{})
	call := func(arguments string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_entities","arguments":` + arguments + `}}`
	}
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"deep":          {call(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), 400, "deeper than 64"},
		"deep, cut off": {strings.Repeat(`{"a":`, 500_000), 400, "deeper than 64"},
		"no JSON":       {"hello", 400, "not JSON"},
		"empty":         {"", 400, "not JSON"},
		"not UTF-8":     {call(`{"entities":[{"name":"` + "\xff\xfe" + `"}]}`), 400, "not valid UTF-8"},
		"10 MB name":    {call(`{"entities":[{"name":"` + strings.Repeat("n", 10<<20) + `","entityType":"t","observations":[]}]}`), 413, "larger than"},
		"3 MB name":     {call(`{"entities":[{"name":"` + strings.Repeat("n", 3<<20) + `","entityType":"t","observations":[]}]}`), 200, "at most 512"},
		"half a rune":   {call(`{"entities":[{"name":"\ud800","entityType":"t","observations":[]}]}`), 200, `\ufffd`},
		"no arguments":  {call(`null`), 200, "expected array, received undefined"},
		"a list":        {call(`[]`), 200, "expected object, received array"},
		"odd method":    {`{"jsonrpc":"2.0","id":1,"method":"no/such"}`, 400, ""},
		"many wrong":    {call(`{"entities":[` + strings.Repeat(`{},`, 20_000) + `{}]}`), 200, "received undefined at entities[0].name"},
	} {
		status, _, body := send(t, url, http.MethodPost, c.body)
		if c.says == `\ufffd` { // what is no character becomes the mark for that
			c.says = "\ufffd"
		}
		if status != c.status || !strings.Contains(body, c.says) || len(body) > 64<<10 {
			t.Errorf("%s: %d %.300s", name, status, body)
		}
	}
	s := connect(t, url)
	want(t, s, nil, "read_graph", nil)
}

// FuzzArguments: whatever a client sends, each tool answers with a result or a
// sentence, and never by failing.
func FuzzArguments(f *testing.F) {
	for i := range tools {
		f.Add(uint8(i), []byte(`{}`))
	}
	for _, seed := range []string{
		`{"entities":[{"name":"a","entityType":"b c","observations":["x","x"]}]}`, `{"relations":[{"from":"a","to":"a","relationType":""}]}`,
		`{"observations":[{"entityName":"a","contents":[""]}]}`, `{"entityNames":["a",""]}`, `{"names":["a"],"cursor":"e30"}`,
		`{"query":"A","max_bytes":4096}`, `{"name":"a","as_of":"1","valid_at":"any"}`, `{"revision":0,"limit":1}`, `{"id":1e0}`, `{"name":null}`,
		`{"from":"a","to":"b","max_depth":20}`, `{"name":"a","relations":[{"relationType":"r","to":"b"}],"confidence":2}`,
	} {
		for i := range tools {
			f.Add(uint8(i), []byte(seed))
		}
	}
	_, url := serve(f, Call{})
	session := connect(f, url)
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		if !json.Valid(raw) || !bytes.HasPrefix(raw, []byte("{")) || malformed(raw) != "" {
			return
		}
		name := tools[int(which)%len(tools)].name
		res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: json.RawMessage(raw)})
		if err != nil {
			t.Fatalf("%s %s: %v", name, raw, err)
		}
		if len(res.Content) == 0 || res.Content[0].(*sdk.TextContent).Text == "" {
			t.Fatalf("%s %s: nothing is said", name, raw)
		}
		if s := res.Content[0].(*sdk.TextContent).Text; strings.Contains(s, "runtime error") {
			t.Fatalf("%s %s: %s", name, raw, s)
		}
	})
}
