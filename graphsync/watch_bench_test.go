package graphsync

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkWatchers measures a write beside many watchers, how long it takes
// until the last of those concerned has it, and what that costs. The watchers
// of others' namespaces are not concerned.
func BenchmarkWatchers(b *testing.B) {
	for _, c := range []struct {
		watchers int
		of       string
	}{{0, "s"}, {1, "s"}, {1000, "s"}, {1000, "other"}} {
		b.Run(fmt.Sprintf("%d of %s", c.watchers, c.of), func(b *testing.B) {
			s := newService(b)
			ctx, cancel := context.WithCancel(bg)
			var got atomic.Int64
			var wg sync.WaitGroup
			for range c.watchers {
				w, err := s.Watch(ctx, WatchQuery{WatchFilter: WatchFilter{Namespace: c.of}, Detail: DetailValues})
				if err != nil {
					b.Fatal(err)
				}
				wg.Go(func() {
					defer w.Close()
					for {
						step, err := w.Next(ctx)
						if err != nil {
							return
						}
						for _, e := range step.Events {
							_ = e.JSON(DetailValues)
						}
						got.Add(int64(len(step.Events)))
					}
				})
			}
			var writing time.Duration
			for b.Loop() {
				start := time.Now()
				mustCreate(b, s, NewNode{SessionID: "s", NodeType: "a", Label: "a"})
				writing += time.Since(start)
			}
			written := time.Now()
			for c.of == "s" && got.Load() < int64(b.N*c.watchers) {
				time.Sleep(100 * time.Microsecond)
			}
			b.ReportMetric(float64(writing.Nanoseconds())/float64(b.N), "ns/write")
			b.ReportMetric(float64(time.Since(written).Microseconds()), "µs-behind-at-end")
			cancel()
			wg.Wait()
		})
	}
}
