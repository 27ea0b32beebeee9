package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/test/realmesh"
)

// document is a node's own description, as far as answers are held to it.
type document struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
		}
		RequestBody struct {
			Content map[string]struct{ Schema map[string]any }
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
	Components struct {
		Schemas map[string]map[string]any
	}
}

func documentOf(n *realmesh.Node) (d document) {
	n.Client("").Want(http.StatusOK, &d, http.MethodGet, "/openapi.json", nil)
	return d
}

// validate holds a value to a schema of the document.
func (d document) validate(schema map[string]any, value []byte) error {
	whole := maps.Clone(schema)
	whole["$defs"] = d.Components.Schemas
	text, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"#/components/schemas/`, `"#/$defs/`)), &s); err != nil {
		return err
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	return resolved.Validate(v)
}

// holds says what is wrong with an answer of a route.
func (d document) holds(method, path string, a realmesh.Answer) error {
	op, there := d.Paths[path][strings.ToLower(method)]
	if !there {
		return fmt.Errorf("%s %s is not described", method, path)
	}
	response, there := op.Responses[fmt.Sprint(a.Status)]
	switch {
	case !there && a.Status < 400:
		return fmt.Errorf("the status %d is not described", a.Status)
	case !there:
		response = op.Responses["default"]
	}
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content, there := response.Content[media]
	switch {
	case len(a.Body) == 0 && len(response.Content) == 0:
		return nil
	case !there && media == "application/json" && len(response.Content) == 0:
		return nil // a body of any JSON, which the summary tells
	case !there:
		return fmt.Errorf("the type %q is not described with %d", media, a.Status)
	case media != "application/json":
		return nil
	}
	return d.validate(content.Schema, a.Body)
}

// What a client of the routes of messages, agents, tasks and proposals is answered
// at any node is what the document says, for what is right and for what is wrong.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	d := documentOf(nodes[0])
	_, admin := nodes[0].APIKey("admin")
	asked := map[string]bool{}
	for i, n := range nodes {
		c := n.Client(admin)
		ids := map[string]string{"{name}": "scribe" + n.Name, "{agent}": "scribe" + n.Name, "{source}": "writer" + n.Name}
		ask := func(status int, method, path, query string, body any) realmesh.Answer {
			t.Helper()
			target := braces.ReplaceAllStringFunc(path, func(name string) string { return ids[name] })
			a, err := c.Ask(method, target+query, body)
			if err == nil && a.Status != status {
				err = fmt.Errorf("want %d", status)
			}
			if err == nil {
				err = d.holds(method, path, a)
			}
			if err != nil {
				t.Errorf("%s %s%s at %s: %v: %s", method, target, query, n.Name, err, a)
			}
			asked[method+" "+path] = true
			return a
		}
		name, writer := ids["{name}"], ids["{source}"]
		field := func(a realmesh.Answer, path ...any) any {
			t.Helper()
			var v any
			if err := json.Unmarshal(a.Body, &v); err != nil {
				t.Fatal(err, a)
			}
			for _, p := range path {
				switch p := p.(type) {
				case string:
					v = v.(map[string]any)[p]
				case int:
					v = v.([]any)[p]
				}
			}
			return v
		}
		object := func(pairs ...any) map[string]any {
			out := map[string]any{}
			for i := 0; i < len(pairs); i += 2 {
				out[pairs[i].(string)] = pairs[i+1]
			}
			return out
		}

		// Messages.
		ask(200, "POST", "/messages", "", object("to", "librarian", "body", object("op", "types"), "timeout", "5s"))
		ask(404, "POST", "/messages", "", object("to", "nobody-of-that-name", "body", 1))
		ask(200, "POST", "/messages", "", object("to", name, "body", 1, "durable", true, "type", "note", "from", writer))
		ask(200, "POST", "/messages/send/{source}", "", object("target_instance", name, "message_type", "task_result", "payload", object("n", 1), "correlation_id", "c1"))
		ask(200, "GET", "/messages/{agent}", "?consistency=linearizable", nil)
		leased := ask(200, "GET", "/messages/{agent}", "?lease=30s&limit=2&consistency=linearizable", nil)
		ids["{seq}"] = fmt.Sprint(field(leased, "messages", 0, "seq"))
		ask(200, "GET", "/messages/{agent}/{seq}/body", "", nil)
		ask(204, "POST", "/messages/{agent}/return", "", object("seqs", []any{field(leased, "messages", 0, "seq")}, "final", true, "reason", "no"))
		ask(204, "POST", "/messages/{agent}/ack", "", object("seqs", []any{field(leased, "messages", 1, "seq")}))
		ask(204, "POST", "/messages/ack/{agent}", "", object("message_ids", []any{field(leased, "messages", 1, "message_id")}))
		dead := ask(200, "GET", "/messages/{agent}/dead", "?consistency=linearizable", nil)
		ask(200, "POST", "/messages/{agent}/dead/redrive", "", object("seqs", []any{field(dead, "messages", 0, "seq")}))
		ask(200, "DELETE", "/messages/{agent}", "", nil)
		ask(200, "POST", "/messages/{agent}/dead/drop", "", object("all", true))
		ask(409, "POST", "/messages/{agent}/reply", "", object("reply_to", "1", "body", 1))

		// Agents.
		ask(200, "PUT", "/agents/{name}/subscriptions", "", object("topics", []string{"orders/*"}))
		ask(200, "GET", "/agents/{name}/subscriptions", "", nil)
		ask(204, "DELETE", "/agents/{name}/subscriptions", "?topic=orders/*", nil)
		ask(404, "GET", "/agents/{name}/key", "", nil)
		ask(200, "GET", "/agents/{name}/scores", "", nil)
		for _, path := range []string{"/agents", "/api/agents"} {
			ask(200, "GET", path, "", nil)
			ask(200, "GET", path, "?all=true&consistency=linearizable", nil)
		}
		ask(200, "GET", "/agents/{name}", "?consistency=linearizable", nil)

		// Tasks.
		ids["{id}"] = field(ask(201, "POST", "/tasks", "", object("agent", name, "type", "sum", "body", []int{1}, "from", writer, "deadline", "10m")), "id").(string)
		ask(200, "POST", "/tasks/{id}/status", "", object("state", "working", "progress", object("text", "half", "percent", 50)))
		ask(200, "POST", "/tasks/{id}/status", "", object("state", "input_required", "input", "which?"))
		ask(200, "POST", "/tasks/{id}/input", "", object("input", object("a", 1)))
		ask(200, "GET", "/tasks/{id}", "?consistency=linearizable", nil)
		ask(200, "POST", "/tasks/{id}/status", "", object("state", "failed", "error", object("code", "NO", "text", "cannot")))
		ask(200, "GET", "/tasks/{id}/events", "", nil)
		ask(409, "POST", "/tasks/{id}/cancel", "", nil)
		ask(200, "GET", "/tasks", "?consistency=linearizable&limit=2", nil)
		ask(200, "GET", "/agents/{name}/scores", "", nil)

		// Proposals.
		ids["{id}"] = field(ask(201, "POST", "/proposals", "", object("kind", "policy_change", "title", "tea", "body", object("cups", 2), "electors", []string{name, writer}, "quorum", 1)), "id").(string)
		ask(200, "POST", "/proposals/{id}/votes", "", object("agent", name, "choice", "approve", "reason", "thirst"))
		ask(200, "GET", "/proposals/{id}", "?consistency=linearizable", nil)
		ask(200, "GET", "/proposals/{id}/votes", "?consistency=linearizable", nil)
		ask(200, "GET", "/proposals", "?consistency=linearizable", nil)

		// What shows them.
		ask(200, "GET", "/top", "", nil)
		ask(200, "GET", "/metrics", "", nil)
		ids["{trace_id}"] = strings.Repeat("a1", 16)
		c.Want(200, nil, "POST", "/messages", object("to", name, "body", 1, "durable", true), "traceparent", "00-"+ids["{trace_id}"]+"-"+strings.Repeat("b2", 8)+"-01")
		ask(200, "GET", "/traces/{trace_id}", "", nil)
		ask(204, "DELETE", "/agents/{name}/owner", "?inbox=drop", nil)
		if i == 0 {
			d.wrong(t, c, ids, asked)
		}
		frames(t, n, admin, name)
	}
	for path, operations := range d.Paths {
		for method := range operations {
			route := strings.ToUpper(method) + " " + path
			if areas.MatchString(path) && !asked[route] && !slices.Contains(notAsked, route) {
				t.Errorf("%s was not asked", route)
			}
		}
	}
}

var areas = regexp.MustCompile(`^/(messages|agents|api/agents|tasks|proposals|events|top|traces|metrics)(/|$)`)

// Streams end when the client goes; they, and who takes a name or publishes a key,
// have tests of their own.
var notAsked = []string{"GET /events", "GET /messages/{agent}/stream", "GET /agents/{name}/ws", "GET /api/agents/{name}/ws", "PUT /agents/{name}/key", "PUT /agents/{name}/owner"}

// wrong asks each route with a parameter and a field that it does not know, a body
// that is no object, fields of the wrong type, and a body that is too large. Each
// is refused by name, in the documented shape.
func (d document) wrong(t *testing.T, c *realmesh.Client, ids map[string]string, asked map[string]bool) {
	for route := range asked {
		method, path, _ := strings.Cut(route, " ")
		op := d.Paths[path][strings.ToLower(method)]
		target := braces.ReplaceAllStringFunc(path, func(name string) string { return ids[name] })
		refused := func(status int, code, field, query string, body any) {
			t.Helper()
			a, err := c.Ask(method, target+query, body)
			if err != nil {
				t.Errorf("%s: %v", route, err)
				return
			}
			var e struct {
				Error   string
				Details struct{ Field string }
			}
			if err := json.Unmarshal(a.Body, &e); err != nil || a.Status != status || code != "" && a.Code() != code || e.Error == "" ||
				field != "" && e.Details.Field != field && !strings.HasPrefix(e.Details.Field, field+"[") && !strings.HasPrefix(e.Details.Field, field+".") {
				t.Errorf("%s%s %.80v: %s, want %d %s %s", route, query, body, a, status, code, field)
			}
			if err := d.holds(method, path, a); err != nil {
				t.Errorf("%s: %v in %s", route, err, a)
			}
		}
		content, takes := op.RequestBody.Content["application/json"]
		var good any
		if takes {
			good = map[string]any{}
		}
		refused(400, "UNKNOWN_PARAMETER", "query.no_such", "?no_such=1", good)
		if slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.In == "query" && p.Name == "limit" }) {
			refused(400, "INVALID", "query.limit", "?limit=many", nil)
			refused(400, "INVALID", "query.limit", "?limit=-1", nil)
			refused(400, "INVALID", "query.consistency", "?consistency=perhaps", nil)
		}
		if !takes {
			continue
		}
		schema := content.Schema
		if ref, is := schema["$ref"].(string); is {
			schema = d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
		}
		refused(400, "UNKNOWN_FIELD", "body.no_such", "", d.example(schema, map[string]any{"no_such": 1}))
		refused(400, "INVALID", "body", "", []int{1})
		refused(400, "MALFORMED", "", "", `{"a":`)
		refused(400, "", "", "", `{"a":1,"a":2}`)
		if slices.Contains([]string{"/messages", "/tasks", "/messages/{agent}/ack"}, path) {
			refused(413, "TOO_LARGE", "", "", `{"no_such":"`+strings.Repeat("x", 24<<20)+`"}`)
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, of := range properties {
			kind := fmt.Sprint(of.(map[string]any)["type"])
			for want, odd := range map[string]any{"string": 7, "integer": "x", "boolean": "x", "array": "x", "number": "x"} {
				if strings.Contains(kind, want) {
					refused(400, "INVALID", "body."+name, "", d.example(schema, map[string]any{name: odd}))
				}
			}
		}
	}
}

// example is a body with all that a schema requires, and with more.
func (d document) example(schema map[string]any, more map[string]any) map[string]any {
	out := map[string]any{}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range required {
		of, _ := properties[name.(string)].(map[string]any)
		switch kind := fmt.Sprint(of["type"]); {
		case strings.Contains(kind, "array"):
			item, _ := of["items"].(map[string]any)
			out[name.(string)] = []any{"x"}
			if fmt.Sprint(item["type"]) == "integer" {
				out[name.(string)] = []any{1}
			}
		case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
			out[name.(string)] = 1
		default:
			out[name.(string)] = "x"
		}
		if choices, is := of["enum"].([]any); is {
			out[name.(string)] = choices[0]
		}
	}
	maps.Copy(out, more)
	return out
}

// frames sends frames that are refused behind the decoder too, at a real node.
func frames(t *testing.T, n *realmesh.Node, key, agent string) {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: realmesh.PinnedTLS(n.Pin()), HandshakeTimeout: time.Minute}
	conn, _, err := dialer.Dial("wss://"+n.Address+"/ws", http.Header{"Authorization": {"Bearer " + key}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for frame, want := range map[string]string{
		`"type":"send","to":"` + agent + `","durable":true,"ttl":"1h","delay":"1h","body":1`:  "delay",
		`"type":"send","to":"` + agent + `","durable":true,"ttl":"1h","delay":"90m","body":1`: "delay",
		`"type":"send","to":"` + agent + `","durable":true,"delay":"168h","body":1`:           "delay", // the ttl that is not named
		`"type":"send","to":"` + agent + `","durable":true,"message_id":"a b","body":1`:       "message_id",
		`"type":"send","to":"` + agent + `","durable":true,"message_type":"\u0001","body":1`:  "message_type",
		`"type":"task","op":"submit","agent":"` + agent + `","body":1,"task_type":"\u0001"`:   "task_type",
		`"type":"write","ops":[{"op":"update_node","id":1,"colour":1}]`:                       "ops[0].colour",
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"id":"f",`+frame+`}`)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		var got struct {
			Type, ID, Code, Error string
			Details               map[string]string
		}
		for got.ID != "f" {
			if err := conn.ReadJSON(&got); err != nil {
				t.Fatal(frame, err)
			}
		}
		if got.Type != "error" || got.Code != "INVALID" || got.Details["field"] != want {
			t.Errorf("%s at %s: %+v, want %s", frame, n.Name, got, want)
		}
	}
}
