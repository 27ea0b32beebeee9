package agent

import (
	"sync"

	"github.com/meshd/meshd/node/message"
)

// Bounds of what waits to be written to one connection. Deliveries are refused
// at theirs, so that the sender hears of it; a client that does not even read
// the answers to its own frames is cut off.
const (
	maxQueue      = 256
	maxQueueBytes = 4 << 20
	maxOwn        = 1024
	maxOwnBytes   = 16 << 20
)

// item is a frame to be written; delivery is set where it carries a message.
// raw is one that is encoded already.
type item struct {
	frame    outbound
	raw      []byte
	delivery *message.Delivery
	streamed bool // a frame of a Stream, which waits for room
}

func (it *item) size() int { return it.frame.size() + len(it.raw) }

// queue is what waits to be written, in order. Safe for concurrent use.
type queue struct {
	mu                      sync.Mutex
	items                   []item
	carried                 int // deliveries waiting
	own                     int // other frames waiting
	bytes                   int // of deliveries
	ownBytes                int
	streamed, streamedBytes int
	// more has a token while there is something to take.
	more chan struct{}
	// room has one while there may be room for frames of streams.
	room chan struct{}
}

func newQueue() *queue {
	return &queue{more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// push adds it, wakes the writer and reports whether there was room.
func (q *queue) push(it item) bool {
	if !q.put(it) {
		return false
	}
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

// put is push without waking the writer: the caller flushes.
func (q *queue) put(it item) bool {
	size := it.size()
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.streamed {
		if q.streamed > 0 && (q.streamed >= maxQueue || q.streamedBytes+size > maxQueueBytes) {
			return false
		}
		q.streamed++
		q.streamedBytes += size
		q.roomy() // for others that wait
	} else if it.delivery != nil {
		if q.carried >= maxQueue || q.bytes+size > maxQueueBytes {
			return false
		}
		q.carried++
		q.bytes += size
	} else {
		if q.own >= maxOwn || q.ownBytes+size > maxOwnBytes {
			return false
		}
		q.own++
		q.ownBytes += size
	}
	q.items = append(q.items, it)
	return true
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// pop takes the next item.
func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		q.items = nil
		return item{}, false
	}
	it := q.items[0]
	q.items[0] = item{}
	q.items = q.items[1:]
	if it.streamed {
		q.streamed--
		q.streamedBytes -= it.size()
		q.roomy()
	} else if it.delivery != nil {
		q.carried--
		q.bytes -= it.size()
	} else {
		q.own--
		q.ownBytes -= it.size()
	}
	return it, true
}

// roomy wakes a stream that waits for room.
func (q *queue) roomy() {
	select {
	case q.room <- struct{}{}:
	default:
	}
}

// several says that more than one item waits.
func (q *queue) several() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) > 1
}
