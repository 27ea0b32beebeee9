package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

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
