package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// soloMesh is a mesh of the node "n1" alone: its router and its directory.
type soloMesh struct {
	*message.Router
	mu     sync.Mutex
	agents []message.Local
}

func (m *soloMesh) Lookup(agent string) (hosts []message.Host) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.agents {
		if l.Name == agent {
			hosts = append(hosts, message.Host{NodeID: "n1", NodeName: "one", Alive: true, Instances: l.Instances})
		}
	}
	return hosts
}

func (m *soloMesh) ResolveNode(ref string) (string, error) {
	if ref == "one" || ref == "n1" {
		return "n1", nil
	}
	return "", errors.New("no such node")
}

func (m *soloMesh) Announce(agents []message.Local) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.agents = slices.Clone(agents)
}

func (m *soloMesh) Agents() (list []node.Agent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.agents {
		list = append(list, node.Agent{Name: l.Name, Kind: l.Kind, Hosts: []node.AgentHost{{NodeID: "n1", Node: "one", Instances: l.Instances}}})
	}
	return list
}

// noLink stands for the links of a node that has no peers.
type noLink struct{ message.Link }

// Credentials of other people than the ones of helpers_test.go.
const (
	otherKey   = "mk_other_s3cretothers3cret"
	namedKey   = "at_named_s3cretnameds3cret"
	limitedKey = "at_limited_s3cretlimiteds3"
)

var messageKeys = keys{
	adminKey: testKeys[adminKey], userKey: testKeys[userKey], viewerKey: testKeys[viewerKey], agentKey: testKeys[agentKey],
	otherKey:   {ID: "other", Role: access.RoleUser},
	namedKey:   {ID: "named", Role: access.RoleAgent, Scopes: []string{"agent:reviewer"}},
	limitedKey: {ID: "limited", Role: access.RoleUser, Scopes: []string{"messages:read"}},
}

// messageAPI is the whole middleware over inboxes in memory and a router.
func messageAPI(t testing.TB, change ...func(*Config)) (*API, *soloMesh) {
	t.Helper()
	part := inbox.NewPart()
	state := consensustest.New(part)
	service := inbox.NewService(inbox.Config{State: state, Part: part})
	mesh := &soloMesh{}
	mesh.Router = message.New(message.Config{NodeID: "n1", Directory: mesh, Link: noLink{}, Peers: func() []string { return nil }})
	cfg := testConfig(io.Discard)
	cfg.Auth, cfg.Messages, cfg.Inboxes, cfg.MeshID = messageKeys, mesh, service, "mesh"
	cfg.Settle = func(ctx context.Context, o consensus.ReadOptions) (consensus.ReadInfo, error) {
		return state.View(ctx, o, func(consensus.Reader) error { return nil })
	}
	for _, c := range change {
		c(&cfg)
	}
	a := mustBuild(t, cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), until)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
		mesh.Close()
		service.Close()
	})
	return a, mesh
}

var (
	someTime = regexp.MustCompile(`"20\d\d-[^"]+Z"`)
	someID   = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f-]{27}"`)
)

// golden is an answer with what differs each time left out.
func golden(text string) string {
	return strings.TrimSpace(someID.ReplaceAllString(someTime.ReplaceAllString(text, `"TIME"`), `"ID"`))
}

// The routes of older instances answer in the shapes that those know, with what
// is new behind them.
func TestOlderMessages(t *testing.T) {
	a, _ := messageAPI(t)
	post := func(want int, path, body string, header ...string) answer {
		t.Helper()
		return call(t, a, want, "POST", path, body, header...)
	}
	sent := post(200, "/messages/send/writer", `{"target_instance":"reviewer","message_type":"task_delegation","payload":{"n":1},"correlation_id":"c1"}`)
	if got := golden(sent.text); got != `{"message_id":"ID","status":"queued","delivered_to":["reviewer"],"known":false}` {
		t.Error(got)
	}
	id := sent.body["message_id"].(string)
	post(200, "/messages/send/writer", `{"target_instance":"reviewer","message_type":{"Custom":"review"},"payload":null}`)

	// The recipient is whoever comes first under the name.
	const shape = `{"messages":[` +
		`{"message_id":"ID","source_instance":"writer","target_instance":"reviewer","message_type":"TaskDelegation","payload":{"n":1},"correlation_id":"c1","created_at":"TIME",` +
		`"seq":1,"from":{"agent":"writer","principal":"user","node":""},"priority":"normal","size":7,"attempts":0,"max_attempts":5,"expires_at":"TIME","request_id":"REQUEST"},` +
		`{"message_id":"ID","source_instance":"writer","target_instance":"reviewer","message_type":{"Custom":"review"},"payload":null,"correlation_id":null,"created_at":"TIME",` +
		`"seq":2,"from":{"agent":"writer","principal":"user","node":""},"priority":"normal","size":4,"attempts":0,"max_attempts":5,"expires_at":"TIME","request_id":"REQUEST"}]}`
	got := call(t, a, 200, "GET", "/messages/reviewer", "", "X-API-Key: "+otherKey)
	if text := regexp.MustCompile(`"request_id":"[^"]+"`).ReplaceAllString(golden(got.text), `"request_id":"REQUEST"`); text != shape {
		t.Errorf("\n%s, want\n%s", text, shape)
	}
	if got.Header.Get("X-Mesh-Revision") == "" {
		t.Error("no revision")
	}

	// Both paths acknowledge, and only what is the recipient's.
	post(204, "/messages/ack/reviewer", fmt.Sprintf(`{"message_ids":[%q]}`, id), "X-API-Key: "+otherKey)
	if ack := post(204, "/messages/reviewer/ack", `{"message_ids":["nothing"],"seqs":[2,99]}`, "X-API-Key: "+otherKey); ack.Header.Get("X-Mesh-Acknowledged") != "1" || ack.Header.Get("X-Mesh-Revision") == "" {
		t.Errorf("%v", ack.Header)
	}
	if left := call(t, a, 200, "GET", "/messages/reviewer", "", "X-API-Key: "+otherKey); strings.TrimSpace(left.text) != `{"messages":[]}` {
		t.Error(left.text)
	}

	// A broadcast goes to all that are known but the sender, and each
	// acknowledges its own.
	claims(t, a, "tester", "X-API-Key: "+otherKey)
	all := post(200, "/messages/send/writer", `{"target_instance":null,"message_type":"NOTIFICATION","payload":"hi"}`)
	if got := golden(all.text); got != `{"message_id":"ID","status":"queued","delivered_to":["reviewer","tester"],"known":true}` {
		t.Error(got)
	}
	post(204, "/messages/ack/reviewer", fmt.Sprintf(`{"message_ids":[%q]}`, all.body["message_id"]), "X-API-Key: "+otherKey)
	if left := call(t, a, 200, "GET", "/messages/tester", "", "X-API-Key: "+otherKey); !strings.Contains(left.text, `"message_type":"Notification"`) {
		t.Error(left.text)
	}

	for body, field := range map[string]string{
		`{"message_type":"Query","payload":1,"target_instance":"No Name"}`: "body.target_instance",
		`{"message_type":"","payload":1}`:                                  "body.message_type",
		`{"message_type":{"Other":"x"},"payload":1}`:                       "body.message_type",
		`{"message_type":"Query"}`:                                         "body.payload",
		`{"message_type":"Query","payload":1,"more":1}`:                    "body.more",
	} {
		if e := post(400, "/messages/send/writer", body); e.body["details"].(map[string]any)["field"] != field {
			t.Errorf("%s: %s", body, e.text)
		}
	}
}

// Every kind that older instances know comes in in any spelling and goes out in
// theirs.
func TestMessageTypes(t *testing.T) {
	for in, want := range map[string]string{
		`"Query"`: `"Query"`, `"query"`: `"Query"`, `"TASK-RESULT"`: `"TaskResult"`, `"workflowStageResult"`: `"WorkflowStageResult"`,
		`"learning_share"`: `"LearningShare"`, `"deploy"`: `{"Custom":"deploy"}`, `{"Custom":"x y"}`: `{"Custom":"x y"}`, `{"Custom":"graph_sync"}`: `"GraphSync"`, `""`: `{"Custom":""}`,
	} {
		var m messageType
		if err := m.UnmarshalJSON([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if out, err := m.MarshalJSON(); err != nil || string(out) != want {
			t.Errorf("%s came out as %s, want %s (%v)", in, out, want, err)
		}
	}
}

func FuzzMessageType(f *testing.F) {
	for _, s := range []string{`"Query"`, `{"Custom":"x"}`, `null`, `7`, `{"Custom":""}`, `"_"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again messageType
		if m.UnmarshalJSON(b) != nil || m == "" {
			return
		}
		out, err := m.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(out); err != nil || again != messageType(knownMessageType(string(m))) {
			t.Fatalf("%q became %q by %s (%v)", m, again, out, err)
		}
	})
}

// A durable message is answered when it is durable, carries what it was sent
// with, and is the same message when it is sent again.
func TestSendDurable(t *testing.T) {
	a, _ := messageAPI(t)
	send := func(want int, body string, header ...string) answer {
		t.Helper()
		return call(t, a, want, "POST", "/messages", body, header...)
	}
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	one := send(200, `{"id":"m1","to":"reviewer","type":"task","body":{"n":1},"durable":true,"conversation":"c","priority":"high","ttl":"1h","max_attempts":2}`, "traceparent: "+trace)
	if got := strings.TrimSpace(one.text); got != `{"id":"m1","status":"accepted","known":false}` || one.Header.Get("X-Mesh-Revision") == "" {
		t.Error(got, one.Header)
	}
	two := send(200, `{"id":"m1","to":"reviewer","type":"task","body":{"n":1},"durable":true,"conversation":"c"}`)
	if two.body["duplicate"] != true || two.Header.Get("Idempotency-Replayed") != "true" {
		t.Error(two.text)
	}
	key := send(200, `{"to":"reviewer","body":2,"durable":true}`, "Idempotency-Key: k1")
	again := send(200, `{"to":"reviewer","body":2,"durable":true}`, "Idempotency-Key: k1")
	if again.body["id"] != key.body["id"] || again.body["duplicate"] != true || key.body["duplicate"] != nil {
		t.Error(key.text, again.text)
	}
	send(400, `{"to":"reviewer","body":2,"durable":true}`, "Idempotency-Key: not one")
	for _, other := range []struct{ code, body, key, differs, says string }{
		{"IDEMPOTENCY_MISMATCH", `{"to":"reviewer","body":3,"durable":true}`, "k1", "body", "differ in body"},
		{"IDEMPOTENCY_MISMATCH", `{"to":"topic/a","type":"x","body":2,"durable":true}`, "k1", "to,type", "differ in to, type"},
		{"MESSAGE_ID_REUSED", `{"id":"m1","to":"reviewer","type":"task","body":{"n":2},"durable":true,"conversation":"c"}`, "k2", "body", "its body differs"},
	} {
		e := send(409, other.body, "Idempotency-Key: "+other.key)
		if d := e.body["details"].(map[string]any); e.body["code"] != other.code || d["differs"] != other.differs || !strings.Contains(e.text, other.says) {
			t.Errorf("%s: %s", other.body, e.text)
		}
	}
	send(200, `{"to":"reviewer@one","body":3,"durable":true,"delay":"1h"}`)

	got := call(t, a, 200, "GET", "/messages/reviewer?limit=1", "")
	m := got.body["messages"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{"message_id": "m1", "conversation": "c", "priority": "high", "traceparent": trace, "source_instance": "user", "message_type": map[string]any{"Custom": "task"}} {
		if fmt.Sprint(m[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	next := got.body["next"].(string)
	rest := call(t, a, 200, "GET", "/messages/reviewer?bodies=false&cursor="+next, "")
	list := rest.body["messages"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["payload"] != nil || list[1].(map[string]any)["node"] != "n1" || list[1].(map[string]any)["not_before"] == nil {
		t.Error(rest.text)
	}

	for body, want := range map[string]string{
		`{"to":"reviewer","body":1,"durable":true,"wait":true}`:                 "body.wait",
		`{"to":"reviewer","body":1,"durable":true,"timeout":"1s"}`:              "body.wait",
		`{"to":"reviewer","body":1,"durable":true,"ttl":"800h"}`:                "body.ttl",
		`{"to":"reviewer","body":1,"durable":true,"delay":"-1s"}`:               "body.delay",
		`{"to":"reviewer","body":1,"durable":true,"delay":"1h","ttl":"1h"}`:     "delay",
		`{"to":"reviewer","body":1,"durable":true,"priority":"urgent"}`:         "body.priority",
		`{"to":"reviewer","body":1,"ttl":"1h"}`:                                 "body.durable",
		`{"to":"reviewer","body":1,"key":"sha256:x"}`:                           "body.key",
		`{"to":"reviewer","body":1,"seal":true,"sealed":true}`:                  "body.seal",
		`{"to":"topic/a","body":1,"seal":true}`:                                 "body.to",
		`{"to":"reviewer","body":1,"durable":true,"redelivery":"100h"}`:         "body.redelivery",
		`{"to":"reviewer","body":1,"durable":true,"from":"Reviewer the Great"}`: "name",
	} {
		e := send(400, body)
		if field := e.body["details"].(map[string]any)["field"]; field != want {
			t.Errorf("%s: the field is %v: %s", body, field, e.text)
		}
	}
	if e := send(404, `{"to":"reviewer@nowhere","body":1,"durable":true}`); e.body["code"] != "UNKNOWN_ADDRESS" {
		t.Error(e.text)
	}
	if e := send(404, `{"to":"topic/nobody","body":1,"durable":true}`); e.body["code"] != "NO_SUBSCRIBERS" {
		t.Error(e.text)
	}
}

// An inbox is read, leased, given back, and what died is seen and redriven.
func TestInboxLife(t *testing.T) {
	a, _ := messageAPI(t)
	for i := range 3 {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"id":"m%d","to":"reviewer","body":{"n":%d},"durable":true,"from":"writer%d"}`, i, i, i))
	}
	seqs := func(got answer) (out []uint64) {
		for _, m := range got.body["messages"].([]any) {
			out = append(out, answer{body: m.(map[string]any)}.number(t, "seq"))
		}
		return out
	}
	leased := call(t, a, 200, "GET", "/messages/reviewer?lease=10m&limit=2", "")
	if got := seqs(leased); !slices.Equal(got, []uint64{1, 2}) {
		t.Fatal(leased.text)
	}
	if got := seqs(call(t, a, 200, "GET", "/messages/reviewer?lease=10m", "")); !slices.Equal(got, []uint64{3}) {
		t.Error(got)
	}
	if all := call(t, a, 200, "GET", "/messages/reviewer", ""); len(seqs(all)) != 3 || !strings.Contains(all.text, `"lease_until"`) {
		t.Error(all.text)
	}
	call(t, a, 204, "POST", "/messages/reviewer/return", `{"seqs":[1]}`)
	if got := seqs(call(t, a, 200, "GET", "/messages/reviewer?lease=1m", "")); !slices.Equal(got, []uint64{1}) {
		t.Error(got)
	}
	call(t, a, 204, "POST", "/messages/reviewer/return", `{"seqs":[1,2],"final":true,"reason":"no such task"}`)
	dead := call(t, a, 200, "GET", "/messages/reviewer/dead", "")
	if got := seqs(dead); !slices.Equal(got, []uint64{1, 2}) || !strings.Contains(dead.text, `"reason":"no such task","death":"returned"`) {
		t.Error(dead.text)
	}
	if body := call(t, a, 200, "GET", "/messages/reviewer/3/body", ""); strings.TrimSpace(body.text) != `{"n":2}` || body.Header.Get("Content-Type") != "application/json" {
		t.Error(body.text, body.Header)
	}
	if e := call(t, a, 404, "GET", "/messages/reviewer/77/body", ""); e.body["code"] != "MESSAGE_UNKNOWN" {
		t.Error(e.text)
	}
	if got := call(t, a, 200, "POST", "/messages/reviewer/dead/redrive", `{"seqs":[2]}`); strings.TrimSpace(got.text) != `{"redriven":1}` {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "POST", "/messages/reviewer/dead/drop", `{"all":true}`); strings.TrimSpace(got.text) != `{"dropped":1}` {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "DELETE", "/messages/reviewer", ""); strings.TrimSpace(got.text) != `{"purged":2}` {
		t.Error(got.text)
	}
	record := call(t, a, 200, "GET", "/agents/reviewer", "")
	if got := record.body["inbox"].(map[string]any); fmt.Sprintf("%v %v %v", got["messages"], got["dead"], record.body["owner"]) != "0 2 user" {
		t.Error(record.text)
	}
	for path, body := range map[string]string{
		"/messages/reviewer/ack": `{}`, "/messages/reviewer/return": `{"seqs":[]}`, "/messages/reviewer/dead/redrive": `{}`,
		"/messages/reviewer/dead/drop": `{"seqs":[1],"all":true}`,
	} {
		call(t, a, 400, "POST", path, body)
	}
	for _, query := range []string{"wait=0s", "wait=6m", "lease=x", "lease=1s&bodies=false", "wait=1s&cursor=x", "limit=0", "limit=1001"} {
		call(t, a, 400, "GET", "/messages/reviewer?"+query, "")
	}
}

// claims comes to own a name by a POST that does nothing else.
func claims(t testing.TB, a *API, name string, header ...string) {
	t.Helper()
	call(t, a, 204, "POST", "/messages/"+name+"/ack", `{"message_ids":["none"]}`, header...)
}

// Looking at free names makes nobody their owner: whoever polled long enough
// owned all that were free. With the first message the one who looks does.
func TestLookingClaimsNoName(t *testing.T) {
	a, _ := messageAPI(t)
	paths := []string{"/messages/free", "/messages/free?lease=1s", "/messages/free?wait=1ms", "/messages/free/dead", "/agents/free/subscriptions"}
	for _, path := range paths {
		for _, key := range []string{userKey, otherKey} {
			call(t, a, 200, "GET", path, "", "X-API-Key: "+key)
		}
	}
	call(t, a, 404, "GET", "/messages/free/1/body", "")
	if e := call(t, a, 404, "GET", "/agents/free", ""); e.body["code"] != "UNKNOWN_ADDRESS" {
		t.Error(e.text)
	}
	// One waits, and a message comes.
	got := make(chan answer, 1)
	go func() { got <- call(t, a, 200, "GET", "/messages/free?wait=1m", "", "X-API-Key: "+otherKey) }()
	call(t, a, 200, "POST", "/messages", `{"to":"free","body":"secret","durable":true}`)
	if first := <-got; !strings.Contains(first.text, "secret") {
		t.Error(first.text)
	}
	for _, path := range append(paths, "/messages/free/1/body") {
		if e := call(t, a, 403, "GET", path, ""); strings.Contains(e.text, "secret") {
			t.Error(e.text)
		}
	}
	if page := call(t, a, 200, "GET", "/agents?all=true&owner=me", "", "X-API-Key: "+otherKey); len(items(t, page, "agents")) != 1 {
		t.Error(page.text)
	}
	if page := call(t, a, 200, "GET", "/agents?all=true&owner=me", ""); len(items(t, page, "agents")) != 0 {
		t.Error(page.text)
	}
	// The owner lets go of it, and nobody else but an administrator does.
	call(t, a, 403, "DELETE", "/agents/free/owner", "")
	call(t, a, 409, "DELETE", "/agents/free/owner", "", "X-API-Key: "+otherKey) // a message waits
	call(t, a, 204, "DELETE", "/agents/free/owner?inbox=keep", "", "X-API-Key: "+otherKey)
	call(t, a, 200, "GET", "/messages/free", "")
	call(t, a, 403, "GET", "/messages/free", "", "X-API-Key: "+otherKey)
}

// Who may not act as an agent gets nothing of it, and cannot pretend to be it.
func TestNotYourAgent(t *testing.T) {
	a, mesh := messageAPI(t)
	claims(t, a, "reviewer") // by "user"
	routes := []struct{ method, path, body string }{
		{"GET", "/messages/reviewer", ""},
		{"GET", "/messages/reviewer?lease=1s", ""},
		{"GET", "/messages/reviewer?wait=1ms", ""},
		{"GET", "/messages/reviewer/1/body", ""},
		{"GET", "/messages/reviewer/dead", ""},
		{"GET", "/agents/reviewer/subscriptions", ""},
		{"POST", "/messages/reviewer/ack", `{"seqs":[1]}`},
		{"POST", "/messages/ack/reviewer", `{"message_ids":["x"]}`},
		{"POST", "/messages/reviewer/return", `{"seqs":[1]}`},
		{"POST", "/messages/reviewer/reply", `{"reply_to":"x","body":1}`},
		{"POST", "/messages/reviewer/dead/redrive", `{"all":true}`},
		{"POST", "/messages/reviewer/dead/drop", `{"all":true}`},
		{"DELETE", "/messages/reviewer", ""},
		{"PUT", "/agents/reviewer/subscriptions", `{"topics":["a"]}`},
		{"DELETE", "/agents/reviewer/subscriptions?topic=a", ""},
		{"PUT", "/agents/reviewer/key", `{"recipient":"RECIPIENT"}`},
		{"POST", "/messages/send/reviewer", `{"message_type":"Query","payload":1}`},
		{"POST", "/messages", `{"to":"x","body":1,"from":"reviewer"}`},
		{"POST", "/messages", `{"to":"x","body":1,"from":"reviewer","durable":true}`},
		{"GET", "/messages/reviewer/stream", ""},
	}
	recipient := testRecipient(t)
	for _, r := range routes {
		body := strings.Replace(r.body, "RECIPIENT", recipient, 1)
		for key, allowed := range map[string]bool{otherKey: false, agentKey: false, userKey: true, adminKey: true, namedKey: true} {
			header := []string{"X-API-Key: " + key}
			if strings.HasSuffix(r.path, "/stream") {
				if allowed {
					continue // it would not end
				}
				header = append(header, "Accept: text/event-stream")
			}
			res := ask(t, a.Handler(), r.method, r.path, body, header...)
			if refused := res.StatusCode == http.StatusForbidden; refused == allowed {
				text, _ := io.ReadAll(res.Body)
				t.Errorf("%s %s by %s: %d %s", r.method, r.path, messageKeys[key].ID, res.StatusCode, text)
			} else if refused {
				if e := refusal(t, res); e.Code != "NOT_YOUR_AGENT" || e.Details["next"] == nil {
					t.Errorf("%s %s: %+v", r.method, r.path, e)
				}
			}
		}
	}
	// A credential for one agent is for no other, though nobody owns it.
	if e := call(t, a, 403, "GET", "/messages/nobody", "", "X-API-Key: "+namedKey); e.body["code"] != "NOT_YOUR_AGENT" {
		t.Error(e.text)
	}
	call(t, a, 403, "GET", "/echo", "", "X-API-Key: "+namedKey)
	call(t, a, 403, "POST", "/messages", `{"to":"x","body":1,"durable":true}`, "X-API-Key: "+limitedKey)
	call(t, a, 403, "GET", "/messages/reviewer", "", "X-API-Key: "+viewerKey)

	// A credential for one agent is its first owner too.
	call(t, a, 204, "DELETE", "/agents/reviewer/owner", "", "X-API-Key: "+adminKey)
	call(t, a, 200, "GET", "/messages/reviewer", "", "X-API-Key: "+namedKey)
	call(t, a, 403, "GET", "/messages/reviewer", "", "X-API-Key: "+otherKey)

	// Nobody becomes an agent of the node's own.
	mesh.Announce([]message.Local{{Name: "librarian", Kind: message.KindBuiltin, Instances: 1}})
	if e := call(t, a, 400, "GET", "/messages/librarian", ""); e.body["code"] != message.CodeNameReserved {
		t.Error(e.text)
	}
	call(t, a, 400, "POST", "/messages", `{"to":"x","body":1,"from":"librarian"}`)

	// An administrator does not become the owner, and may forget who is.
	claims(t, a, "fresh", "X-API-Key: "+adminKey)
	claims(t, a, "fresh", "X-API-Key: "+otherKey)
	call(t, a, 403, "GET", "/messages/fresh", "")
	call(t, a, 403, "DELETE", "/agents/fresh/owner", "")
	call(t, a, 204, "DELETE", "/agents/fresh/owner", "", "X-API-Key: "+adminKey)
	claims(t, a, "fresh")
	call(t, a, 403, "GET", "/messages/fresh", "", "X-API-Key: "+otherKey)
}

// A poll answers at once with what there is, and else when something comes; the
// same with a lease.
func TestInboxLongPoll(t *testing.T) {
	a, _ := messageAPI(t)
	for _, lease := range []string{"", "&lease=1m"} {
		polled := make(chan answer, 1)
		go func() { polled <- call(t, a, 200, "GET", "/messages/reviewer?wait=30s"+lease, "") }()
		waiting(t, a, "reviewer")
		call(t, a, 200, "POST", "/messages", `{"id":"came`+lease+`","to":"reviewer","body":1,"durable":true}`)
		select {
		case got := <-polled:
			if len(got.body["messages"].([]any)) != 1 {
				t.Error(got.text)
			}
		case <-time.After(until):
			t.Fatal("the poll was not woken")
		}
		call(t, a, 204, "POST", "/messages/ack/reviewer", `{"message_ids":["came`+lease+`"]}`)
	}
	if got := call(t, a, 200, "GET", "/messages/reviewer?wait=10ms", ""); strings.TrimSpace(got.text) != `{"messages":[]}` {
		t.Error(got.text)
	}
	// What is delayed wakes by time.
	call(t, a, 200, "POST", "/messages", `{"to":"reviewer","body":1,"durable":true,"delay":"50ms"}`)
	if got := call(t, a, 200, "GET", "/messages/reviewer?wait=30s&lease=1m", ""); len(got.body["messages"].([]any)) != 1 {
		t.Error(got.text)
	}
	a.polls = make(chan struct{}) // none may wait
	if e := call(t, a, 503, "GET", "/messages/reviewer?wait=1s&lease=1s", ""); e.body["code"] != "TOO_MANY_WATCHERS" {
		t.Error(e.text)
	}
}

// waiting returns when a request waits for the inbox.
func waiting(t testing.TB, a *API, agent string) {
	t.Helper()
	for end := time.Now().Add(until); ; {
		a.inboxWaits.mu.Lock()
		n := len(a.inboxWaits.waiting[agent])
		a.inboxWaits.mu.Unlock()
		if n > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
}

// A node that stops lets its polls go.
func TestPollsEndWithTheNode(t *testing.T) {
	a, _ := messageAPI(t)
	polled := make(chan answer, 1)
	go func() { polled <- call(t, a, 200, "GET", "/messages/reviewer?wait=5m", "") }()
	waiting(t, a, "reviewer")
	ctx, cancel := context.WithTimeout(t.Context(), until)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	<-polled
}

// A body of 16 MiB goes in and comes out whole, and no more than that goes in.
func TestLargeDurableBodies(t *testing.T) {
	a, _ := messageAPI(t)
	for _, size := range []int{2 << 20, inbox.MaxBody - 2} {
		text := strings.Repeat("x", size)
		call(t, a, 200, "POST", "/messages", `{"to":"reviewer","durable":true,"body":"`+text+`"}`)
		got := call(t, a, 200, "GET", "/messages/reviewer", "")
		m := got.body["messages"].([]any)[0].(map[string]any)
		seq := answer{body: m}.number(t, "seq")
		if m["payload"] != nil || fmt.Sprint(m["size"]) != fmt.Sprint(size+2) {
			t.Errorf("%v %v", m["payload"], m["size"])
		}
		res := ask(t, a.Handler(), "GET", fmt.Sprintf("/messages/reviewer/%d/body", seq), "", "X-API-Key: "+userKey)
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != `"`+text+`"` {
			t.Errorf("%d bytes came back of %d: %d %v", len(body), size+2, res.StatusCode, err)
		}
		call(t, a, 204, "POST", "/messages/reviewer/ack", fmt.Sprintf(`{"seqs":[%d]}`, seq))
	}
	call(t, a, 200, "POST", "/messages/send/writer", `{"target_instance":"reviewer","message_type":"Query","payload":"`+strings.Repeat("y", 3<<20)+`"}`)
	large := strings.Repeat("x", 2<<20)
	if e := call(t, a, 413, "POST", "/messages", `{"to":"reviewer","durable":true,"body":"`+strings.Repeat("x", inbox.MaxBody)+`"}`); e.body["code"] != CodeTooLarge {
		t.Error(e.text)
	}
	if e := call(t, a, 413, "POST", "/messages", `{"to":"reviewer","body":"`+large+`"}`); e.body["code"] != CodeTooLarge {
		t.Error(e.text)
	}
	for body, code := range map[string]string{
		`{"to":"reviewer","durable":true,"body":"` + large + `","more":1}`:     CodeInvalid,
		`{"to":"reviewer","durable":true,"type":"` + large + `","body":1}`:     CodeInvalid,
		`{"to":"reviewer","durable":true,"type":"` + large + `"}`:              CodeInvalid,
		`{"to":"reviewer","durable":true,"body":"` + large + `","body":1}`:     CodeInvalid,
		`{"to":"` + large + `","durable":true,"body":1}`:                       CodeInvalid,
		`{"to":"reviewer","durable":true,"id":"` + large + `","body":1}`:       CodeInvalid,
		`{"to":"reviewer","durable":true,"priority":"` + large + `","body":1}`: CodeInvalid,
	} {
		if e := call(t, a, 400, "POST", "/messages", body); e.body["code"] != code || len(e.text) > 2000 {
			t.Errorf("%.60s: %.300s", body, e.text)
		}
	}
	call(t, a, 400, "POST", "/messages?x=1", `{"to":"reviewer","durable":true,"body":"`+large+`"}`)
	if left := a.room.left.Load(); left != bodyRoom {
		t.Errorf("%d bytes of room are left", left)
	}
}

// Whatever is sent is a receipt or a refusal of ours, by both ways of reading a
// body, and they agree on what is accepted.
func FuzzSendBody(f *testing.F) {
	for _, s := range []string{
		`{"to":"reviewer","body":1,"durable":true}`, `{"to":"topic/a/b","body":{},"priority":"high"}`, `{"to":"reviewer","body":"x","seal":true}`,
		`{"to":"reviewer@*","body":[1],"wait":true,"timeout":"1ms"}`, `{"to":"","body":null}`, `{"to":"reviewer","body":1,"body":2}`, `{"id":"\u0000","to":"a","body":1}`,
		`{"to":"reviewer","body":1,"durable":true,"ttl":"1h","delay":"1s","redelivery":"1s","max_attempts":3,"from":"writer","key":"x","sealed":true}`,
	} {
		f.Add(s)
	}
	a, _ := messageAPI(f)
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) == 0 || len(body) > 4096 {
			return
		}
		res := ask(t, a.Handler(), "POST", "/messages", body, "X-API-Key: "+userKey)
		short := res.StatusCode
		switch {
		case short >= 500 && short != 504 && short != 503:
			text, _ := io.ReadAll(res.Body)
			t.Fatalf("%d %s", short, text)
		case short >= 400:
			refusal(t, res)
		}
		// The same with so much space behind it that it is read as a large one.
		res = ask(t, a.Handler(), "POST", "/messages", body+strings.Repeat(" ", largeBody), "X-API-Key: "+userKey)
		if res.StatusCode >= 400 {
			refusal(t, res)
		}
		if long := res.StatusCode; (long < 300) != (short < 300) {
			t.Fatalf("%d, and %d as a large body", short, long)
		}
	})
}

// A stream's parameters are taken or refused, never half.
func FuzzStreamQuery(f *testing.F) {
	for _, s := range []string{"lease=1s&limit=3", "only=durable&peek=true", "topics=a,b/*,c/>", "lease=-1s", "limit=x", "%zz", "only=live&only=live"} {
		f.Add(s)
	}
	a, _ := messageAPI(f)
	f.Fuzz(func(t *testing.T, query string) {
		u := (&url.URL{Path: "/messages/reviewer/stream", RawQuery: query}).String()
		if r, err := http.NewRequest("GET", u, nil); err != nil || strings.ContainsAny(query, " \r\n") || r.URL.Fragment != "" {
			return
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a stream that is taken ends at once
		r := httptest.NewRequest("GET", u, nil).WithContext(ctx)
		r.Host = "node1.lan"
		r.Header.Set("X-API-Key", userKey)
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 503 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
	})
}
