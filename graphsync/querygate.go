package graphsync

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
)

// queryGate lets a few queries run at once, so that they never take all of a
// machine, and lets some wait for their turn.
type queryGate struct {
	running chan struct{}
	waiting atomic.Int32
}

// newQueryGate lets as many run as there are processors, and two at least.
func newQueryGate() *queryGate {
	return &queryGate{running: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
}

// enter waits for its turn; done gives it back.
func (g *queryGate) enter(ctx context.Context) (done func(), err error) {
	done = func() { <-g.running }
	select {
	case g.running <- struct{}{}:
		return done, nil
	default:
	}
	if g.waiting.Add(1) > queryWaitsAtMost {
		g.waiting.Add(-1)
		return nil, consensus.Refuse(CodeTooManyQueries, "too many queries are under way at this node; try again in a moment, or at another node")
	}
	defer g.waiting.Add(-1)
	select {
	case g.running <- struct{}{}:
		return done, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
