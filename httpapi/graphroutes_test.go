package httpapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

// items are the objects of a list in an answer.
func items(t testing.TB, a answer, name string) (out []map[string]any) {
	t.Helper()
	found, ok := a.body[name].([]any)
	if !ok {
		t.Fatalf("%s is not a list in %s", name, clip(a.text, 600))
	}
	for _, i := range found {
		out = append(out, i.(map[string]any))
	}
	return out
}

func TestObservations(t *testing.T) {
	a := graphAPI(t)
	path := fmt.Sprintf("/graph/nodes/%d/observations", makeNode(t, a, "Ada", "ada"))
	made := call(t, a, 201, "POST", path, `{"text":"wrote notes","properties":{"page":1},"provenance":"a letter","confidence":0.5,"valid_from":"1843-01-01T00:00:00Z"}`, "Idempotency-Key: one")
	if made.Header.Get("ETag") != `"1"` || made.body["provenance"] != "a letter" || made.body["valid_from"] != "1843-01-01T00:00:00Z" || made.body["created_by"] != "user" {
		t.Errorf("%v %s", made.Header, made.text)
	}
	if again := call(t, a, 200, "POST", path, `{"text":"wrote notes"}`); again.number(t, "id") != made.number(t, "id") {
		t.Error(again.text)
	}
	one := made.Header.Get("Location")
	if got := call(t, a, 200, "GET", one, "", "X-API-Key: "+viewerKey); got.text != made.text {
		t.Errorf("%s, made %s", got.text, made.text)
	}
	call(t, a, 404, "GET", one+"?session_id=other", "")
	call(t, a, 201, "POST", path, `{"text":"knew Babbage"}`)
	for query, want := range map[string]string{
		"":                                      "wrote notes,knew Babbage",
		"?order=newest":                         "knew Babbage,wrote notes",
		"?limit=1":                              "wrote notes",
		"?session_id=s&valid_at=any":            "wrote notes,knew Babbage",
		"?valid_at=1800-01-01T00:00:00Z":        "knew Babbage",
		"?as_of=2":                              "wrote notes",
		"?as_of=1":                              "",
		"?budget=1024&consistency=linearizable": "wrote notes,knew Babbage",
	} {
		var got []string
		for _, o := range items(t, call(t, a, 200, "GET", path+query, ""), "observations") {
			got = append(got, o["text"].(string))
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	call(t, a, 412, "DELETE", one, "", `If-Match: "2"`)
	call(t, a, 204, "DELETE", one, "", `If-Match: "1"`)
	call(t, a, 204, "DELETE", one, "")
	call(t, a, 404, "GET", one, "")
}

func TestAliases(t *testing.T) {
	a := graphAPI(t)
	id := makeNode(t, a, "Ada", "ada")
	path := fmt.Sprintf("/graph/nodes/%d/aliases/", id)
	got := call(t, a, 200, "PUT", path+"Countess%20of%2FLovelace", "", `If-Match: "1"`)
	if got.Header.Get("ETag") != `"2"` || !strings.Contains(got.text, `"aliases":["Countess of/Lovelace"]`) {
		t.Errorf("%v %s", got.Header, got.text)
	}
	call(t, a, 412, "PUT", path+"x", "", `If-Match: "1"`)
	if found := call(t, a, 200, "GET", "/graph/nodes?session_id=s&key="+url.QueryEscape("countess OF/lovelace"), ""); len(items(t, found, "nodes")) != 1 {
		t.Error(found.text)
	}
	makeNode(t, a, "Bob", "bob")
	if e := call(t, a, 409, "PUT", path+"bob", ""); e.body["code"] != "KEY_EXISTS" || e.body["details"].(map[string]any)["field"] != "path.alias" {
		t.Error(e.text)
	}
	if got := call(t, a, 200, "DELETE", path+"countess%20of%2Flovelace/", ""); strings.Contains(got.text, "aliases") {
		t.Error(got.text)
	}
}

func TestVectors(t *testing.T) {
	a := graphAPI(t)
	path := fmt.Sprintf("/graph/nodes/%d/vectors/", makeNode(t, a, "Ada", ""))
	call(t, a, 201, "PUT", path+"org%2Fmodel", `{"vector":[1,-0.5]}`)
	call(t, a, 200, "PUT", path+"org%2Fmodel", `{"vector":[1,2]}`)
	if got := call(t, a, 200, "GET", path+"org%2Fmodel", ""); !strings.Contains(got.text, `"model":"org/model","vector":[1,2],"version":2`) {
		t.Error(got.text)
	}
	for body, field := range map[string]string{`{"vector":[]}`: "body.vector", `{"vector":[1,2,1e39]}`: "body.vector", `{}`: "body.vector", `{"vector":null}`: "body.vector"} {
		if e := call(t, a, 400, "PUT", path+"org%2Fmodel", body); e.body["details"].(map[string]any)["field"] != field {
			t.Errorf("%s: %s", body, e.text)
		}
	}
	call(t, a, 404, "GET", path+"other", "")
	call(t, a, 204, "DELETE", path+"org%2Fmodel", "")
	call(t, a, 404, "GET", path+"org%2Fmodel", "")
}

func TestMergeAndUndo(t *testing.T) {
	a := graphAPI(t)
	ada, augusta, notes := makeNode(t, a, "Ada", "ada"), makeNode(t, a, "Augusta Ada", "augusta"), makeNode(t, a, "Notes", "notes")
	makeEdge(t, a, augusta, notes, "WROTE")
	done := call(t, a, 200, "POST", "/graph/merge", `{"session_id":"s","source":"augusta","target":"ada"}`)
	merge := done.body["merge"].(map[string]any)["id"]
	if !strings.Contains(done.text, `"aliases":["augusta"]`) {
		t.Error(done.text)
	}
	if got := call(t, a, 404, "GET", fmt.Sprintf("/graph/nodes/%d", augusta), ""); got.body["details"].(map[string]any)["merged_into"] != strconv.FormatUint(ada, 10) {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "GET", fmt.Sprintf("/graph/nodes/%d?as_of=4", augusta), ""); got.body["label"] != "Augusta Ada" {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "GET", "/graph/merge?session_id=s", ""); len(items(t, got, "merges")) != 1 {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "POST", fmt.Sprintf("/graph/merge/%s/undo", merge), ""); got.body["label"] != "Augusta Ada" || got.number(t, "id") != augusta {
		t.Error(got.text)
	}
	call(t, a, 404, "POST", fmt.Sprintf("/graph/merge/%s/undo", merge), "")
	if e := call(t, a, 400, "POST", "/graph/merge", `{"session_id":"s","source":"ada"}`); e.body["details"].(map[string]any)["field"] != "body.target" {
		t.Error(e.text)
	}
}

func TestDuplicatesAreSuggested(t *testing.T) {
	a := graphAPI(t)
	makeNode(t, a, "Ada Lovelace", "")
	makeNode(t, a, "Lovelace, Ada", "")
	makeNode(t, a, "Charles Babbage", "")
	got := call(t, a, 200, "GET", "/graph/duplicates?session_id=s&node_type=concept&min_score=0.8", "")
	if pairs := items(t, got, "pairs"); len(pairs) != 1 {
		t.Error(got.text)
	}
	call(t, a, 400, "GET", "/graph/duplicates?session_id=s&min_score=2", "")
}

func TestSchemaAndRetention(t *testing.T) {
	a := graphAPI(t)
	if got := call(t, a, 200, "GET", "/graph/schema?session_id=s", ""); strings.TrimSpace(got.text) != "{}" {
		t.Error(got.text)
	}
	call(t, a, 403, "PUT", "/graph/schema?session_id=s", "{}", "X-API-Key: "+viewerKey)
	call(t, a, 400, "PUT", "/graph/schema", "{}")
	call(t, a, 200, "PUT", "/graph/schema?session_id=s", `{"closed":true,"node_types":{"person":{"required":["born"]}},"edge_types":{"LIVES_IN":{"single":true}}}`)
	if got := call(t, a, 200, "GET", "/graph/schema?session_id=s", ""); !strings.Contains(got.text, `"closed":true`) || !strings.Contains(got.text, `"required":["born"]`) {
		t.Error(got.text)
	}
	if e := call(t, a, 409, "POST", "/graph/nodes", `{"session_id":"s","node_type":"person","label":"x"}`); e.body["code"] != "SCHEMA" {
		t.Error(e.text)
	}
	call(t, a, 403, "PUT", "/graph/retention", `{"days":3}`)
	if got := call(t, a, 200, "PUT", "/graph/retention", `{"days":3}`, "X-API-Key: "+adminKey); got.number(t, "days") != 3 || got.number(t, "bytes") != graphsync.DefaultKeepBytes {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "GET", "/graph/retention", "", "X-API-Key: "+viewerKey); got.number(t, "days") != 3 {
		t.Error(got.text)
	}
	call(t, a, 400, "PUT", "/graph/retention", `{"days":36501}`, "X-API-Key: "+adminKey)
}

func TestErase(t *testing.T) {
	a := graphAPI(t)
	ada := makeNode(t, a, "Ada", "ada")
	path := fmt.Sprintf("/graph/nodes/%d", ada)
	body := fmt.Sprintf(`{"node_id":%d,"reason":"asked to be forgotten"}`, ada)
	call(t, a, 403, "POST", "/graph/erase", body)
	for _, bad := range []string{`{"reason":"x"}`, `{"key":"ada","reason":"x"}`, fmt.Sprintf(`{"node_id":%d}`, ada), fmt.Sprintf(`{"node_id":%d,"edge_id":2,"reason":"x"}`, ada)} {
		call(t, a, 400, "POST", "/graph/erase", bad, "X-API-Key: "+adminKey)
	}
	// By a batch it needs the same role, whichever way the batch is read.
	for _, spelled := range []string{"reason", `\u0072eason`} {
		e := call(t, a, 403, "POST", "/graph/batch", fmt.Sprintf(`{"ops":[{"op":"erase_node","id":%d,"%s":"x"}]}`, ada, spelled))
		if e.body["details"].(map[string]any)["role_needed"] != "admin" {
			t.Error(e.text)
		}
	}
	call(t, a, 200, "POST", "/graph/erase", body, "X-API-Key: "+adminKey)
	call(t, a, 404, "GET", path, "")
	call(t, a, 404, "GET", path+"?as_of=1", "")
	call(t, a, 403, "GET", "/graph/erasures", "")
	got := items(t, call(t, a, 200, "GET", "/graph/erasures", "", "X-API-Key: "+adminKey), "erasures")
	if len(got) != 1 || got[0]["reason"] != "asked to be forgotten" || got[0]["erased_by"] != "admin" {
		t.Error(got)
	}
}

// Every verb goes by a batch, and what it did is read back.
func TestBatchOfEveryVerb(t *testing.T) {
	for _, way := range []string{`"session_id"`, `"\u0073ession_id"`} { // the short way and the typed one
		a := graphAPI(t)
		ops := []string{
			`{"op":"create_node","type":"person","label":"Ada","key":"ada","expires_at":"2099-01-01T00:00:00Z"}`,
			`{"op":"upsert_node","type":"person","label":"Augusta","key":"augusta","properties":{"born":1815}}`,
			`{"op":"update_node","key":"ada","label":"Ada L"}`,
			`{"op":"create_edge","source":"ada","target":"augusta","type":"SAME","valid_from":"1815-01-01T00:00:00Z","provenance":"p","confidence":0.9}`,
			`{"op":"upsert_edge","source":"ada","target":"augusta","type":"LIKE","weight":2,"parallel":0}`,
			`{"op":"add_alias","key":"ada","alias":"countess"}`,
			`{"op":"remove_alias","key":"countess","alias":"countess"}`,
			`{"op":"add_observation","key":"ada","text":"wrote notes"}`,
			`{"op":"add_observation","key":"augusta","text":"was born in London"}`,
			`{"op":"delete_observation","key":"ada","text":"wrote notes"}`,
			`{"op":"set_vector","key":"ada","model":"m","vector":[0.5,1]}`,
			`{"op":"delete_vector","key":"ada","model":"m"}`,
			`{"op":"merge_nodes","source":"augusta","target":"ada"}`,
			`{"op":"set_schema","schema":{"edge_types":{"LIVES_IN":{"single":true}}}}`,
			`{"op":"set_retention","days":30,"bytes":1073741824}`,
		}
		got := call(t, a, 200, "POST", "/graph/batch", `{`+way+`:"s","ops":[`+strings.Join(ops, ",")+`]}`, "X-API-Key: "+adminKey)
		if got.number(t, "count") != uint64(len(ops)) {
			t.Fatal(got.text)
		}
		results := items(t, got, "results")
		node := call(t, a, 200, "GET", "/graph/nodes?session_id=s&key=augusta", "")
		if !strings.Contains(node.text, `"label":"Ada L"`) || !strings.Contains(node.text, `"properties":{"born":1815}`) || !strings.Contains(node.text, `"expires_at":"2099`) {
			t.Error(node.text)
		}
		edge := call(t, a, 200, "GET", fmt.Sprintf("/graph/edges/%s", results[3]["id"]), "")
		for _, part := range []string{`"valid_from":"1815-01-01T00:00:00Z"`, `"provenance":"p"`, `"confidence":0.9`} {
			if !strings.Contains(edge.text, part) {
				t.Errorf("%s lacks %s", edge.text, part)
			}
		}
		more := fmt.Sprintf(`{%s:"s","ops":[{"op":"update_edge","id":%s,"confidence":-1,"valid_from":"0001-01-01T00:00:00Z"},{"op":"undo_merge","id":%s},{"op":"erase_observation","id":%s},{"op":"erase_edge","id":%s,"reason":"r"},{"op":"delete_edge","id":%s},{"op":"erase_node","key":"augusta"},{"op":"delete_node","key":"ada"}]}`,
			way, results[4]["id"], results[12]["id"], results[8]["id"], results[3]["id"], results[4]["id"])
		call(t, a, 200, "POST", "/graph/batch", more, "X-API-Key: "+adminKey)
		if left := call(t, a, 200, "GET", "/graph/nodes?session_id=s", ""); left.number(t, "count") != 0 {
			t.Error(left.text)
		}
	}
}
