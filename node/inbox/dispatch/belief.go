package dispatch

import (
	"context"
	"time"
)

const (
	// beatEvery is how often a dispatcher notes that it runs.
	beatEvery = 500 * time.Millisecond
	// stillFor is for how long a node stood still that may have been given up
	// meanwhile: less than gossip takes to call one dead.
	stillFor = 2 * time.Second
	// doubtMost is how long nothing is pushed at most after that: without a
	// leader nobody can say how far the mesh is, and nobody takes anything over.
	doubtMost = 10 * time.Second
)

// belief is whether this node's state may be pushed from. One that has just begun,
// or has stood still, lacks what the mesh has done meanwhile: that another node
// took the inbox, and that messages were acknowledged, thousands of them where a
// log is long. All of those would come again.
type belief struct {
	doubted bool
	until   time.Time // when doubt ends by itself; zero: it does not
	beat    time.Time // when this node was last known to run
}

// beats notes that the node runs, and that it stood still if it did.
func (b *belief) beats(now time.Time) {
	switch stood := passed(b.beat, now) > stillFor; {
	case b.doubted && b.until.IsZero():
	case stood:
		b.doubted, b.until = true, now.Add(doubtMost)
	case b.doubted && !now.Before(b.until):
		b.doubted = false
	}
	b.beat = now
}

// passed is how long ago a time was, by the clock that says more: the monotonic one
// does not count while a machine sleeps, the other is set back at times.
func passed(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// proven takes the word of the mesh, asked for at a time, that the state had all
// there was. It is worth nothing if the node stood still while it waited for that.
func (b *belief) proven(asked, now time.Time) {
	if passed(asked, now) <= stillFor {
		b.doubted, b.until = false, time.Time{}
	}
}

// keepBelieving asks the mesh while this node's state is in doubt.
func (d *Dispatcher) keepBelieving() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		d.mu.Lock()
		doubted := !d.believes()
		d.mu.Unlock()
		if doubted {
			d.ask()
		}
		select {
		case <-tick.C:
		case <-d.doubts:
		case <-d.ctx.Done():
			return
		}
	}
}

// ask waits for the state to have what the mesh has, less long than standing
// still takes.
func (d *Dispatcher) ask() {
	ctx, cancel := context.WithTimeout(d.ctx, stillFor/2)
	defer cancel()
	asked := time.Now()
	err := d.cfg.Inboxes.Fresh(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.believes()
	if err != nil {
		d.cfg.Logger.Debug("this node cannot tell yet how far the mesh is", "error", err)
		return
	}
	if d.belief.proven(asked, time.Now()); !d.belief.doubted {
		d.toPush.set()
	}
}

// believes says whether inboxes may be pushed. d.mu is held.
func (d *Dispatcher) believes() bool {
	was := d.belief.doubted
	switch d.belief.beats(time.Now()); {
	case d.belief.doubted && !was:
		d.doubts.set()
	case was && !d.belief.doubted:
		d.toPush.set()
	}
	return !d.belief.doubted
}
