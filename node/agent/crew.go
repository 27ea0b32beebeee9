package agent

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// maxIdle is how many goroutines wait for something to do: one that has run
// already has a stack of the size that it takes.
const maxIdle = 256

// crew runs the requests that wait, and writes to clients. It has as many
// goroutines as were at work at once, and keeps some of them.
type crew struct {
	jobs chan runner
	idle atomic.Int64
	stop <-chan struct{}
	wg   sync.WaitGroup
}

// runner is something to be done beside what the caller does.
type runner interface{ run() }

// task makes a function a runner.
type task func()

func (t task) run() { t() }

func newCrew(stop <-chan struct{}) *crew { return &crew{jobs: make(chan runner), stop: stop} }

// do never blocks: a goroutine that waits takes the job, or a new one.
func (w *crew) do(j runner) {
	select {
	case w.jobs <- j:
	default:
		w.wg.Go(func() { w.work(j) })
	}
}

func (w *crew) work(j runner) {
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
