package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
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

// sseLine is one event of a feed.
type sseLine struct{ name, id, data string }

// feed reads events until enough says so.
func feed(t testing.TB, url string, client *http.Client, query string, header map[string]string, enough func(sseLine) bool) []sseLine {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/sync/changes?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+viewerKey)
	req.Header.Set("Accept", "text/event-stream")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	var out []sseLine
	var now sseLine
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); {
		case lines.Text() == "" && now != (sseLine{}):
			out = append(out, now)
			if enough(now) {
				return out
			}
			now = sseLine{}
		case name == "event":
			now.name = value
		case name == "id":
			now.id = value
		case name == "data":
			now.data = value
		case name == "" && value != "":
			now.name = ":" + value
		}
	}
	t.Fatalf("the feed ended: %v after %+v", lines.Err(), out)
	return nil
}

func TestSyncFeed(t *testing.T) {
	a := syncAPI(t)
	url, client := serveTLS(t, a)
	for i := range 3 {
		addNode(t, a, "s", fmt.Sprintf("n%d", i))
	}
	got := feed(t, url, client, "ns=s", nil, func(e sseLine) bool {
		if e.name == "up_to_date" {
			addNode(t, a, "s", "live")
		}
		return strings.Contains(e.data, `"live"`)
	})
	var names []string
	for _, e := range got {
		if e.id == "" {
			t.Errorf("without an id: %+v", e)
		}
		names = append(names, e.name)
	}
	if strings.Join(names, ",") != ",,,up_to_date," {
		t.Errorf("%q", names)
	}
	// An id is a token, for a feed that goes on and for a page.
	rest := feed(t, url, client, "ns=s&since=now", map[string]string{"Last-Event-ID": got[1].id}, func(e sseLine) bool { return e.name == "up_to_date" })
	if len(rest) != 3 || rest[0].data != got[2].data {
		t.Errorf("%+v", rest)
	}
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&since="+got[3].id, "")
	if p.Count != 1 || p.Events[0].Data.Label != "live" {
		t.Errorf("%+v", p)
	}
	feed(t, url, client, "ns=s&heartbeat=100ms", nil, func(e sseLine) bool { return e.name == ":heartbeat" })
}

// A snapshot and the changes behind its token are the whole, without gap or
// overlap, in one answer or in pages.
func TestSyncSnapshot(t *testing.T) {
	a := syncAPI(t)
	var ids []uint64
	for i := range 7 {
		ids = append(ids, addNode(t, a, "s", fmt.Sprintf("n%d", i)))
	}
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"SEES"}`, ids[0], ids[1]))
	wants(t, a, userKey, 201, nil, "POST", fmt.Sprintf("/graph/nodes/%d/observations", ids[0]), `{"text":"seen"}`)
	read := func(query string) (kinds, token, cursor string) {
		t.Helper()
		res := textAt(t, a, "/sync/snapshot?ns=s"+query)
		for _, line := range strings.Split(strings.TrimSpace(res), "\n") {
			var l struct {
				Node, Edge, Observation *struct{ ID uint64 }
				Token, Cursor           string
				Revision                uint64
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			switch {
			case l.Node != nil:
				kinds += "n"
			case l.Edge != nil:
				kinds += "e"
			case l.Observation != nil:
				kinds += "o"
			case l.Revision == 0:
				t.Errorf("%s", line)
			default:
				token, cursor = l.Token, l.Cursor
			}
		}
		return kinds, token, cursor
	}
	whole, token, _ := read("")
	if whole != "nnnnnnneo" || token == "" {
		t.Fatalf("%s %q", whole, token)
	}
	addNode(t, a, "s", "later")
	pages, cursor := "", ""
	for token = ""; token == ""; {
		q := "&limit=2"
		if cursor != "" {
			q += "&cursor=" + cursor
		}
		var part string
		if part, token, cursor = read(q); len(part) > 2 {
			t.Fatalf("a page has %s", part)
		}
		if pages += part; pages == "nn" {
			addNode(t, a, "s", "meanwhile")
		}
	}
	if pages != "nnnnnnnneo" {
		t.Errorf("the pages have %s", pages)
	}
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&since="+token, "")
	if p.Count != 1 || p.Events[0].Data.Label != "meanwhile" {
		t.Errorf("%+v", p)
	}
	var one struct {
		Items []json.RawMessage
		Token string
	}
	req := ask(t, a.Handler(), "GET", "/sync/snapshot?ns=s&kind=node", "", "Authorization: Bearer "+viewerKey, "Accept: application/json")
	if err := json.NewDecoder(req.Body).Decode(&one); err != nil || len(one.Items) != 9 || one.Token == "" {
		t.Errorf("%v %+v", err, one)
	}
	for _, bad := range []string{"", "?ns=s&at=x", "?ns=s&at=0", "?ns=s&cursor=x", "?ns=s&limit=0", "?ns=s&since=x", "?ns=s&node_id=3"} {
		wants(t, a, viewerKey, 400, nil, "GET", "/sync/snapshot"+bad, "")
	}
	wants(t, a, readsOthers, 403, nil, "GET", "/sync/snapshot?ns=s", "")
}

// textAt is the text of an answer in the first form that the route has.
func textAt(t testing.TB, a *API, target string) string {
	t.Helper()
	res := ask(t, a.Handler(), "GET", target, "", "Authorization: Bearer "+viewerKey)
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %s %s %v", target, res.Status, text, err)
	}
	return string(text)
}

func TestSyncPushAndConflicts(t *testing.T) {
	a := syncAPI(t)
	id := addNode(t, a, "s", "theirs")
	base := wants(t, a, viewerKey, 200, nil, "GET", "/graph/stats?session_id=s", "").Header.Get("X-Mesh-Revision")
	wants(t, a, userKey, 200, nil, "PUT", fmt.Sprintf("/graph/nodes/%d", id), `{"properties":{"a":1}}`)
	push := fmt.Sprintf(`{"session_id":"s","client_id":"phone","base_revision":%s,"mutations":[
		{"seq":1,"op":"create_node","type":"note","label":"mine"},
		{"seq":2,"op":"create_edge","source_ref":1,"target_id":%d,"type":"SEES"},
		{"seq":3,"op":"update_node","id":%d,"properties":{"a":2},"merge":true},
		{"seq":4,"op":"create_node","type":"","label":"no type"}]}`, base, id, id)
	var got graphsync.PushAnswer
	res := wants(t, a, userKey, 200, &got, "POST", "/sync/push", push)
	var statuses []string
	for _, r := range got.Results {
		statuses = append(statuses, r.Status)
	}
	if strings.Join(statuses, ",") != "applied,applied,conflict,invalid" || got.LastSeq != 4 || res.Header.Get("X-Mesh-Revision") != fmt.Sprint(got.Revision) {
		t.Fatalf("%+v", got)
	}
	conflict := got.Results[2]
	if conflict.ConflictID == 0 || conflict.Reason != graphsync.ReasonChanged || len(conflict.Current) == 0 || got.Results[3].Field == "" {
		t.Errorf("%+v", got.Results)
	}
	wants(t, a, userKey, 200, &got, "POST", "/sync/push", push)
	if !got.Results[0].Repeated || got.Results[0].ID == 0 {
		t.Errorf("again: %+v", got)
	}
	var e Error
	wants(t, a, userKey, 409, &e, "POST", "/sync/push", `{"session_id":"s","client_id":"phone","mutations":[{"seq":9,"op":"create_node","type":"note","label":"x"}]}`)
	if e.Code != "SEQ_GAP" || e.Details["expected"] != 5.0 {
		t.Errorf("%+v", e)
	}
	wants(t, a, userKey, 409, &e, "POST", "/sync/push", `{"session_id":"s","client_id":"unknown","mutations":[{"seq":9,"op":"create_node","type":"note","label":"x"}]}`)
	if e.Details["unknown_client"] != true {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{`{}`, `{"session_id":"s","client_id":"c","mutations":[]}`, `{"session_id":"s","client_id":"","mutations":[{"seq":1,"op":"delete_node","id":1}]}`,
		`{"session_id":"s","client_id":"c","surprise":1,"mutations":[{"seq":1,"op":"delete_node","id":1}]}`, `{"session_id":"s","client_id":"c","base_token":"x","mutations":[{"seq":1,"op":"delete_node","id":1}]}`} {
		wants(t, a, userKey, 400, nil, "POST", "/sync/push", bad)
	}
	wants(t, a, viewerKey, 403, nil, "POST", "/sync/push", push)
	wants(t, a, readsGraph, 403, nil, "POST", "/sync/push", push)
	wants(t, a, userKey, 413, nil, "POST", "/sync/push", `{"session_id":"`+strings.Repeat("x", maxPushBody)+`"}`)

	var list []struct {
		ID                          uint64
		SessionID                   string `json:"session_id"`
		GraphName                   string `json:"graph_name"`
		EntityType                  string `json:"entity_type"`
		EntityID                    uint64 `json:"entity_id"`
		Resolution                  string
		LocalVersion, RemoteVersion string
		DetectedAt                  string `json:"detected_at"`
		Reason                      string
		Pushed                      graphsync.Op
	}
	res = wants(t, a, viewerKey, 200, &list, "GET", "/sync/conflicts", "")
	if len(list) != 1 || list[0].SessionID != "s" || list[0].GraphName != "default" || list[0].EntityType != "node" || list[0].EntityID != id ||
		list[0].Resolution != "open" || list[0].DetectedAt == "" || list[0].Reason != "changed" || list[0].Pushed.Op != "update_node" || res.Header.Get("Link") != "" {
		t.Fatalf("%+v %v", list, res.Header)
	}
	wants(t, a, viewerKey, 200, &list, "GET", "/sync/conflicts?ns=other", "")
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
	resolve := fmt.Sprintf("/sync/conflicts/%d/resolve", conflict.ConflictID)
	wants(t, a, userKey, 400, nil, "POST", resolve, `{"keep":"both"}`)
	wants(t, a, userKey, 400, nil, "POST", resolve, `{"keep":"custom","session_id":"s"}`)
	wants(t, a, viewerKey, 403, nil, "POST", resolve, `{"keep":"pushed"}`)
	wants(t, a, userKey, 404, nil, "POST", "/sync/conflicts/999999/resolve", `{"keep":"pushed"}`)
	wants(t, a, userKey, 403, nil, "POST", resolve, fmt.Sprintf(`{"keep":"custom","session_id":"s","custom":{"op":"erase_node","id":%d,"reason":"x"}}`, id))
	wants(t, a, userKey, 200, nil, "POST", resolve, `{"keep":"pushed"}`)
	wants(t, a, userKey, 404, nil, "POST", resolve, `{"keep":"pushed","session_id":"s"}`)
	var n struct{ Properties map[string]int }
	wants(t, a, viewerKey, 200, &n, "GET", fmt.Sprintf("/graph/nodes/%d", id), "")
	if n.Properties["a"] != 2 {
		t.Errorf("%+v", n)
	}
}

// Pages of conflicts are the array that older clients know, linked by headers.
func TestConflictPages(t *testing.T) {
	a := syncAPI(t)
	var ids, mutations []string
	for i := range 5 {
		id := addNode(t, a, "s/g", fmt.Sprintf("n%d", i))
		ids = append(ids, fmt.Sprint(id))
		wants(t, a, userKey, 200, nil, "PUT", fmt.Sprintf("/graph/nodes/%d", id), `{"properties":{"a":1}}`)
		mutations = append(mutations, fmt.Sprintf(`{"seq":%d,"op":"update_node","id":%d,"properties":{"a":2}}`, i+1, id))
	}
	wants(t, a, userKey, 200, nil, "POST", "/sync/push", `{"session_id":"s/g","client_id":"c","base_revision":1,"mutations":[`+strings.Join(mutations, ",")+`]}`)
	target, seen := "/sync/conflicts?ns=s%2Fg&limit=2", 0
	for target != "" {
		var list []struct {
			SessionID string `json:"session_id"`
			GraphName string `json:"graph_name"`
			EntityID  uint64 `json:"entity_id"`
		}
		res := wants(t, a, viewerKey, 200, &list, "GET", target, "")
		for _, c := range list {
			if c.SessionID != "s" || c.GraphName != "g" || fmt.Sprint(c.EntityID) != ids[seen] {
				t.Errorf("%+v", c)
			}
			seen++
		}
		target = ""
		if link := res.Header.Get("Link"); link != "" {
			target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			if u, err := url.Parse(target); err != nil || u.Query().Get("cursor") != res.Header.Get("X-Next-Cursor") {
				t.Errorf("%s %v", link, res.Header)
			}
		}
	}
	if seen != 5 {
		t.Errorf("%d of 5", seen)
	}
}

// The settings of older clients, answered truly: they are kept, and in force.
func TestSyncSettings(t *testing.T) {
	a := syncAPI(t)
	id := addNode(t, a, "s/notes", "n")
	var st struct {
		SessionID   string `json:"session_id"`
		GraphName   string `json:"graph_name"`
		SyncEnabled bool   `json:"sync_enabled"`
		VectorClock string `json:"vector_clock"`
		LastSyncAt  string `json:"last_sync_at"`
		Pending     int    `json:"pending_changes"`
		Token       string `json:"token"`
		Conflicts   int    `json:"conflicts"`
	}
	wants(t, a, viewerKey, 200, &st, "GET", "/sync/status/s/notes", "")
	var clock struct{ Versions map[string]uint64 }
	if err := json.Unmarshal([]byte(st.VectorClock), &clock); err != nil || clock.Versions["mesh-1"] == 0 {
		t.Fatalf("%v %+v", err, st)
	}
	if st.SessionID != "s" || st.GraphName != "notes" || !st.SyncEnabled || st.Pending != 1 || st.LastSyncAt != "" {
		t.Errorf("%+v", st)
	}
	wants(t, a, viewerKey, 200, &st, "GET", "/sync/status?ns=s%2Fnotes", "")
	if st.SessionID != "s" || st.GraphName != "notes" || st.Token == "" {
		t.Errorf("%+v", st)
	}
	wants(t, a, viewerKey, 400, nil, "GET", "/sync/status", "")

	push := func(status, seq int) (got graphsync.PushAnswer) {
		t.Helper()
		wants(t, a, userKey, status, &got, "POST", "/sync/push", fmt.Sprintf(`{"session_id":"s/notes","client_id":"c","base_revision":1,"mutations":[{"seq":%d,"op":"update_node","id":%d,"label":"c%d"}]}`, seq, id, seq))
		return got
	}
	var set struct {
		Success bool
		Message string
		Config  struct {
			Enabled  bool   `json:"sync_enabled"`
			Strategy string `json:"conflict_resolution_strategy"`
			Interval int    `json:"sync_interval_seconds"`
		}
	}
	wants(t, a, userKey, 200, &set, "POST", "/sync/enable/s/notes", `{"enabled":false}`)
	if !set.Success || set.Config.Enabled || set.Config.Strategy != "vector_clock" || set.Config.Interval != 60 {
		t.Errorf("%+v", set)
	}
	push(409, 1)
	wants(t, a, userKey, 200, &set, "POST", "/sync/configure/s/notes", `{"sync_enabled":true,"conflict_resolution_strategy":"last_write_wins","sync_interval_seconds":5}`)
	if !set.Config.Enabled || set.Config.Strategy != "last_write_wins" || set.Config.Interval != 5 {
		t.Errorf("%+v", set)
	}
	wants(t, a, userKey, 200, nil, "PUT", fmt.Sprintf("/graph/nodes/%d", id), `{"label":"theirs"}`)
	if got := push(200, 1); got.Results[0].Status == graphsync.PushConflict {
		t.Errorf("the last write does not win: %+v", got)
	}
	wants(t, a, viewerKey, 200, &st, "GET", "/sync/status/s/notes", "")
	if st.LastSyncAt == "" {
		t.Errorf("%+v", st)
	}
	var bulk struct {
		Success bool
		Updated []string
		Failed  []struct{ Graph, Error string }
	}
	wants(t, a, userKey, 200, &bulk, "POST", "/sync/bulk/s", `{"graphs":["default","notes","bad\u0001name"],"enabled":false}`)
	if bulk.Success || len(bulk.Updated) != 2 || len(bulk.Failed) != 1 || bulk.Failed[0].Error == "" {
		t.Errorf("%+v", bulk)
	}
	var conf struct {
		Success   bool
		SessionID string `json:"session_id"`
		Graphs    []struct {
			Name    string `json:"graph_name"`
			Enabled bool   `json:"sync_enabled"`
		}
	}
	wants(t, a, viewerKey, 200, &conf, "GET", "/sync/configs/s", "")
	if !conf.Success || conf.SessionID != "s" || len(conf.Graphs) != 2 || conf.Graphs[0].Enabled || conf.Graphs[1].Name != "notes" {
		t.Errorf("%+v", conf)
	}
	wants(t, a, userKey, 400, nil, "POST", "/sync/configure/s/notes", `{"sync_enabled":true,"conflict_resolution_strategy":"guess"}`)
	wants(t, a, userKey, 400, nil, "POST", "/sync/bulk/s", `{"graphs":[],"enabled":true}`)
	for _, path := range []string{"/sync/enable/s/g", "/sync/configure/s/g", "/sync/bulk/s"} {
		wants(t, a, viewerKey, 403, nil, "POST", path, `{"enabled":true}`)
	}
}

// Payloads of older instances: what the mesh has goes out in their spelling,
// what they have comes in once, and edges keep their ends.
func TestSyncPayloads(t *testing.T) {
	a := syncAPI(t)
	var n struct{ ID uint64 }
	wants(t, a, userKey, 201, &n, "POST", "/graph/nodes", `{"session_id":"s","node_type":"tool_result","label":"t","properties":{}}`)
	o := addNode(t, a, "s", "o")
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"RELATES_TO"}`, n.ID, o))
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"SEES"}`, n.ID, o))
	type payload struct {
		SyncType    string `json:"sync_type"`
		SessionID   string `json:"session_id"`
		GraphName   string `json:"graph_name"`
		VectorClock struct {
			Versions map[string]uint64 `json:"versions"`
		} `json:"vector_clock"`
		Nodes []struct {
			NodeType json.RawMessage `json:"node_type"`
		} `json:"nodes"`
		Edges []struct {
			EdgeType json.RawMessage `json:"edge_type"`
		} `json:"edges"`
		Tombstones []struct {
			EntityType string `json:"entity_type"`
			EntityID   uint64 `json:"entity_id"`
		} `json:"tombstones"`
	}
	var got struct {
		Success bool
		Message string
		Payload payload
	}
	wants(t, a, readsGraph, 200, &got, "POST", "/sync/request", `{"session_id":"s","graph_name":null,"requesting_instance":"i1","vector_clock":null}`)
	p := got.Payload
	if !got.Success || p.SyncType != "full" || p.GraphName != "default" || len(p.Nodes) != 2 || string(p.Nodes[0].NodeType) != `"ToolResult"` || string(p.Nodes[1].NodeType) != `"note"` ||
		len(p.Edges) != 2 || string(p.Edges[0].EdgeType) != `"RelatesTo"` || string(p.Edges[1].EdgeType) != `{"Custom":"SEES"}` {
		t.Fatalf("%+v", got)
	}
	clock, err := json.Marshal(p.VectorClock)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, a, userKey, 204, nil, "DELETE", fmt.Sprintf("/graph/nodes/%d", o), "")
	asked, _ := json.Marshal(map[string]any{"session_id": "s", "requesting_instance": "i1", "vector_clock": string(clock)})
	got.Payload = payload{}
	wants(t, a, viewerKey, 200, &got, "POST", "/sync/request", string(asked))
	if p := got.Payload; p.SyncType != "incremental" || len(p.Nodes) != 0 || len(p.Tombstones) != 3 {
		t.Errorf("%+v", got)
	}
	body := `{"sync_type":"full","session_id":"s","graph_name":"shared","vector_clock":{"versions":{"i1":4}},"correlation_id":null,"conflict_info":null,
		"nodes":[{"id":1,"session_id":"s","node_type":"Entity","label":"a","properties":{"k":1},"embedding_id":null,"created_at":"2025-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","vector_clock":"{\"versions\":{\"i1\":3}}","last_modified_by":null,"is_deleted":false,"sync_enabled":true},
		         {"id":2,"session_id":"s","node_type":{"Custom":"robot"},"label":"b","properties":{},"created_at":"2025-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","vector_clock":{"versions":{"i1":4}},"is_deleted":false,"sync_enabled":true}],
		"edges":[{"id":9,"session_id":"s","source_id":1,"target_id":2,"edge_type":"PartOf","predicate":null,"properties":null,"weight":0.5,"temporal_start":null,"temporal_end":null,"created_at":"2025-01-01T00:00:00Z","vector_clock":{"versions":{"i1":4}},"is_deleted":false,"sync_enabled":true}],
		"tombstones":[]}`
	var applied struct {
		Success bool
		Stats   graphsync.ApplyStats
	}
	wants(t, a, userKey, 200, &applied, "POST", "/sync/apply?instance_id=i1", body)
	if s := applied.Stats; !applied.Success || s.NodesApplied != 2 || s.EdgesApplied != 1 || s.SyncType != "full" {
		t.Fatalf("%+v", applied)
	}
	wants(t, a, userKey, 200, &applied, "POST", "/sync/apply?instance_id=i1", body)
	if s := applied.Stats; s.NodesApplied+s.EdgesApplied+s.ConflictsDetected != 0 {
		t.Errorf("again: %+v", applied)
	}
	var nodes struct {
		Nodes []struct {
			ID       uint64 `json:"id"`
			NodeType string `json:"node_type"`
			Label    string `json:"label"`
		}
	}
	wants(t, a, viewerKey, 200, &nodes, "GET", "/graph/nodes?session_id=s%2Fshared", "")
	if len(nodes.Nodes) != 2 || nodes.Nodes[1].NodeType != "entity" || nodes.Nodes[0].NodeType != "robot" {
		t.Fatalf("%+v", nodes)
	}
	var edges struct {
		Edges []struct {
			SourceID uint64 `json:"source_id"`
			TargetID uint64 `json:"target_id"`
			EdgeType string `json:"edge_type"`
		}
	}
	wants(t, a, viewerKey, 200, &edges, "GET", "/graph/edges?session_id=s%2Fshared", "")
	if len(edges.Edges) != 1 || edges.Edges[0].EdgeType != "PART_OF" || edges.Edges[0].SourceID != nodes.Nodes[1].ID || edges.Edges[0].TargetID != nodes.Nodes[0].ID {
		t.Errorf("%+v", edges)
	}
	for _, bad := range []string{`{}`, `{"sync_type":"guess","session_id":"s"}`, `{"sync_type":"request_full","session_id":"s"}`, `{"sync_type":"full","session_id":"s","nodes":[{"id":1,"node_type":5}]}`,
		`{"sync_type":"full","session_id":"s","vector_clock":"x"}`} {
		wants(t, a, userKey, 400, nil, "POST", "/sync/apply", bad)
	}
	wants(t, a, viewerKey, 400, nil, "POST", "/sync/request", `{"session_id":"s","requesting_instance":"i","vector_clock":"x"}`)
	wants(t, a, readsGraph, 403, nil, "POST", "/sync/apply", body)
}

// Whatever a payload says, it is taken or refused, and what is taken can be
// spelled again.
func FuzzPayload(f *testing.F) {
	f.Add(`{"sync_type":"full","session_id":"s","vector_clock":"{\"versions\":{\"i\":1}}","nodes":[{"id":1,"node_type":"ToolResult"}],"edges":[{"edge_type":{"Custom":"x"},"weight":null}],"tombstones":[{"entity_type":"node"}]}`)
	f.Add(`{"vector_clock":{"versions":{"i":-1}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var body payloadBody
		if json.Unmarshal([]byte(text), &body) != nil {
			return
		}
		p, err := body.payload()
		if err != nil {
			return
		}
		again, err := json.Marshal(payloadOf(&p))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var back payloadBody
		if err := json.Unmarshal(again, &back); err != nil {
			t.Fatalf("%s becomes %s: %v", text, again, err)
		}
	})
}

// slowPayloads makes payloads when it is let.
type slowPayloads struct {
	Sync
	begun, let chan struct{}
}

func (s *slowPayloads) Request(ctx context.Context, ro consensus.ReadOptions, session, graph string, clock graphsync.VectorClock) (graphsync.SyncPayload, consensus.ReadInfo, error) {
	s.begun <- struct{}{}
	<-s.let
	return s.Sync.Request(ctx, ro, session, graph, clock)
}

// Payloads are held whole, so few are made at a time: else those who may only
// read could take all memory.
func TestPayloadsMadeAtOnce(t *testing.T) {
	slow := &slowPayloads{begun: make(chan struct{}), let: make(chan struct{})}
	a := graphAPI(t, func(c *Config) {
		g := graphsync.NewService(consensustest.New(graphsync.NewPart()))
		slow.Sync = g.Sync("mesh-1")
		c.Graph, c.Watches, c.Sync, c.MeshID = g, g, slow, "mesh-1"
	})
	const body = `{"session_id":"s","requesting_instance":"i"}`
	request := func() int {
		return ask(t, a.Handler(), "POST", "/sync/request", body, "Authorization: Bearer "+viewerKey, "Content-Type: application/json").StatusCode
	}
	done := make(chan int)
	for range maxPayloadsOut {
		go func() { done <- request() }()
		<-slow.begun
	}
	var e struct{ Code string }
	wants(t, a, viewerKey, 503, &e, "POST", "/sync/request", body)
	if e.Code != "OVERLOADED" {
		t.Error(e)
	}
	close(slow.let)
	for range maxPayloadsOut {
		if status := <-done; status != 200 {
			t.Error(status)
		}
	}
	go func() { done <- request() }()
	<-slow.begun
	if status := <-done; status != 200 {
		t.Error("afterwards", status)
	}
}
