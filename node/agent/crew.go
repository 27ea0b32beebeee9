package agent

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// maxIdle is how many goroutines wait for a request: one that has run already
// has a stack of the size that requests need.
const maxIdle = 256

// crew runs the requests that wait. It has as many goroutines as were under
// way at once, and keeps some of them.
type crew struct {
	jobs chan job
	idle atomic.Int64
	stop <-chan struct{}
	wg   sync.WaitGroup
}

func newCrew(stop <-chan struct{}) *crew { return &crew{jobs: make(chan job), stop: stop} }

// do never blocks: a goroutine that waits takes the job, or a new one.
func (w *crew) do(j job) {
	select {
	case w.jobs <- j:
	default:
		w.wg.Go(func() { w.work(j) })
	}
}

func (w *crew) work(j job) {
	for {
		j.run()
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		select {
		case j = <-w.jobs:
			w.idle.Add(-1)
		case <-w.stop:
			w.idle.Add(-1)
			return
		}
	}
}

// guard keeps a panicking request from taking the node with it.
func (s *Server) guard(ctx context.Context, r Request) (frame []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Logger.Error("a request panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			frame, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Answer(ctx)
}
