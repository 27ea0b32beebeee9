package wire

import (
	"context"
	"sync"
)

// queue holds the frames that wait for a link's writer, bounded in bytes.
type queue struct {
	limit int
	wake  chan struct{} // holds one token while frames wait

	mu     sync.Mutex
	frames []frame
	bytes  int
	closed bool
	room   chan struct{} // closed when there may be room; nil if nobody waits
}

func newQueue(limit int) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

type pushResult uint8

const (
	pushed pushResult = iota
	pushClosed
	pushFull
	pushGaveUp
)

// push waits for room until ctx ends.
func (q *queue) push(ctx context.Context, f frame) pushResult {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return pushClosed
		}
		if q.bytes == 0 || q.bytes+f.size() <= q.limit {
			q.put(f)
			q.mu.Unlock()
			return pushed
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return pushGaveUp
		}
	}
}

// pushNow never waits: it is for frames that answer what the other side sent,
// whose number is bounded already. The hard bound is for a side that sends
// requests and never reads.
func (q *queue) pushNow(f frame) pushResult {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return pushClosed
	}
	if q.bytes+f.size() > 8*q.limit {
		return pushFull
	}
	q.put(f)
	return pushed
}

func (q *queue) put(f frame) {
	q.frames = append(q.frames, f)
	q.bytes += f.size()
	q.rouse()
}

// rouse wakes the writer.
func (q *queue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns all frames, and keeps spare's memory for the next ones.
func (q *queue) take(spare []frame) []frame {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	frames := q.frames
	q.frames, q.bytes = spare[:0], 0
	q.makeRoom()
	return frames
}

// empty says that nothing waits for the writer, which has heard of all that did.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.frames) == 0 && len(q.wake) == 0
}

// close refuses further frames and returns those nobody will write.
func (q *queue) close() []frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	frames := q.frames
	q.frames = nil
	q.makeRoom()
	return frames
}

func (q *queue) makeRoom() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}
