package main

import (
	"strings"
	"testing"
)

const (
	edgeJSON  = `{"id":3,"session_id":"default","source_id":12,"target_id":13,"edge_type":"KNOWS","weight":1,"version":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","valid_from":"1835-07-08T12:00:00Z","provenance":"a letter","confidence":0.9}`
	otherJSON = `{"id":13,"label":"Notes"}`
)

// TestGraphVerbs is what the verbs about facts, times and shapes ask and print.
func TestGraphVerbs(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /graph/nodes/12":               adaJSON,
		"GET /graph/nodes":                  `{"nodes":[` + adaJSON + `],"count":1}`,
		"GET /graph/find":                   `{"nodes":[{"id":12,"key":"ada","label":"Ada\tL"},{"id":14,"label":"Adam"}],"count":2}`,
		"GET /graph/edges/3":                edgeJSON,
		"POST /graph/nodes":                 adaJSON,
		"POST /graph/edges":                 edgeJSON,
		"POST /graph/nodes/12/observations": `{"id":31,"node_id":12,"text":"wrote notes"}`,
		"GET /graph/nodes/12/observations":  `{"observations":[{"id":31,"text":"wrote notes","valid_from":"1843-01-01T12:00:00Z","valid_to":"1852-11-27T12:00:00Z","confidence":0.5,"provenance":"a letter"}],"count":1,"cursor":"abc"}`,
		"POST /graph/batch":                 `{"results":[{"id":12,"status":"updated"}],"count":1}`,
		"GET /graph/history":                `{"versions":[{"revision":9,"time":"2026-01-01T00:00:00Z","what":"merged","version":3,"merged_into":14},{"revision":7,"time":"2026-01-01T00:00:00Z","author":"me","what":"updated","version":2,"changed":["label","properties.born"],"node":` + adaJSON + `}],"count":2,"oldest_revision":1}`,
		"POST /graph/merge":                 `{"merge":{"id":40,"source_id":13,"target_id":12,"edges":2,"observations":1},"node":` + adaJSON + `}`,
		"GET /graph/merge":                  `{"merges":[{"id":40,"target_id":12,"label":"Augusta","merged_at":"2026-01-01T00:00:00Z"}]}`,
		"POST /graph/merge/40/undo":         `{"id":13,"label":"Augusta"}`,
		"GET /graph/duplicates":             `{"pairs":[{"a":{"id":12,"label":"Ada"},"b":{"id":13,"label":"Ada L"},"score":0.913,"why":"similar names"}],"looked_at":2}`,
		"POST /graph/erase":                 `{"erased":true}`,
		"GET /graph/erasures":               `{"erasures":[{"kind":"node","id":12,"session_id":"default","reason":"asked","erased_by":"me","erased_at":"2026-01-01T00:00:00Z"}]}`,
		"GET /graph/schema":                 `{"closed":true}`,
		"PUT /graph/schema":                 `{"node_types":{"person":{}}}`,
		"GET /graph/retention":              `{"days":90,"bytes":1073741824,"oldest_revision":7,"changes":3,"held_bytes":2048}`,
		"PUT /graph/retention":              `{"days":30,"bytes":1073741824,"oldest_revision":7,"changes":3,"held_bytes":2048}`,
		"GET /graph/hubs":                   `{"hubs":[{"id":12,"node_type":"person","label":"Ada","degree":5,"out":3,"in":2}],"count":1,"edges_counted":7,"truncated":true}`,
		"GET /graph/degree":                 `{"id":12,"out":3,"in":1,"out_types":{"WROTE":2,"KNOWS":1},"in_types":{"KNOWS":1}}`,
		"GET /graph/paths":                  `{"paths":[{"length":1,"nodes":[12,13],"edges":[3]}],"nodes":[` + otherJSON + `,` + adaJSON + `],"edges":[` + edgeJSON + `],"count":1}`,
		"GET /graph/neighbors":              `{"start":` + adaJSON + `,"nodes":[],"edges":[],"count":0,"capped":[12]}`,
	})
	for _, c := range []struct {
		name, args, stdin string
		code              int
		asked             string
		out               []string
		err               string
	}{
		{"get then", "graph get ada --as-of 2026-01-31 --valid-at any", "", 0, "GET /graph/nodes?as_of=2026-01-31T00%3A00%3A00Z&key=ada&session_id=default&valid_at=any", []string{"Ada"}, ""},
		{"get at a revision", "graph get 12 --as-of 7 --valid-at 2026-01-31T12:00:00Z", "", 0, "GET /graph/nodes/12?as_of=7&valid_at=2026-01-31T12%3A00%3A00Z", []string{"Ada"}, ""},
		{"get at no time", "graph get 12 --as-of yesterday", "", 2, "", nil, "--as-of does not take \"yesterday\""},
		{"get an edge", "graph get 3 --edge", "", 0, "GET /graph/edges/3", []string{"since 1835-07-08", "90 %", "a letter"}, ""},
		{"add edge told", "graph add edge 12 KNOWS 13 --valid-from 1835-07-08 --provenance letter --confidence 0.9 --expires 2030-01-01", "", 0,
			`POST /graph/edges {"confidence":0.9,"edge_type":"KNOWS","expires_at":"2030-01-01T00:00:00Z","provenance":"letter","session_id":"default","source_id":12,"target_id":13,"valid_from":"1835-07-08T00:00:00Z","weight":1}`, []string{"3 KNOWS"}, ""},
		{"add node that expires", "graph add node person Ada --expires 2030-01-01", "", 0,
			`POST /graph/nodes {"expires_at":"2030-01-01T00:00:00Z","label":"Ada","node_type":"person","properties":{},"session_id":"default"}`, []string{"12\n"}, ""},
		{"observe", "graph observe ada wrote --confidence 0", "", 0, `POST /graph/nodes/12/observations {"confidence":0,"text":"wrote"}`, []string{"31\n"}, ""},
		{"observe at no time", "graph observe 12 wrote --valid-to soon", "", 2, "", nil, "--valid-to"},
		{"observations", "graph observations 12 --limit 1", "", 0, "GET /graph/nodes/12/observations?limit=1", []string{"wrote notes", "1843-01-01 to 1852-11-27", "50 %", "a letter"}, "--cursor abc"},
		{"alias", "graph alias add 12 a/b", "", 0, "GET /graph/nodes/12", []string{"Ada"}, ""},
		{"history", "graph history ada", "", 0, "GET /graph/history?key=ada&limit=100&session_id=default", []string{"into 14", "label, properties.born"}, ""},
		{"history of an edge", "graph history --edge 3", "", 0, "GET /graph/history?edge_id=3&limit=100", []string{"merged"}, ""},
		{"merge", "graph merge 13 ada", "", 0, `POST /graph/merge {"session_id":"default","source_id":13,"target_id":12}`, []string{"Ada now is both, with 2 edges and 1 observations"}, "--undo 40"},
		{"merge undone", "graph merge --undo 40", "", 0, "POST /graph/merge/40/undo", []string{"Augusta is a node of its own again: 13"}, ""},
		{"merges", "graph merge --list", "", 0, "GET /graph/merge?limit=1000&session_id=default", []string{"Augusta"}, ""},
		{"merge one", "graph merge 13", "", 2, "", nil, "takes SOURCE and TARGET"},
		{"duplicates", "graph duplicates --type person", "", 0, "GET /graph/duplicates?limit=100&min_score=0.7&node_type=person&session_id=default", []string{"91 %", "similar names"}, "DIFFERENT_FROM"},
		{"erase unasked", "graph erase ada --reason asked", "", 2, "", nil, "--yes"},
		{"erase without reason", "graph erase ada --yes", "", 2, "", nil, "--reason"},
		{"erase", "graph erase ada --reason asked --yes", "", 0, `POST /graph/erase {"key":"ada","reason":"asked","session_id":"default"}`, []string{"the node ada is erased"}, ""},
		{"erase an observation", "graph erase --observation 31 --reason asked --yes", "", 0, `POST /graph/erase {"observation_id":31,"reason":"asked"}`, []string{"the observation 31 is erased"}, ""},
		{"erase an edge by key", "graph erase --edge ada --reason asked --yes", "", 2, "", nil, "not an id"},
		{"erasures", "graph erase --list", "", 0, "GET /graph/erasures?limit=1000", []string{"asked", "by me"}, ""},
		{"schema", "graph schema get", "", 0, "GET /graph/schema?session_id=default", []string{`"closed": true`}, ""},
		{"schema set", "graph schema set -", `{"node_types":{"person":{}}}`, 0, `PUT /graph/schema?session_id=default {"node_types":{"person":{}}}`, []string{"1 node types"}, ""},
		{"schema set badly", "graph schema set -", `{`, 2, "", nil, "not one JSON object"},
		{"retention", "graph retention", "", 0, "GET /graph/retention", []string{"90 days", "revision 7"}, ""},
		{"retention set", "graph retention --days 30", "", 0, `PUT /graph/retention {"bytes":1073741824,"days":30}`, []string{"30 days"}, ""},
		{"hubs", "graph hubs --node-type person --min-degree 2", "", 0, "GET /graph/hubs?direction=both&limit=10&min_degree=2&node_type=person&session_id=default", []string{"5      3    2   12  person  Ada"}, "7 edges were counted"},
		{"degree", "graph degree ada --type WROTE,KNOWS", "", 0, "GET /graph/degree?direction=both&key=ada&session_id=default&type=WROTE%2CKNOWS", []string{"KNOWS  1    1", "all    3    1"}, ""},
		{"paths", "graph paths 12 notes --count 2", "", 0, "GET /graph/paths?direction=both&from=12&k=2&max_depth=10&session_id=default&to_key=notes", []string{"Ada -KNOWS-> Notes\n"}, ""},
		{"neighbors capped", "graph neighbors ada --per-node 1 --as-of 7", "", 0, "GET /graph/neighbors?as_of=7&depth=1&direction=both&key=ada&limit=100&per_node=1&session_id=default", nil, "1 nodes lead to more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := s.meshd(c.stdin, strings.Fields(c.args)...)
			last := ""
			if len(s.got) > 0 {
				last = s.got[len(s.got)-1]
			}
			if code != c.code || last != c.asked && c.code == 0 {
				t.Fatalf("exit %d, want %d; asked %s\nwant %s; %s", code, c.code, last, c.asked, errOut)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("printed\n%s\nwithout %q", out, want)
				}
			}
			if !strings.Contains(errOut, c.err) || c.err == "" && errOut != "" {
				t.Errorf("standard error is %q, want %q", errOut, c.err)
			}
		})
	}
	for args, want := range map[string]string{
		"graph observe ad":           "ada\tAda L\n14\tAdam\n:4\n",
		"graph hubs --direction out": "both\noutgoing\nincoming\n:4\n",
	} {
		if code, out, _ := s.meshd("", append([]string{"__complete"}, strings.Fields(args)...)...); code != 0 || !strings.HasSuffix(out, want) {
			t.Errorf("%s <Tab> offers %q, exit %d; want %q", args, out, code, want)
		}
	}
}
