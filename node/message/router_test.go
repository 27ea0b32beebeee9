package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

func TestSendReachesTheAgentWhereverItIs(t *testing.T) {
	m := newMesh(t, "a", "b", "c")
	e := &echo{}
	m.attach(t, "c", "worker", e)
	for _, to := range []string{"worker", "worker@c"} {
		for _, node := range []string{"a", "b", "c"} {
			receipt, err := m.routers[node].Send(context.Background(), Message{
				To: to, Body: text("hi"), From: Sender{Principal: "k1", Node: "forged"}, RequestID: "r1",
			}, true)
			if err != nil || receipt.Status != Delivered || string(receipt.Reply) != `"hi"` {
				t.Fatalf("%s from %s: %+v, %v", to, node, receipt, err)
			}
			got := e.got[len(e.got)-1]
			if got.From != (Sender{Principal: "k1", Node: node}) || got.RequestID != "r1" || got.ID != receipt.ID {
				t.Fatalf("arrived as %+v", got)
			}
		}
	}
}

func TestSendWithoutWaitingIsReceipted(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", &echo{})
	receipt, err := m.routers["a"].Send(context.Background(), Message{ID: "x1", To: "worker", Body: text("hi")}, false)
	if err != nil || receipt.Status != Delivered || receipt.ID != "x1" || receipt.Reply != nil {
		t.Fatalf("%+v, %v", receipt, err)
	}
}

// submitAs sends m as the session's agent.
func submitAs(s *Session, m Message, wantReply bool, done func(Receipt, error)) {
	send := new(Send)
	*send.Message() = m
	s.Submit(send, wantReply, time.Now(), enderFunc(done))
}

func TestASessionSendsAsItself(t *testing.T) {
	m := newMesh(t, "a", "b")
	e := &echo{}
	m.attach(t, "b", "worker", e)
	s := m.attach(t, "a", "boss", &echo{})
	done := make(chan error, 1)
	submitAs(s, Message{To: "worker", Body: text("x"), From: Sender{Agent: "king", Principal: "root"}},
		false, func(_ Receipt, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if from := e.got[0].From; from != (Sender{Agent: "boss", Principal: "key-a", Node: "a"}) {
		t.Fatalf("from %+v", from)
	}
}

func TestOrderOfOneSenderIsKept(t *testing.T) {
	m := newMesh(t, "a", "b")
	e := &echo{}
	m.attach(t, "b", "worker", e)
	const n = 500
	var want []string
	done := make(chan error, n)
	for i := range n {
		id := fmt.Sprint("m", i)
		want = append(want, id)
		m.routers["a"].Submit(context.Background(), Message{ID: id, To: "worker", Body: text("x")}, i%2 == 0,
			func(_ Receipt, err error) { done <- err })
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(e.ids(), want) {
		t.Fatal("the order was lost")
	}
}

func TestOneIdUsedTwiceIsTwoMessages(t *testing.T) {
	m := newMesh(t, "a", "b")
	held := make(chan *Delivery, 2)
	m.attach(t, "b", "worker", ReceiverFunc(func(d *Delivery) error { held <- d; return nil }))
	replies := make(chan string, 2)
	for _, body := range []string{"one", "two"} {
		m.routers["a"].Submit(context.Background(), Message{ID: "same", To: "worker", Body: text(body)}, true,
			func(r Receipt, err error) { replies <- string(r.Reply) })
	}
	first, second := <-held, <-held
	for _, d := range []*Delivery{second, first} {
		d.Sent()
		if err := d.Reply(d.Message.Body); err != nil {
			t.Fatal(err)
		}
	}
	if got := []string{<-replies, <-replies}; !slices.Equal(got, []string{`"two"`, `"one"`}) {
		t.Fatal(got)
	}
}

func TestRefusals(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", &echo{})
	m.attach(t, "b", "slow", ReceiverFunc(func(*Delivery) error { return consensus.Refuse(CodeOverloaded, "full") }))
	m.attach(t, "b", "broken", ReceiverFunc(func(*Delivery) error { return fmt.Errorf("a private reason") }))
	m.attach(t, "b", "gone", &echo{}).Close()
	m.attach(t, "a", "left", &echo{}).Close()
	for _, c := range []struct {
		m    Message
		wait bool
		code string
	}{
		{Message{To: "nobody"}, true, CodeUnknownAddress},
		{Message{To: "nobody@b"}, true, CodeUnknownAddress},
		{Message{To: "worker@z"}, true, CodeUnknownAddress},
		{Message{To: "gone@b"}, true, CodeAgentGone},
		{Message{To: "left"}, true, CodeAgentGone},
		{Message{To: "worker@*"}, true, CodeInvalid},
		{Message{To: "topic/news"}, false, CodeNoSubscribers},
		{Message{To: "topic/news"}, true, CodeInvalid},
		{Message{To: "worker", TraceParent: "00-0-0-0"}, false, CodeInvalid},
		{Message{To: "Worker"}, false, CodeInvalid},
		{Message{To: "send"}, false, CodeInvalid},
		{Message{To: ""}, false, CodeInvalid},
		{Message{To: "slow"}, false, CodeOverloaded},
		{Message{To: "broken"}, false, "INTERNAL"},
		{Message{To: "worker", ID: "two words"}, false, CodeInvalid},
		{Message{To: "worker", ID: strings.Repeat("x", 129)}, false, CodeInvalid},
		{Message{To: "worker", Type: "bad\n"}, false, CodeInvalid},
		{Message{To: "worker", Body: []byte("{")}, false, CodeInvalid},
		{Message{To: "worker", Body: text(strings.Repeat("x", MaxBody))}, false, CodeTooLarge},
	} {
		receipt, err := m.routers["a"].Send(context.Background(), c.m, c.wait)
		if code(err) != c.code || receipt.Status != Refused {
			t.Errorf("%q: %v %q, want %s", c.m.To, receipt.Status, code(err), c.code)
		}
		if err != nil && strings.Contains(err.Error(), "private") {
			t.Errorf("%q: an inner error crossed: %v", c.m.To, err)
		}
	}
}

func TestADeadNodeIsGone(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", &echo{})
	m.set(m.dead, "b", true)
	for _, to := range []string{"worker", "worker@b"} {
		receipt, err := m.routers["a"].Send(context.Background(), Message{To: to}, true)
		if code(err) != CodeAgentGone || receipt.Status != Refused {
			t.Errorf("%s: %+v, %v", to, receipt, err)
		}
	}
}

func TestALostLinkLeavesTheMessageInDoubt(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", &echo{})
	m.set(m.cut, "b", true)
	receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker"}, false)
	if err != nil || receipt.Status != Unknown {
		t.Fatalf("%+v, %v", receipt, err)
	}
	receipt, err = m.routers["a"].Send(context.Background(), Message{To: "worker"}, true)
	if code(err) != CodeAgentGone || receipt.Status != Unknown {
		t.Fatalf("%+v, %v", receipt, err)
	}
}

func TestAnotherHostIsTriedWhenOneCertainlyDidNotDeliver(t *testing.T) {
	m := newMesh(t, "a", "b", "c")
	m.attach(t, "b", "worker", ReceiverFunc(func(*Delivery) error { return consensus.Refuse(CodeOverloaded, "full") }))
	e := &echo{}
	m.attach(t, "c", "worker", e)
	receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker", Body: text("x")}, true)
	if err != nil || receipt.Status != Delivered || len(e.got) != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	// In doubt, it must not be tried again: live is at most once.
	m.set(m.cut, "b", true)
	receipt, err = m.routers["a"].Send(context.Background(), Message{To: "worker"}, false)
	if err != nil || receipt.Status != Unknown || len(e.got) != 1 {
		t.Fatalf("%+v, %v, %d", receipt, err, len(e.got))
	}
}

func TestEveryInstance(t *testing.T) {
	m := newMesh(t, "a", "b", "c")
	es := []*echo{{}, {}, {}}
	m.attach(t, "a", "worker", es[0])
	m.attach(t, "b", "worker", es[1])
	m.attach(t, "b", "worker", es[2])
	m.attach(t, "c", "worker", ReceiverFunc(func(*Delivery) error { return consensus.Refuse(CodeOverloaded, "full") }))
	receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker@*", Body: text("x")}, false)
	if err != nil || receipt.Status != Delivered || *receipt.Counts != (Counts{Delivered: 3, Refused: 1}) {
		t.Fatalf("%+v %+v, %v", receipt, receipt.Counts, err)
	}
	for i, e := range es {
		if len(e.got) != 1 {
			t.Errorf("instance %d got %d", i, len(e.got))
		}
	}
}

func TestTheLeastBusySessionIsChosen(t *testing.T) {
	m := newMesh(t, "a")
	var held []*Delivery
	m.attach(t, "a", "worker", ReceiverFunc(func(d *Delivery) error { held = append(held, d); return nil }))
	e := &echo{}
	m.attach(t, "a", "worker", e)
	for range 9 {
		m.routers["a"].Submit(context.Background(), Message{To: "worker", Body: text("x")}, false, func(Receipt, error) {})
	}
	if len(held) != 1 || len(e.got) != 8 {
		t.Fatalf("the held session got %d, the free one %d", len(held), len(e.got))
	}
}

func TestABuiltInNameIsReserved(t *testing.T) {
	m := newMesh(t, "a")
	r := m.routers["a"]
	if _, err := r.Attach(context.Background(), "librarian", "", Profile{Kind: KindBuiltin}, &echo{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Attach(context.Background(), "librarian", "k", Profile{}, &echo{}); code(err) != CodeNameReserved {
		t.Fatal(err)
	}
}

func TestAttachEndsWithItsContext(t *testing.T) {
	m := newMesh(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	r := m.routers["a"]
	if _, err := r.Attach(ctx, "worker", "k", Profile{Description: "works"}, &echo{}); err != nil {
		t.Fatal(err)
	}
	if l := r.Local(); len(l) != 1 || l[0].Description != "works" || l[0].Instances != 1 {
		t.Fatalf("%+v", l)
	}
	cancel()
	deadline := time.After(time.Minute)
	for tick := time.Tick(time.Millisecond); len(r.Local()) != 0; {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("still attached")
		}
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", ReceiverFunc(func(*Delivery) error { return nil }))
	m.set(m.mute, "b", true)
	done := make(chan error, 1)
	m.routers["a"].Submit(context.Background(), Message{To: "worker"}, true, func(_ Receipt, err error) { done <- err })
	m.routers["a"].Close()
	if err := <-done; !errors.Is(err, consensus.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := m.routers["a"].Send(context.Background(), Message{To: "worker"}, true); !errors.Is(err, consensus.ErrClosed) {
		t.Fatal(err)
	}
}

func TestASendersSessionGivesUpItsSendsWhenItCloses(t *testing.T) {
	m := newMesh(t, "a", "b")
	m.attach(t, "b", "worker", ReceiverFunc(func(*Delivery) error { return nil }))
	s := m.attach(t, "a", "boss", &echo{})
	ended := make(chan error, 3)
	for range 3 {
		submitAs(s, Message{To: "worker"}, false, func(r Receipt, err error) {
			if r.Status != Unknown {
				t.Error(r.Status)
			}
			ended <- err
		})
	}
	s.Close()
	for range 3 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	submitAs(s, Message{To: "worker"}, false, func(_ Receipt, err error) { ended <- err })
	if err := <-ended; !errors.Is(err, consensus.ErrClosed) {
		t.Error(err)
	}
}
