package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A change with a condition takes effect on that version only.
func TestGraphIfMatch(t *testing.T) {
	a := graphAPI(t)
	ada, bob := makeNode(t, a, "Ada", ""), makeNode(t, a, "Bob", "")
	things := map[string]string{
		fmt.Sprintf("/graph/nodes/%d", ada):                            `{"properties":{"n":%d}}`,
		fmt.Sprintf("/graph/edges/%d", makeEdge(t, a, bob, bob, "IS")): `{"weight":%d}`,
	}
	for path, change := range things {
		t.Run(path, func(t *testing.T) {
			next := 1
			put := func(want int, match string) answer {
				next++
				return call(t, a, want, "PUT", path, fmt.Sprintf(change, next), match)
			}
			put(200, `If-Match: "1"`)
			if late := put(412, `If-Match: "1"`); late.body["code"] != "PRECONDITION_FAILED" || late.body["details"].(map[string]any)["version"] != "2" ||
				late.body["details"].(map[string]any)["field"] != "header.If-Match" {
				t.Errorf("%s", late.text)
			}
			put(200, `If-Match: 2`)
			put(200, `If-Match: *`)
			put(412, `If-Match: "0"`)
			put(400, `If-Match: "1", "2"`)
			put(400, `If-Match: W/"4"`)
			if got := call(t, a, 200, "GET", path, ""); got.Header.Get("ETag") != `"4"` {
				t.Errorf("%v", got.Header)
			}
			call(t, a, 412, "DELETE", path, "", `If-Match: "3"`)
			call(t, a, 412, "DELETE", path, "", `If-Match: "0"`)
			call(t, a, 204, "DELETE", path, "", `If-Match: "4"`)
			call(t, a, 412, "DELETE", path, "", `If-Match: "4"`)
			call(t, a, 412, "DELETE", path, "", `If-Match: *`)
			put(412, `If-Match: "4"`)
			put(412, `If-Match: *`)
			put(404, `X-None: `)
			call(t, a, 204, "DELETE", path, "")
		})
	}
}

// A write sent again under its key takes effect once and is answered alike.
func TestGraphIdempotency(t *testing.T) {
	a := graphAPI(t)
	const body = `{"session_id":"s","node_type":"n","label":"once"}`
	first := call(t, a, 201, "POST", "/graph/nodes", body, "Idempotency-Key: k1")
	again := call(t, a, 201, "POST", "/graph/nodes", body, "Idempotency-Key: k1")
	if again.text != first.text || again.Header.Get("Idempotency-Replayed") != "true" || first.Header.Get("Idempotency-Replayed") != "" ||
		again.Header.Get("Location") != first.Header.Get("Location") || again.Header.Get("ETag") != `"1"` {
		t.Errorf("%v %s", again.Header, again.text)
	}
	other := call(t, a, 409, "POST", "/graph/nodes", `{"session_id":"s","node_type":"n","label":"other"}`, "Idempotency-Key: k1")
	if other.body["code"] != "IDEMPOTENCY_MISMATCH" {
		t.Errorf("%s", other.text)
	}
	call(t, a, 201, "POST", "/graph/nodes", body, "Idempotency-Key: k1", "X-API-Key: "+adminKey) // another caller's key
	call(t, a, 400, "POST", "/graph/nodes", body, "Idempotency-Key: "+strings.Repeat("k", 300))
	for _, keys := range [][]string{{""}, {"k1", "k1"}, {"k1", ""}} {
		r := httptest.NewRequest("POST", "/graph/nodes", strings.NewReader(body))
		r.Header = http.Header{"X-Api-Key": {userKey}, "Content-Type": {"application/json"}, "Idempotency-Key": keys}
		r.Host = "node1.lan"
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"INVALID"`) || !strings.Contains(w.Body.String(), "given once") {
			t.Errorf("keys %q: %d %s", keys, w.Code, w.Body)
		}
	}

	n := first.number(t, "id")
	link := fmt.Sprintf(`{"source_id":%d,"target_id":%d,"edge_type":"SELF"}`, n, n)
	e := call(t, a, 201, "POST", "/graph/edges", link, "Idempotency-Key: k2").number(t, "id")
	call(t, a, 201, "POST", "/graph/edges", link, "Idempotency-Key: k2")
	const ops = `{"session_id":"s","ops":[{"op":"create_node","type":"n","label":"batched"}]}`
	call(t, a, 200, "POST", "/graph/batch", ops, "Idempotency-Key: k3")
	call(t, a, 200, "POST", "/graph/batch", ops, "Idempotency-Key: k3")
	path := fmt.Sprintf("/graph/edges/%d", e)
	call(t, a, 200, "PUT", path, `{"weight":2}`, "Idempotency-Key: k4", `If-Match: "1"`)
	if put := call(t, a, 200, "PUT", path, `{"weight":2}`, "Idempotency-Key: k4", `If-Match: "1"`); put.Header.Get("ETag") != `"2"` {
		t.Errorf("%v", put.Header)
	}
	call(t, a, 204, "DELETE", path, "", "Idempotency-Key: k5", `If-Match: "2"`)
	if gone := call(t, a, 204, "DELETE", path, "", "Idempotency-Key: k5", `If-Match: "2"`); gone.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v", gone.Header)
	}
	if st := call(t, a, 200, "GET", "/graph/stats?session_id=s", ""); st.number(t, "nodes") != 3 || st.number(t, "edges") != 0 {
		t.Errorf("%s", st.text)
	}
}

func TestEdgeLife(t *testing.T) {
	a := graphAPI(t)
	ada, notes := makeNode(t, a, "Ada", "ada"), makeNode(t, a, "Notes", "notes")
	// Clients that spell out what they leave out send null.
	made := call(t, a, 201, "POST", "/graph/edges", fmt.Sprintf(
		`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"WROTE","predicate":null,"properties":null,"weight":null}`, ada, notes))
	id := made.number(t, "id")
	path := fmt.Sprintf("/graph/edges/%d", id)
	if made.Header.Get("Location") != path || made.Header.Get("ETag") != `"1"` || made.number(t, "weight") != 1 ||
		made.number(t, "source_id") != ada || made.number(t, "target_id") != notes || made.body["properties"] != nil || made.body["predicate"] != nil {
		t.Errorf("%v %s", made.Header, made.text)
	}
	keyed := call(t, a, 201, "POST", "/graph/edges", `{"session_id":"s","source":"Ada","target":"notes","edge_type":"EDITED","predicate":"by hand","weight":0.5,"properties":{"year":1843}}`)
	if keyed.body["predicate"] != "by hand" || fmt.Sprint(keyed.body["weight"]) != "0.5" {
		t.Errorf("%s", keyed.text)
	}
	put := call(t, a, 200, "PUT", path, `{"weight":0,"predicate":"p","properties":{"a":1}}`)
	if put.number(t, "weight") != 0 || put.body["predicate"] != "p" || put.Header.Get("ETag") != `"2"` || put.Header.Get("Location") != path {
		t.Errorf("%v %s", put.Header, put.text)
	}
	if merged := call(t, a, 200, "PUT", path, `{"properties":{"a":null,"b":2},"merge":true}`); !strings.Contains(merged.text, `"properties":{"b":2}`) {
		t.Errorf("%s", merged.text)
	}
	call(t, a, 404, "GET", path+"?session_id=t", "")
	if list := call(t, a, 200, "GET", fmt.Sprintf("/graph/edges?session_id=s&source_id=%d&target_id=%d&edge_type=WROTE", ada, notes), ""); list.number(t, "count") != 1 {
		t.Errorf("%s", list.text)
	}
	call(t, a, 204, "DELETE", fmt.Sprintf("/graph/nodes/%d", notes), "")
	call(t, a, 404, "GET", path, "") // the node took its edges with it
	if list := call(t, a, 200, "GET", "/graph/edges?session_id=s", ""); list.text != `{"edges":[],"count":0}`+"\n" {
		t.Errorf("%q", list.text)
	}
}

// A batch takes effect whole or not at all.
func TestGraphBatch(t *testing.T) {
	a := graphAPI(t)
	good := call(t, a, 200, "POST", "/graph/batch", `{"session_id":"s","ops":[
		{"op":"create_node","type":"n","label":"A","key":"a","properties":{"x":1}},
		{"op":"upsert_node","type":"n","label":"B","key":"b"},
		{"op":"create_edge","source":"a","target":"b","type":"T","weight":0.25},
		{"op":"upsert_node","type":"n","label":"B","key":"b"},
		{"op":"update_node","key":"a","properties":{"y":2},"merge":true,"if_version":1}]}`)
	for i, want := range []string{"created", "created", "created", "unchanged", "updated"} {
		if got := good.body["results"].([]any)[i].(map[string]any)["status"]; got != want {
			t.Errorf("operation %d was %v, want %s", i, got, want)
		}
	}
	if good.number(t, "count") != 5 || good.Header.Get("X-Mesh-Revision") != "1" {
		t.Errorf("%v %s", good.Header, good.text)
	}
	bad := call(t, a, 404, "POST", "/graph/batch", `{"session_id":"s","ops":[{"op":"delete_node","key":"a"},{"op":"create_edge","source":"b","target":"nobody","type":"T"}]}`)
	if d := bad.body["details"].(map[string]any); d["op"] != "1" || d["field"] != "body.ops[1].target" {
		t.Errorf("%s", bad.text)
	}
	if st := call(t, a, 200, "GET", "/graph/stats?session_id=s", ""); st.number(t, "nodes") != 2 || st.number(t, "edges") != 1 ||
		!strings.Contains(st.text, `"node_types":{"n":2},"edge_types":{"T":1}`) {
		t.Errorf("%s", st.text)
	}
}
