package consensus

import (
	"sync"
	"time"
)

// Rules for the stamps of a leader.
const (
	// clockTolerance is how far a leader's clock may be off the median of its
	// peers' before theirs counts.
	clockTolerance = 5 * time.Second
	// clockStep is how far a stamp may be ahead of the one before it plus the
	// time that has passed.
	clockStep = 10 * time.Second
	// clockTrust is how long such a jump must last: by then the peers' clocks
	// have been measured again, where there are any.
	clockTrust = 30 * time.Second
	// clockCheck is how often the peers' clocks are looked at.
	clockCheck = time.Second
)

// clock makes a leader's stamps. The state keeps the highest stamp it has seen,
// so one from a clock that is a year ahead would be the mesh's time for ever.
type clock struct {
	now   func() time.Time
	peers func() (offset time.Duration, peers int) // may be nil

	mu      sync.Mutex
	last    int64     // the stamp before, unix ms; 0: none yet
	at      time.Time // when it was made, by the monotonic clock
	jumped  time.Time // since when the clock has been ahead of that, zero: it is not
	looked  time.Time
	offset  time.Duration
	confirm int
}

// stamp is the time of an entry, in unix ms. state is the time the state has.
func (c *clock) stamp(state int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.look(now)
	s := judged{
		wall: now.UnixMilli(), last: max(c.last, state), known: c.last > 0, elapsed: now.Sub(c.at),
		offset: c.offset, peers: c.confirm,
	}
	if !c.jumped.IsZero() {
		s.ahead = now.Sub(c.jumped)
	}
	out, jumped := s.stamp()
	switch {
	case !jumped:
		c.jumped = time.Time{}
	case c.jumped.IsZero():
		c.jumped = now
	}
	c.last, c.at = out, now
	return out
}

func (c *clock) look(now time.Time) {
	if c.peers == nil || (!c.looked.IsZero() && now.Sub(c.looked).Abs() < clockCheck) {
		return
	}
	c.looked = now
	c.offset, c.confirm = c.peers()
}

// off says by how much this clock differs from its peers', 0 where that is
// within the tolerance or where there are not two to say so.
func (c *clock) off() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(c.now())
	if c.confirm >= 2 && c.offset.Abs() > clockTolerance {
		return -c.offset
	}
	return 0
}

// ClockAhead is how far this node's clock is ahead of its peers', who are right
// where at least two agree; 0 where it is off by no more than five seconds, or
// there are not two to say so.
func (g *Group) ClockAhead() time.Duration { return g.clock.off() }

// judged is what a stamp depends on.
type judged struct {
	wall, last int64
	known      bool          // last is of this process, elapsed means something
	elapsed    time.Duration // since last
	ahead      time.Duration // how long the clock has been ahead
	offset     time.Duration // of the peers' clocks
	peers      int
}

// stamp returns the time to use, and whether the clock is ahead of what it may
// be. What is known of the peers' clocks was measured some seconds ago: this one
// may have been set since.
func (s judged) stamp() (ms int64, jumped bool) {
	ms = s.wall
	if s.peers >= 2 && s.offset.Abs() > clockTolerance {
		ms += s.offset.Milliseconds()
	}
	limit := s.last + s.elapsed.Milliseconds() + clockStep.Milliseconds()
	if !s.known || ms <= limit || s.ahead >= clockTrust {
		return ms, false
	}
	return s.last + s.elapsed.Milliseconds(), true
}

// watchClock gives leadership to a voter whose clock is right.
func (g *Group) watchClock() {
	tick := time.NewTicker(clockCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-g.ctx.Done():
			return
		}
		if !g.leading() {
			continue
		}
		if off := g.clock.off(); off != 0 {
			g.logger.Warn("this node's clock is wrong, its peers' time is used", "off", off)
			g.handOver("its clock is wrong")
		}
	}
}
