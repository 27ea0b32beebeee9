package message

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Each row is how far a delivery came before time, or its session, ended.
func TestTheEndSaysWhatIsCertain(t *testing.T) {
	take := map[string]func(d *Delivery){
		"queued":    func(*Delivery) {},
		"sent":      func(d *Delivery) { d.Sent() },
		"delivered": func(d *Delivery) { d.Sent(); d.Delivered() },
	}
	for _, c := range []struct {
		stage  string
		wait   bool
		close  bool
		status Status
		code   string
	}{
		{"queued", false, false, Refused, CodeOverloaded},
		{"sent", false, false, Unknown, ""},
		{"delivered", false, false, Delivered, ""},
		{"queued", true, false, Refused, CodeReplyTimeout},
		{"sent", true, false, Unknown, CodeReplyTimeout},
		{"delivered", true, false, Delivered, CodeReplyTimeout},
		{"queued", false, true, Refused, CodeAgentGone},
		{"sent", false, true, Unknown, ""},
		{"delivered", false, true, Delivered, ""},
		{"queued", true, true, Refused, CodeAgentGone},
		{"sent", true, true, Unknown, CodeAgentGone},
		{"delivered", true, true, Delivered, CodeAgentGone},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := New(Config{NodeID: "a", Directory: nowhere{}, Link: nowhere{}})
			defer r.Close()
			var s *Session
			s, err := r.Attach(context.Background(), "worker", "k", Profile{}, ReceiverFunc(func(d *Delivery) error {
				take[c.stage](d)
				if c.close {
					go s.Close()
				}
				return nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			receipt, err := r.Send(context.Background(), Message{To: "worker", Deadline: start.Add(5 * time.Second)}, c.wait)
			if receipt.Status != c.status || code(err) != c.code {
				t.Errorf("%+v: got %s, %s", c, receipt.Status, code(err))
			}
			want := 5 * time.Second
			if c.close || c.stage == "delivered" && !c.wait {
				want = 0
			}
			if took := time.Since(start); took != want {
				t.Errorf("%+v: took %v, want %v", c, took, want)
			}
			if n := s.busy.Load(); n != 0 {
				t.Errorf("%+v: %d left under way", c, n)
			}
		})
	}
}

// The node that hosts the receiver keeps the deadline and says how far the message
// came; the sender's heard "unknown" of itself at the same moment, or sooner.
func TestTheEndSaysWhatIsCertainAtAnotherNode(t *testing.T) {
	for _, c := range []struct {
		take   func(d *Delivery)
		wait   bool
		status Status
		code   string
	}{
		{func(*Delivery) {}, false, Refused, CodeOverloaded},
		{func(*Delivery) {}, true, Refused, CodeReplyTimeout},
		{func(d *Delivery) { d.Sent() }, false, Unknown, ""},
		{func(d *Delivery) { d.Sent() }, true, Unknown, CodeReplyTimeout},
		{func(d *Delivery) { d.Sent(); d.Delivered() }, true, Delivered, CodeReplyTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMesh(t, "a", "b")
			s := m.attach(t, "b", "worker", ReceiverFunc(func(d *Delivery) error {
				c.take(d)
				return nil
			}))
			receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker", Deadline: time.Now().Add(time.Second)}, c.wait)
			if receipt.Status != c.status || code(err) != c.code {
				t.Errorf("%v, %s: got %s, %s", c.wait, c.status, receipt.Status, code(err))
			}
			if n := s.busy.Load(); n != 0 {
				t.Errorf("%d left under way", n)
			}
		})
	}
}

// What was refused because its time was over goes to no other host.
func TestNothingIsTriedElsewhereAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b", "c")
		came := 0
		for _, node := range []string{"b", "c"} {
			m.attach(t, node, "worker", ReceiverFunc(func(*Delivery) error {
				came++
				return nil
			}))
		}
		receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker", Deadline: time.Now().Add(time.Second)}, false)
		synctest.Wait()
		if receipt.Status != Refused || code(err) != CodeOverloaded || came != 1 {
			t.Errorf("%+v, %v; it came to %d sessions", receipt, err, came)
		}
	})
}

func TestTheSenderDoesNotWaitForASilentNode(t *testing.T) {
	for _, wait := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := newMesh(t, "a", "b")
			m.attach(t, "b", "worker", &echo{})
			m.set(m.mute, "b", true)
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			start := time.Now()
			receipt, err := m.routers["a"].Send(ctx, Message{To: "worker"}, wait)
			want := ""
			if wait {
				want = CodeReplyTimeout
			}
			if receipt.Status != Unknown || code(err) != want || time.Since(start) != 3*time.Second+grace {
				t.Errorf("%+v, %v, after %v", receipt, err, time.Since(start))
			}
		})
	}
}

func TestTheDeadlineTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		var late error
		m.attach(t, "b", "worker", ReceiverFunc(func(d *Delivery) error {
			if left := time.Until(d.Message.Deadline); left != 2*time.Second {
				t.Errorf("%v left at the receiver", left)
			}
			d.Sent()
			d.Delivered()
			time.AfterFunc(3*time.Second, func() { late = d.Reply(text("late")) })
			return nil
		}))
		receipt, err := m.routers["a"].Send(context.Background(), Message{To: "worker", Deadline: time.Now().Add(2 * time.Second)}, true)
		if code(err) != CodeReplyTimeout {
			t.Errorf("%+v, %v", receipt, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if code(late) != CodeNotWaiting {
			t.Errorf("a late answer: %v", late)
		}
	})
}

func TestACancelledSenderStopsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a")
		m.attach(t, "a", "worker", ReceiverFunc(func(*Delivery) error { return nil }))
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		receipt, err := m.routers["a"].Send(ctx, Message{To: "worker"}, true)
		if !errors.Is(err, context.Canceled) || receipt.Status != Unknown {
			t.Errorf("%+v, %v", receipt, err)
		}
	})
}

func TestLoadIsSpreadAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &announcements{}
		r := New(Config{NodeID: "a", Directory: d, Link: nowhere{}})
		defer r.Close()
		if _, err := r.Attach(context.Background(), "worker", "k", Profile{}, ReceiverFunc(func(*Delivery) error { return nil })); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			r.Submit(context.Background(), Message{To: "worker"}, true, func(Receipt, error) {})
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if len(d.all) != 2 || d.all[1][0].Busy != 50 {
			t.Errorf("announced %+v", d.all)
		}
	})
}

func TestASessionHoldsBoundedWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a")
		m.attach(t, "a", "worker", ReceiverFunc(func(*Delivery) error { return nil }))
		refused := 0
		for range maxInflight + 10 {
			m.routers["a"].Submit(context.Background(), Message{To: "worker"}, true, func(_ Receipt, err error) {
				if code(err) == CodeOverloaded {
					refused++
				}
			})
		}
		if refused != 10 {
			t.Errorf("%d refused", refused)
		}
	})
}

// nowhere is a directory that knows nobody and a link that leads nowhere.
type nowhere struct{}

func (nowhere) Lookup(string) []Host                         { return nil }
func (nowhere) ResolveNode(s string) (string, error)         { return s, nil }
func (nowhere) Announce([]Local)                             {}
func (nowhere) Reach(_ string, arrived func(*Strand, error)) { arrived(nil, ErrNotSent) }

type announcements struct {
	nowhere
	all [][]Local
}

func (a *announcements) Announce(l []Local) { a.all = append(a.all, l) }
