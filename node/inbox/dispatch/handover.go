package dispatch

import (
	"slices"
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// Times of handing over.
const (
	// linger is how long a node goes on that hosts the agent no more: it may
	// come back in a moment, and what is pushed from here reaches it elsewhere.
	linger = 500 * time.Millisecond
	// quietMost is how long nothing is pushed so that what is out may end.
	quietMost = time.Second
	// quietEvery is how long an inbox that does not come to rest is let be.
	quietEvery = 10 * time.Second
)

// moving is how far an inbox is handed over to another node.
type moving struct {
	// since then nothing is pushed; not before then is that tried.
	since, after time.Time
}

// quiet says that nothing is pushed.
func (m *moving) quiet() bool { return !m.since.IsZero() }

// handOver gives an inbox whose agent lives on other nodes only to one of them:
// it stops pushing, waits until the state knows what became of all that is out,
// and claims the inbox for the other. So nothing is pushed by both. An inbox of
// which something stays out for longer stays here meanwhile. It returns when to
// judge again. d.mu is held.
func (d *Dispatcher) handOver(s *served, now time.Time) (again time.Time) {
	switch {
	case s.box == nil || d.claiming[s.name] || d.claims[s.name] != nil:
		return again
	case len(s.hosts) == 0 || slices.Contains(s.hosts, d.cfg.Node):
		d.goOn(s, time.Time{})
		return again
	case s.moving.after.IsZero():
		s.moving.after = now.Add(linger)
	}
	if !s.moving.quiet() {
		if now.Before(s.moving.after) {
			return s.moving.after
		}
		s.moving.since = now
	}
	if len(s.box.out) == 0 && len(s.done)+len(s.back) == 0 && !s.telling {
		d.claim(s)
		return again
	}
	if end := s.moving.since.Add(quietMost); now.Before(end) {
		return end
	}
	d.goOn(s, now.Add(quietEvery))
	return s.moving.after
}

// goOn lets an inbox be pushed from here, and not handed over before a time.
// d.mu is held.
func (d *Dispatcher) goOn(s *served, after time.Time) {
	was := s.moving.quiet()
	if s.moving = (moving{after: after}); was {
		s.box.changed()
		d.enqueue(s)
	}
}

// successor is the host that an inbox is handed over to, or that keeps it: the
// inboxes that leave a node go to all of the others alike.
func (s *served) successor() string {
	if len(s.hosts) == 0 || slices.Contains(s.hosts, s.node) {
		return s.node
	}
	return s.hosts[inbox.HashNode(s.name)>>1%uint32(len(s.hosts))] // its last bit is always set
}

// waits says that an inbox may be handed over to this node: its agent is here
// and not where it is dispatched. d.mu is held.
func (d *Dispatcher) waits(s *served) bool {
	return s.known && s.node != d.cfg.Node && slices.Contains(s.hosts, d.cfg.Node) && !slices.Contains(s.hosts, s.node)
}
