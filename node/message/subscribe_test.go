package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/consensus"
)

func (m *mesh) listen(t testing.TB, node string, r Receiver, patterns ...string) *Session {
	t.Helper()
	s, err := m.routers[node].Listen(context.Background(), "key-"+node, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patterns {
		if err := s.Subscribe(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestATopicReachesItsSubscribersOnEveryNodeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b", "c")
		one, many, other, agent := &echo{}, &echo{}, &echo{}, &echo{}
		m.listen(t, "a", one, "news/*")
		m.listen(t, "b", many, "news/sport", "news/>", ">", "topic/news/sport")
		m.listen(t, "b", other, "weather/>")
		if err := m.attach(t, "c", "worker", agent).Subscribe(context.Background(), "*/sport"); err != nil {
			t.Fatal(err)
		}
		for i, node := range []string{"a", "b", "c"} {
			receipt, err := m.routers[node].Send(context.Background(), Message{ID: fmt.Sprint(i), To: "topic/news/sport", Body: text("x")}, false)
			if err != nil || receipt.Status != Delivered || *receipt.Counts != (Counts{Delivered: 3}) {
				t.Fatalf("from %s: %+v %+v, %v", node, receipt, receipt.Counts, err)
			}
		}
		for _, e := range []*echo{one, many, agent} {
			if !slices.Equal(e.ids(), []string{"0", "1", "2"}) || e.got[0].To != "topic/news/sport" || e.got[0].From.Node != "a" {
				t.Errorf("got %v", e.got)
			}
		}
		if len(other.got) > 0 {
			t.Error("another topic's subscriber got it")
		}
		if _, err := m.routers["a"].Send(context.Background(), Message{To: "topic/nothing/at/all/here"}, false); err != nil {
			t.Error("'>' did not match", err)
		}
	})
}

func TestUnsubscribingIsHeardElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		s := m.listen(t, "b", &echo{}, "news", "weather")
		send := func(topic string) string {
			_, err := m.routers["a"].Send(context.Background(), Message{To: "topic/" + topic}, false)
			return code(err)
		}
		if send("news") != "" || send("weather") != "" || send("sport") != CodeNoSubscribers {
			t.Fatal("before")
		}
		s.Unsubscribe("news")
		synctest.Wait()
		if len(m.routers["a"].subscribers("news").nodes) != 0 || send("news") != CodeNoSubscribers || send("weather") != "" {
			t.Fatal("after")
		}
		s.Close()
		synctest.Wait()
		if len(m.routers["a"].subscribers("weather").nodes) != 0 || send("weather") != CodeNoSubscribers {
			t.Fatal("closed")
		}
	})
}

// A node whose connection broke, and one that comes back, know again.
func TestInterestIsToldAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		m.set(m.dead, "b", true)
		e := &echo{}
		start := time.Now()
		s := m.listen(t, "a", e, "news")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %v for a dead node", took)
		}
		m.set(m.dead, "b", false)
		m.routers["a"].PeersChanged()
		synctest.Wait()
		publish := func() {
			t.Helper()
			if receipt, err := m.routers["b"].Send(context.Background(), Message{To: "topic/news"}, false); err != nil || receipt.Counts.Delivered != 1 {
				t.Fatal(receipt, err)
			}
		}
		publish()
		m.mu.Lock()
		w := m.wires[[2]string{"a", "b"}]
		m.mu.Unlock()
		m.drop(w)
		if err := s.Subscribe(context.Background(), "weather"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := m.routers["b"].subscribers("weather").nodes; len(got) != 1 {
			t.Fatal(got)
		}
		publish()
		if len(e.got) != 2 {
			t.Error(len(e.got))
		}
	})
}

func TestSubscribeWaitsASecondAtMostForASilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		m.set(m.mute, "b", true)
		s := m.listen(t, "a", &echo{})
		start := time.Now()
		if err := s.Subscribe(context.Background(), "news"); err != nil || time.Since(start) != subscribeWait {
			t.Error(err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := s.Subscribe(ctx, "sport"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Past its bounds a node is interested in everything, and says less again when
// it wants less; what nobody wants is refused at the node that picks out.
func TestInterestIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		var sessions []*Session
		for i := range 5 {
			s := m.listen(t, "b", &echo{})
			for j := range 1000 {
				if err := m.routers["b"].topics.add(s, Pattern{fmt.Sprintf("t/%d/%d", i, j)}); err != nil {
					t.Fatal(err)
				}
				m.routers["b"].interest.changed(Pattern{fmt.Sprintf("t/%d/%d", i, j)}, true)
			}
			sessions = append(sessions, s)
		}
		synctest.Wait()
		know := func() int { return len(m.routers["a"].interest.heard["b"].patterns) }
		if know() != 1 {
			t.Fatalf("%d patterns are known", know())
		}
		if receipt, err := m.routers["a"].Send(context.Background(), Message{To: "topic/t/4/999"}, false); err != nil || receipt.Counts.Delivered != 1 {
			t.Error(receipt, err)
		}
		if _, err := m.routers["a"].Send(context.Background(), Message{To: "topic/t/nobody"}, false); code(err) != CodeNoSubscribers {
			t.Error(err)
		}
		sessions[0].Close()
		sessions[1].Close()
		synctest.Wait()
		if know() != 3000 {
			t.Fatalf("%d patterns are known", know())
		}
		for i := range maxPatterns + 1 {
			if err := sessions[2].Subscribe(context.Background(), fmt.Sprint("x/", i)); err != nil && code(err) != CodeOverloaded {
				t.Fatal(err)
			}
		}
		if n := len(sessions[2].Subscriptions()); n != maxPatterns {
			t.Error(n)
		}
	})
}

// A thousand sessions share one message, and one that is slow costs the others
// nothing.
// A credential that subscribes to all it can leaves some to the others.
func TestOneCredentialDoesNotTakeAllSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a")
		greedy := m.listen(t, "a", &echo{}, "all/>")
		topics := &m.routers["a"].topics
		topics.mu.Lock()
		topics.owned["key-a"] = maxOwnPatterns // as if on other connections
		topics.mu.Unlock()
		var refused *consensus.Refusal
		if err := greedy.Subscribe(context.Background(), "more/>"); !errors.As(err, &refused) || refused.Code != CodeOverloaded {
			t.Errorf("one more: %v", err)
		}
		other, err := m.routers["a"].Listen(context.Background(), "key-other", &echo{})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Subscribe(context.Background(), "more/>"); err != nil {
			t.Errorf("another credential: %v", err)
		}
		other.Unsubscribe("more/>")
		topics.mu.Lock()
		defer topics.mu.Unlock()
		if _, left := topics.owned["key-other"]; left {
			t.Error("a credential without subscriptions is remembered")
		}
	})
}

func TestFanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		got := 0
		messages := map[*Message]bool{}
		var mu sync.Mutex
		for range 1000 {
			m.listen(t, "b", ReceiverFunc(func(d *Delivery) error {
				d.Sent()
				mu.Lock()
				messages[d.Message] = true
				got++
				mu.Unlock()
				d.Delivered()
				return nil
			}), "news")
		}
		m.listen(t, "b", ReceiverFunc(func(*Delivery) error { return consensus.Refuse(CodeOverloaded, "full") }), "news")
		receipt, err := m.routers["a"].Send(context.Background(), Message{To: "topic/news", Body: text("x")}, false)
		if err != nil || *receipt.Counts != (Counts{Delivered: 1000, Refused: 1}) || len(messages) != 1 || got != 1000 {
			t.Fatal(receipt.Counts, err, len(messages), got)
		}
		if out := m.routers["a"].Links()[0].Out; out != 1 {
			t.Errorf("%d messages crossed", out)
		}
	})
}

func TestForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		plain := &echo{}
		m.attach(t, "a", "worker", plain)
		var last *Delivery
		s := m.attach(t, "b", "worker", ReceiverFunc(func(d *Delivery) error { last = d; return nil }))
		forward := func(to, inbox string) (chan string, *Message) {
			out := make(chan string, 1)
			last = nil
			m.routers["a"].Forward(context.Background(), Message{
				ID: "1", To: to, From: Sender{Agent: "x", Principal: "p", Node: "origin"}, Body: text("x"), Stored: &Stored{Inbox: inbox, Seq: 5, Attempt: 1},
				Deadline: time.Now().Add(time.Hour),
			}, func(r Receipt, err error) { out <- fmt.Sprint(r.Status, " ", code(err)) })
			synctest.Wait()
			if last == nil {
				return out, nil
			}
			return out, last.Message
		}
		if out, got := forward("worker", ""); got != nil || <-out != "refused AGENT_GONE" {
			t.Error("went to a session that takes no inbox messages")
		}
		s.Describe("", nil, true)
		out, got := forward("topic/news", "worker")
		if got == nil || got.From.Node != "origin" || got.To != "topic/news" || got.Stored.Seq != 5 || time.Until(got.Deadline) != time.Hour {
			t.Fatalf("%+v", got)
		}
		last.Sent()
		last.Delivered()
		if end := <-out; end != "delivered " {
			t.Error(end)
		}
		out, _ = forward("worker", "")
		last.Sent()
		_ = last.Fail(&consensus.Refusal{Code: "RETURNED", Sentence: "later"})
		if end := <-out; end != "delivered RETURNED" {
			t.Error(end)
		}
		out, _ = forward("worker", "")
		last.Sent()
		s.Close()
		if end := <-out; end != "unknown " {
			t.Error(end)
		}
		if len(plain.got) != 0 {
			t.Error("the other session saw one")
		}
	})
}

func TestASessionThatIsAway(t *testing.T) {
	m := newMesh(t, "a")
	r := m.routers["a"]
	gone, there := &echo{}, &echo{}
	s := m.attach(t, "a", "worker", gone)
	s.SetAway(true)
	if len(r.Local()) != 0 {
		t.Error("announced while away")
	}
	if _, err := r.Send(context.Background(), Message{To: "worker"}, false); err != nil || len(gone.got) != 1 {
		t.Error("the only session was not tried", err)
	}
	m.attach(t, "a", "worker", there)
	for range 3 {
		if _, err := r.Send(context.Background(), Message{To: "worker", Sticky: true, Conversation: "c"}, false); err != nil {
			t.Fatal(err)
		}
	}
	if len(gone.got) != 1 || len(there.got) != 3 {
		t.Error("a session that is away was preferred")
	}
	s.SetAway(false)
	if l := r.Local(); len(l) != 1 || l[0].Instances != 2 {
		t.Error(l)
	}
}

// Many who take nothing hold a bounded number together, do not keep the
// publisher waiting, and leave room to one who does take.
func TestSlowSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		const many, count, room = 200, 200, 20000
		m.routers["b"].inflight.Add(nodeInflight - room) // with others
		held := 0
		for range many {
			m.listen(t, "b", ReceiverFunc(func(*Delivery) error { held++; return nil }), "news")
		}
		quick := &echo{}
		m.listen(t, "b", quick, "news")
		start := time.Now()
		var ended atomic.Int32
		for i := range count {
			m.routers["a"].Submit(context.Background(), Message{ID: fmt.Sprint(i), To: "topic/news"}, false, func(r Receipt, err error) {
				defer ended.Add(1)
				if err != nil || r.Counts.Delivered != 1 || r.Counts.Delivered+r.Counts.Refused+r.Counts.Unknown != many+1 {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
		for ended.Load() < count {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		if took := time.Since(start); took > publishWait+grace+10*time.Millisecond {
			t.Errorf("the publisher waited %v", took)
		}
		if len(quick.got) != count {
			t.Errorf("the quick one got %d", len(quick.got))
		}
		if held > room || held < room/2 {
			t.Errorf("%d are held", held)
		}
		m.routers["b"].inflight.Add(room - nodeInflight)
	})
}
