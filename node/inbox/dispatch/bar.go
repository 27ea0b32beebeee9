package dispatch

import (
	"maps"
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// barFor is how long at most a lane waits for what was out when the agent's nodes
// changed: a little longer than it takes until a connection with a node that is
// silent is given up. Past that an instance has it and takes its time.
const barFor = 12 * time.Second

// bar holds a lane back until what was out of it has ended.
type bar struct {
	n     int // how many have not
	until time.Time
}

// barLanes is called when the nodes of the agent's instances change. What is out
// may have gone to one that is no instance any more, or that does not answer now,
// and what went to another meanwhile would come before it. What has been waited
// for once is not waited for again, and what an instance may have for as long as it
// lives, as the delegation of a task, is not at all: nobody orders those, and the
// rest of the work is for whoever comes.
func (b *box) barLanes(now time.Time) {
	for _, s := range b.out {
		if s.settling || s.bar != nil || s.redelivery >= inbox.MaxRedelivery {
			continue
		}
		one := b.bars[s.lane]
		if one == nil {
			if b.bars == nil {
				b.bars, b.barsUntil = map[uint64]*bar{}, now.Add(barFor)
			}
			one = &bar{until: now.Add(barFor)}
			b.bars[s.lane] = one
		}
		one.n++
		s.bar = one
	}
}

// unbar says that a message has ended, one way or another.
func (b *box) unbar(s *sent) {
	if s.bar == nil {
		return
	}
	if s.bar.n--; s.bar.n > 0 || b.bars[s.lane] != s.bar {
		return
	}
	if delete(b.bars, s.lane); len(b.bars) == 0 {
		b.bars = nil
	}
	b.unread = true
}

// lift ends the bars whose time is over.
func (b *box) lift(now time.Time) {
	if b.bars == nil || now.Before(b.barsUntil) {
		return
	}
	maps.DeleteFunc(b.bars, func(_ uint64, one *bar) bool { return !now.Before(one.until) })
	b.unread, b.barsUntil = true, time.Time{}
	for _, one := range b.bars {
		if b.barsUntil.IsZero() || one.until.Before(b.barsUntil) {
			b.barsUntil = one.until
		}
	}
	if len(b.bars) == 0 {
		b.bars = nil
	}
}
