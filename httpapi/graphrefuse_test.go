package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Every refusal says which part of the request was at fault.
func TestGraphRefusals(t *testing.T) {
	a := graphAPI(t)
	ada, bob := makeNode(t, a, "Ada", "ada"), makeNode(t, a, "Bob", "bob")
	knows := makeEdge(t, a, ada, bob, "KNOWS")
	elsewhere := call(t, a, 201, "POST", "/graph/nodes", `{"session_id":"t","node_type":"n","label":"x"}`).number(t, "id")
	ids := strings.NewReplacer("{ada}", fmt.Sprint(ada), "{bob}", fmt.Sprint(bob), "{knows}", fmt.Sprint(knows), "{else}", fmt.Sprint(elsewhere))
	long := strings.Repeat("x", 1100)
	edge := `{"session_id":"s","source_id":{ada},"target_id":{bob},"edge_type":"T"`
	const posts, batch = "POST /graph/nodes", "POST /graph/batch"
	for name, c := range map[string]struct {
		route, body, code, field string
	}{
		"no session":            {posts, `{"node_type":"n","label":"x"}`, "INVALID", "body.session_id"},
		"empty session":         {posts, `{"session_id":"","node_type":"n","label":"x"}`, "INVALID", "body.session_id"},
		"session with controls": {posts, `{"session_id":"a\u0001","node_type":"n","label":"x"}`, "INVALID", "body.session_id"},
		"session too long":      {posts, `{"session_id":"` + long + `","node_type":"n","label":"x"}`, "INVALID", "body.session_id"},
		"session a number":      {posts, `{"session_id":1,"node_type":"n","label":"x"}`, "INVALID", "body.session_id"},
		"no type":               {posts, `{"session_id":"s","label":"x"}`, "INVALID", "body.node_type"},
		"type no identifier":    {posts, `{"session_id":"s","node_type":"a b","label":"x"}`, "INVALID", "body.node_type"},
		"type with newline":     {posts, `{"session_id":"s","node_type":"a\n","label":"x"}`, "INVALID", "body.node_type"},
		"no label":              {posts, `{"session_id":"s","node_type":"n"}`, "INVALID", "body.label"},
		"blank label":           {posts, `{"session_id":"s","node_type":"n","label":"  "}`, "INVALID", "body.label"},
		"label too long":        {posts, `{"session_id":"s","node_type":"n","label":"` + long + `"}`, "INVALID", "body.label"},
		"label with NUL":        {posts, `{"session_id":"s","node_type":"n","label":"a\u0000"}`, "INVALID", "body.label"},
		"empty key":             {posts, `{"session_id":"s","node_type":"n","label":"x","key":""}`, "INVALID", "body.key"},
		"key of an export":      {posts, `{"session_id":"s","node_type":"n","label":"x","key":"_:1"}`, "INVALID", "body.key"},
		"key taken":             {posts, `{"session_id":"s","node_type":"n","label":"x","key":" ADA "}`, "KEY_EXISTS", "body.key"},
		"properties a list":     {posts, `{"session_id":"s","node_type":"n","label":"x","properties":[]}`, "INVALID", "body.properties"},
		"properties too large":  {posts, `{"session_id":"s","node_type":"n","label":"x","properties":{"a":"` + strings.Repeat("y", 66<<10) + `"}}`, "INVALID", "body.properties"},
		"properties too deep":   {posts, `{"session_id":"s","node_type":"n","label":"x","properties":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40) + `}`, "INVALID", "body.properties"},
		"properties doubled":    {posts, `{"session_id":"s","node_type":"n","label":"x","properties":{"a":1,"a":2}}`, "MALFORMED", "body"},
		"label doubled":         {posts, `{"session_id":"s","node_type":"n","label":"x","label":"y"}`, "MALFORMED", "body"},
		"label not UTF-8":       {posts, "{\"session_id\":\"s\",\"node_type\":\"n\",\"label\":\"\xff\"}", "MALFORMED", "body"},
		"unknown field":         {posts, `{"session_id":"s","node_type":"n","label":"x","colour":1}`, "UNKNOWN_FIELD", "body.colour"},
		"unknown parameter":     {posts + "?x=1", `{"session_id":"s","node_type":"n","label":"x"}`, "UNKNOWN_PARAMETER", "query.x"},
		"not JSON":              {posts, `{"session_id":`, "MALFORMED", "body"},
		"a list":                {posts, `[]`, "INVALID", "body"},
		"no body":               {posts, ``, "INVALID", "body"},
		"huge":                  {posts, `{"session_id":"s","node_type":"n","label":"` + strings.Repeat("x", 1<<20) + `"}`, "TOO_LARGE", ""},

		"another case":      {posts, `{"session_id":"s","node_type":"n","label":"x","Label":"y"}`, "UNKNOWN_FIELD", "body.Label"},
		"put another case":  {"PUT /graph/nodes/{ada}", `{"Label":"y"}`, "UNKNOWN_FIELD", "body.Label"},
		"batch, other case": {batch, `{"session_id":"s","ops":[{"op":"update_node","id":{ada},"Label":"x"}]}`, "UNKNOWN_FIELD", "body.ops[0].Label"},
		"too large":         {posts, `{"session_id":"s","node_type":"n","label":"x","properties":{"a":1e999}}`, "INVALID", "body.properties.a"},
		"put too large":     {"PUT /graph/nodes/{ada}", `{"properties":{"a":[-1e500]}}`, "INVALID", "body.properties.a[0]"},
		"batch, too large":  {batch, `{"ops":[{"op":"update_node","id":{ada},"properties":{"a":1e999}}]}`, "INVALID", "body.ops[0].properties.a"},

		"put null properties":  {"PUT /graph/nodes/{ada}", `{"properties":null}`, "INVALID", "body.properties"},
		"put merge of nothing": {"PUT /graph/nodes/{ada}", `{"merge":true}`, "INVALID", "body.merge"},
		"put empty type":       {"PUT /graph/nodes/{ada}", `{"node_type":""}`, "INVALID", "body.node_type"},
		"put empty label":      {"PUT /graph/nodes/{ada}", `{"label":""}`, "INVALID", "body.label"},
		"put a key":            {"PUT /graph/nodes/{ada}", `{"key":"x"}`, "UNKNOWN_FIELD", "body.key"},
		"put absent":           {"PUT /graph/nodes/999", `{"label":"x"}`, "NOT_FOUND", "path.id"},
		"put an edge's id":     {"PUT /graph/nodes/{knows}", `{"label":"x"}`, "NOT_FOUND", "path.id"},
		"put elsewhere":        {"PUT /graph/nodes/{ada}?session_id=t", `{"label":"x"}`, "NOT_FOUND", "path.id"},

		"edge without type":      {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target_id":{bob}}`, "INVALID", "body.edge_type"},
		"edge type":              {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target_id":{bob},"edge_type":"1"}`, "INVALID", "body.edge_type"},
		"edge without source":    {"POST /graph/edges", `{"session_id":"s","target_id":{bob},"edge_type":"T"}`, "INVALID", "body.source"},
		"edge with both names":   {"POST /graph/edges", edge + `,"source":"ada"}`, "INVALID", "body.source"},
		"edge to nothing":        {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target_id":999,"edge_type":"T"}`, "NOT_FOUND", "body.target_id"},
		"edge to an edge":        {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target_id":{knows},"edge_type":"T"}`, "NOT_FOUND", "body.target_id"},
		"edge to nobody":         {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target":"nobody","edge_type":"T"}`, "NOT_FOUND", "body.target"},
		"edge across namespaces": {"POST /graph/edges", `{"session_id":"s","source_id":{ada},"target_id":{else},"edge_type":"T"}`, "NOT_FOUND", "body.target_id"},
		"edge across, no name":   {"POST /graph/edges", `{"source_id":{ada},"target_id":{else},"edge_type":"T"}`, "INVALID", "body.target"},
		"weight NaN":             {"POST /graph/edges", edge + `,"weight":NaN}`, "MALFORMED", "body"},
		"weight infinite":        {"POST /graph/edges", edge + `,"weight":1e999}`, "INVALID", "body.weight"},
		"weight a text":          {"POST /graph/edges", edge + `,"weight":"1"}`, "INVALID", "body.weight"},
		"id a text":              {"POST /graph/edges", `{"session_id":"s","source_id":"{ada}","target_id":{bob},"edge_type":"T"}`, "INVALID", "body.source_id"},
		"id a fraction":          {"POST /graph/edges", `{"session_id":"s","source_id":1.5,"target_id":{bob},"edge_type":"T"}`, "INVALID", "body.source_id"},
		"id negative":            {"POST /graph/edges", `{"session_id":"s","source_id":-1,"target_id":{bob},"edge_type":"T"}`, "INVALID", "body.source_id"},
		"put edge type":          {"PUT /graph/edges/{knows}", `{"edge_type":"T"}`, "UNKNOWN_FIELD", "body.edge_type"},
		"put absent edge":        {"PUT /graph/edges/999", `{"weight":2}`, "NOT_FOUND", "path.id"},
		"put a node's id":        {"PUT /graph/edges/{ada}", `{"weight":2}`, "NOT_FOUND", "path.id"},

		"id a word":     {"GET /graph/nodes/ada", "", "INVALID", "path.id"},
		"id zero":       {"GET /graph/nodes/0", "", "INVALID", "path.id"},
		"id below zero": {"DELETE /graph/nodes/-1", "", "INVALID", "path.id"},
		"id too great":  {"GET /graph/nodes/18446744073709551616", "", "INVALID", "path.id"},
		"id not given":  {"GET /graph/nodes/18446744073709551615", "", "NOT_FOUND", "path.id"},
		"edge by word":  {"GET /graph/edges/x", "", "INVALID", "path.id"},

		"list without session":  {"GET /graph/nodes", "", "INVALID", "query.session_id"},
		"list limit":            {"GET /graph/nodes?session_id=s&limit=1001", "", "INVALID", "query.limit"},
		"list limit zero":       {"GET /graph/nodes?session_id=s&limit=0", "", "INVALID", "query.limit"},
		"list limit word":       {"GET /graph/nodes?session_id=s&limit=all", "", "INVALID", "query.limit"},
		"list cursor":           {"GET /graph/nodes?session_id=s&cursor=%21", "", "INVALID", "query.cursor"},
		"list type":             {"GET /graph/nodes?session_id=s&node_type=a%20b", "", "INVALID", "query.node_type"},
		"list blank key":        {"GET /graph/nodes?session_id=s&key=%20", "", "INVALID", "query.key"},
		"list unknown":          {"GET /graph/nodes?session_id=s&type=n", "", "UNKNOWN_PARAMETER", "query.type"},
		"edges source":          {"GET /graph/edges?session_id=s&source_id=ada", "", "INVALID", "query.source_id"},
		"edges without session": {"GET /graph/edges", "", "INVALID", "query.session_id"},

		"find nothing asked":    {"GET /graph/find?session_id=s", "", "INVALID", "query.key"},
		"find two ways":         {"GET /graph/find?session_id=s&key=a&label=b", "", "INVALID", "query.label"},
		"find blank":            {"GET /graph/find?session_id=s&prefix=%20", "", "INVALID", "query.q"},
		"search without text":   {"GET /graph/search?session_id=s", "", "INVALID", "query.q"},
		"search match":          {"GET /graph/search?session_id=s&q=a&match=like", "", "INVALID", "query.match"},
		"neighbors of none":     {"GET /graph/neighbors?session_id=s", "", "INVALID", "query.id"},
		"neighbors of two":      {"GET /graph/neighbors?session_id=s&id={ada}&key=ada", "", "INVALID", "query.id"},
		"neighbors of unknown":  {"GET /graph/neighbors?session_id=s&key=nobody", "", "NOT_FOUND", "query.id"},
		"neighbors elsewhere":   {"GET /graph/neighbors?session_id=t&id={ada}", "", "NOT_FOUND", "query.id"},
		"neighbors too deep":    {"GET /graph/neighbors?session_id=s&id={ada}&depth=11", "", "INVALID", "query.depth"},
		"neighbors direction":   {"GET /graph/neighbors?session_id=s&id={ada}&direction=up", "", "INVALID", "query.direction"},
		"neighbors consistency": {"GET /graph/neighbors?session_id=s&id={ada}&consistency=best", "", "INVALID", "query.consistency"},
		"path without from":     {"GET /graph/path?session_id=s&to=ada", "", "INVALID", "query.from"},
		"path to two":           {"GET /graph/path?session_id=s&from=ada&to=bob&to_key=bob", "", "INVALID", "query.to"},
		"path to zero":          {"GET /graph/path?session_id=s&from=ada&to=0", "", "INVALID", "query.to"},
		"path to nobody":        {"GET /graph/path?session_id=s&from=ada&to=nobody", "", "NOT_FOUND", "query.to"},
		"path too deep":         {"GET /graph/path?session_id=s&from=ada&to=bob&max_depth=21", "", "INVALID", "query.max_depth"},
		"stats of none":         {"GET /graph/stats", "", "INVALID", "query.session_id"},
		"namespaces cursor":     {"GET /graph/namespaces?cursor=AAAA", "", "INVALID", "query.cursor"},
		"revision to come":      {"GET /graph/stats?session_id=s&min_revision=999", "", "AHEAD", ""},

		"batch of nothing":    {batch, `{"session_id":"s","ops":[]}`, "INVALID", "body.ops"},
		"batch without ops":   {batch, `{"session_id":"s"}`, "INVALID", "body.ops"},
		"batch verb":          {batch, `{"session_id":"s","ops":[{"op":"drop"}]}`, "INVALID", "body.ops[0].op"},
		"batch stray field":   {batch, `{"session_id":"s","ops":[{"op":"delete_node","id":{ada}},{"op":"delete_node","id":{bob},"label":"x"}]}`, "INVALID", "body.ops[1].label"},
		"batch unknown field": {batch, `{"session_id":"s","ops":[{"op":"delete_node","ident":1}]}`, "UNKNOWN_FIELD", "body.ops[0].ident"},
		"batch absent key":    {batch, `{"session_id":"s","ops":[{"op":"update_node","key":"nobody","label":"x"}]}`, "NOT_FOUND", "body.ops[0].key"},
		"batch version":       {batch, `{"session_id":"s","ops":[{"op":"update_node","id":{ada},"label":"x","if_version":9}]}`, "PRECONDITION_FAILED", "body.ops[0].if_version"},
		"batch too long":      {batch, `{"session_id":"s","ops":[` + strings.Repeat(`{"op":"delete_node","id":1},`, 10_000) + `{"op":"delete_node","id":1}]}`, "TOO_LARGE", "body.ops"},
		"batch too large":     {batch, `{"session_id":"s","ops":[` + strings.TrimSuffix(strings.Repeat(`{"op":"create_node","type":"n","label":"x","properties":{"a":"`+strings.Repeat("z", 60<<10)+`"}},`, 140), ",") + `]}`, "TOO_LARGE", "body.ops"},

		"export of none":     {"GET /graph/export", "", "INVALID", "query.session_id"},
		"export unknown":     {"GET /graph/export?session_id=s&colour=red", "", "UNKNOWN_PARAMETER", "query.colour"},
		"export consistency": {"GET /graph/export?session_id=s&consistency=x", "", "INVALID", "query.consistency"},
		"export to come":     {"GET /graph/export?session_id=s&min_revision=999", "", "AHEAD", ""},
		"import to none":     {"POST /graph/import", "", "INVALID", "query.session_id"},
		"import dry":         {"POST /graph/import?session_id=s&dry_run=perhaps", "", "INVALID", "query.dry_run"},
		"import as JSON":     {"POST /graph/import?session_id=s", "{}", "UNSUPPORTED_MEDIA_TYPE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			method, target, _ := strings.Cut(ids.Replace(c.route), " ")
			accept := "Accept: application/json"
			if strings.HasPrefix(target, "/graph/export") {
				accept = "Accept: application/x-ndjson"
			}
			e := refusal(t, ask(t, a.Handler(), method, target, ids.Replace(c.body), "X-API-Key: "+userKey, accept))
			if field, _ := e.Details["field"].(string); e.Code != c.code || field != c.field {
				t.Errorf("%s at %q, want %s at %q: %s %v", e.Code, field, c.code, c.field, e.Sentence, e.Details)
			}
			if strings.Contains(e.Sentence, long) || len(e.Sentence) > 1000 {
				t.Errorf("the sentence has %d bytes", len(e.Sentence))
			}
		})
	}
	if n := call(t, a, 200, "GET", "/graph/stats?session_id=s", ""); n.number(t, "nodes") != 2 || n.number(t, "edges") != 1 {
		t.Errorf("refusals changed the graph: %s", n.text)
	}
}

func TestGraphRoles(t *testing.T) {
	a := graphAPI(t)
	id := makeNode(t, a, "Ada", "ada")
	nodePath := fmt.Sprintf("/graph/nodes/%d", id)
	reads := []string{"/graph/nodes?session_id=s", nodePath, "/graph/edges?session_id=s", "/graph/find?session_id=s&key=ada", "/graph/search?session_id=s&q=a",
		"/graph/neighbors?session_id=s&key=ada", "/graph/path?session_id=s&from=ada&to=ada", "/graph/stats?session_id=s", "/graph/namespaces", "/graph/export?session_id=s",
		nodePath + "/observations", "/graph/paths?session_id=s&from=ada&to=ada", "/graph/hubs?session_id=s", "/graph/degree?session_id=s&key=ada", "/graph/history?session_id=s&key=ada",
		"/graph/duplicates?session_id=s", "/graph/merge?session_id=s", "/graph/schema?session_id=s", "/graph/retention"}
	writes := []string{"POST /graph/nodes", "PUT " + nodePath, "DELETE " + nodePath, "POST /graph/edges", "PUT /graph/edges/1", "DELETE /graph/edges/1", "POST /graph/batch", "POST /graph/import?session_id=s",
		"POST " + nodePath + "/observations", "DELETE /graph/observations/1", "PUT " + nodePath + "/aliases/x", "DELETE " + nodePath + "/aliases/x", "PUT " + nodePath + "/vectors/x",
		"DELETE " + nodePath + "/vectors/x", "POST /graph/merge", "POST /graph/merge/1/undo", "PUT /graph/schema?session_id=s", "PUT /graph/retention", "POST /graph/erase"}
	for _, path := range reads {
		res := call(t, a, 200, "GET", path, "", "X-API-Key: "+viewerKey)
		if res.Header.Get("X-Mesh-Revision") == "" || res.Header.Get("X-Mesh-Age-Ms") == "" {
			t.Errorf("%s: %v", path, res.Header)
		}
		call(t, a, 401, "GET", path, "", "X-API-Key: ")
		call(t, a, 403, "GET", path, "", "X-API-Key: "+scopedKey)
	}
	for _, w := range writes {
		method, path, _ := strings.Cut(w, " ")
		call(t, a, 403, method, path, "{}", "X-API-Key: "+viewerKey)
	}
}

// A node without a graph has no such routes.
func TestGraphAbsent(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard))
	if res := ask(t, a.Handler(), http.MethodGet, "/graph/stats?session_id=s", "", "X-API-Key: "+userKey); res.StatusCode != http.StatusNotFound {
		t.Error(res.StatusCode)
	}
}

// A number that JSON allows and nothing holds was called no JSON, and who sent
// a file as JSON was told to send JSON.
func TestHugeNumbersAndOtherFilesAreCalledWhatTheyAre(t *testing.T) {
	a := graphAPI(t)
	n := makeNode(t, a, "x", "x")
	for target, body := range map[string]string{
		"POST /graph/nodes":                             `{"session_id":"s","node_type":"n","label":"x","properties":{"a":[1e400]}}`,
		fmt.Sprintf("PUT /graph/nodes/%d", n):           `{"properties":{"a":1e400}}`,
		"POST /graph/batch":                             `{"session_id":"s","ops":[{"op":"create_node","type":"n","label":"\u0041","properties":{"a":1e400}}]}`,
		"POST /graph/edges":                             `{"source_id":1,"target_id":1,"edge_type":"T","weight":1e400}`,
		fmt.Sprintf("PUT /graph/nodes/%d/vectors/m", n): `{"vector":[1e400]}`,
	} {
		method, path, _ := strings.Cut(target, " ")
		e := call(t, a, 400, method, path, body)
		if e.body["code"] != CodeInvalid || !strings.Contains(e.text, " is not valid: it must be a number that a 64-bit float holds, or a string") {
			t.Errorf("%s: %s", target, e.text)
		}
	}
	e := call(t, a, 415, "POST", "/graph/import?session_id=s", "{}")
	if next := e.body["details"].(map[string]any)["next"].(string); !strings.HasPrefix(next, "send application/x-ndjson, ") || !strings.Contains(next, "text/csv") {
		t.Error(e.text)
	}
}
