package httpapi

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

func (m *soloMesh) InboxHosts(agent string) (nodes []string) {
	for _, a := range m.Local() {
		if a.Name == agent && a.Durable > 0 {
			nodes = append(nodes, m.NodeID())
		}
	}
	return nodes
}

func (m *soloMesh) InboxNames(to []inbox.Recipient) (out []string) {
	for _, r := range to {
		out = append(out, r.Agent+"@"+r.Node)
	}
	return out
}

// A durable message to agent@* is for the nodes where the agent takes messages of
// its inbox, and says which those are; where there is none it is refused with what
// to do in its place.
func TestADurableMessageToAllInstances(t *testing.T) {
	a, mesh := messageAPI(t)
	const body = `{"id":"m1","to":"choir@*","body":1,"durable":true}`
	none := call(t, a, 410, "POST", "/messages", body)
	if none.body["code"] != message.CodeAgentGone || !strings.Contains(none.text, "send it to choir, whose next instance gets it") {
		t.Error(none.text)
	}
	s, err := mesh.Attach(t.Context(), "choir", "user", message.Profile{Durable: true}, message.ReceiverFunc(func(*message.Delivery) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	one := call(t, a, 200, "POST", "/messages", body)
	if got := strings.TrimSpace(one.text); got != `{"id":"m1","status":"accepted","counts":{"delivered":1,"refused":0,"unknown":0},"known":false,"recipients":["choir@n1"]}` {
		t.Error(got)
	}
	if again := call(t, a, 200, "POST", "/messages", body); again.body["duplicate"] != true {
		t.Error(again.text)
	}
	got := call(t, a, 200, "GET", "/messages/choir", "")
	if list := got.body["messages"].([]any); len(list) != 1 || list[0].(map[string]any)["node"] != "n1" {
		t.Error(got.text)
	}
}
