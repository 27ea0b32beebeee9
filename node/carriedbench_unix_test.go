//go:build unix

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meshd/meshd/node/message"
)

// processor is the time that this process has computed.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What a message costs from one node's router to the other's over a real
// connection with TLS, both nodes in this process: one way with so many under
// way, each receipted, and as requests. On a machine that does much else
// cpu-ns/op is the figure to look at.
func BenchmarkCarried(b *testing.B) {
	body := json.RawMessage(`"` + strings.Repeat("x", 254) + `"`)
	var began time.Duration
	report := func(b *testing.B) {
		b.ReportMetric(float64(processor(b)-began)/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	}
	prepare := func(b *testing.B) *carriedNode {
		m := newCarried(b, 2, false)
		_, err := m.nodes[1].Attach(context.Background(), "worker", "k", message.Profile{}, message.ReceiverFunc(func(d *message.Delivery) error {
			d.Sent()
			d.Delivered()
			if d.WantReply {
				return d.ReplyChecked(d.Message.Body)
			}
			return nil
		}))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.nodes[0].Send(context.Background(), message.Message{To: "worker", Body: body}, true); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		began = processor(b)
		return m.nodes[0]
	}
	for _, window := range []int{1, 256, 1024, 4096} {
		b.Run(fmt.Sprint("oneway-", window), func(b *testing.B) {
			a := prepare(b)
			places := make(chan struct{}, window)
			var all sync.WaitGroup
			all.Add(b.N)
			deadline := time.Now().Add(time.Minute)
			for i := range b.N {
				if i%1024 == 0 {
					deadline = time.Now().Add(time.Minute)
				}
				places <- struct{}{}
				a.Submit(context.Background(), message.Message{ID: "m", To: "worker", Body: body, Checked: true, Deadline: deadline}, false, func(r message.Receipt, err error) {
					if r.Status != message.Delivered {
						b.Error(r, err)
					}
					<-places
					all.Done()
				})
			}
			all.Wait()
			report(b)
		})
	}
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("request-", callers), func(b *testing.B) {
			a := prepare(b)
			var all sync.WaitGroup
			for c := range callers {
				all.Go(func() {
					for range (b.N + callers - 1 - c) / callers {
						if _, err := a.Send(context.Background(), message.Message{To: "worker", Body: body}, true); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			report(b)
		})
	}
}
