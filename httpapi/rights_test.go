package httpapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/event"
)

// rightsOf are callers of every role, and of every scope that messages, tasks
// and what shows them know.
func rightsOf() (callers keys, names []string) {
	callers = keys{}
	add := func(name string, role access.Role, scopes ...string) {
		callers["mk_"+strings.Repeat("x", 20)+name] = access.Principal{ID: name, Role: role, Scopes: scopes}
		names = append(names, name)
	}
	for _, role := range []access.Role{access.RoleAdmin, access.RoleUser, access.RoleViewer, access.RoleAgent} {
		add(string(role), role)
	}
	for _, area := range []string{"messages", "agents", "tasks", "proposals", "events", "top", "traces", "graph"} {
		add(area+":read", access.RoleUser, area+":read")
		add(area+":write", access.RoleUser, area+":write")
	}
	// Of one agent: whatever the role, it is for what agents need.
	add("agent:x", access.RoleAgent, "agent:x")
	add("admin-of-x", access.RoleAdmin, "agent:x")
	return callers, names
}

// What is granted to whom. "reads" are all roles, "speaks" all but viewers; the
// scope named opens it to a credential that has scopes, and own to one of an
// agent.
type right struct {
	who   string // reads, speaks or admin
	scope string
	own   bool
}

func (r right) may(p access.Principal) bool {
	switch roles := map[string][]access.Role{
		"reads": {"admin", "user", "agent", "viewer"}, "speaks": {"admin", "user", "agent"}, "admin": {"admin"}, "writes": {"admin", "user"},
	}[r.who]; {
	case !slices.Contains(roles, p.Role):
		return false
	case len(p.Scopes) == 0 || r.scope == "":
		return true
	case strings.HasPrefix(p.Scopes[0], "agent:"):
		return r.own
	}
	return p.Scopes[0] == r.scope
}

// Who may do what by HTTP. A route of these areas that stands in no line fails.
var routeRights = map[string]right{
	"GET /agents":                         {"reads", "agents:read", true},
	"GET /api/agents":                     {"reads", "agents:read", true},
	"GET /agents/{name}":                  {"reads", "agents:read", true},
	"GET /agents/{name}/key":              {"reads", "agents:read", true},
	"PUT /agents/{name}/key":              {"speaks", "agents:write", true},
	"GET /agents/{name}/subscriptions":    {"speaks", "agents:read", true},
	"PUT /agents/{name}/subscriptions":    {"speaks", "agents:write", true},
	"DELETE /agents/{name}/subscriptions": {"speaks", "agents:write", true},
	"DELETE /agents/{name}/owner":         {"speaks", "agents:write", true},
	"PUT /agents/{name}/owner":            {"admin", "agents:write", true},
	"GET /agents/{name}/scores":           {"reads", "agents:read", true},
	"GET /agents/{name}/ws":               {"speaks", "agents:write", true},
	"GET /api/agents/{name}/ws":           {"speaks", "agents:write", true},
	"GET /ws":                             {"reads", "", true}, // its frames ask for themselves

	"POST /messages":                      {"speaks", "messages:write", true},
	"POST /messages/send/{source}":        {"speaks", "messages:write", true},
	"POST /messages/ack/{agent}":          {"speaks", "messages:write", true},
	"POST /messages/{agent}/ack":          {"speaks", "messages:write", true},
	"POST /messages/{agent}/return":       {"speaks", "messages:write", true},
	"POST /messages/{agent}/reply":        {"speaks", "messages:write", true},
	"DELETE /messages/{agent}":            {"speaks", "messages:write", true},
	"POST /messages/{agent}/dead/redrive": {"speaks", "messages:write", true},
	"POST /messages/{agent}/dead/drop":    {"speaks", "messages:write", true},
	"GET /messages/{agent}":               {"speaks", "messages:read", true},
	"GET /messages/{agent}/dead":          {"speaks", "messages:read", true},
	"GET /messages/{agent}/{seq}/body":    {"speaks", "messages:read", true},
	"GET /messages/{agent}/stream":        {"speaks", "messages:read and messages:write", true}, // it takes, unless it peeks

	"GET /tasks":                 {"reads", "tasks:read", true},
	"POST /tasks":                {"speaks", "tasks:write", true},
	"GET /tasks/{id}":            {"reads", "tasks:read", true},
	"GET /tasks/{id}/events":     {"reads", "tasks:read", true},
	"POST /tasks/{id}/status":    {"speaks", "tasks:write", true},
	"POST /tasks/{id}/cancel":    {"speaks", "tasks:write", true},
	"POST /tasks/{id}/input":     {"speaks", "tasks:write", true},
	"GET /proposals":             {"reads", "proposals:read", true},
	"POST /proposals":            {"speaks", "proposals:write", true},
	"GET /proposals/{id}":        {"reads", "proposals:read", true},
	"GET /proposals/{id}/votes":  {"reads", "proposals:read", true},
	"POST /proposals/{id}/votes": {"speaks", "proposals:write", true},

	"GET /top":               {"reads", "top:read", false},
	"GET /traces/{trace_id}": {"reads", "traces:read", false},
	"GET /events":            {"reads", "events:read", false},
}

var rightsAreas = regexp.MustCompile(`^/(agents|api/agents|ws|messages|tasks|proposals|top|traces|events)(/|$)`)

// Each role and scope may do what is written, and nothing else.
func TestWhoMayByHTTP(t *testing.T) {
	callers, _ := rightsOf()
	a := wholeAPI(t)
	a.cfg.Auth = callers
	seen := 0
	for _, r := range a.Routes() {
		if r.Public || !rightsAreas.MatchString(r.Path) {
			continue
		}
		seen++
		right, written := routeRights[r.Method+" "+r.Path]
		if !written {
			t.Errorf("nobody wrote who may %s %s", r.Method, r.Path)
			continue
		}
		for key, p := range callers {
			// What passes the policy fails at what stands behind it, which is not
			// there: it is another refusal.
			res := ask(t, a.Handler(), r.Method, parameters.ReplaceAllString(r.Path, "x"), `{"no":"field"}`, "X-API-Key: "+key, "Content-Type: application/json")
			forbidden := res.StatusCode == http.StatusForbidden && refusal(t, res).Code == CodeForbidden
			if forbidden == right.may(p) {
				t.Errorf("%s %s by %s: %d", r.Method, r.Path, p.ID, res.StatusCode)
			}
		}
	}
	if seen != len(routeRights) {
		t.Errorf("%d routes, %d are written", seen, len(routeRights))
	}
}

// Whoever may read proposals hears of them, and nobody else who follows events.
func TestProposalsAreNewsToWhoMayReadThem(t *testing.T) {
	callers, _ := rightsOf()
	for _, p := range callers {
		if hears(p, &event.Audience{Scope: "proposals:read"}) != routeRights["GET /proposals/{id}"].may(p) {
			t.Errorf("%s hears of proposals, or may read them", p.ID)
		}
	}
}

// To take messages one needs to be allowed to write, however one asks.
func TestTakingIsWriting(t *testing.T) {
	callers, _ := rightsOf()
	a, _ := messageAPI(t, func(c *Config) { c.Auth = callers })
	for key, p := range callers {
		if p.Scopes == nil || p.Scopes[0] != "messages:read" {
			continue
		}
		call(t, a, 200, "GET", "/messages/x", "", "X-API-Key: "+key)
		call(t, a, 400, "GET", "/messages/x/stream?only=durable&peek=perhaps", "", "X-API-Key: "+key, "Accept: text/event-stream")
		for path, media := range map[string]string{"/messages/x?lease=1s": "*/*", "/messages/x/stream": "text/event-stream"} {
			if e := call(t, a, 403, "GET", path, "", "X-API-Key: "+key, "Accept: "+media); e.body["code"] != CodeForbidden || !strings.Contains(e.text, "messages:write") {
				t.Errorf("%s: %s", path, e.text)
			}
		}
	}
}

// Who may send which frame: on a WebSocket that is no agent's, and on that of
// the agent x.
func TestWhoMayByWebSocket(t *testing.T) {
	callers, names := rightsOf()
	dial := dialer(t, watchable, withTasks, func(c *Config) { c.Auth = callers })
	tasks := right{"speaks", "tasks:write", true}
	frames := []struct {
		frame    string
		any, asX right
	}{
		{`{"type":"send","id":"f","to":"nobody","body":1}`, right{"speaks", "messages:write", true}, right{"speaks", "agents:write", true}},
		{`{"type":"subscribe","id":"f","topics":["a/b"]}`, right{"speaks", "messages:read", true}, right{"speaks", "agents:write", true}},
		{`{"type":"subscribe","id":"f","events":["agent.*"]}`, right{"reads", "events:read", false}, right{"speaks", "agents:write", true}},
		{`{"type":"read","id":"f","node":1}`, right{"reads", "graph:read", false}, right{"speaks", "graph:read", false}},
		{`{"type":"query","id":"f","session_id":"s","query":"RETURN 1"}`, right{"reads", "graph:read", false}, right{"speaks", "graph:read", false}},
		{`{"type":"watch","id":"f","session_id":"s"}`, right{"reads", "graph:read", false}, right{"speaks", "graph:read", false}},
		{`{"type":"write","id":"f","session_id":"s","ops":[{"op":"create_node","type":"n","label":"x"}]}`, right{"writes", "graph:write", false}, right{"writes", "graph:write", false}},
		// Whose task it is is asked behind this: TestWhoMayDoWhatToATaskByFrame.
		{`{"type":"task","id":"f","op":"submit","agent":"worker","body":1}`, tasks, tasks},
		{`{"type":"task","id":"f","op":"report","task":"1","state":"working"}`, tasks, tasks},
		{`{"type":"task","id":"f","op":"cancel","task":"1"}`, tasks, tasks},
		{`{"type":"task","id":"f","op":"input","task":"1","input":1}`, tasks, tasks},
		{`{"type":"task","id":"f","op":"get","task":"1"}`, tasks, tasks},
	}
	attaches := right{"speaks", "agents:write", true}
	for key, p := range callers {
		if !slices.Contains(names, p.ID) {
			t.Fatal(p)
		}
		for _, path := range []string{"/ws", "/agents/x/ws"} {
			if path != "/ws" && !attaches.may(p) {
				continue // TestWhoMayByHTTP
			}
			peer := dial(path, key)
			for i, f := range frames {
				right := f.any
				if path != "/ws" {
					right = f.asX
				}
				id := "f" + strconv.Itoa(i)
				peer.write("%s", strings.Replace(f.frame, `"f"`, `"`+id+`"`, 1))
				var got struct{ Type, ID, Code string }
				for got.ID != id {
					_, data, err := peer.ReadMessage()
					if err != nil {
						t.Fatal(path, p.ID, f.frame, err)
					}
					if err := json.Unmarshal(data, &got); err != nil {
						t.Fatal(err)
					}
				}
				if may := got.Code != CodeForbidden; may != right.may(p) {
					t.Errorf("%s by %s at %s: %+v", f.frame, p.ID, path, got)
				}
			}
			_ = peer.Close()
		}
	}
}
