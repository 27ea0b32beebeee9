package message

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What waits to be written to a node that takes nothing is bounded, also where
// nobody waits any more for what becomes of it: messages with short deadlines
// piled up by gigabytes until the connection was given up.
func TestWhatWaitsForAStalledNodeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		m.attach(t, "b", "worker", &echo{})
		s := m.routers["a"].Connected("b", func() {}, func() {}) // whose writer is stuck
		s.Began()
		m.routers["a"].lane("b").strand.Store(s)
		defer s.Ended()
		body := bytes.Repeat([]byte{'1'}, MaxBody)
		const messages = 4 * maxOpenBytes / MaxBody
		var unknown, refused atomic.Int64
		for range messages {
			m.routers["a"].Submit(context.Background(), Message{To: "worker", Body: body, Checked: true, Deadline: time.Now().Add(time.Millisecond)}, false, func(r Receipt, err error) {
				switch {
				case r.Status == Unknown:
					unknown.Add(1)
				case code(err) == CodeOverloaded:
					refused.Add(1)
				}
			})
			time.Sleep(2 * wheelTick)
		}
		time.Sleep(2 * grace)
		synctest.Wait()
		if s.waiting > maxOpenBytes+2*MaxBody || unknown.Load() == 0 || refused.Load() == 0 || unknown.Load()+refused.Load() != messages {
			t.Errorf("%d bytes wait; of %d messages %d are unknown and %d refused", s.waiting, messages, unknown.Load(), refused.Load())
		}
	})
}

// Whom publications go to is kept for a number of subscribers, and not of topics
// alone: thousands of subscribers of everything were kept for each of a thousand.
func TestSubscribersKeptAtHandAreBounded(t *testing.T) {
	m := newMesh(t, "a")
	r := m.routers["a"]
	const sessions = 64
	p, _ := ParsePattern(">")
	for i := range sessions {
		if err := r.topics.add(&Session{router: r, seat: seat{key: uint64(i)}}, p); err != nil {
			t.Fatal(err)
		}
	}
	r.topics.matched = maxMatched - 3*sessions // as if they were there
	for i := range 8 {
		if got := r.subscribers(fmt.Sprint("t", i)); len(got.sessions) != sessions {
			t.Fatalf("%d subscribers", len(got.sessions))
		}
	}
	if n := len(r.topics.matches); n != 5 || r.topics.matched != n*sessions {
		t.Errorf("%d topics are kept with %d subscribers", n, r.topics.matched)
	}
}
