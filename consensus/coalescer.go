package consensus

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// entriesInFlight bounds the entries the leader has given to Raft and not seen
// committed.
const entriesInFlight = 64

// While an entry is under way, what comes waits for it to land, and goes
// together: an entry costs each voter an fsync and a transaction, whatever is in
// it. No longer than gatherTime, which is little to those whose round trips are
// long, and not behind gatherBytes, which are worth an entry of their own.
const (
	gatherTime  = 2 * time.Millisecond
	gatherBytes = 64 << 10
)

// coalescer is the leader's end: commands that wait are packed into one entry
// while Raft is busy with the entry before, so that an fsync and a round trip
// are shared by all that arrived meanwhile.
type coalescer struct {
	apply func(data []byte) raft.ApplyFuture
	stats *metrics
	// level is the command level in force.
	level func() uint32
	// lost is called when an entry did not commit: its commands go out again.
	lost func()
	// ended is closed when Raft has ended.
	ended chan struct{}
	// stamp is the time of the next entry.
	stamp func() int64
	// own returns the origin of this node with its watermark.
	own func() ack

	mu    sync.Mutex
	queue [][]byte
	bytes int
	acks  map[origin]uint64
	wake  chan struct{}
	slots chan struct{}
	// landed has a token when an entry has been applied or lost.
	landed chan struct{}
}

// newCoalescer makes one whose entries have the command level of the state.
func newCoalescer(level func() uint32) *coalescer {
	return &coalescer{level: level, acks: make(map[origin]uint64), wake: make(chan struct{}, 1), slots: make(chan struct{}, entriesInFlight), landed: make(chan struct{}, 1)}
}

// add queues envelopes whole or refuses them all.
func (c *coalescer) add(envelopes [][]byte, acks ...ack) error {
	size := 0
	for _, e := range envelopes {
		size += len(e)
	}
	c.mu.Lock()
	if c.bytes+size > queueBytes {
		c.mu.Unlock()
		return ErrOverloaded
	}
	c.queue = append(c.queue, envelopes...)
	c.bytes += size
	for _, a := range acks {
		c.acks[a.origin] = max(c.acks[a.origin], a.seq)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// take builds the next entry.
func (c *coalescer) take() (e entry, ok bool) {
	own := c.own()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return entry{}, false
	}
	size, n := 0, 0
	for n < len(c.queue) && (n == 0 || size+len(c.queue[n]) <= maxEntry) {
		size += len(c.queue[n])
		n++
	}
	e.envelopes = append(e.envelopes, c.queue[:n]...)
	clear(c.queue[:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	c.bytes -= size
	e.acks = append(e.acks, own)
	for o, seq := range c.acks {
		if o != own.origin {
			e.acks = append(e.acks, ack{o, seq})
		}
	}
	clear(c.acks)
	e.stamp, e.level = c.stamp(), c.level()
	return e, true
}

// clear drops the queue: this node no longer leads, and the proposers send
// again.
func (c *coalescer) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue, c.bytes = nil, 0
	clear(c.acks)
}

func (c *coalescer) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

// gather waits until it is worth while to make an entry; false: stop.
func (c *coalescer) gather(stop <-chan struct{}) bool {
	if len(c.slots) == 0 {
		return true
	}
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	for len(c.slots) > 0 && c.size() < gatherBytes {
		select {
		case <-c.landed:
		case <-timer.C:
			return true
		case <-stop:
			return false
		}
	}
	return true
}

// run feeds Raft until stop; its futures end when Raft does.
func (c *coalescer) run(stop <-chan struct{}, wg *sync.WaitGroup) {
	for {
		select {
		case <-c.wake:
		case <-stop:
			return
		}
		for {
			if !c.gather(stop) {
				return
			}
			select {
			case c.slots <- struct{}{}:
			case <-stop:
				return
			}
			e, ok := c.take()
			if !ok {
				<-c.slots
				break
			}
			data := e.encode()
			c.stats.proposed(len(data), len(e.envelopes))
			// Blocks while Raft writes the entry before: the queue grows
			// meanwhile, and with it the next entry.
			future := c.apply(data)
			endWith(future, c.ended)
			wg.Go(func() {
				err := future.Error()
				<-c.slots
				select {
				case c.landed <- struct{}{}:
				default:
				}
				if err != nil {
					c.lost()
				}
			})
		}
	}
}
