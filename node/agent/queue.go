package agent

import (
	"sync/atomic"

	"github.com/meshd/meshd/node/message"
)

// Bounds of what waits to be written to one client. Deliveries are refused at
// theirs, so that the sender hears of it; a client that does not even read the
// answers to its own frames is cut off.
const (
	maxQueue      = 4096
	maxQueueBytes = 4 << 20
	maxOwn        = 8192
	maxOwnBytes   = 16 << 20
	maxStreamed   = 256
	// maxHeld bounds what waits for all clients of a node; one for whom no more
	// than fairShare waits is never refused for it.
	maxHeld   = 256 << 20
	fairShare = 64 << 10
	// perMessage is what a message that waits costs beside its body.
	perMessage = 512
)

// queue is what waits to be written: frames of the node's own, which are
// encoded, and messages, which are not yet. The client's mu guards it.
type queue struct {
	text     *[]byte // the frames of the node's own, one after the other
	ends     []end   // where each of them ends
	streamed int     // how many of them are of streams
	acked    []string
	control  []byte // whole WebSocket frames: pings and pongs

	messages []*message.Delivery
	first    int // of messages that is not taken yet
	bytes    int // of messages
	credit   int // receive frames that may be written; -1: any number

	dropped, droppedTold uint64
	// room has a token while there may be room for frames of streams; nil
	// until a stream waits.
	room chan struct{}
}

// end is where a frame ends in the text, and whether it is numbered.
type end struct {
	at       int
	numbered bool
}

// own queues a frame of the node's own.
func (q *queue) own(frame []byte, numbered bool) bool {
	if !q.fits(len(frame)) {
		return false
	}
	b := q.open()
	*b = append(*b, frame...)
	q.ends = append(q.ends, end{len(*b), numbered})
	return true
}

// open returns the text to append a frame to, which close then counts.
func (q *queue) open() *[]byte {
	if q.text == nil {
		q.text = getBuffer()
	}
	return q.text
}

func (q *queue) close() { q.ends = append(q.ends, end{len(*q.text), true}) }

func (q *queue) fits(size int) bool {
	return len(q.ends) < maxOwn && (q.text == nil || len(*q.text)+size <= maxOwnBytes)
}

// stream queues a frame of a stream, which has less room and waits for it.
func (q *queue) stream(frame []byte) bool {
	if q.streamed > 0 && (q.streamed >= maxStreamed || len(*q.text)+len(frame) > maxQueueBytes) {
		return false
	}
	if !q.own(frame, true) {
		return false
	}
	q.streamed++
	q.roomy() // for others that wait
	return true
}

// roomy wakes a stream that waits for room.
func (q *queue) roomy() {
	if q.room == nil {
		return
	}
	select {
	case q.room <- struct{}{}:
	default:
	}
}

// ack queues the end of a send that is told together with others.
func (q *queue) ack(id string) bool {
	if len(q.acked) >= maxOwn {
		return false
	}
	q.acked = append(q.acked, id)
	return true
}

// carry queues a message.
func (q *queue) carry(d *message.Delivery, held *atomic.Int64) bool {
	size := perMessage + len(d.Message.Body)
	waiting := len(q.messages) - q.first
	if waiting >= maxQueue || waiting > 0 && q.bytes+size > maxQueueBytes {
		return false
	}
	if q.bytes+size > fairShare && held.Load() > maxHeld {
		return false
	}
	held.Add(int64(size))
	q.bytes += size
	q.messages = append(q.messages, d)
	return true
}

// next takes a message, if there is one and credit for it, and says what it
// held of what waits for all clients.
func (q *queue) next() (d *message.Delivery, held int) {
	if q.first == len(q.messages) || q.credit == 0 {
		return nil, 0
	}
	d = q.messages[q.first]
	q.messages[q.first] = nil
	if q.first++; q.first == len(q.messages) {
		q.first, q.messages = 0, q.messages[:0]
	} else if q.first >= 1024 && q.first*2 > len(q.messages) {
		n := copy(q.messages, q.messages[q.first:])
		clear(q.messages[n:])
		q.first, q.messages = 0, q.messages[:n]
	}
	size := perMessage + len(d.Message.Body)
	q.bytes -= size
	return d, size
}

// spend takes credit for a message that is written.
func (q *queue) spend() {
	if q.credit > 0 {
		q.credit--
	}
}

// ready says that there is something to write.
func (q *queue) ready() bool {
	return q.text != nil || len(q.acked) > 0 || len(q.control) > 0 || q.first < len(q.messages) && q.credit != 0 || q.due()
}

// due says that the client is to hear of what was dropped: once there is room
// again.
func (q *queue) due() bool {
	return q.dropped > q.droppedTold && len(q.messages)-q.first < maxQueue/2 && q.bytes < maxQueueBytes/2
}

// events says whether there is room for an event: they may not take that of
// answers.
func (q *queue) events() bool {
	return len(q.ends) < maxOwn/2 && (q.text == nil || len(*q.text) < maxQueueBytes)
}

// lapse drops the messages whose time was over before the client took them, so
// that they hold no room of those which can still be delivered.
func (q *queue) lapse(held *atomic.Int64) {
	left := q.messages[:0]
	for _, d := range q.messages[q.first:] {
		if !d.Ended() {
			left = append(left, d)
			continue
		}
		size := perMessage + len(d.Message.Body)
		q.bytes -= size
		held.Add(-int64(size))
		if isTopic(d.Message.To) {
			q.dropped++
		}
	}
	clear(q.messages[len(left):])
	q.messages, q.first = left, 0
}

// trim gives back what an idle queue does not need.
func (q *queue) trim() {
	if !q.ready() && q.first == len(q.messages) {
		q.ends, q.acked, q.messages, q.first = nil, nil, nil, 0
	}
}

// discard empties the queue of a session that has ended.
func (q *queue) discard(held *atomic.Int64) {
	held.Add(-int64(q.bytes))
	if q.text != nil {
		putBuffer(q.text)
	}
	q.text, q.ends, q.acked, q.control, q.messages, q.first, q.bytes, q.streamed = nil, nil, nil, nil, nil, 0, 0, 0
	q.roomy()
}
