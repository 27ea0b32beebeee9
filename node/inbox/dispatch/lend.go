package dispatch

import (
	"maps"
	"slices"
	"time"
)

const (
	// lendFor is how long a message that is about to be leased is not pushed: by
	// then the state, as it is read here, has the lease, or there is none.
	lendFor = 5 * time.Second
	// maxLent bounds those of one inbox.
	maxLent = 4096
)

// Lend says that messages are about to be leased. Where some of them must not be,
// since they are with the agent by push or the state has not heard yet what became
// of them, it returns all of the inbox of which that is so, and it lets the others
// that were named not be pushed for lendFor. Of an inbox that this node does not
// push it knows nothing.
func (d *Dispatcher) Lend(agent string, seqs []uint64) (out []uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.agents[agent]
	if s == nil || s.box == nil {
		return nil
	}
	now := time.Now()
	out = s.box.lend(seqs, now)
	d.arm(s, s.box.wakeAt(), now)
	return out
}

// lend is Dispatcher.Lend.
func (b *box) lend(seqs []uint64, now time.Time) (out []uint64) {
	b.lapse(now)
	if slices.ContainsFunc(seqs, func(seq uint64) bool { return b.out[seq] != nil }) {
		out = slices.Collect(maps.Keys(b.out))
	}
	for _, seq := range seqs {
		switch {
		case b.out[seq] != nil:
			continue
		case len(b.lent) >= maxLent:
			out = append(out, seq)
			continue
		}
		if b.lent == nil {
			b.lent = map[uint64]time.Time{}
		}
		b.lent[seq] = now.Add(lendFor)
		b.lentUntil = now.Add(lendFor)
	}
	return out
}

// lapse lets those be pushed again whose time is over: if they are leased, the
// state says so.
func (b *box) lapse(now time.Time) {
	maps.DeleteFunc(b.lent, func(_ uint64, until time.Time) bool { return !now.Before(until) })
	if len(b.lent) == 0 {
		b.lent = nil
	}
}
