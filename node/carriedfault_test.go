package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// collector takes every message at once and keeps their ids.
type collector struct {
	mu  sync.Mutex
	ids []string
}

func (c *collector) Deliver(d *message.Delivery) error {
	d.Sent()
	c.mu.Lock()
	c.ids = append(c.ids, d.Message.ID)
	c.mu.Unlock()
	d.Delivered()
	if d.WantReply {
		return d.Reply(d.Message.Body)
	}
	return nil
}

func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ids)
}

func (n *carriedNode) attach(t testing.TB, name string, r message.Receiver) *message.Session {
	t.Helper()
	s, err := n.Attach(context.Background(), name, "k", message.Profile{}, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ends counts how sends ended.
type ends struct {
	mu   sync.Mutex
	by   map[string]int
	ids  map[string]message.Status
	all  sync.WaitGroup
	news chan struct{} // something has ended, or was received
}

func newEnds() *ends {
	return &ends{by: map[string]int{}, ids: map[string]message.Status{}, news: make(chan struct{}, 1)}
}

func (e *ends) tell() {
	select {
	case e.news <- struct{}{}:
	default:
	}
}

func (e *ends) submit(n *carriedNode, id, to string, body json.RawMessage) {
	e.all.Add(1)
	m := message.Message{ID: id, To: to, Body: body, Deadline: time.Now().Add(5 * time.Minute)}
	n.Submit(context.Background(), m, false, func(r message.Receipt, err error) {
		code := ""
		var refusal *consensus.Refusal
		if errors.As(err, &refusal) {
			code = refusal.Code
		}
		e.mu.Lock()
		e.by[fmt.Sprint(r.Status, " ", code)]++
		e.ids[id] = r.Status
		e.mu.Unlock()
		e.tell()
		e.all.Done()
	})
}

func (e *ends) wait(t testing.TB, what string) map[string]int {
	t.Helper()
	done := make(chan struct{})
	go func() { e.all.Wait(); close(done) }()
	within(t, what, done)
	return e.by
}

// A node into whose connection everything vanishes (F18) gets its own share of
// what may be under way and delays nobody else; those to it end with it.
func TestABlackHoledNodeDelaysNobody(t *testing.T) {
	m := newCarried(t, 3, true)
	a, b, c := m.nodes[0], m.nodes[1], m.nodes[2]
	b.attach(t, "quick", &collector{})
	c.attach(t, "lost", &collector{})
	for _, to := range []string{"quick", "lost"} {
		if _, err := a.Send(t.Context(), message.Message{To: to}, true); err != nil {
			t.Fatal(err)
		}
	}
	c.relay.hold(true)
	lost := newEnds()
	body := json.RawMessage(`"0123456789"`)
	for i := range 20000 {
		lost.submit(a, fmt.Sprint(i), "lost", body)
	}
	for range 200 {
		if _, err := a.Send(t.Context(), message.Message{To: "quick"}, true); err != nil {
			t.Fatal(err)
		}
	}
	lost.mu.Lock()
	ended, refused := maps.Clone(lost.by), lost.by["refused OVERLOADED"]
	lost.mu.Unlock()
	// What the nodes tell each other of subscriptions takes places too, where it
	// was on its way when everything vanished.
	underWay := 20000 - refused
	if len(ended) != 1 || underWay > 16384 || underWay < 16384-4 {
		t.Errorf("of those to the black hole have ended: %v", ended)
	}
	c.relay.reset()
	c.relay.hold(false)
	got := lost.wait(t, "the end of what was lost")
	if got["unknown "]+got["delivered "] == 0 || got["unknown "]+got["delivered "]+got["refused AGENT_GONE"] != underWay {
		t.Errorf("ended as %v", got)
	}
	if _, err := a.Send(t.Context(), message.Message{To: "lost"}, true); err != nil {
		t.Error("after it is back:", err)
	}
}

// A receiver that takes its messages and does not go on (F25) holds a bounded
// number; the rest is refused, and the one beside it gets all of its own.
func TestASlowReceiverDelaysNobody(t *testing.T) {
	m := newCarried(t, 2, false)
	a, b := m.nodes[0], m.nodes[1]
	quick := &collector{}
	b.attach(t, "quick", quick)
	var mu sync.Mutex
	var held []*message.Delivery
	slow, fast := newEnds(), newEnds()
	b.attach(t, "slow", message.ReceiverFunc(func(d *message.Delivery) error {
		mu.Lock()
		held = append(held, d)
		mu.Unlock()
		slow.tell()
		return nil
	}))
	var want []string
	for i := range 6000 {
		id := fmt.Sprint(i)
		slow.submit(a, id, "slow", nil)
		fast.submit(a, id, "quick", nil)
		want = append(want, id)
	}
	if got := fast.wait(t, "what was for the quick one"); got["delivered "] != 6000 {
		t.Errorf("the quick one: %v", got)
	}
	if !slices.Equal(quick.got(), want) {
		t.Error("the order was lost")
	}
	for {
		mu.Lock()
		n := len(held)
		mu.Unlock()
		slow.mu.Lock()
		refused := slow.by["refused OVERLOADED"]
		slow.mu.Unlock()
		if n+refused == 6000 {
			if n > 4096 {
				t.Errorf("the slow one holds %d", n)
			}
			break
		}
		within(t, "the next that is taken or refused", slow.news)
	}
	b.Close()
	if got := slow.wait(t, "the end of what was held"); got["refused OVERLOADED"]+got["refused AGENT_GONE"] != 6000 {
		t.Errorf("the slow one: %v", got)
	}
}

// Connections break in mid stream, again and again: nothing comes twice or out
// of order, and what is said of each message is true.
func TestConnectionsResetInMidStream(t *testing.T) {
	m := newCarried(t, 2, true)
	a, b := m.nodes[0], m.nodes[1]
	c := &collector{}
	b.attach(t, "worker", c)
	e := newEnds()
	const count = 6000
	for i := range count {
		e.submit(a, fmt.Sprintf("%06d", i), "worker", nil)
		switch {
		case i%1000 == 500:
			a.relay.reset()
			b.relay.reset()
		case i%100 == 0:
			// The sender goes on only as fast as some are answered, or all
			// would be sent between two breaks.
			probe := newEnds()
			probe.submit(a, "probe", "worker@"+string(b.id), nil)
			probe.wait(t, "a probe")
		}
	}
	by := e.wait(t, "the end of all")
	var seen []string
	for _, id := range c.got() {
		if id != "probe" {
			seen = append(seen, id)
		}
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Error("the receiver saw messages twice or out of order")
	}
	was := map[string]bool{}
	for _, id := range seen {
		was[id] = true
	}
	for id, status := range e.ids {
		if status == message.Delivered && !was[id] || status == message.Refused && was[id] {
			t.Errorf("%s is said to be %s", id, status)
		}
	}
	if by["delivered "] < count/4 {
		t.Errorf("ended as %v", by)
	}
}

// Who subscribed before the connection broke is found after.
func TestSubscriptionsOutliveConnections(t *testing.T) {
	m := newCarried(t, 3, true)
	c := &collector{}
	for _, n := range m.nodes[1:] {
		s, err := n.Listen(t.Context(), "k", c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Subscribe(t.Context(), "news/>"); err != nil {
			t.Fatal(err)
		}
	}
	publish := func() int {
		r, err := m.nodes[0].Send(t.Context(), message.Message{To: "topic/news/x"}, false)
		if err != nil || r.Counts == nil {
			return 0
		}
		return r.Counts.Delivered
	}
	if got := publish(); got != 2 {
		t.Fatalf("%d at first", got)
	}
	for _, n := range m.nodes {
		n.relay.reset()
	}
	for publish() != 2 {
		within(t, "another connection", m.nodes[0].linked)
	}
}
