package httpapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// testPair is a key of an agent for all tests.
var testPair = sync.OnceValues(func() (identity, recipient string) {
	identity, recipient, err := seal.Generate()
	if err != nil {
		panic(err)
	}
	return identity, recipient
})

func testRecipient(testing.TB) string {
	_, recipient := testPair()
	return recipient
}

// An agent's key is published, told, and sealed to; a sender who means another
// is refused.
func TestAgentKeys(t *testing.T) {
	var told []string
	a, _ := messageAPI(t, func(c *Config) { c.KeyChanged = func(agent, hash string) { told = append(told, agent+" "+hash) } })
	if e := call(t, a, 404, "GET", "/agents/reviewer/key", ""); e.body["code"] != "NO_KEY" && e.body["code"] != "UNKNOWN_ADDRESS" {
		t.Error(e.text)
	}
	if e := call(t, a, 404, "POST", "/messages", `{"to":"reviewer","body":1,"durable":true,"seal":true}`); e.body["details"].(map[string]any)["next"] == nil {
		t.Error(e.text)
	}
	identity, recipient := testPair()
	put := call(t, a, 200, "PUT", "/agents/reviewer/key", fmt.Sprintf(`{"recipient":%q}`, recipient))
	hash := seal.HashOf(recipient)
	if put.body["key"] != hash || len(told) != 1 || told[0] != "reviewer "+hash {
		t.Error(put.text, told)
	}
	got := call(t, a, 200, "GET", "/agents/reviewer/key", "", "X-API-Key: "+otherKey)
	if got.text != put.text || got.body["recipient"] != recipient || got.body["mesh_id"] != "mesh" || fmt.Sprint(got.body["generation"]) != "1" {
		t.Error(got.text)
	}
	if record := call(t, a, 200, "GET", "/agents/reviewer", ""); record.body["key"] != hash {
		t.Error(record.text)
	}
	for _, bad := range []string{"", "age1", recipient + "x", identity} {
		if e := call(t, a, 400, "PUT", "/agents/reviewer/key", fmt.Sprintf(`{"recipient":%q}`, bad)); strings.Contains(e.text, identity) {
			t.Error(e.text)
		}
	}

	sent := call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"to":"reviewer","body":{"secret":7},"durable":true,"seal":true,"key":%q}`, hash))
	if sent.body["key"] != hash {
		t.Error(sent.text)
	}
	m := call(t, a, 200, "GET", "/messages/reviewer", "").body["messages"].([]any)[0].(map[string]any)
	payload := fmt.Sprintf(`{"age":%q}`, m["payload"].(map[string]any)["age"])
	if m["sealed"] != true || m["key"] != hash || strings.Contains(payload, "secret") {
		t.Errorf("%v", m)
	}
	if body, err := seal.Open(identity, []byte(payload)); err != nil || string(body) != `{"secret":7}` {
		t.Error(string(body), err)
	}

	_, second, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	call(t, a, 200, "PUT", "/agents/reviewer/key", fmt.Sprintf(`{"recipient":%q}`, second))
	for _, how := range []string{`"seal":true`, `"sealed":true`} {
		e := call(t, a, 409, "POST", "/messages", fmt.Sprintf(`{"to":"reviewer","body":{"age":"x"},"durable":true,%s,"key":%q}`, how, hash))
		if d := e.body["details"].(map[string]any); e.body["code"] != "KEY_CHANGED" || d["key"] != seal.HashOf(second) || d["since"] == nil || d["next"] == nil {
			t.Error(e.text)
		}
	}
}

// Topics come into the inboxes of those who subscribed to them.
func TestDurableTopics(t *testing.T) {
	a, _ := messageAPI(t)
	got := call(t, a, 200, "PUT", "/agents/reviewer/subscriptions", `{"topics":["topic/builds/*","chat/>"]}`)
	if golden(got.text) != `{"subscriptions":[{"topic":"builds/*","since":"TIME"},{"topic":"chat/>","since":"TIME"}]}` {
		t.Error(got.text)
	}
	call(t, a, 200, "PUT", "/agents/tester/subscriptions", `{"topics":["builds/done"]}`, "X-API-Key: "+otherKey)
	sent := call(t, a, 200, "POST", "/messages", `{"id":"b1","to":"topic/builds/done","body":1,"durable":true}`)
	if got := strings.TrimSpace(sent.text); got != `{"id":"b1","status":"accepted","counts":{"delivered":2,"refused":0,"unknown":0},"known":true,"recipients":["reviewer","tester"]}` {
		t.Error(got)
	}
	m := call(t, a, 200, "GET", "/messages/reviewer", "").body["messages"].([]any)[0].(map[string]any)
	if m["topic"] != "builds/done" {
		t.Errorf("%v", m)
	}
	call(t, a, 204, "DELETE", "/agents/reviewer/subscriptions?topic=builds/*", "")
	if got := call(t, a, 200, "GET", "/agents/reviewer/subscriptions", ""); golden(got.text) != `{"subscriptions":[{"topic":"chat/>","since":"TIME"}]}` {
		t.Error(got.text)
	}
	for _, bad := range []string{`{"topics":[]}`, `{"topics":["a//b"]}`, `{"topics":["a/>/b"]}`} {
		call(t, a, 400, "PUT", "/agents/reviewer/subscriptions", bad)
	}
	call(t, a, 400, "DELETE", "/agents/reviewer/subscriptions?topic=>>", "")
	call(t, a, 400, "DELETE", "/agents/reviewer/subscriptions", "")
	call(t, a, 404, "GET", "/agents/nobody", "")
	call(t, a, 400, "GET", "/agents/No%20Body", "")
}

// The list has the agents that can be reached and, when asked for, all that are
// known, a page at a time.
func TestAgentList(t *testing.T) {
	a, mesh := messageAPI(t)
	mesh.Announce([]message.Local{{Name: "b", Instances: 1}, {Name: "d", Instances: 1}})
	for _, name := range []string{"a", "b", "c"} {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"to":%q,"body":1,"durable":true}`, name))
	}
	if got := call(t, a, 200, "GET", "/agents", ""); got.text != "{\"agents\":[{\"name\":\"b\",\"hosts\":[{\"node_id\":\"n1\",\"node\":\"one\",\"instances\":1,\"busy\":0}]},{\"name\":\"d\",\"hosts\":[{\"node_id\":\"n1\",\"node\":\"one\",\"instances\":1,\"busy\":0}]}]}\n" {
		t.Error(got.text)
	}
	for _, limit := range []string{"", "&limit=1", "&limit=2", "&limit=3", "&limit=4"} {
		var names []string
		for after := ""; ; {
			got := call(t, a, 200, "GET", "/agents?all=true"+limit+"&after="+after, "")
			for _, l := range got.body["agents"].([]any) {
				line := l.(map[string]any)
				names = append(names, fmt.Sprintf("%v:%v:%d", line["name"], line["waiting"], len(line["hosts"].([]any))))
			}
			next, more := got.body["next"].(string)
			if !more {
				break
			}
			after = next
		}
		if got := strings.Join(names, " "); got != "a:1:0 b:1:1 c:1:0 d:<nil>:1" {
			t.Errorf("%s: %s", limit, got)
		}
	}
	call(t, a, 400, "GET", "/agents?limit=1", "")
}

// A credential for some agents is for nothing else, whatever its role: it took
// another agent's name away from its owner.
func TestAnAdministratorOfOneAgentReleasesNoOther(t *testing.T) {
	const ofReviewer = "mk_reviewers_s3cretreviewers3"
	a, _ := messageAPI(t, func(c *Config) {
		all := keys{ofReviewer: {ID: "reviewers", Role: access.RoleAdmin, Scopes: []string{"agent:reviewer"}}}
		for k, v := range messageKeys {
			all[k] = v
		}
		c.Auth = all
	})
	claims(t, a, "writer")
	if got := call(t, a, 403, "DELETE", "/agents/writer/owner", "", "X-API-Key: "+ofReviewer); got.body["code"] != "NOT_YOUR_AGENT" {
		t.Error(got.text)
	}
	claims(t, a, "reviewer")
	call(t, a, 204, "DELETE", "/agents/reviewer/owner", "", "X-API-Key: "+ofReviewer)
	call(t, a, 200, "POST", "/messages", `{"to":"writer","body":"secret","durable":true}`)
	if got := call(t, a, 409, "DELETE", "/agents/writer/owner", "", "X-API-Key: "+adminKey); got.body["code"] != "INBOX_NOT_EMPTY" {
		t.Error(got.text)
	}
	call(t, a, 400, "DELETE", "/agents/writer/owner?inbox=burn", "", "X-API-Key: "+adminKey)
	call(t, a, 204, "DELETE", "/agents/writer/owner?inbox=keep", "", "X-API-Key: "+adminKey)
	if got := call(t, a, 200, "GET", "/messages/writer", ""); !strings.Contains(got.text, "secret") {
		t.Error(got.text)
	}
	call(t, a, 204, "DELETE", "/agents/writer/owner?inbox=drop", "", "X-API-Key: "+adminKey)
	if got := call(t, a, 200, "GET", "/messages/writer", ""); strings.Contains(got.text, "secret") {
		t.Error(got.text)
	}
}
