package message

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Sessions come and go, links break and senders give up, all at once: each
// send still ends exactly once, what was refused was never seen, what is said
// to be delivered was, and nobody sees a message twice.
func TestEverySendEndsOnce(t *testing.T) {
	m := newMesh(t, "a", "b", "c")
	nodes := []string{"a", "b", "c"}
	var seen sync.Map
	receive := func() Receiver {
		// A session that hands over on a goroutine of its own, as a
		// connection does, and is sometimes slow, full or silent.
		return ReceiverFunc(func(d *Delivery) error {
			n := rand.IntN(10)
			if n == 0 {
				return slowReceiver("worker", "x")
			}
			wait := time.Duration(0)
			if n == 1 {
				wait = time.Millisecond
			}
			time.AfterFunc(wait, func() {
				if !d.Sent() {
					return
				}
				if _, twice := seen.LoadOrStore(d.Message.ID, true); twice {
					t.Errorf("%s was seen twice", d.Message.ID)
				}
				if n == 2 {
					return
				}
				d.Delivered()
				if d.WantReply {
					_ = d.Reply(d.Message.Body)
				}
			})
			return nil
		})
	}
	stop := make(chan struct{})
	var churn sync.WaitGroup
	for _, node := range nodes {
		churn.Go(func() {
			for {
				s, err := m.routers[node].Attach(context.Background(), "worker", "k", Profile{}, receive())
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					s.Close()
					return
				case <-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond):
				}
				m.mu.Lock()
				m.cut[node] = rand.IntN(8) == 0
				m.dead[node] = rand.IntN(8) == 0
				m.mu.Unlock()
				s.Close()
			}
		})
	}
	const senders, each = 8, 300
	ends := make([]atomic.Int32, senders*each)
	var ended, sending sync.WaitGroup
	ended.Add(senders * each)
	for i := range senders {
		sending.Go(func() {
			for j := range each {
				n := i*each + j
				id := fmt.Sprint("m", n)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+rand.IntN(50))*time.Millisecond)
				m.routers[nodes[i%3]].Submit(ctx, Message{ID: id, To: "worker", Body: text("x")}, j%2 == 0, func(r Receipt, err error) {
					_, was := seen.Load(id)
					if r.Status == Refused && was || r.Status == Delivered && !was {
						t.Errorf("%s: %s, %v, but seen: %v", id, r.Status, err, was)
					}
					if ends[n].Add(1) == 1 {
						ended.Done()
					}
					cancel()
				})
				if j%16 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	sending.Wait()
	ended.Wait()
	close(stop)
	churn.Wait()
	for n := range ends {
		if got := ends[n].Load(); got != 1 {
			t.Errorf("m%d ended %d times", n, got)
		}
	}
	for _, r := range m.routers {
		if r.calls.Load() != 0 || r.callBytes.Load() != 0 {
			t.Errorf("%d calls with %d bytes are left", r.calls.Load(), r.callBytes.Load())
		}
	}
}
