package inbox

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
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

// replicas are states that hear of each other's commands: a node that proposes
// has all that was proposed before, and one that does not may be behind.
type replicas struct {
	mu  sync.Mutex
	log []consensus.Proposal
}

type replica struct {
	consensus.State
	all  *replicas
	next int
}

// catchUp needs the lock.
func (r *replica) catchUp(ctx context.Context) {
	for ; r.next < len(r.all.log); r.next++ {
		_, _ = r.State.Propose(ctx, r.all.log[r.next])
	}
}

func (r *replica) View(ctx context.Context, o consensus.ReadOptions, fn func(consensus.Reader) error) (consensus.ReadInfo, error) {
	if o.Consistency == consensus.Linearizable {
		r.all.mu.Lock()
		r.catchUp(ctx)
		r.all.mu.Unlock()
	}
	return r.State.View(ctx, o, fn)
}

func (r *replica) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.catchUp(ctx)
	r.all.log = append(r.all.log, p)
	r.next++
	return r.State.Propose(ctx, p)
}

func twoReplicas(t *testing.T) (here, behind *world) {
	here, behind = newWorld(t), newWorld(t)
	all := &replicas{}
	here.Service.state = &replica{State: here.state, all: all}
	behind.Service.state = &replica{State: behind.state, all: all}
	return here, behind
}

// An agent that leases at one node and acknowledges by id at another, which has
// not heard of the message yet, must not be told that all is well while the
// message stays.
func TestAnAcknowledgementByIDAtANodeThatIsBehindTakesTheMessage(t *testing.T) {
	here, behind := twoReplicas(t)
	for _, id := range []string{"a", "b"} {
		here.send(Outgoing{ID: id, To: to("bob")})
	}
	if n, err := behind.AcknowledgeIDs(t.Context(), "bob", []string{"a", "b", "c"}); err != nil || n != 2 {
		t.Fatalf("%d were acknowledged, %v; want 2", n, err)
	}
	// And with neither of them left, none.
	if n, err := here.AcknowledgeIDs(t.Context(), "bob", []string{"a", "b"}); err != nil || n != 0 {
		t.Fatalf("%d were acknowledged again, %v", n, err)
	}
	if left := here.list("bob"); len(left) != 0 {
		t.Fatalf("left are %d", len(left))
	}
}

// The body of a large message, which an agent fetches after it was told of it, is
// not gone because the node that is asked is behind.
func TestABodyIsFoundAtANodeThatIsBehind(t *testing.T) {
	here, behind := twoReplicas(t)
	a := here.send(Outgoing{To: to("bob"), Body: []byte(`"long"`)})
	if body, err := behind.Body(t.Context(), "bob", a.Seq); err != nil || string(body) != `"long"` {
		t.Fatalf("the body is %s, %v", body, err)
	}
	_, err := behind.Body(t.Context(), "bob", a.Seq+1)
	refusedAs(t, err, CodeUnknownMessage)
	_, err = behind.Body(t.Context(), "nobody", a.Seq)
	refusedAs(t, err, CodeUnknownMessage)
}

// Who asks for all of an inbox means all that the mesh has, whichever node is asked.
func TestAllIsPurgedAndRedrivenAtANodeThatIsBehind(t *testing.T) {
	here, behind := twoReplicas(t)
	here.send(Outgoing{ID: "a", To: to("bob")})
	if n, err := behind.Purge(t.Context(), "bob"); err != nil || n != 1 {
		t.Fatalf("%d were purged, %v; want 1", n, err)
	}
	if n, err := here.Redrive(t.Context(), "bob", nil); err != nil || n != 1 {
		t.Fatalf("%d were redriven, %v; want 1", n, err)
	}
}
