package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// How long proposals wait.
const (
	// leaderWait is how long a proposal that was never sent waits for a leader.
	leaderWait = 5 * time.Second
	// resendAfter is when a proposal that was sent is sent again; it is
	// applied once all the same.
	resendAfter = 2 * time.Second
	// proposeLimit is when its outcome is given up as unknown.
	proposeLimit = 30 * time.Second
	// forwardTimeout bounds one call to the leader.
	forwardTimeout = 3 * time.Second
)

// Propose implements State. It returns when this node has applied the command,
// so that a read here sees it. The error is a *Refusal where the part said no;
// ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrDiskFull and ErrStateFault say
// that nothing has happened; ErrUnknown that the command may have been or may
// yet be applied.
func (g *Group) Propose(ctx context.Context, p Proposal) (Outcome, error) {
	out, err := g.propose(ctx, p)
	g.stats.ended(resultLabel(err))
	return out, err
}

func resultLabel(err error) string {
	var r *Refusal
	switch {
	case err == nil:
		return "applied"
	case errors.As(err, &r):
		return "refused"
	case errors.Is(err, ErrUnknown):
		return "unknown"
	default:
		return "failed"
	}
}

func (g *Group) propose(ctx context.Context, p Proposal) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	if g.machine.parts[p.Part] == nil {
		return Outcome{}, fmt.Errorf("no part named %q", p.Part)
	}
	if len(p.Body) > MaxStaged {
		return Outcome{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(p.Body), MaxStaged)
	}
	if k := p.Idempotency; k != nil {
		if k.Key == "" || len(k.Key) > maxIdemText || len(k.Scope) > maxIdemText {
			return Outcome{}, fmt.Errorf("an idempotency key must have 1 to %d bytes", maxIdemText)
		}
		if !g.underway.enter(*k) {
			return Outcome{}, Refuse(CodeIdempotencyInFlight, "a request with this idempotency key is still at work")
		}
		defer g.underway.leave(*k)
	}
	if err := g.machine.broken(); err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrStateFault, err)
	}
	if len(p.Body) > MaxCommand {
		return g.proposeStaged(ctx, p)
	}
	return g.proposeEnvelope(ctx, envelope{part: p.Part, idem: p.Idempotency, body: p.Body})
}

// proposeEnvelope gives it an origin and a sequence, and returns when it was
// applied here.
func (g *Group) proposeEnvelope(ctx context.Context, e envelope) (Outcome, error) {
	var trace string
	if t, ok := g.cfg.Peers.(Tracer); ok {
		trace = t.Trace(ctx)
	}
	w, err := g.outbox.open(len(e.body), trace, func(seq uint64) []byte {
		e.origin, e.seq = g.origin, seq
		return e.encode()
	})
	if err != nil {
		return Outcome{}, err
	}
	g.send(w)
	select {
	case r := <-w.answer:
		if r.err != nil {
			return Outcome{}, r.err
		}
		return r.out.answer()
	case <-ctx.Done():
		err := ctx.Err()
		g.outbox.mu.Lock()
		if !w.settled {
			if w.tries > 0 {
				err = fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			g.outbox.finish(w, result{err: err})
		}
		g.outbox.mu.Unlock()
		r := <-w.answer
		if r.err != nil {
			return Outcome{}, r.err
		}
		return r.out.answer()
	}
}

// send takes the short way where this node leads.
func (g *Group) send(w *waiting) {
	if !g.leading() {
		g.outbox.post(w)
		return
	}
	if err := g.admit(); err != nil {
		g.outbox.settle(w.seq, result{err: err})
		return
	}
	g.outbox.mark(w)
	if err := g.coalescer.add([][]byte{w.data}); err != nil {
		g.outbox.settle(w.seq, result{err: err})
	}
}

// admit refuses what a leader should not take.
func (g *Group) admit() error {
	if g.diskLow.Load() {
		return ErrDiskFull
	}
	if g.machine.broken() != nil {
		return ErrStateFault
	}
	return nil
}

// resolve is called by the state machine for each command it has applied.
func (g *Group) resolve(o origin, seq uint64, out outcome) bool {
	if o == g.origin {
		g.outbox.settle(seq, result{out: out})
	}
	return o == g.origin
}

// resolveRestored answers what was applied inside an installed snapshot.
func (g *Group) resolveRestored() {
	for _, seq := range g.outbox.pending() {
		if out, ok := g.machine.origins.lookup(g.origin, seq); ok {
			g.outbox.settle(seq, result{out: out})
		}
	}
}

// resend sends everything again that is on its way: the leader has changed, or
// an entry was lost.
func (g *Group) resend() {
	g.outbox.again(time.Now())
	g.outbox.poke()
}

// dispatch brings this node's proposals to the leader, wherever it is, batch
// by batch: what arrives while a call is out goes with the next.
func (g *Group) dispatch() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last string
	for {
		select {
		case <-g.outbox.wake:
		case <-tick.C:
			now := time.Now()
			g.outbox.again(now.Add(-resendAfter))
			g.outbox.expire(now.Add(-leaderWait), now.Add(-proposeLimit))
		case <-g.ctx.Done():
			return
		}
		leader := g.leaderID()
		if leader != last && leader != "" {
			g.outbox.again(time.Now())
		}
		last = leader
		for leader != "" && g.ctx.Err() == nil {
			if !g.forward(leader) {
				break
			}
		}
	}
}

// forward sends one batch and says whether to go on.
func (g *Group) forward(leader string) bool {
	acked := g.outbox.acked()
	batch := g.outbox.take()
	if len(batch) == 0 {
		return false
	}
	envelopes := make([][]byte, len(batch))
	for i, w := range batch {
		envelopes[i] = w.data
	}
	own := ack{g.origin, acked}
	var err error
	if leader == g.dir.id {
		if err = g.admit(); err == nil {
			err = g.coalescer.add(envelopes, own)
		}
	} else {
		e := entry{level: g.machine.state().Level, acks: []ack{own}, envelopes: envelopes}
		_, err = g.call(leader, methodPropose, e.encode(), batch)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, ErrOverloaded), errors.Is(err, ErrDiskFull), errors.Is(err, ErrStateFault) && leader == g.dir.id:
		for _, w := range batch {
			why := err
			if w.tries > 1 {
				why = fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			g.outbox.settle(w.seq, result{err: why})
		}
		return true
	case errors.Is(err, errNotLeader), errors.Is(err, ErrStateFault):
		// A leader that cannot apply is about to hand over.
		g.outbox.unsend(batch, true)
		return false // the next tick or observation knows a better one
	default:
		// The call may have arrived: it goes again, and is applied once.
		g.outbox.unsend(batch, false)
		return false
	}
}

// call asks the leader about a batch, no longer than forwardTimeout and no
// longer than it is thought to lead.
func (g *Group) call(leader, method string, body []byte, batch []*waiting) ([]byte, error) {
	ctx, cancel := context.WithTimeout(g.reign.context(), forwardTimeout)
	defer cancel()
	if t, ok := g.cfg.Peers.(Tracer); ok {
		var words []string
		for _, w := range batch {
			if w.trace != "" {
				words = append(words, w.trace)
			}
		}
		ctx = t.WithTrace(ctx, words)
	}
	return g.ask(ctx, leader, method, body)
}

// reign is the time in which one leader is known: calls to it end with it.
type reign struct {
	mu     sync.Mutex
	parent context.Context
	ctx    context.Context
	cancel context.CancelFunc
}

func newReign(parent context.Context) *reign {
	r := &reign{parent: parent}
	r.next()
	return r
}

func (r *reign) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel()
	}
	r.ctx, r.cancel = context.WithCancel(r.parent)
}

func (r *reign) context() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx
}
