package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

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
