package httpapi

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

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

// A broadcast that nobody is there for was no error to older instances, and none
// of their ids had to be in small letters; here one with capitals is refused.
func TestOlderBroadcastToNobody(t *testing.T) {
	a, _ := messageAPI(t)
	const body = `{"target_instance":null,"message_type":"Notification","payload":"hi"}`
	for range 2 { // the sender itself is known from the first on
		got := call(t, a, 200, "POST", "/messages/send/writer", body)
		if text := golden(got.text); text != `{"message_id":"ID","status":"queued","delivered_to":[],"known":false}` || got.Header.Get("X-Mesh-Revision") == "" {
			t.Errorf("%s %v", text, got.Header)
		}
	}
	claims(t, a, "tester", "X-API-Key: "+otherKey)
	got := call(t, a, 200, "POST", "/messages/send/writer", body)
	if text := golden(got.text); text != `{"message_id":"ID","status":"queued","delivered_to":["tester"],"known":true}` {
		t.Error(text)
	}
	if e := call(t, a, 404, "POST", "/messages", `{"to":"topic/nobody","body":1,"durable":true}`); e.body["code"] != "NO_SUBSCRIBERS" {
		t.Error(e.text)
	}
	if e := call(t, a, 400, "POST", "/messages/send/Writer", body); e.body["code"] != "INVALID" {
		t.Error(e.text)
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
