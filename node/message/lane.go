package message

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
)

// lane is the way to one other node: the strand that new messages go over, and
// what waits while there is none. Messages of one goroutine keep their order.
type lane struct {
	router *Router
	node   string
	// strand is nil while there is none, and while something waits.
	strand atomic.Pointer[Strand]
	// newer says that another connection has come since strand was chosen.
	newer atomic.Bool
	// down says that the last connection has ended and none has begun since:
	// what may go elsewhere does. Each message that were tried here first would
	// come to its receiver later than those behind it that were not.
	down atomic.Bool

	mu       sync.Mutex
	reaching bool
	broke    int // connections in a row that have ended before what waits was sent
	waiting  []parcel
	bytes    int
	strands  []*Strand // that live
	count    linkCount // of the strands that have ended
}

// parcel is what is to be sent once there is a strand.
type parcel struct {
	size int
	// send gives it to the strand; false if that has ended.
	send func(*Strand) bool
	// fail tells that there is none to come.
	fail func(error)
}

// lane finds or makes the way to a node.
func (r *Router) lane(node string) *lane {
	if l, ok := r.lanes.Load(node); ok {
		return l.(*lane)
	}
	l, _ := r.lanes.LoadOrStore(node, &lane{router: r, node: node})
	return l.(*lane)
}

// chosen returns the strand for new messages, or nil. When a newer connection
// has come, the choice is made anew as soon as nothing is under way, so that
// the change keeps the order.
func (l *lane) chosen() *Strand {
	s := l.strand.Load()
	if s != nil && l.newer.Load() && s.Quiet() {
		return nil
	}
	return s
}

// message sends m; w hears of its end exactly once, perhaps before this
// returns.
func (l *lane) message(m *Message, e envelope, w waiter, now time.Time) {
	m, w = l.router.traceLink(m, l.node, w)
	if s := l.chosen(); s != nil {
		ok, full := s.message(m, e, w, now)
		if full {
			w.answered(refusedBy(fullLane(l.node)), nil)
		}
		if ok {
			return
		}
	}
	l.wait(parcel{
		size: len(m.Body),
		send: func(s *Strand) bool {
			ok, full := s.message(m, e, w, time.Now())
			if full {
				w.answered(refusedBy(fullLane(l.node)), nil)
			}
			return ok
		},
		fail: func(err error) { w.answered(outcome{}, err) },
	})
}

func fullLane(node string) error {
	return consensus.Refuse(CodeOverloaded, "too many messages to node "+node+" are under way")
}

// wait keeps p until there is a strand, and asks for one.
func (l *lane) wait(p parcel) {
	l.mu.Lock()
	if len(l.waiting) >= maxOpen || l.bytes+p.size > maxOpenBytes {
		l.mu.Unlock()
		p.fail(fullLane(l.node))
		return
	}
	l.waiting = append(l.waiting, p)
	l.bytes += p.size
	l.strand.Store(nil) // whatever comes now queues up behind p
	ask := !l.reaching
	l.reaching = true
	l.mu.Unlock()
	if ask {
		l.router.cfg.Link.Reach(l.node, l.reached)
	}
}

// maxBroken is how many connections may end, one after the other, between their
// being found and what waits being sent, before that fails.
const maxBroken = 3

// reached sends what waits over the strand, or fails it.
func (l *lane) reached(s *Strand, err error) {
	l.mu.Lock()
	l.newer.Store(false)
	for err == nil {
		batch := l.waiting
		l.waiting, l.bytes = nil, 0
		if len(batch) == 0 {
			l.strand.Store(s)
			l.reaching, l.broke = false, 0
			l.mu.Unlock()
			return
		}
		// Whatever comes meanwhile waits behind the batch.
		l.mu.Unlock()
		for i, p := range batch {
			if !p.send(s) {
				err = errBroke
				l.mu.Lock()
				for _, p := range batch[i:] {
					l.bytes += p.size
				}
				l.waiting = append(batch[i:], l.waiting...)
				l.mu.Unlock()
				break
			}
		}
		l.mu.Lock()
	}
	if l.broke++; errors.Is(err, errBroke) && l.broke < maxBroken {
		l.mu.Unlock()
		l.router.cfg.Link.Reach(l.node, l.reached)
		return
	}
	failed := l.waiting
	l.waiting, l.bytes, l.reaching, l.broke = nil, 0, false, 0
	l.down.Store(len(l.strands) == 0)
	l.mu.Unlock()
	for _, p := range failed {
		p.fail(err)
	}
}

// began takes in a strand, unless it has ended.
func (l *lane) began(s *Strand) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over.Load() { // lost has been here, or finds it gone
		return false
	}
	l.strands = append(l.strands, s)
	l.down.Store(false)
	l.newer.Store(true)
	return true
}

// lost takes the strand out of use and adds up what it did.
func (l *lane) lost(s *Strand) {
	l.strand.CompareAndSwap(s, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.strands, s); i >= 0 {
		l.strands = slices.Delete(l.strands, i, i+1)
		l.count.add(&s.count)
	}
	l.down.Store(len(l.strands) == 0)
}

func (c *linkCount) add(o *linkCount) {
	c.out.Add(o.out.Load())
	c.outBytes.Add(o.outBytes.Load())
	c.in.Add(o.in.Load())
	c.inBytes.Add(o.inBytes.Load())
	c.batches.Add(o.batches.Load())
	c.batchesIn.Add(o.batchesIn.Load())
}
