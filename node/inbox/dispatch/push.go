package dispatch

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// keepPushing reads the inboxes that may have something for their agents, one
// after the other. All pushes are made here, which keeps them in order.
func (d *Dispatcher) keepPushing() {
	for {
		s := d.nextServed()
		if s == nil {
			select {
			case <-d.toPush:
				continue
			case <-d.ctx.Done():
				return
			}
		}
		d.turn(s)
	}
}

// nextServed takes an inbox from the queue, if there is room for its messages.
func (d *Dispatcher) nextServed() *served {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.queue) == 0 || d.out >= maxOutAll || d.bytes >= maxBytesAll || d.settling >= maxSettlingAll || !d.believes() {
		return nil // outcome, settled and believes set toPush
	}
	s := d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	s.queued = false
	return s
}

// share is how many more messages and bytes a box may have out. d.mu is held.
//
// A box may have a quarter of what three quarters of the whole leave free, so
// that the more there is out, the less one may have (dynamic thresholds,
// Choudhury and Hahne 1998). The last quarter is for those that have nothing out.
func (d *Dispatcher) share(b *box) (messages, bytes int) {
	messages = (maxOutAll*3/4-d.out)/4 - b.pushed
	bytes = min((maxBytesAll*3/4-d.bytes)/4-b.bytes, b.freeBytes())
	if b.pushed == 0 {
		messages, bytes = max(messages, 1), max(bytes, 1)
		if d.out < maxOutAll*7/8 && d.bytes < maxBytesAll*7/8 {
			messages, bytes = max(messages, 16), max(bytes, 64<<10)
		}
	}
	return min(messages, b.free(), maxTurn), min(bytes, maxTurnBytes)
}

// turn reads one inbox and pushes what may go out.
func (d *Dispatcher) turn(s *served) {
	r := d.begin(s, time.Now())
	if r == nil {
		return
	}
	batch, err := d.read(r)
	if err != nil {
		d.putOff(r, err)
		return
	}
	taken := d.take(r, batch)
	d.metrics.pushed.Add(float64(len(taken)))
	for i := range taken {
		d.push(s, r.box, &taken[i])
	}
}

// reading is one look into an inbox.
type reading struct {
	of  *served
	box *box
	at  time.Time
	// messages and bytes are how many more may go out.
	messages, bytes int
	answers         int     // of its claims, when it began
	wanted          []entry // those read that may go out, in order
}

// begin says that an inbox is read now; nil: there is no reason to, or no room.
func (d *Dispatcher) begin(s *served, now time.Time) *reading {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := s.box
	if b == nil || s.moving.quiet() {
		return nil
	}
	if !b.ready(now) {
		d.arm(s, b.wakeAt(), now)
		return nil
	}
	messages, bytes := d.share(b)
	if messages <= 0 || bytes <= 0 {
		return nil // what it has out brings it back
	}
	b.begin(now)
	return &reading{of: s, box: b, at: now, messages: messages, bytes: bytes, answers: s.answers}
}

func (d *Dispatcher) read(r *reading) (inbox.Batch, error) {
	return d.cfg.Inboxes.Pending(d.ctx, r.of.name, inbox.PendingOptions{Max: r.messages, MaxBytes: r.bytes, Skip: func(m inbox.Due) bool {
		e := entryOf(m)
		d.mu.Lock()
		defer d.mu.Unlock()
		if !r.box.wants(e) {
			return true
		}
		r.wanted = append(r.wanted, e)
		return false
	}})
}

// putOff lets an inbox be read again in a while.
func (d *Dispatcher) putOff(r *reading, err error) {
	if d.ctx.Err() == nil {
		d.cfg.Logger.Warn("an inbox cannot be read", "agent", r.of.name, "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.box.changed()
	d.arm(r.of, r.at.Add(time.Second), r.at)
}

// take lets go out what was read, if this node still is the one that dispatches,
// and says when the inbox is looked at again.
func (d *Dispatcher) take(r *reading, batch inbox.Batch) []inbox.Stored {
	s, b := r.of, r.box
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := batch.Messages[:0]
	d.accounted(b, func() {
		for _, m := range batch.Messages {
			// What was wanted and has not come ended meanwhile, or had no room.
			for len(r.wanted) > 0 && r.wanted[0].seq != m.Seq {
				r.wanted = r.wanted[1:]
			}
			if len(r.wanted) == 0 {
				break
			}
			r.wanted[0].redelivery = m.Redelivery
			if b.take(r.wanted[0]) {
				taken = append(taken, m)
			}
		}
		b.end(batch.More, batch.Next)
	})
	if s.answers == r.answers && s.box == b {
		d.dispatchedBy(s, batch.Node, batch.Epoch)
	}
	if s.box != b || s.moving.quiet() {
		// Another node dispatches now, or soon: what was taken is not pushed here.
		d.accounted(b, func() {
			for _, m := range taken {
				b.drop(m.Seq, b.out[m.Seq])
			}
		})
		return nil
	}
	if b.ready(r.at) {
		d.enqueue(s)
	} else {
		d.arm(s, b.wakeAt(), r.at)
	}
	return taken
}

// push hands one message to the router.
func (d *Dispatcher) push(s *served, b *box, m *inbox.Stored) {
	if !d.still(s, b, m.Seq) {
		return
	}
	seq, deadline := m.Seq, time.Now().Add(patience(m.Attempts, m.Redelivery))
	out, span := messageOf(s.name, m, deadline), d.cfg.Tracer.Start(m.TraceParent, "dispatch")
	if span != nil {
		out.TraceParent = span.Set("agent", s.name).Set("seq", strconv.FormatUint(seq, 10)).Set("attempt", strconv.Itoa(m.Attempts+1)).Parent("")
	}
	d.cfg.Router.Forward(context.Background(), out, func(r message.Receipt, err error) {
		span.Set("status", string(r.Status)).End(err)
		d.outcome(s, b, seq, deadline, r, err)
	})
}

// still says whether a message that was taken goes out: a push before it may have
// been refused on the spot, and the node may have stood still since it was read.
func (d *Dispatcher) still(s *served, b *box, seq uint64) (ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	believed := d.believes()
	d.accounted(b, func() { ok = b.still(seq, believed) })
	if !believed && s.box == b {
		d.enqueue(s)
	}
	return ok
}

// accounted keeps the sums of all boxes right while fn changes one. d.mu is
// held.
func (d *Dispatcher) accounted(b *box, fn func()) {
	out, bytes, all := b.pushed, b.bytes, len(b.out)
	fn()
	d.out += b.pushed - out
	d.bytes += b.bytes - bytes
	d.settling += (len(b.out) - b.pushed) - (all - out)
}

// outcome takes the end of a push.
func (d *Dispatcher) outcome(s *served, b *box, seq uint64, deadline time.Time, r message.Receipt, err error) {
	now := time.Now()
	what := resultOf(r, err, now, deadline)
	d.metrics.results[what].Inc()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed && what == lost {
		what = gone
	}
	var settle bool
	var after time.Duration
	attempt := 0
	if out := b.out[seq]; out != nil {
		attempt = out.attempts + 1
	}
	d.accounted(b, func() { settle, after = b.outcome(seq, what, now) })
	if settle {
		one := settlement{box: b, seq: seq}
		if what == acked {
			s.done = append(s.done, one)
		} else {
			one.returned = inbox.Returned{Seq: seq, Attempt: attempt, Delay: after, Counts: true, Reason: reasonOf(what, err)}
			if delay, ok := delayOf(err); what == returned && ok {
				one.returned.Delay = delay
			}
			s.back = append(s.back, one)
		}
		d.tell(s)
	}
	if s.moving.quiet() && len(b.out) == 0 {
		d.moved.set()
	}
	if s.box == b {
		if b.ready(now) {
			d.enqueue(s)
		} else if what == full || what == gone {
			d.arm(s, b.wakeAt(), now)
		}
	}
	if len(d.queue) > 0 {
		d.toPush.set() // there may be room again
	}
}

// resultOf reads what a receipt means for an inbox.
func resultOf(r message.Receipt, err error, now, deadline time.Time) result {
	switch {
	case r.Status == message.Delivered && err == nil:
		return acked
	case r.Status == message.Delivered:
		return returned
	case r.Status == message.Refused:
		var refusal *consensus.Refusal
		if !errors.As(err, &refusal) {
			return gone
		}
		switch refusal.Code {
		case message.CodeOverloaded, message.CodeReplyTimeout:
			return full
		case message.CodeAgentGone, message.CodeUnknownAddress, message.CodeUnsupported:
			return gone
		}
		return lost // it will be refused for ever: its attempts end it
	case !now.Before(deadline.Add(-time.Second)):
		return late
	}
	return lost
}

// Late is why a message came back that was not acknowledged in time; its receiver
// may still have it.
const Late = "it was not acknowledged in time"

func reasonOf(r result, err error) string {
	switch {
	case r == late:
		return Late
	case err != nil:
		return err.Error()
	}
	return "the connection of its receiver broke before it was acknowledged"
}

// delayOf is how long the agent wants a message held back that it returned.
func delayOf(err error) (time.Duration, bool) {
	var refusal *consensus.Refusal
	if !errors.As(err, &refusal) || refusal.Details["delay"] == "" {
		return 0, false
	}
	delay, err := time.ParseDuration(refusal.Details["delay"])
	if err != nil || delay < 0 {
		return 0, false
	}
	return min(delay, inbox.MaxDelay), true
}
