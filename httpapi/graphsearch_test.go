package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// searchAPI is graphAPI with a search index that follows the graph.
func searchAPI(t *testing.T) *API {
	t.Helper()
	return graphAPI(t, func(c *Config) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Graph.(*graphsync.Service).KeepIndex(ctx, slog.New(slog.DiscardHandler))
		}()
		t.Cleanup(func() { cancel(); <-done })
	})
}

func TestGraphSearch(t *testing.T) {
	a := searchAPI(t)
	for a.cfg.Graph.(*graphsync.Service).WaitIndex(t.Context(), 0) != nil { // until the keeper runs
	}
	call(t, a, 200, "POST", "/graph/batch", `{"session_id":"s","ops":[
		{"op":"create_node","type":"person","label":"Ada Lovelace","key":"ada","properties":{"bio":"wrote the first programs for an engine"}},
		{"op":"create_node","type":"person","label":"Charles Babbage","key":"babbage","properties":{"bio":"designed engines"}},
		{"op":"create_node","type":"drink","label":"Tea","key":"tea"},
		{"op":"add_observation","key":"tea","text":"drunk by those who program"},
		{"op":"set_vector","key":"tea","model":"m","vector":[0,1]},
		{"op":"set_vector","key":"ada","model":"m","vector":[1,0]}]}`)
	at := call(t, a, 200, "GET", "/graph/nodes?session_id=s&limit=1", "").Header.Get("X-Mesh-Revision")
	for path, want := range map[string]string{
		"q=programs&match=words":                                  "Ada Lovelace Tea",
		"q=engin*&match=words&node_type=person":                   "Charles Babbage Ada Lovelace",
		"q=engine+-first&match=words":                             "Charles Babbage",
		"q=lovelase~&match=words":                                 "Ada Lovelace",
		"q=rst+prog&match=substring":                              "Ada Lovelace",
		"q=engine&match=words&limit=1":                            "Charles Babbage",
		"q=engine&match=words&updated_since=2200-01-01T00:00:00Z": "",
		"q=love": "Ada Lovelace",
	} {
		got := call(t, a, 200, "GET", "/graph/search?session_id=s&min_revision="+at+"&"+path, "")
		if labels(got) != want {
			t.Errorf("%s: %q, want %q", path, labels(got), want)
		}
	}
	got := call(t, a, 200, "GET", "/graph/search?session_id=s&q=drunk&match=words&detail=ids", "")
	hit := got.body["hits"].([]any)[0].(map[string]any)
	if hit["field"] != "observation" || hit["snippet"] != "drunk by those who program" || fmt.Sprint(hit["highlights"]) != "[[0 5]]" || fmt.Sprint(got.body["index_revision"]) == "0" {
		t.Errorf("hit %s", got.text)
	}
	for body, want := range map[string]string{
		`{"session_id":"s","vector":[0.1,1],"model":"m"}`:                                  "Tea Ada Lovelace",
		`{"session_id":"s","vector":[0.1,1],"model":"m","types":["person"]}`:               "Ada Lovelace",
		`{"session_id":"s","vector":[0,1],"model":"m","q":"engine","limit":2}`:             "Ada Lovelace Charles Babbage",
		`{"session_id":"s","q":"machines engines","detail":"summary","language":"en"}`:     "Charles Babbage Ada Lovelace",
		`{"session_id":"s","q":"PROGRAM","mode":"substring","budget":4096,"metric":"dot"}`: "Ada Lovelace Tea",
	} {
		if got := call(t, a, 200, "POST", "/graph/search", body); labels(got) != want {
			t.Errorf("%s: %q, want %q", body, labels(got), want)
		}
	}
	for request, field := range map[string]string{
		"GET /graph/search?session_id=s&q=%22open&match=words":                   "query.q",
		"GET /graph/search?session_id=s&q=a&match=words&language=xx":             "query.q",
		"GET /graph/search?session_id=s&q=a&match=words&updated_since=yesterday": "query.updated_since",
		"GET /graph/search?session_id=s&q=a&language=en":                         "query.match",
	} {
		got := call(t, a, 400, "GET", request[4:], "")
		if d := got.body["details"].(map[string]any); d["field"] != field {
			t.Errorf("%s: %s", request, got.text)
		}
	}
	got = call(t, a, 400, "POST", "/graph/search", `{"session_id":"s","q":"a b*c"}`)
	if d := got.body["details"].(map[string]any); d["field"] != "body.q" || d["position"] != "4" {
		t.Error(got.text)
	}
}

func TestGraphSearchWithoutAnIndexIsBehind(t *testing.T) {
	a := graphAPI(t)
	if got := call(t, a, 503, "GET", "/graph/search?session_id=s&q=a&match=words", ""); got.body["code"] != "BEHIND" {
		t.Error(got.text)
	}
}

// A search is a read whatever its method: a key that may read may search.
func TestWhatViewersMayDoNeedsTheReadScope(t *testing.T) {
	entries := (&API{cfg: Config{Graph: struct{ Graph }{}}}).graphEntries()
	if len(entries) == 0 {
		t.Fatal("no routes")
	}
	for _, e := range entries {
		if r := e.Route; r.Role == access.RoleViewer && r.scope() != "graph:read" {
			t.Errorf("%s %s asks a viewer for %s", r.Method, r.Path, r.scope())
		}
	}
}
