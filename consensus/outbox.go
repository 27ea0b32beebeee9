package consensus

import (
	"sync"
	"time"
)

// queueBytes bounds what waits at a node: as proposer, and again as leader.
const queueBytes = 32 << 20

// waiting is a proposal of this node that has not been answered.
type waiting struct {
	seq     uint64
	data    []byte // the encoded envelope
	trace   string // of whom it is for, where that is known
	since   time.Time
	sent    time.Time // zero: not on its way
	tries   int       // times it may have reached a leader: above 0 the outcome may be unknown
	answer  chan result
	settled bool
}

// result is what a proposer is told.
type result struct {
	out outcome
	err error
}

// outbox holds this node's unanswered proposals until the state machine of
// this node has applied them.
type outbox struct {
	mu     sync.Mutex
	next   uint64 // sequence of the next proposal
	low    uint64 // lowest sequence that may be unanswered
	all    map[uint64]*waiting
	queue  []*waiting // to be sent, in order
	bytes  int
	closed bool
	wake   chan struct{}
}

func newOutbox() *outbox {
	return &outbox{next: 1, low: 1, all: make(map[uint64]*waiting), wake: make(chan struct{}, 1)}
}

// open makes a place for a proposal; encode is given its sequence.
func (o *outbox) open(size int, trace string, encode func(seq uint64) []byte) (*waiting, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrClosed
	}
	if o.bytes+size > queueBytes {
		return nil, ErrOverloaded
	}
	w := &waiting{seq: o.next, data: encode(o.next), trace: trace, since: time.Now(), answer: make(chan result, 1)}
	o.next++
	o.all[w.seq] = w
	o.bytes += len(w.data)
	return w, nil
}

// post puts the proposal into the queue of the dispatcher.
func (o *outbox) post(w *waiting) {
	o.mu.Lock()
	if !w.settled {
		o.queue = append(o.queue, w)
	}
	o.mu.Unlock()
	o.poke()
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// settle answers a proposal and forgets it; only the first answer counts.
func (o *outbox) settle(seq uint64, r result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := o.all[seq]; w != nil {
		o.finish(w, r)
	}
}

// finish needs the lock.
func (o *outbox) finish(w *waiting, r result) {
	w.settled = true
	delete(o.all, w.seq)
	o.bytes -= len(w.data)
	w.answer <- r
}

// acked is the sequence below which everything has been answered.
func (o *outbox) acked() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.low < o.next && o.all[o.low] == nil {
		o.low++
	}
	return o.low
}

// take removes the head of the queue, up to maxEntry bytes, and marks it sent.
func (o *outbox) take() (batch []*waiting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size, now, n := 0, time.Now(), 0
	for _, w := range o.queue {
		if size += len(w.data); size > maxEntry && len(batch) > 0 {
			break
		}
		n++
		if !w.settled {
			w.sent = now
			w.tries++
			batch = append(batch, w)
		}
	}
	clear(o.queue[:n])
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
	}
	return batch
}

// mark notes that the proposal went out beside the queue.
func (o *outbox) mark(w *waiting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.sent = time.Now()
	w.tries++
}

// unsend puts back what did not get through. Refused says that the receiver
// certainly did not take it.
func (o *outbox) unsend(batch []*waiting, refused bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var back []*waiting
	for _, w := range batch {
		if w.settled {
			continue
		}
		w.sent = time.Time{}
		if refused {
			w.tries--
		}
		back = append(back, w)
	}
	o.queue = append(back, o.queue...)
}

// again queues what has been on its way since before the given time.
func (o *outbox) again(before time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := o.low; seq < o.next; seq++ {
		if w := o.all[seq]; w != nil && !w.sent.IsZero() && w.sent.Before(before) {
			w.sent = time.Time{}
			o.queue = append(o.queue, w)
		}
	}
}

// expire fails what has waited too long: an unsent proposal had no effect.
func (o *outbox) expire(unsent, sent time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := o.low; seq < o.next; seq++ {
		w := o.all[seq]
		switch {
		case w == nil:
		case w.tries == 0 && w.since.Before(unsent):
			o.finish(w, result{err: ErrNoLeader})
		case w.tries > 0 && w.since.Before(sent):
			o.finish(w, result{err: ErrUnknown})
		}
	}
}

// fail answers everything.
func (o *outbox) fail(err error, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = o.closed || closed
	for _, w := range o.all {
		if w.tries > 0 {
			o.finish(w, result{err: ErrUnknown})
		} else {
			o.finish(w, result{err: err})
		}
	}
}

// pending lists the sequences that are unanswered.
func (o *outbox) pending() []uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []uint64
	for seq := range o.all {
		out = append(out, seq)
	}
	return out
}

func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}
