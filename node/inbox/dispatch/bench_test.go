package dispatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// keeper acknowledges what it is given, from a goroutine of its own, as a
// session does.
type keeper struct {
	ends chan func(message.Receipt, error)
}

func (k *keeper) Forward(_ context.Context, _ message.Message, done func(message.Receipt, error)) {
	k.ends <- done
}

type everywhere map[string][]string

func (e everywhere) Hosts() map[string][]string { return e }
func (e everywhere) Alive(string) bool          { return true }

// What a message costs from the inbox to the agent and back, on a state in
// memory: reading, pushing and acknowledging, without a session.
func BenchmarkPush(b *testing.B) {
	for _, inboxes := range []int{1, 1000} {
		b.Run(fmt.Sprintf("inboxes=%d", inboxes), func(b *testing.B) {
			part := inbox.NewPart()
			svc := inbox.NewService(inbox.Config{State: consensustest.New(part), Part: part})
			defer svc.Close()
			hosts := everywhere{}
			name := func(i int) string { return fmt.Sprint("agent-", i%inboxes) }
			for i := range inboxes {
				hosts[name(i)] = []string{"n1"}
			}
			k := &keeper{ends: make(chan func(message.Receipt, error), 4*maxOutAll)}
			var delivered sync.WaitGroup
			go func() {
				for done := range k.ends {
					done(message.Receipt{Status: message.Delivered}, nil)
					delivered.Done()
				}
			}()
			defer close(k.ends)
			n := min(b.N, 90_000)
			delivered.Add(n)
			var accepting sync.WaitGroup
			for i := range n {
				accepting.Add(1)
				svc.Submit(context.Background(), inbox.Outgoing{
					To: []inbox.Recipient{{Agent: name(i)}}, From: message.Sender{Principal: fmt.Sprint("k", i%64)}, Body: []byte(`"0123456789012345678901234567890123456789"`),
				}, func(_ inbox.Accepted, err error) {
					if err != nil {
						b.Error(err)
					}
					accepting.Done()
				})
				if i%4096 == 0 {
					accepting.Wait()
				}
			}
			accepting.Wait()
			b.ReportAllocs()
			b.ResetTimer()
			began := time.Now()
			d := New(Config{Node: "n1", Inboxes: svc, Router: k, Mesh: hosts})
			defer d.Close()
			d.Moved()
			delivered.Wait()
			d.flush()
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "messages/s")
		})
	}
}
