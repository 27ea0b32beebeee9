package wire

import (
	"slices"
	"time"
)

// clockSamples keeps the last pings of a link. The offset of the ping with the
// shortest round trip has the least error in it (as NTP's clock filter has it,
// RFC 5905 section 10).
type clockSamples struct {
	samples [8]clockSample
	n       int
}

type clockSample struct{ rtt, offset time.Duration }

func (c *clockSamples) add(rtt, offset time.Duration) {
	c.samples[c.n%len(c.samples)] = clockSample{rtt, offset}
	c.n++
}

// best returns the latest round trip and the best offset.
func (c *clockSamples) best() (rtt, offset time.Duration, ok bool) {
	if c.n == 0 {
		return 0, 0, false
	}
	best := slices.MinFunc(c.samples[:min(c.n, len(c.samples))], func(a, b clockSample) int { return int(a.rtt - b.rtt) })
	return c.samples[(c.n-1)%len(c.samples)].rtt, best.offset, true
}

// ClockOffset returns how far the peers' clocks are ahead of this node's, as
// the median over the peers with a live connection, and over how many that is.
// The lower of two middle ones is taken.
func (p *Port) ClockOffset() (offset time.Duration, peers int) {
	var offsets []time.Duration
	for _, s := range p.PeerStates() {
		if s.Connected && s.RTT > 0 {
			offsets = append(offsets, s.ClockOffset)
		}
	}
	if len(offsets) == 0 {
		return 0, 0
	}
	slices.Sort(offsets)
	return offsets[(len(offsets)-1)/2], len(offsets)
}
