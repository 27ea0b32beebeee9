package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

const (
	readsGraph  = "at_reads_graphreadsgraphreads"
	readsOthers = "at_reads_othersreadsothersreads"
)

func syncAPI(t testing.TB) *API {
	a, _ := syncAPIOn(t)
	return a
}

func syncAPIOn(t testing.TB) (*API, *consensustest.Local) {
	state := consensustest.New(graphsync.NewPart())
	return graphAPI(t, func(c *Config) {
		g := graphsync.NewService(state)
		c.Graph, c.Watches, c.Sync, c.MeshID = g, g, g.Sync("mesh-1"), "mesh-1"
		scoped := keys{readsGraph: {ID: "reader", Role: access.RoleUser, Scopes: []string{"graph:read"}},
			readsOthers: {ID: "others", Role: access.RoleUser, Scopes: []string{"agents:read"}}}
		for k, p := range testKeys {
			scoped[k] = p
		}
		c.Auth = scoped
	}), state
}

// wants asks as somebody and wants a status; it decodes the answer into v unless
// that is nil.
func wants(t testing.TB, a *API, key string, status int, v any, method, target, body string) *http.Response {
	t.Helper()
	header := []string{"Authorization: Bearer " + key}
	if body != "" {
		header = append(header, "Content-Type: application/json")
	}
	res := ask(t, a.Handler(), method, target, body, header...)
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d: %s %v", method, target, res.StatusCode, status, text, err)
	}
	if v != nil {
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatalf("%s %s: %v: %s", method, target, err, text)
		}
	}
	return res
}

type page struct {
	Events   []graphsyncEvent `json:"events"`
	Count    int              `json:"count"`
	Token    string           `json:"token"`
	UpToDate bool             `json:"up_to_date"`
	Revision uint64           `json:"revision"`
}

type graphsyncEvent struct {
	EntityType string `json:"entity_type"`
	EntityID   uint64 `json:"entity_id"`
	Operation  string `json:"operation"`
	SessionID  string `json:"session_id"`
	Data       struct {
		Label, Text string
	} `json:"data"`
}

func addNode(t testing.TB, a *API, ns, label string) uint64 {
	t.Helper()
	var n struct{ ID uint64 }
	wants(t, a, userKey, 201, &n, "POST", "/graph/nodes", fmt.Sprintf(`{"session_id":%q,"node_type":"note","label":%q,"properties":{}}`, ns, label))
	return n.ID
}

func TestSyncChanges(t *testing.T) {
	a := syncAPI(t)
	for i := range 5 {
		addNode(t, a, "s", fmt.Sprintf("n%d", i))
	}
	addNode(t, a, "other", "x")
	var p page
	res := wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&limit=2", "")
	if len(p.Events) != 2 || p.UpToDate || p.Token == "" || p.Events[0].Data.Label != "n0" || res.Header.Get("X-Mesh-Revision") == "" {
		t.Fatalf("%+v %v", p, res.Header)
	}
	var all []string
	for token := p.Token; !p.UpToDate; token = p.Token {
		p = page{}
		wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&limit=2&since="+token, "")
		for _, e := range p.Events {
			all = append(all, e.Data.Label)
		}
	}
	if got := strings.Join(all, " "); got != "n2 n3 n4" {
		t.Errorf("the other pages have %s", got)
	}
	p = page{}
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?session_id=s&include=ids&types=note,node&since=0", "")
	if p.Count != 5 || p.Events[0].Data.Label != "" {
		t.Errorf("%+v", p)
	}
	p = page{}
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?since=now", "")
	if p.Count != 0 || !p.UpToDate {
		t.Errorf("now: %+v", p)
	}
	// A token is for its filter only, and for its mesh.
	wants(t, a, viewerKey, 400, nil, "GET", "/sync/changes?ns=other&since="+p.Token, "")
	var e Error
	wants(t, a, viewerKey, 400, &e, "GET", "/sync/changes?since=nonsense", "")
	if e.Code != "TOKEN" || e.Details["field"] != "query.since" {
		t.Errorf("%+v", e)
	}
	other, err := a.cfg.Graph.(*graphsync.Service).Sync("mesh-2").Token(graphsync.WatchFilter{}, graphsync.Position{Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, a, viewerKey, 403, &e, "GET", "/sync/changes?since="+other, "")
	if e.Code != "OTHER_MESH" || e.Details["resync"] != true {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{"ns=", "ns=a&session_id=b", "feed=x", "include=x", "limit=0", "limit=10001", "limit=x", "timeout=5s", "heartbeat=5s", "feed=sse&limit=5",
		"feed=longpoll&timeout=1h", "feed=longpoll&heartbeat=1ms", "node_id=x", "kind=nothing", "nonsense=1", "since=a&since=b", "min_revision=x"} {
		wants(t, a, viewerKey, 400, nil, "GET", "/sync/changes?"+bad, "")
	}
	wants(t, a, readsGraph, 200, nil, "GET", "/sync/changes", "")
	wants(t, a, readsOthers, 403, nil, "GET", "/sync/changes", "")
	wants(t, a, agentKey+"x", 401, nil, "GET", "/sync/changes", "")
}

// What is older than what is kept is 410, with what a client needs to go on.
func TestSyncChangesThatAreForgotten(t *testing.T) {
	a, state := syncAPIOn(t)
	addNode(t, a, "s", "one")
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s", "")
	addNode(t, a, "s", "two")
	// Longer than history is kept.
	state.Now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	for i := range 10 {
		addNode(t, a, "s", fmt.Sprintf("later%d", i))
	}
	var e Error
	res := wants(t, a, viewerKey, 410, &e, "GET", "/sync/changes?ns=s&since="+p.Token, "")
	least, _ := e.Details["min_token"].(string)
	if e.Code != "COMPACTED" || e.Details["resync"] != true || least == "" || e.Details["oldest"] == nil {
		t.Fatalf("%+v %v", e, res.Header)
	}
	wants(t, a, viewerKey, 200, nil, "GET", "/sync/changes?ns=s&since="+least, "")
	wants(t, a, viewerKey, 410, nil, "GET", "/sync/changes?ns=s&feed=sse&since="+p.Token, "")
	wants(t, a, viewerKey, 410, nil, "GET", "/sync/changes?ns=s&feed=longpoll&since="+p.Token, "")
}

func TestSyncLongPoll(t *testing.T) {
	a := syncAPI(t)
	addNode(t, a, "s", "one")
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&feed=longpoll", "") // what is there is told at once
	if p.Count != 1 || !p.UpToDate {
		t.Fatalf("%+v", p)
	}
	since := p.Token
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&feed=longpoll&timeout=50ms&since="+since, "")
	if p.Count != 0 || !p.UpToDate || p.Token == "" {
		t.Fatalf("nothing came: %+v", p)
	}
	for _, heartbeat := range []string{"", "&heartbeat=100"} {
		done := make(chan page)
		go func() {
			var p page
			res := ask(t, a.Handler(), "GET", "/sync/changes?ns=s&feed=longpoll&timeout=20s&since="+since+heartbeat, "", "Authorization: Bearer "+viewerKey)
			if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
				t.Error(err)
			}
			done <- p
		}()
		label := "two" + heartbeat
		addNode(t, a, "s", label)
		got := <-done
		if got.Count != 1 || got.Events[0].Data.Label != label {
			t.Fatalf("%+v", got)
		}
		since = got.Token
	}
}
