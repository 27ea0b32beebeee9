package inbox

import (
	"testing"
	"time"

	"github.com/meshd/meshd/node/message"
)

var mallory = message.Sender{Principal: "key:mallory"}

// Who gives a message the id that another sender's has must not have that one
// taken out with it: the agent has dealt with one of them.
func TestAnAcknowledgementByIDTakesOneSendersMessage(t *testing.T) {
	w := newWorld(t)
	w.send(Outgoing{ID: "task-1-1", To: to("bob"), Body: []byte(`"hers"`)})
	w.send(Outgoing{ID: "task-1-1", To: to("bob"), From: mallory, Priority: Critical, Body: []byte(`"his"`)})
	ack := func(want int, ids ...string) {
		t.Helper()
		if n, err := w.AcknowledgeIDs(t.Context(), "bob", ids); err != nil || n != want {
			t.Fatalf("%d were acknowledged, %v; want %d", n, err, want)
		}
	}
	leased, err := w.Lease(t.Context(), "bob", 1, time.Minute)
	if err != nil || len(leased) != 1 || string(leased[0].Body) != `"his"` {
		t.Fatalf("leased %v, %v", bodies(leased), err)
	}
	ack(1, "task-1-1")
	if got := bodies(w.list("bob")); len(got) != 1 || got[0] != `"hers"` {
		t.Fatalf("left is %v", got)
	}
	// The other way round: what comes first in the inbox was not handed out.
	hers, err := w.Lease(t.Context(), "bob", 1, time.Minute)
	if err != nil || len(hers) != 1 {
		t.Fatalf("leased %v, %v", bodies(hers), err)
	}
	w.send(Outgoing{ID: "task-1-1", To: to("bob"), From: message.Sender{Principal: "key:other"}, Priority: Critical, Body: []byte(`"another's"`)})
	ack(1, "task-1-1")
	if got := bodies(w.list("bob")); len(got) != 1 || got[0] != `"another's"` {
		t.Fatalf("left is %v", got)
	}
	// Who has looked at several acknowledges each.
	w.send(Outgoing{ID: "task-1-1", To: to("bob"), From: message.Sender{Principal: "key:third"}})
	ack(2, "task-1-1", "task-1-1", "task-1-1")
}

// What one sender takes back is its own.
func TestAnAcknowledgementOfOneSendersMessagesLeavesOthers(t *testing.T) {
	w := newWorld(t)
	for _, from := range []message.Sender{alice, mallory, {Principal: "mesh"}} {
		w.send(Outgoing{ID: "task-1-1", To: to("bob"), From: from})
	}
	if n, err := w.AcknowledgeFrom(t.Context(), "bob", "mesh", []string{"task-1-1"}); err != nil || n != 1 {
		t.Fatalf("%d were taken, %v", n, err)
	}
	for _, m := range w.list("bob") {
		if m.From.Principal == "mesh" {
			t.Error("the one that was meant is there yet")
		}
	}
	if n := len(w.list("bob")); n != 2 {
		t.Errorf("%d are left of 2", n)
	}
}
