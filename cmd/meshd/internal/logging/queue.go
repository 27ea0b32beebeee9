package logging

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Queue is an io.Writer that takes whole lines, never blocks, and hands them
// to a slower writer in order. Safe for concurrent use.
type Queue struct {
	w                  io.Writer
	notice             func(dropped uint64) []byte
	maxLines, maxBytes int

	mu      sync.Mutex
	wake    *sync.Cond // a line came, or closed
	lines   [][]byte
	bytes   int
	dropped uint64 // since the last notice
	total   uint64
	closed  bool

	done chan struct{} // closed when the writing goroutine has ended
}

func newQueue(o Options) *Queue {
	q := &Queue{w: o.Writer, maxLines: o.MaxLines, maxBytes: o.MaxBytes, done: make(chan struct{})}
	if q.maxLines == 0 {
		q.maxLines = 4096
	}
	if q.maxBytes == 0 {
		q.maxBytes = 4 << 20
	}
	q.notice = notice(o.Format == "text" || (o.Format != "json" && o.Terminal))
	q.wake = sync.NewCond(&q.mu)
	go q.drain()
	return q
}

func notice(text bool) func(uint64) []byte {
	return func(n uint64) []byte {
		now := time.Now().Format(time.RFC3339Nano)
		message := fmt.Sprintf("dropped %d log lines", n)
		if text {
			return fmt.Appendf(nil, "time=%s level=WARN msg=%q dropped=%d\n", now, message, n)
		}
		return fmt.Appendf(nil, "{\"time\":%q,\"level\":\"WARN\",\"msg\":%q,\"dropped\":%d}\n", now, message, n)
	}
}

// Write queues a copy of line with secrets taken out. It drops the line where
// there is no room, and always claims success: nobody can do anything about a
// log that is not read.
func (q *Queue) Write(line []byte) (int, error) {
	n := len(line)
	line = redactLine(line)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.lines) >= q.maxLines || q.bytes+len(line) > q.maxBytes {
		q.dropped++
		q.total++
		return n, nil
	}
	q.lines = append(q.lines, line)
	q.bytes += len(line)
	q.wake.Signal()
	return n, nil
}

// Dropped is how many lines were dropped since the start.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// Close writes out what is queued and ends the goroutine, or gives up after
// timeout: then the goroutine stays in a write that nobody can interrupt, and
// the process is expected to end.
func (q *Queue) Close(timeout time.Duration) error {
	q.mu.Lock()
	q.closed = true
	q.wake.Signal()
	q.mu.Unlock()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-q.done:
		return nil
	case <-t.C:
		return fmt.Errorf("the log could not be written out within %s", timeout)
	}
}

func (q *Queue) drain() {
	defer close(q.done)
	for {
		lines, dropped, ok := q.next()
		if !ok {
			return
		}
		for _, line := range lines {
			// An error here has nowhere to be told; the next line may fare better.
			_, _ = q.w.Write(line)
		}
		if dropped > 0 {
			_, _ = q.w.Write(q.notice(dropped))
		}
	}
}

// next waits for lines and takes all of them. The drops counted with them
// happened after the newest of them was queued, so their notice follows.
func (q *Queue) next() (lines [][]byte, dropped uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.lines) == 0 && q.dropped == 0 && !q.closed {
		q.wake.Wait()
	}
	lines, dropped = q.lines, q.dropped
	q.lines, q.bytes, q.dropped = nil, 0, 0
	return lines, dropped, len(lines) > 0 || dropped > 0
}
