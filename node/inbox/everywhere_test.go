package inbox

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// agent@*: each node's instance has a copy of its own to acknowledge, and the
// message under its id is the same one though the agent is elsewhere by then.
func TestEachNodesInstanceHasItsOwnCopy(t *testing.T) {
	w := newWorld(t)
	send := func(id string, nodes ...string) (Accepted, error) {
		m := Outgoing{ID: id, From: alice, Body: json.RawMessage("1")}
		if err := m.ToEverywhere("bob", nodes); err != nil {
			return Accepted{}, err
		}
		return w.Accept(t.Context(), m)
	}
	a, err := send("x", "n1", "n2", "n3")
	if err != nil || a.Count != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
	if again, err := send("x", "n2"); err != nil || !again.Duplicate || again.Seq != a.Seq {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := w.Acknowledge(t.Context(), "bob", []uint64{a.Seq + 1}); err != nil {
		t.Fatal(err)
	}
	got := w.list("bob")
	if len(got) != 2 || got[0].Node != "n1" || got[1].Node != "n3" {
		t.Errorf("%+v", got)
	}
	var no *consensus.Refusal
	if _, err := send("y"); !errors.As(err, &no) || no.Code != message.CodeAgentGone || no.Details["to"] != "bob@*" {
		t.Errorf("to nobody: %v", err)
	}
	if _, err := w.Accept(t.Context(), Outgoing{ID: "x", From: alice, Body: json.RawMessage("1"), To: to("bob")}); !errors.As(err, &no) || no.Code != CodeOtherMessage {
		t.Errorf("the id for bob alone: %v", err)
	}
}
