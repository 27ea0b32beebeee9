package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/program"
)

// unreadEvent is how long an event waits for who reads them once the agent is to
// stop, and how long the last ones have to be written.
const unreadEvent = time.Second

// eventLines writes events as lines of JSON, in order. Who does not read them
// holds back the program, and not its end.
type eventLines struct {
	w        io.Writer
	stopping <-chan struct{}
	lines    chan []byte
	leave    sync.Once
	left     chan struct{} // closed: nobody reads, nothing more is written
	last     chan struct{} // closed: nothing more is to come
	written  chan struct{} // closed when the writing goroutine has ended
}

// newEventLines writes to w until done; ctx ends when the agent is to stop.
func newEventLines(ctx context.Context, w io.Writer) *eventLines {
	e := &eventLines{w: w, stopping: ctx.Done(), lines: make(chan []byte, 64), left: make(chan struct{}), last: make(chan struct{}), written: make(chan struct{})}
	go e.write()
	return e
}

func (e *eventLines) report(ev program.Event) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if to.Encode(ev) != nil {
		return
	}
	select {
	case e.lines <- b.Bytes():
		return
	default:
	}
	select {
	case e.lines <- b.Bytes():
		return
	case <-e.stopping:
	}
	late := time.NewTimer(unreadEvent)
	defer late.Stop()
	select {
	case e.lines <- b.Bytes():
	case <-late.C:
		e.leave.Do(func() { close(e.left) })
	case <-e.left:
	}
}

func (e *eventLines) write() {
	defer close(e.written)
	for {
		select {
		case line := <-e.lines:
			_, _ = e.w.Write(line) // who reads it may have gone; the agent goes on
		case <-e.last:
			for len(e.lines) > 0 {
				_, _ = e.w.Write(<-e.lines)
			}
			return
		}
	}
}

// done waits until the last events are written, or a while: a write that nobody
// reads cannot be interrupted, and the process is about to end.
func (e *eventLines) done() {
	close(e.last)
	late := time.NewTimer(unreadEvent)
	defer late.Stop()
	select {
	case <-e.written:
	case <-late.C:
	}
}
