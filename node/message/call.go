package message

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxAttempts is how many hosts of an agent are tried before the refusal of
// the last is the answer.
const maxAttempts = 3

// call is one send at the sender's node: it tries the hosts in turn, as long
// as it is certain that the one before did not deliver, and ends once.
type call struct {
	r       *Router
	m       Message
	addr    Address
	wait    bool
	targets []string // node ids, the first to try in front
	done    func(Receipt, error)

	mu       sync.Mutex
	next     int
	at       string // node id of the attempt under way, "" before the first
	finished bool
	timer    *time.Timer
	unwatch  func() bool
}

// try makes the next attempt on the calling goroutine.
func (c *call) try() {
	c.mu.Lock()
	if c.finished {
		c.mu.Unlock()
		return
	}
	node := c.targets[c.next]
	c.next++
	c.at = node
	if node != c.r.cfg.NodeID && c.timer == nil {
		// A delivery on this node carries its own timer.
		c.timer = time.AfterFunc(time.Until(c.m.Deadline), func() { c.outcome(c.expired()) })
	}
	c.mu.Unlock()
	if node == c.r.cfg.NodeID {
		c.r.deliverHere(c.addr.Agent, c.m, c.wait, c.outcome)
		return
	}
	c.r.transmit(node, c.m, c.addr.Agent, false, c.wait, func(o outcome, err error) {
		if err != nil {
			o = c.lost(node, err)
		}
		c.outcome(o)
	})
}

// lost is what a failed link means for this message.
func (c *call) lost(node string, err error) outcome {
	var refusal *consensus.Refusal
	switch {
	case errors.Is(err, ErrNotSent):
		return refusedBy(goneNode(c.addr.Agent, node))
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

// expired is the outcome when the other node has said nothing by the deadline.
func (c *call) expired() outcome {
	o := outcome{Status: Unknown}
	if c.wait {
		o.Refusal = asRefusal(replyTimeout(c.addr.Agent, Unknown))
	}
	return o
}

// outcome takes the end of an attempt: the next host where the last certainly
// did not deliver and another may, else the end of the call.
func (c *call) outcome(o outcome) {
	if o.Status == Refused && o.Refusal != nil && elsewhere(o.Refusal.Code) {
		c.mu.Lock()
		again := !c.finished && c.next < len(c.targets)
		c.mu.Unlock()
		if again {
			c.try()
			return
		}
		if o.Refusal.Code == CodeUnknownAddress && c.addr.Node == "" {
			// The directory named this host, so the agent was known.
			o.Refusal = asRefusal(goneEverywhere(c.addr.Agent))
		}
	}
	c.finish(Receipt{ID: c.m.ID, Status: o.Status, Reply: o.Reply, Counts: o.Counts}, refusalError(o.Refusal))
}

// elsewhere says whether another instance may take what this one refused.
func elsewhere(code string) bool {
	return code == CodeAgentGone || code == CodeUnknownAddress || code == CodeOverloaded
}

// cancelled ends the call because the sender's context did.
func (c *call) cancelled(ctx context.Context) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.outcome(c.expired())
		return
	}
	c.finish(Receipt{ID: c.m.ID, Status: Unknown}, ctx.Err())
}

func (c *call) finish(receipt Receipt, err error) {
	c.mu.Lock()
	if c.finished {
		c.mu.Unlock()
		return
	}
	c.finished = true
	if c.timer != nil {
		c.timer.Stop()
	}
	unwatch := c.unwatch
	c.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	c.r.ended(c, receipt, err)
	c.done(receipt, err)
}

// gather ends once all of n outcomes have come, with their sum. Safe for
// concurrent use.
type gather struct {
	mu     sync.Mutex
	left   int
	counts Counts
	// first is the refusal to show when nothing was delivered.
	first *consensus.Refusal
	done  func(outcome)
}

func newGather(n int, done func(outcome)) *gather { return &gather{left: n, done: done} }

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
	last := g.left == 0
	counts, first := g.counts, g.first
	g.mu.Unlock()
	if !last {
		return
	}
	sum := outcome{Status: counts.status(), Counts: &counts}
	if sum.Status == Refused {
		sum.Refusal = first
	}
	g.done(sum)
}
