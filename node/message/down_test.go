package message

import (
	"context"
	"fmt"
	"testing"
)

// A node whose connection broke is tried last, though the directory still calls
// it alive: messages that went there first would come late to where they go in
// the end, behind those that followed them.
func TestANodeThatCannotBeReachedIsTriedLast(t *testing.T) {
	m := newMesh(t, "a", "b", "c")
	m.attach(t, "b", "worker", &echo{})
	other := &echo{}
	m.attach(t, "c", "worker", other)
	send := func(id string) Status {
		receipt, _ := m.routers["a"].Send(context.Background(), Message{ID: id, To: "worker"}, false)
		return receipt.Status
	}
	// The connection stands, and nothing but messages goes over it.
	if _, err := m.routers["a"].Send(context.Background(), Message{To: "worker@b"}, false); err != nil {
		t.Fatal(err)
	}
	m.set(m.cut, "b", true)
	for i := 0; !m.routers["a"].lane("b").down.Load(); i++ {
		if send(fmt.Sprint("first-", i)); i > 1000 {
			t.Fatal("nothing went to the node whose connection breaks")
		}
	}
	before := len(other.ids())
	for i := range 10 {
		if got := send(fmt.Sprint("then-", i)); got != Delivered {
			t.Errorf("message %d: %s", i, got)
		}
	}
	if got := len(other.ids()) - before; got != 10 {
		t.Errorf("%d of 10 went to the node that can be reached", got)
	}

	// It comes back: a connection from there is as good as one to there.
	m.set(m.cut, "b", false)
	m.attach(t, "a", "home", &echo{})
	for i := 0; ; i++ { // b may notice only now that its old connection is gone
		receipt, err := m.routers["b"].Send(context.Background(), Message{To: "home"}, false)
		if err == nil && receipt.Status == Delivered {
			break
		}
		if i > 10 {
			t.Fatalf("%+v, %v", receipt, err)
		}
	}
	if m.routers["a"].lane("b").down.Load() {
		t.Error("it is still tried last")
	}
}
