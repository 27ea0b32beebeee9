package main

import (
	"slices"
	"strings"
	"testing"
)

const conflictJSON = `{"id":31,"session_id":"s","graph_name":"notes","entity_type":"node","entity_id":12,"reason":"changed","fields":["label"],"resolution":"open","local_version":"{}","remote_version":"{}",` +
	`"pushed":{"op":"update_node","id":12,"label":"theirs"},"current":{"id":12,"label":"ours"},"base_revision":3,"revision":9,"detected_at":"2026-01-01T00:00:00Z","author":"phone"}`

// TestSyncVerbs is what the verbs for offline clients ask and print.
func TestSyncVerbs(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /sync/status":                `{"session_id":"notes","graph_name":"default","sync_enabled":true,"conflict_resolution_strategy":"manual","vector_clock":"{}","pending_changes":4,"conflicts":1,"revision":9,"oldest_revision":2,"token":"abc"}`,
		"GET /sync/conflicts":             `[` + conflictJSON + `]`,
		"POST /sync/conflicts/31/resolve": `{"id":12,"status":"updated"}`,
	})
	for _, c := range []struct {
		name, args string
		code       int
		asked      string
		out        []string
		err        string
	}{
		{"status", "sync status -n notes", 0, "GET /sync/status?ns=notes", []string{"both are kept", "never", "4 times", "from revision 2 to 9"}, "meshd sync conflicts"},
		{"status as JSON", "sync status --json", 0, "GET /sync/status?ns=default", []string{`"token": "abc"`}, ""},
		{"conflicts", "sync conflicts -n s/notes --limit 5", 0, "GET /sync/conflicts?limit=5&ns=s%2Fnotes", []string{"31", "s/notes", "node 12", "update_node", "changed label", "phone"}, ""},
		{"conflicts as JSON", "sync conflicts --json", 0, "GET /sync/conflicts?limit=100", []string{`"entity_id": 12`}, ""},
		{"one conflict", "sync conflicts 31", 0, "GET /sync/conflicts?limit=1000", []string{`"theirs"`, `"ours"`}, "--keep pushed"},
		{"no such conflict", "sync conflicts 32", 4, "GET /sync/conflicts?limit=1000", nil, "no open conflict has the id 32"},
		{"no conflict", "sync conflicts ada", 2, "", nil, "is not the id of a conflict"},
		{"resolve", "sync resolve 31 --keep pushed", 0, `POST /sync/conflicts/31/resolve {"keep":"pushed"}`, []string{"settled"}, ""},
		{"resolve by an operation", `sync resolve 31 -n s/notes --custom {"op":"update_node","label":"x"}`, 0,
			`POST /sync/conflicts/31/resolve {"custom":{"op":"update_node","label":"x"},"keep":"custom","session_id":"s/notes"}`, []string{"settled"}, ""},
		{"resolve how", "sync resolve 31", 2, "", nil, "--keep current or pushed"},
		{"resolve both ways", "sync resolve 31 --keep pushed --custom {}", 2, "", nil, "both given"},
		{"resolve by nonsense", "sync resolve 31 --custom nonsense", 2, "", nil, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.got = nil
			code, out, errOut := s.meshd("", strings.Fields(c.args)...)
			if code != c.code {
				t.Fatalf("exit %d, want %d: %s%s", code, c.code, out, errOut)
			}
			if c.asked != "" && !slices.Contains(s.got, c.asked) || c.asked == "" && len(s.got) > 0 {
				t.Errorf("asked %q, want %q", s.got, c.asked)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in %s", want, out)
				}
			}
			if !strings.Contains(errOut, c.err) {
				t.Errorf("standard error is %q, want %q", errOut, c.err)
			}
		})
	}
	for args, want := range map[string]string{
		"sync resolve 3":            "31\tupdate_node of node 12, changed\n:4\n",
		"sync resolve 31 --keep cu": "current\npushed\n:4\n",
	} {
		if code, out, _ := s.meshd("", append([]string{"__complete"}, strings.Fields(args)...)...); code != 0 || !strings.HasSuffix(out, want) {
			t.Errorf("%s <Tab> offers %q, exit %d; want %q", args, out, code, want)
		}
	}
}
