package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

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
