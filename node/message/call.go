package message

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxAttempts is how many hosts of an agent are tried before the refusal of
// the last is the answer.
const maxAttempts = 3

// call is one send at the sender's node: it tries the hosts in turn, as long
// as it is certain that the one before did not deliver, and ends once.
//
// There is one for each message under way, so its size matters: with what a
// client keeps of a send it is 512 bytes, the largest piece of memory that the
// allocator serves without a header of its own.
type call struct {
	timed timed
	r     *Router
	m     Message
	addr  Address // its Node is an id: the one node that is meant
	// parts gathers the ends of a message to many.
	parts *gather
	to    Ender
	// sends is the list it is given up with, if there is one; earlier, later and
	// listed are that's.
	sends          *sends
	earlier, later *call
	listed         bool

	wait     bool
	attempts uint8
	ending   bool // the attempt has ended, and nobody was told yet; mu guards what follows
	finished bool
	mu       sync.Mutex
	tried    [maxAttempts]string // the nodes of the attempts
	load     *hostLoad           // of the attempt under way on another node
	strand   *Strand             // and where its exchange is
	number   uint64
	unwatch  func() bool
}

// grace is how long after its deadline a message waits for what other nodes say
// of it: they keep the deadline too, and know how far it came.
const grace = 100 * time.Millisecond

// try makes the next attempt on the calling goroutine. It returns false, and
// does nothing, when there is no host left.
func (c *call) try(now time.Time) bool {
	node, load, way := c.r.pick(c, now)
	if node == "" {
		return false
	}
	c.mu.Lock()
	if c.finished {
		c.mu.Unlock()
		c.r.unload(load)
		return true
	}
	c.tried[c.attempts] = node
	c.attempts++
	c.load, c.ending = load, false
	c.mu.Unlock()
	if node == c.r.cfg.NodeID {
		c.r.deliverHere(c.addr.Agent, &c.m, nil, c.wait, now, c, 0)
		return true
	}
	if !c.r.wheel.add(&c.timed, c, c.m.Deadline.Add(grace)) {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, consensus.ErrClosed)
		return true
	}
	way.message(&c.m, envelope{agent: c.addr.Agent, wait: c.wait}, c, now)
	return true
}

// placed implements waiter.
func (c *call) placed(s *Strand, number uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		c.r.unload(c.load)
		c.load = nil
		return false
	}
	c.strand, c.number = s, number
	return true
}

// answered implements waiter.
func (c *call) answered(o outcome, err error) {
	c.mu.Lock()
	load := c.load
	node := c.last()
	c.load, c.strand, c.ending = nil, nil, true
	c.mu.Unlock()
	c.r.unload(load)
	if err != nil {
		o = c.lost(node, err)
	}
	c.outcome(o)
}

// settled implements sink, for a delivery on this node.
func (c *call) settled(_ uint64, _ int, o outcome) { c.outcome(o) }

// expire ends the call when the other node has said nothing by the deadline. A
// message that still waits for a connection is not sent any more.
func (c *call) expire() {
	if c.parts != nil {
		counts := c.parts.soFar()
		c.finish(Receipt{ID: c.m.ID, Status: counts.status(), Counts: &counts}, nil)
		return
	}
	c.mu.Lock()
	node := c.last()
	leave := c.ending || node == c.r.cfg.NodeID // a delivery here ends by itself
	waits := c.strand == nil
	c.mu.Unlock()
	if leave {
		return
	}
	if waits && c.end(Receipt{ID: c.m.ID, Status: Refused}, goneNode(c.addr.Agent, node, errConnected), true) {
		return
	}
	o := outcome{Status: Unknown}
	if c.wait {
		o.Refusal = asRefusal(replyTimeout(c.addr.Agent, Unknown))
	}
	c.finish(Receipt{ID: c.m.ID, Status: o.Status}, refusalError(o.Refusal))
}

// lost is what a failed way to a node means for this message.
func (c *call) lost(node string, err error) outcome {
	var refusal *consensus.Refusal
	switch {
	case errors.Is(err, ErrNotSent) && c.addr.Topic != "":
		return refusedBy(goneSubscribers(c.addr, node, err))
	case errors.Is(err, ErrNotSent):
		return refusedBy(goneNode(c.addr.Agent, node, err))
	case errors.As(err, &refusal):
		return outcome{Status: Refused, Refusal: refusal}
	}
	c.r.cfg.Logger.Debug("a message's link was lost", "to", node, "request_id", c.m.RequestID, "error", err)
	o := outcome{Status: Unknown}
	if c.wait {
		o.Refusal = asRefusal(lostLink(c.addr.Agent, node))
	}
	return o
}

// outcome takes the end of an attempt: the next host where the last certainly
// did not deliver and another may, else the end of the call.
func (c *call) outcome(o outcome) {
	if o.Status == Refused && o.Refusal != nil && c.elsewhere(o.Refusal.Code) && c.addr.Topic == "" && !c.addr.All {
		if now := time.Now(); now.Before(c.m.Deadline) && c.try(now) {
			return
		}
		if o.Refusal.Code == CodeUnknownAddress && c.addr.Node == "" {
			// The directory named this host, so the agent was known.
			o.Refusal = asRefusal(goneEverywhere(c.addr.Agent))
		}
	}
	c.finish(Receipt{ID: c.m.ID, Status: o.Status, Reply: o.Reply, Counts: o.Counts}, refusalError(o.Refusal))
}

// elsewhere says whether another instance may take what this one refused. A
// message of an inbox goes back to who pushes it when its instance is gone:
// others of its sender that were given to that instance before it may be lost
// with it, and are to come first.
func (c *call) elsewhere(code string) bool {
	return code == CodeOverloaded || c.m.Stored == nil && (code == CodeAgentGone || code == CodeUnknownAddress)
}

// cancelled ends the call because the sender's context did. Its deadline is
// the message's.
func (c *call) cancelled(ctx context.Context) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	c.finish(Receipt{ID: c.m.ID, Status: Unknown}, ctx.Err())
}

func (c *call) finish(receipt Receipt, err error) { c.end(receipt, err, false) }

// end is finish, unless unsent and the message has been sent after all: then
// it returns false.
func (c *call) end(receipt Receipt, err error, unsent bool) bool {
	c.mu.Lock()
	if c.finished || unsent && c.strand != nil {
		defer c.mu.Unlock()
		return c.finished
	}
	c.finished = true
	unwatch, strand, number := c.unwatch, c.strand, c.number
	var load *hostLoad
	if strand != nil {
		c.strand, load, c.load = nil, c.load, nil
	}
	c.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	c.r.wheel.remove(&c.timed)
	if c.sends != nil {
		c.sends.remove(c)
	}
	if strand != nil {
		// Nobody waits for the other node's word any more.
		strand.forget(number)
		c.r.unload(load)
	}
	c.r.ended(c, receipt, err)
	c.to.Ended(receipt, err)
	return true
}

// hasTried says that an attempt was made at the node.
func (c *call) hasTried(node string) bool { return slices.Contains(c.tried[:c.attempts], node) }

// last is the node of the last attempt, "" before the first.
func (c *call) last() string {
	if c.attempts == 0 {
		return ""
	}
	return c.tried[c.attempts-1]
}

// gather ends once all parts of one message have ended, with their sum. Safe
// for concurrent use.
type gather struct {
	sink   sink
	number uint64
	size   int
	// lost, needed where there are parts elsewhere, turns the failure of the way to a node into an outcome.
	lost func(node string, err error) outcome

	timed timed
	wheel *wheel // nil: its time is kept by others

	mu     sync.Mutex
	left   int
	over   bool
	counts Counts
	// first is the refusal to show when nothing was delivered.
	first *consensus.Refusal
}

func newGather(parts int, to sink, number uint64, size int) *gather {
	return &gather{sink: to, number: number, size: size, left: parts}
}

// settled implements sink, for a part on this node.
func (g *gather) settled(_ uint64, _ int, o outcome) { g.add(o) }

// part is the share of one other node.
type part struct {
	*gather
	node string
}

// placed implements waiter.
func (part) placed(*Strand, uint64) bool { return true }

// answered implements waiter.
func (p part) answered(o outcome, err error) {
	if err != nil {
		o = p.lost(p.node, err)
	}
	p.add(o)
}

// soFar is the sum with unknown for all that has not ended.
func (g *gather) soFar() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts.plus(Counts{Unknown: g.left})
}

func (g *gather) add(o outcome) {
	n := Counts{}
	switch {
	case o.Counts != nil:
		n = *o.Counts
	case o.Status == Delivered:
		n.Delivered = 1
	case o.Status == Refused:
		n.Refused = 1
	default:
		n.Unknown = 1
	}
	g.mu.Lock()
	g.counts = g.counts.plus(n)
	if g.first == nil {
		g.first = o.Refusal
	}
	g.left--
	last := g.left == 0 && !g.over
	g.over = g.over || last
	g.mu.Unlock()
	if last {
		if g.wheel != nil {
			g.wheel.remove(&g.timed)
		}
		g.tell()
	}
}

// expire tells the sum before all parts have ended: the rest is unknown.
func (g *gather) expire() {
	g.mu.Lock()
	over := g.over
	g.over = true
	g.mu.Unlock()
	if !over {
		g.tell()
	}
}

func (g *gather) tell() {
	counts := g.soFar()
	g.mu.Lock()
	first := g.first
	g.mu.Unlock()
	sum := outcome{Status: counts.status(), Counts: &counts}
	if sum.Status == Refused {
		sum.Refusal = first
	}
	g.sink.settled(g.number, g.size, sum)
}
