package httpapi

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

func queryable(t *testing.T) *API {
	a := graphAPI(t)
	call(t, a, 200, "POST", "/graph/batch", `{"session_id":"s","ops":[
		{"op":"create_node","type":"person","label":"Ada Lovelace","key":"ada","properties":{"born":1815}},
		{"op":"create_node","type":"person","label":"Charles Babbage","key":"babbage"},
		{"op":"create_edge","source":"ada","target":"babbage","type":"knows"}]}`)
	return a
}

func TestGraphQuery(t *testing.T) {
	a := queryable(t)
	got := call(t, a, 200, "POST", "/graph/query", `{"session_id":"s","query":"MATCH (p {key: $k})-[r:knows]->(q) RETURN p, q.label AS other, p.born","parameters":{"k":"ada"}}`)
	if got.Header.Get("X-Mesh-Revision") != "1" || !strings.HasPrefix(got.text, `{"columns":["p","other","p.born"],"rows":[[{"id":1,"labels":["person"],"label":"Ada Lovelace","key":"ada","properties":{"born":1815}},"Charles Babbage",1815]],"count":1,"stats":{"expansions":`) {
		t.Errorf("%s %s", got.Header.Get("X-Mesh-Revision"), got.text)
	}
	got = call(t, a, 200, "POST", "/graph/query", `{"session_id":"s","query":"MATCH (p) RETURN p.born ORDER BY p.born","format":"literal","as_of":"1","valid_at":"any","max_rows":5,"timeout":"2s","budget":4096}`)
	if !strings.Contains(got.text, `"rows":[["1815"],["null"]]`) {
		t.Error(got.text)
	}
	got = call(t, a, 200, "POST", "/graph/query", `{"session_id":"s","query":"EXPLAIN MATCH (p:person) RETURN p"}`)
	if plan, _ := got.body["plan"].(string); !strings.Contains(plan, "person") || !strings.Contains(got.text, `"rows":[]`) {
		t.Error(got.text)
	}
	for body, want := range map[string]string{
		`{"session_id":"s","query":"MATCH (p) RETURN q"}`:                                      "QUERY detail UndefinedVariable",
		`{"session_id":"s","query":"MERGE (p) RETURN p"}`:                                      "QUERY class Unsupported",
		`{"session_id":"s","query":"UNWIND range(1,9) AS x RETURN x","max_rows":3}`:            "QUERY_LIMIT limit rows",
		`{"session_id":"s","query":"RETURN 1","timeout":"soon"}`:                               "INVALID field body.timeout",
		`{"session_id":"s","query":"RETURN 1","timeout":"1h"}`:                                 "INVALID field body.timeout",
		`{"session_id":"s","query":"RETURN 1","as_of":"yesterday"}`:                            "INVALID field body.as_of",
		`{"session_id":"s","query":"RETURN 1","parameters":[]}`:                                "INVALID field body.parameters",
		`{"session_id":"s","query":"RETURN 1","parameters":{"a":1,"a":2}}`:                     "MALFORMED",
		`{"session_id":"","query":"RETURN 1"}`:                                                 "INVALID field body.session_id",
		`{"session_id":"s","query":"RETURN ` + strings.Repeat("[", 5000) + `"}`:                "QUERY_LIMIT limit depth",
		`{"session_id":"s","query":"RETURN 1","params":{}}`:                                    "UNKNOWN_FIELD",
		`{"session_id":"s","query":"MATCH (a)-[*]-(b)-[*]-(c) RETURN size(a.x)","format":"x"}`: "INVALID",
	} {
		e := refusal(t, ask(t, a.Handler(), "POST", "/graph/query", body, "X-API-Key: "+userKey))
		parts := strings.Fields(want)
		if e.Code != parts[0] || len(parts) == 3 && e.Details[parts[1]] != parts[2] {
			t.Errorf("%.80s: %+v", body, e)
		}
	}
}

// A tag takes no constant.
func TestTheDocumentTellsTheLongestQuery(t *testing.T) {
	field, _ := reflect.TypeFor[graphQueryBody]().FieldByName("Query")
	if got := field.Tag.Get("maxLength"); got != strconv.Itoa(graphsync.MaxQuery) {
		t.Errorf("the document says %s, the graph takes %d", got, graphsync.MaxQuery)
	}
}

func TestAWebSocketQueries(t *testing.T) {
	p := dialer(t)("/ws", userKey)
	w := p.ask("result", `{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"one","key":"k","properties":{"x":1.0}}]}`)
	p.write(`{"type":"query","id":"q","session_id":"s","query":"MATCH (n:doc {key: $k}) RETURN n.x, n.label","parameters":{"k":"k"}}`)
	_, data, err := p.ReadMessage()
	if text := string(data); err != nil || !strings.HasPrefix(text, `{"type":"result","id":"q","revision":1,"columns":["n.x","n.label"],"rows":[[1.0,"one"]],"count":1,`) || w.Revision != 1 {
		t.Error(text)
	}
	for frame, want := range map[string]string{
		`{"type":"query","id":"q","session_id":"s","query":"RETURN"}`:                       "QUERY",
		`{"type":"query","id":"q","session_id":"s","query":"RETURN 1","timeout":"x"}`:       "INVALID",
		`{"type":"query","id":"q","session_id":"s","query":"RETURN 1","consistency":"odd"}`: "INVALID",
		`{"type":"query","id":"q","session_id":"s","query":"RETURN 1","limit":1}`:           "INVALID",
	} {
		if e := p.ask("error", "%s", frame); e.Code != want {
			t.Errorf("%s: %+v", frame, e)
		}
	}
}
