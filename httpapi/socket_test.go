package httpapi

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/message"
)

// nobody is the directory of a node without peers.
type nobody struct{}

func (nobody) Lookup(string) []message.Host         { return nil }
func (nobody) ResolveNode(s string) (string, error) { return s, nil }
func (nobody) Announce([]message.Local)             {}

// dialer opens WebSockets at an API with a graph and agents.
func dialer(t testing.TB, change ...func(*Config)) func(path, key string) *socketPeer {
	return dialerOf(t, message.New(message.Config{NodeID: "n1", Directory: nobody{}}), change...)
}

func dialerOf(t testing.TB, router *message.Router, change ...func(*Config)) func(path, key string) *socketPeer {
	server := agent.NewServer(agent.Config{Router: router})
	a := graphAPI(t, append(change, func(c *Config) { c.Agents = server })...)
	url, _ := serveTLS(t, a)
	t.Cleanup(func() { server.Close(); router.Close() })
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return func(path, key string) *socketPeer {
		t.Helper()
		h := http.Header{}
		if key != "" {
			h.Set("Authorization", "Bearer "+key)
		}
		conn, res, err := d.Dial(strings.Replace(url, "https", "wss", 1)+path, h)
		if err != nil {
			t.Fatal(err, res)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		p := &socketPeer{conn, t}
		if key != "" {
			p.read("hello")
		}
		return p
	}
}

type socketPeer struct {
	*websocket.Conn
	t testing.TB
}

// told is any frame of the node.
type told struct {
	Type, ID, Code, Error string
	Revision              uint64
	AgeMs                 *int64 `json:"age_ms"`
	Replayed              bool
	Results               []struct {
		ID, Version uint64
		Status      string
	}
	Node    any // hello has a string
	Edge    map[string]any
	Details map[string]string
}

func (p *socketPeer) write(frame string, args ...any) {
	p.t.Helper()
	if err := p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, frame, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *socketPeer) read(kind string) told {
	p.t.Helper()
	_, data, err := p.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	var f told
	if err := json.Unmarshal(data, &f); err != nil || f.Type != kind {
		p.t.Fatalf("%v in %s, want %s", err, data, kind)
	}
	return f
}

func (t told) node() map[string]any {
	n, _ := t.Node.(map[string]any)
	return n
}

func (p *socketPeer) ask(kind, frame string, args ...any) told {
	p.t.Helper()
	p.write(frame, args...)
	return p.read(kind)
}

func TestAWebSocketWritesAndReads(t *testing.T) {
	dial := dialer(t)
	p := dial("/ws", userKey)
	made := p.ask("result", `{"type":"write","id":"a\"\\1","session_id":"s","ops":[
		{"op":"create_node","type":"doc","label":"one","key":"k1","properties":{"x":"<&>"}},
		{"op":"create_node","type":"doc","label":"two","key":"k2"},
		{"op":"create_edge","source":"k1","target":"k2","type":"near"}]}`)
	if made.ID != `a"\1` || made.Revision == 0 || len(made.Results) != 3 || made.Results[2].Status != "created" || made.Results[0].Version != 1 {
		t.Fatalf("%+v", made)
	}
	one, edge := made.Results[0].ID, made.Results[2].ID
	for _, consistency := range []string{"stale", "leader", "linearizable"} {
		n := p.ask("result", `{"type":"read","id":"r","node":%d,"consistency":"%s"}`, one, consistency)
		if n.ID != "r" || n.Revision != made.Revision || n.AgeMs == nil || n.node()["label"] != "one" || n.node()["properties"].(map[string]any)["x"] != "<&>" {
			t.Fatalf("%s: %+v", consistency, n)
		}
	}
	if n := p.ask("result", `{"type":"read","id":"r","session_id":"s","key":"K1"}`); n.node()["id"] != float64(one) {
		t.Fatalf("%+v", n)
	}
	if n := p.ask("result", `{"type":"read","id":"r","node":%d,"as_of":"1","valid_at":"any"}`, one); n.node()["id"] != float64(one) {
		t.Errorf("%+v", n)
	}
	if e := p.ask("result", `{"type":"read","id":"r","edge":%d}`, edge); e.Edge["edge_type"] != "near" {
		t.Fatalf("%+v", e)
	}
	up := `{"type":"write","id":"%d","ops":[{"op":"update_node","id":%d,"properties":{"x":2},"if_version":%d}],"idempotency_key":"once"}`
	first := p.ask("result", up, 1, one, 1)
	again := p.ask("result", up, 2, one, 1)
	if first.Results[0].Version != 2 || again.Results[0].Version != 2 || first.Replayed || !again.Replayed || again.ID != "2" {
		t.Fatalf("%+v\n%+v", first, again)
	}
}

func TestAWebSocketsRefusalsHaveCodes(t *testing.T) {
	dial := dialer(t)
	p := dial("/ws", userKey)
	p.ask("result", `{"type":"write","id":"0","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"one","key":"k"}]}`)
	for frame, want := range map[string]string{
		`{"type":"write","id":"1","ops":[]}`:                                                                              "INVALID ops",
		`{"type":"write","id":"1","ops":[{"op":"update_node","id":77,"properties":{}}]}`:                                  "NOT_FOUND ops[0].id",
		`{"type":"write","id":"1","ops":[{"op":"update_node","id":1,"properties":{"a":1},"if_version":9}]}`:               "PRECONDITION_FAILED ops[0].if_version",
		`{"type":"write","id":"1","session_id":"s","ops":[{"op":"delete_node","id":5},{"op":"create_node","label":"x"}]}`: "INVALID ops[1].type",
		`{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"x","key":"k"}]}`:      "KEY_EXISTS ops[0].key",
		`{"type":"write","id":"1","ops":[{"op":"update_node","id":1}],"idempotency_key":"sp ace"}`:                        "INVALID idempotency_key",
		`{"type":"write","id":"1","ops":[{"op":"update_node","id":1}],"surprise":1}`:                                      "INVALID surprise",
		`{"type":"write","ops":[{"op":"update_node","id":1}]}`:                                                            "INVALID id",
		`{"type":"write","id":"1","ops":{"op":1}}`:                                                                        "INVALID ops",
		`{"type":"write","id":"1","type":"read","node":1}`:                                                                "INVALID type",
		`{"type":"read","id":"1","TYPE":"ping","node":1}`:                                                                 "INVALID TYPE",
		`{"type":"read","id":"1"}`:                                                "INVALID node",
		`{"type":"read","id":"1","node":1,"edge":1}`:                              "INVALID node",
		`{"type":"read","id":"1","key":"k"}`:                                      "INVALID session_id",
		`{"type":"read","id":"1","node":1,"consistency":"fresh"}`:                 "INVALID consistency",
		`{"type":"read","id":"1","node":1,"max_age":"-1s"}`:                       "INVALID max_age",
		`{"type":"read","id":"1","node":1,"max_age":"1s","consistency":"leader"}`: "INVALID max_age",
		`{"type":"read","id":"1","node":77}`:                                      "NOT_FOUND node",
		`{"type":"read","id":"1","edge":77}`:                                      "NOT_FOUND edge",
		`{"type":"read","id":"1","session_id":"s","key":"none"}`:                  "NOT_FOUND key",
		`{"type":"read","id":"1","node":1,"as_of":"0"}`:                           "INVALID as_of",
		`{"type":"read","id":"1","node":1,"valid_at":"now"}`:                      "INVALID valid_at",
		`{"type":"read","id":"1","node":-1}`:                                      "INVALID node",
		`{"type":"read","id":"1","node":1}{}`:                                     "INVALID ",
	} {
		f := p.ask("error", "%s", frame)
		if got := f.Code + " " + f.Details["field"]; got != want || f.Error == "" {
			t.Errorf("%s: %s, want %s: %s", frame, got, want, f.Error)
		}
		p.ask("pong", `{"type":"ping"}`) // five bad frames in a row would close
	}
}

// What another node says became of a message has that node's code, and may be
// any word.
func TestAWebSocketsSendsEndWithCodesOfTheCatalogue(t *testing.T) {
	router := message.New(message.Config{NodeID: "n1", Directory: nobody{}})
	dial := dialerOf(t, router)
	for name, code := range map[string]string{"liar": "NEVER_HEARD_OF", "honest": "UNSUPPORTED"} {
		if _, err := router.Attach(t.Context(), name, "someone", message.Profile{}, refusing(code)); err != nil {
			t.Fatal(err)
		}
	}
	p := dial("/ws", userKey)
	if f := p.ask("error", `{"type":"send","id":"1","to":"liar","body":1}`); f.Code != CodeConflict || f.Details["reason"] != "NEVER_HEARD_OF" || f.Error != "it said no" {
		t.Errorf("%+v", f)
	}
	if f := p.ask("error", `{"type":"send","id":"2","to":"liar","body":1,"wait":true}`); f.Code != CodeConflict {
		t.Errorf("%+v", f)
	}
	if f := p.ask("error", `{"type":"send","id":"3","to":"honest","body":1}`); f.Code != "UNSUPPORTED" {
		t.Errorf("%+v", f)
	}
}

// refusing refuses all messages with a code.
type refusing string

func (r refusing) Deliver(*message.Delivery) error { return consensus.Refuse(string(r), "it said no") }

func TestAWebSocketAsksForRoleAndScopeByFrame(t *testing.T) {
	keys := keys{"scopes": {ID: "u", Role: access.RoleUser, Scopes: []string{"graph:read"}}}
	for k, v := range testKeys {
		keys[k] = v
	}
	dial := dialer(t, func(c *Config) { c.Auth = keys })
	const read, write, send = `{"type":"read","id":"1","node":77}`, `{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"a","label":"b"}]}`, `{"type":"send","id":"1","to":"nobody","body":1}`
	for _, c := range []struct{ path, key, frame, code string }{
		{"/ws", viewerKey, read, "NOT_FOUND"},
		{"/ws", viewerKey, write, "FORBIDDEN"},
		{"/ws", viewerKey, send, "FORBIDDEN"},
		{"/ws", agentKey, read, "NOT_FOUND"},
		{"/ws", agentKey, write, "FORBIDDEN"},
		{"/ws", agentKey, send, "UNKNOWN_ADDRESS"},
		{"/ws", userKey, send, "UNKNOWN_ADDRESS"},
		{"/ws", "scopes", read, "NOT_FOUND"},
		{"/ws", "scopes", write, "FORBIDDEN"},
		{"/ws", "scopes", send, "FORBIDDEN"},
		{"/agents/worker/ws", agentKey, write, "FORBIDDEN"},
		{"/agents/worker/ws", agentKey, send, "UNKNOWN_ADDRESS"},
		{"/agents/worker2/ws", userKey, read, "NOT_FOUND"},
	} {
		if f := dial(c.path, c.key).ask("error", "%s", c.frame); f.Code != c.code {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

// revocable is a credential that can be taken back.
type revocable struct{ gone chan struct{} }

func (r revocable) Authenticate(string) (access.Principal, error) {
	select {
	case <-r.gone:
		return access.Principal{}, access.ErrBadCredential
	default:
		return access.Principal{ID: "u", Role: access.RoleUser}, nil
	}
}

func TestARevokedKeyStopsAnOpenWebSocket(t *testing.T) {
	r := revocable{make(chan struct{})}
	dial := dialer(t, func(c *Config) { c.Auth = r })
	p := dial("/ws", "")
	p.ask("hello", `{"type":"auth","token":"t"}`)
	const write = `{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"a","label":"b"}]}`
	p.ask("result", write)
	close(r.gone)
	for _, frame := range []string{write, `{"type":"read","id":"1","node":1}`, `{"type":"send","id":"1","to":"nobody","body":1}`} {
		if f := p.ask("error", "%s", frame); f.Code != CodeUnauthorized {
			t.Errorf("%s: %+v", frame, f)
		}
	}
}

func TestAWebSocketHasManyWritesUnderWay(t *testing.T) {
	p := dialer(t)("/ws", userKey)
	const count = 200
	for i := range count {
		p.write(`{"type":"write","id":"%d","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"n","key":"k%d"}]}`, i, i)
	}
	seen := map[string]bool{}
	for range count {
		f := p.read("result")
		if seen[f.ID] {
			t.Fatalf("%s was answered twice", f.ID)
		}
		seen[f.ID] = true
	}
	// It reads what it wrote, at once and without saying a revision.
	if f := p.ask("result", `{"type":"read","id":"r","session_id":"s","key":"k%d"}`, count-1); f.node()["version"] != float64(1) {
		t.Fatalf("%+v", f)
	}
}

func FuzzSocketFrame(f *testing.F) {
	for _, s := range []string{
		`{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"n"}]}`,
		`{"type":"write","id":"1","ops":[{"op":"update_node","id":1,"properties":{"a":1},"if_version":3}],"idempotency_key":"k"}`,
		`{"type":"read","id":"1","node":1,"consistency":"stale","max_age":"1s","min_revision":0}`,
		`{"type":"read","id":"1","session_id":"s","key":"k"}`, `{"type":"read","id":"\u0000"}`, `{}`, `[`,
	} {
		f.Add([]byte(s))
	}
	a := graphAPI(f, func(c *Config) { c.Logger = nil })
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := &socketFrames{api: a, route: &Route{Scope: AnyScope}, caller: testKeys[userKey]}
		for _, kind := range []string{"read", "write"} {
			_, r, err := s.Begin(kind, frame)
			if err != nil {
				continue
			}
			if r.Waits() && kind == "read" {
				continue // may wait for a revision for seconds
			}
			answer, err := r.Answer(t.Context())
			if err == nil && !json.Valid(answer) {
				t.Fatalf("%s: %s", frame, answer)
			}
			var known *Error
			if err != nil && errors.As(s.told(t.Context(), err), &known) {
				t.Fatalf("%s: %v is no refusal", frame, err)
			}
		}
	})
}
