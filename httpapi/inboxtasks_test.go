package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/task"
)

// An administrator who leased what was in a worker's inbox, to look at it, had
// its tasks too: the attempt ended when the lease did.
func TestAnAdministratorTakesNoTasksOfAnother(t *testing.T) {
	var inboxes *inbox.Service
	a, _ := messageAPI(t, func(c *Config) { inboxes = c.Inboxes.(*inbox.Service) })
	admin, other := "X-API-Key: "+adminKey, "X-API-Key: "+otherKey
	fill := func(agent string) {
		t.Helper()
		for _, m := range []inbox.Outgoing{
			{Type: task.MessageDelegation, From: message.Sender{Principal: "mesh"}, MaxAttempts: 1},
			{Type: task.MessageDelegation, From: message.Sender{Principal: "somebody"}},
			{Type: "note", From: message.Sender{Principal: "mesh"}},
		} {
			m.To, m.Body = []inbox.Recipient{{Agent: agent}}, json.RawMessage("1")
			if _, err := inboxes.Accept(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	takes := func(agent, key string, want int) {
		t.Helper()
		if got := call(t, a, 200, "GET", "/messages/"+agent+"?lease=1m", "", key); len(got.body["messages"].([]any)) != want {
			t.Error(got.text)
		}
	}
	call(t, a, 200, "PUT", "/agents/worker/subscriptions", `{"topics":["a"]}`, other)
	fill("worker")
	takes("worker", admin, 2)
	takes("worker", admin, 0)
	takes("worker", other, 1)
	// What is nobody's is for whoever takes it: agents of the local socket own nothing.
	fill("free")
	takes("free", admin, 3)
}
