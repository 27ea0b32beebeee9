package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync"
)

func TestGraphInThePast(t *testing.T) {
	a := graphAPI(t)
	ada := makeNode(t, a, "Ada", "ada") // 1
	london := makeNode(t, a, "London", "london")
	path := fmt.Sprintf("/graph/nodes/%d", ada)
	call(t, a, 200, "PUT", path, `{"label":"Ada L"}`) // 3
	lives := call(t, a, 201, "POST", "/graph/edges", fmt.Sprintf(`{"source_id":%d,"target_id":%d,"edge_type":"LIVES_IN","valid_from":"1815-12-10T00:00:00Z","valid_to":"1852-11-27T00:00:00Z","provenance":"a book","confidence":0.75}`, ada, london))
	edge := fmt.Sprintf("/graph/edges/%d", lives.number(t, "id")) // 4
	call(t, a, 204, "DELETE", path, "")                           // 5
	for target, want := range map[string]string{
		path + "?as_of=1":                                                           `"label":"Ada"`,
		path + "?as_of=4&detail=ids":                                                fmt.Sprintf(`{"id":%d,"key":"ada"}`, ada),
		"/graph/nodes?session_id=s":                                                 `"count":1`,
		"/graph/nodes?session_id=s&as_of=1":                                         `"count":1`,
		"/graph/nodes?session_id=s&as_of=4":                                         `"count":2`,
		"/graph/nodes?session_id=s&as_of=2099-01-01T00:00:00Z":                      `"count":1`,
		"/graph/nodes?session_id=s&key=ada&as_of=2":                                 `"label":"Ada"`,
		"/graph/edges?session_id=s&as_of=4":                                         `"count":0`,
		"/graph/edges?session_id=s&as_of=4&valid_at=any":                            `"count":1`,
		"/graph/edges?session_id=s&as_of=4&valid_at=1840-01-01T00:00:00Z":           `"count":1`,
		"/graph/edges?session_id=s&as_of=3&valid_at=any":                            `"count":0`,
		edge + "?as_of=4":                                                           `"provenance":"a book","confidence":0.75`,
		"/graph/neighbors?session_id=s&key=ada&as_of=4&valid_at=any&detail=summary": `"label":"London","depth":1}`,
		"/graph/path?session_id=s&from=ada&to=london&as_of=4&valid_at=any":          `"found":true`,
		"/graph/path?session_id=s&from=ada&to=london&as_of=4":                       `"found":false`,
		"/graph/paths?session_id=s&from=ada&to=london&as_of=4&valid_at=any&k=2":     `"count":1`,
		"/graph/degree?session_id=s&key=ada&as_of=4&valid_at=any":                   `"out":1`,
		"/graph/hubs?session_id=s&as_of=4&valid_at=any":                             `"edges_counted":1`,
		fmt.Sprintf("/graph/history?id=%d", ada):                                    `"what":"deleted"`,
		fmt.Sprintf("/graph/history?edge_id=%d", lives.number(t, "id")):             `"what":"created"`,
		"/graph/history?session_id=s&key=ada":                                       `"what":"deleted"`,
		"/graph/history?session_id=s&key=london&detail=ids":                         fmt.Sprintf(`"node":{"id":%d,"key":"london"}`, london),
	} {
		if got := call(t, a, 200, "GET", target, "", "X-API-Key: "+viewerKey); !strings.Contains(got.text, want) {
			t.Errorf("%s: %s, want %s", target, got.text, want)
		}
	}
	call(t, a, 404, "GET", path, "")
	call(t, a, 404, "GET", edge+"?as_of=4&valid_at=1900-01-01T00:00:00Z", "")
	for target, field := range map[string]string{
		path + "?as_of=0":                                                                 "query.as_of",
		path + "?as_of=-1":                                                                "query.as_of",
		path + "?as_of=99":                                                                "query.as_of",
		path + "?as_of=yesterday":                                                         "query.as_of",
		path + "?as_of=0000-01-01T00:00:00Z":                                              "query.as_of",
		path + "?valid_at=1":                                                              "query.valid_at",
		path + "?valid_at=" + strings.Repeat("1", 50):                                     "query.valid_at",
		"/graph/nodes?session_id=s&detail=some":                                           "query.detail",
		"/graph/nodes?session_id=s&budget=1":                                              "query.budget",
		"/graph/nodes?session_id=s&budget=983041":                                         "query.budget",
		"/graph/nodes?session_id=s&updated_since=now":                                     "query.updated_since",
		"/graph/nodes?session_id=s&key=ada&prefix=a":                                      "query.key",
		"/graph/nodes?session_id=s&prefix=%20":                                            "query.prefix",
		"/graph/nodes?session_id=s&where[a]=" + strings.Repeat("x", 1025):                 "query.where",
		"/graph/neighbors?session_id=s&key=london&type=A,b%20c":                           "query.type",
		"/graph/neighbors?session_id=s&key=london&per_node=0":                             "query.per_node",
		"/graph/neighbors?session_id=s&key=london&type=" + strings.Repeat("A,", 40) + "A": "query.type",
		"/graph/paths?session_id=s&from=ada&to=london&k=21":                               "query.k",
		"/graph/history":                                                                  "query.id",
		"/graph/history?id=1&edge_id=2":                                                   "query.id",
		"/graph/history?key=london":                                                       "query.session_id",
		"/graph/hubs?session_id=s&node_type=a%20b":                                        "query.node_type",
		"/graph/degree?session_id=s":                                                      "query.id",
	} {
		e := call(t, a, 400, "GET", target, "")
		if got, _ := e.body["details"].(map[string]any)["field"].(string); got != field {
			t.Errorf("%s: at %q, want %q: %s", target, got, field, e.text)
		}
	}
}

func TestCompactedPast(t *testing.T) {
	// The oldest revision is told where the one asked for is gone; that needs a
	// retention that trims, which graphsync tests.
	if m := catalogue[graphsync.CodeCompacted]; m.status != 410 {
		t.Errorf("%+v", m)
	}
}

// Each detail is what it says, for every shape.
func TestGraphDetails(t *testing.T) {
	a := graphAPI(t)
	long := strings.Repeat("x", 500)
	one := call(t, a, 201, "POST", "/graph/nodes", `{"session_id":"s","node_type":"n","label":"One","key":"one","properties":{"long":"`+long+`","short":1}}`).number(t, "id")
	two := makeNode(t, a, "Two", "")
	makeEdge(t, a, one, two, "T")
	for _, target := range []string{
		"/graph/nodes?session_id=s", fmt.Sprintf("/graph/nodes/%d?", one), "/graph/edges?session_id=s", "/graph/edges/3?",
		"/graph/neighbors?session_id=s&key=one", fmt.Sprintf("/graph/path?session_id=s&from=one&to=%d", two),
		fmt.Sprintf("/graph/paths?session_id=s&from=one&to=%d", two), "/graph/hubs?session_id=s", fmt.Sprintf("/graph/history?id=%d", one),
	} {
		size := 1 << 20
		for _, detail := range []string{"full", "summary", "ids"} {
			got := call(t, a, 200, "GET", target+"&detail="+detail, "")
			if !json.Valid([]byte(got.text)) || len(got.text) >= size {
				t.Errorf("%s in %s: %s", target, detail, got.text)
			}
			size = len(got.text)
			if strings.Contains(got.text, long) && detail != "full" || strings.Contains(got.text, `"label"`) && detail == "ids" {
				t.Errorf("%s in %s: %s", target, detail, got.text)
			}
		}
	}
	got := call(t, a, 200, "GET", fmt.Sprintf("/graph/nodes/%d?detail=summary", one), "")
	if strings.TrimSpace(got.text) != fmt.Sprintf(`{"id":%d,"key":"one","node_type":"n","label":"One","properties":{"short":1},"properties_cut":true}`, one) {
		t.Error(got.text)
	}
}

// An answer is not longer than its budget, and its pages lose nothing.
func TestGraphBudget(t *testing.T) {
	a := graphAPI(t)
	var last uint64
	for i := range 30 {
		id := call(t, a, 201, "POST", "/graph/nodes", fmt.Sprintf(`{"session_id":"s","node_type":"n","label":"\"Node\" <%d> \u2028\u0001ä"}`, i)).number(t, "id")
		if last != 0 {
			makeEdge(t, a, last, id, "NEXT")
		}
		last = id
	}
	for target, name := range map[string]string{"/graph/nodes?session_id=s": "nodes", "/graph/edges?session_id=s": "edges", "/graph/find?session_id=s&contains=node": "nodes"} {
		for _, detail := range []string{"ids", "summary", "full"} {
			seen, cursor := 0, ""
			for {
				got := call(t, a, 200, "GET", target+"&budget=1200&detail="+detail+"&cursor="+cursor, "")
				if len(got.text) > 1200+100 {
					t.Errorf("%s in %s: %d bytes", target, detail, len(got.text))
				}
				seen += len(items(t, got, name))
				if cursor, _ = got.body["cursor"].(string); cursor == "" {
					break
				}
			}
			if want := 30 - strings.Count(name, "edge"); seen != want {
				t.Errorf("%s in %s: %d of %d", target, detail, seen, want)
			}
		}
	}
	for i := range 20 {
		call(t, a, 200, "PUT", fmt.Sprintf("/graph/nodes/%d", last), fmt.Sprintf(`{"label":"version %d"}`, i))
	}
	versions, cursor := 0, ""
	for pages := 0; ; pages++ {
		got := call(t, a, 200, "GET", fmt.Sprintf("/graph/history?id=%d&budget=1500&cursor=%s", last, cursor), "")
		if len(got.text) > 1600 || pages > 25 {
			t.Fatalf("page %d has %d bytes", pages, len(got.text))
		}
		versions += len(items(t, got, "versions"))
		if cursor, _ = got.body["cursor"].(string); cursor == "" {
			break
		}
	}
	if versions != 21 {
		t.Errorf("%d versions of 21", versions)
	}
	for _, target := range []string{fmt.Sprintf("/graph/neighbors?session_id=s&id=%d&depth=10&budget=2000", last), "/graph/hubs?session_id=s&limit=30&budget=2000"} {
		if got := call(t, a, 200, "GET", target, ""); len(got.text) > 2200 || got.body["truncated"] != true {
			t.Errorf("%s: %d bytes, %v", target, len(got.text), got.body["truncated"])
		}
	}
}

func TestGraphFilters(t *testing.T) {
	a := graphAPI(t)
	for i, props := range []string{`{"n":1}`, `{"n":"1","city":"Paris"}`, `{"n":2,"city":"Paris"}`} {
		call(t, a, 201, "POST", "/graph/nodes", fmt.Sprintf(`{"session_id":"s","node_type":"n","label":"N%d","properties":%s}`, i, props))
	}
	for query, want := range map[string]string{
		"where[n]=1":                          "N1 N0",
		`where[n]=%221%22`:                    "N1",
		"where[city]=Paris":                   "N2 N1",
		"where[city]=Paris&where[n]=2":        "N2",
		"where[nobody]=1":                     "",
		"prefix=n2":                           "N2",
		"updated_since=2000-01-01T00:00:00Z":  "N2 N1 N0",
		"updated_before=2000-01-01T00:00:00Z": "",
	} {
		if got := labels(call(t, a, 200, "GET", "/graph/nodes?session_id=s&"+query, "")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// Whatever is asked for, the answer is a result or a refusal.
func FuzzGraphTimes(f *testing.F) {
	for _, s := range []string{"1", "0", "2026-01-01T00:00:00Z", "any", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59", "18446744073709551616"} {
		f.Add(s, s, "n", s, "AQAAAA")
	}
	a := graphAPI(f)
	makeEdge(f, a, makeNode(f, a, "x", "k"), makeNode(f, a, "y", "a"), "T")
	f.Fuzz(func(t *testing.T, asOf, validAt, name, value, cursor string) {
		if len(asOf)+len(validAt)+len(name)+len(value)+len(cursor) > 4096 {
			return
		}
		q := url.Values{"session_id": {"s"}, "as_of": {asOf}, "valid_at": {validAt}, "cursor": {cursor}, "where[" + name + "]": {value}, "updated_since": {asOf}}
		for _, target := range []string{
			"/graph/nodes?" + q.Encode(), "/graph/edges?" + q.Encode(),
			"/graph/neighbors?session_id=s&key=k&" + url.Values{"as_of": {asOf}, "valid_at": {validAt}, "type": {value}}.Encode(),
			"/graph/history?id=1&" + url.Values{"cursor": {cursor}}.Encode(), "/graph/hubs?session_id=s&" + url.Values{"as_of": {asOf}}.Encode(),
			"/graph/nodes/1/observations?" + url.Values{"as_of": {asOf}, "cursor": {cursor}}.Encode(),
			"/graph/duplicates?session_id=s&" + url.Values{"cursor": {cursor}}.Encode(), "/graph/merge?session_id=s&" + url.Values{"cursor": {cursor}}.Encode(),
			"/graph/nodes/1/vectors/" + url.PathEscape(value),
		} {
			if res := ask(t, a.Handler(), "GET", target, "", "X-API-Key: "+userKey); res.StatusCode >= 500 {
				t.Errorf("%s: %d", target, res.StatusCode)
			}
		}
	})
}

// A day is its beginning, as it is on the command line.
func TestDaysAreTimes(t *testing.T) {
	for _, in := range []WhenInput{{AsOf: "2026-01-31"}, {ValidAt: "2026-01-31"}} {
		w, err := in.When()
		if want := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC); err != nil || !w.Time.Equal(want) && !w.ValidAt.Equal(want) {
			t.Errorf("%+v: %+v, %v", in, w, err)
		}
	}
	for _, in := range []WhenInput{{AsOf: "2026-02-31"}, {ValidAt: "2026-1-31"}, {AsOf: "yesterday"}} {
		if _, err := in.When(); err == nil {
			t.Errorf("%+v is taken", in)
		}
	}
}

// A parameter that says of when must not be passed over: who asks what knows
// the present only would take its answer for that of another time.
func TestEveryGraphReadHonoursOrRefusesAsOf(t *testing.T) {
	a := graphAPI(t)
	honoured := map[string]bool{}
	for _, path := range []string{
		"/graph/nodes", "/graph/nodes/{id}", "/graph/edges", "/graph/edges/{id}", "/graph/find", "/graph/nodes/{id}/observations", "/graph/observations/{id}",
		"/graph/neighbors", "/graph/path", "/graph/paths", "/graph/degree", "/graph/hubs", "/graph/export",
	} {
		honoured[path] = true
	}
	for _, e := range a.entries() {
		if e.Method != "GET" || !strings.HasPrefix(e.Path, "/graph/") {
			continue
		}
		for _, name := range []string{"as_of", "valid_at"} {
			path := strings.NewReplacer("{id}", "1", "{model}", "m").Replace(e.Path)
			res := ask(t, a.Handler(), "GET", path+"?"+name+"=nonsense", "", "X-API-Key: "+adminKey)
			r := refusal(t, res)
			if r.Details["field"] == "query.session_id" || r.Details["field"] == "session_id" {
				res = ask(t, a.Handler(), "GET", path+"?session_id=s&"+name+"=nonsense", "", "X-API-Key: "+adminKey)
				r = refusal(t, res)
			}
			switch {
			case r.Details["field"] != "query."+name || res.StatusCode != 400:
				t.Errorf("%s: %d %v", e.Path, res.StatusCode, r)
			case honoured[e.Path] && r.Code != CodeInvalid:
				t.Errorf("%s does not know %s: %v", e.Path, name, r)
			case !honoured[e.Path] && (r.Code != CodeUnknownParameter || !strings.Contains(r.Sentence, "only the present is known; nodes, edges, find")):
				t.Errorf("%s with %s: %v", e.Path, name, r)
			}
		}
	}
}

// Find and the one observation knew the present only.
func TestFindAndObservationsInThePast(t *testing.T) {
	a := graphAPI(t)
	ada := makeNode(t, a, "Ada", "ada")                                                                                                     // 1
	said := call(t, a, 201, "POST", fmt.Sprintf("/graph/nodes/%d/observations", ada), `{"text":"wrote","valid_to":"1852-01-01T00:00:00Z"}`) // 2
	call(t, a, 200, "PUT", fmt.Sprintf("/graph/nodes/%d", ada), `{"label":"Countess"}`)                                                     // 3
	call(t, a, 204, "DELETE", fmt.Sprintf("/graph/observations/%d", said.number(t, "id")), "")                                              // 4
	observation := fmt.Sprintf("/graph/observations/%d?session_id=s", said.number(t, "id"))
	for target, want := range map[string]string{
		"/graph/find?session_id=s&label=ada&as_of=1":             `"count":1`,
		"/graph/find?session_id=s&label=ada&as_of=3":             `"count":0`,
		"/graph/find?session_id=s&prefix=COUN&as_of=4":           `"count":1`,
		"/graph/find?session_id=s&contains=da&as_of=2":           `"count":1`,
		"/graph/find?session_id=s&contains=da":                   `"count":0`,
		"/graph/find?session_id=s&key=ada&as_of=1":               `"label":"Ada"`,
		"/graph/find?session_id=s&label=ada&as_of=1&node_type=x": `"count":0`,
		observation + "&as_of=2":                                 `"wrote"`,
		observation + "&as_of=3&valid_at=1850-01-01":             `"wrote"`,
	} {
		if got := call(t, a, 200, "GET", target, ""); !strings.Contains(got.text, want) {
			t.Errorf("%s: %s, want %s", target, got.text, want)
		}
	}
	for _, q := range []string{"", "&as_of=1", "&as_of=4", "&as_of=3&valid_at=1853-01-01"} {
		call(t, a, 404, "GET", observation+q, "")
	}
}
