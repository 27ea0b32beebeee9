package httpapi

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

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
