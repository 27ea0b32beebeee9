package graphsync

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
)

const (
	// quickQuery is how long a query runs before it takes turns with others.
	quickQuery = 5 * time.Millisecond
	// queryTurn is how long a turn is where somebody waits for it.
	queryTurn = 5 * time.Millisecond
)

// queryGate lets a few queries be under way at once, and lets some wait for
// their turn. Of those that take long, fewer run than there are processors: with
// one on each, whoever writes or sends messages through this node would wait for
// theirs. Long queries take turns, and quick ones wait for none of them.
type queryGate struct {
	underWay chan struct{}
	waiting  atomic.Int32
	long     chan struct{} // held by those whose turn it is; first come, first served
	queue    atomic.Int32  // wait for it
}

// newQueryGate lets as many be under way as there are processors, and two at least.
func newQueryGate(processors int) *queryGate {
	return &queryGate{underWay: make(chan struct{}, max(2, processors)), long: make(chan struct{}, max(1, processors-1))}
}

// processors are those of this process.
func processors() int { return runtime.GOMAXPROCS(0) }

// enter waits until the query may begin. The run is for one goroutine, and has
// to be ended.
func (g *queryGate) enter(ctx context.Context) (*queryRun, error) {
	select {
	case g.underWay <- struct{}{}:
		return &queryRun{g: g, ctx: ctx, begun: time.Now()}, nil
	default:
	}
	if g.waiting.Add(1) > queryWaitsAtMost {
		g.waiting.Add(-1)
		return nil, consensus.Refuse(CodeTooManyQueries, "too many queries are under way at this node; try again in a moment, or at another node")
	}
	defer g.waiting.Add(-1)
	select {
	case g.underWay <- struct{}{}:
		return &queryRun{g: g, ctx: ctx, begun: time.Now()}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// queryRun is one query that is under way.
type queryRun struct {
	g     *queryGate
	ctx   context.Context
	begun time.Time
	turn  time.Time // since when it has its turn; zero: it has none
}

// pause is called by the query every now and then, and returns when it may go on.
func (r *queryRun) pause(now time.Time) error {
	switch {
	case r.turn.IsZero():
		if now.Sub(r.begun) < quickQuery {
			return nil
		}
	case now.Sub(r.turn) < queryTurn || r.g.queue.Load() == 0:
		return nil
	default:
		r.turn = time.Time{}
		<-r.g.long
	}
	r.g.queue.Add(1)
	defer r.g.queue.Add(-1)
	select {
	case r.g.long <- struct{}{}:
		r.turn = time.Now()
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// end gives back what the query has.
func (r *queryRun) end() {
	if !r.turn.IsZero() {
		<-r.g.long
	}
	<-r.g.underWay
}
