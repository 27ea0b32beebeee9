package graphsync

import (
	"slices"
	"sort"
)

// Bounds of what a node remembers of the log for all its watchers together.
const (
	ringEvents = 16 << 10
	ringBytes  = 32 << 20
)

// ring is the end of the log, as events: whole revisions, without gaps. It has
// no lock of its own.
type ring struct {
	events    []*Event
	from      uint64 // events has what came after this revision
	to        uint64 // up to this one
	bytes     int
	count     uint64 // of all events ever added
	maxEvents int
	maxBytes  int
}

// reset starts anew after a revision.
func (r *ring) reset(at uint64) {
	*r = ring{from: at, to: at, count: r.count, maxEvents: r.maxEvents, maxBytes: r.maxBytes}
}

// add appends what a look from r.to found, and forgets the oldest revisions
// beyond the bounds.
func (r *ring) add(l look) {
	r.events = append(r.events, l.events...)
	for _, e := range l.events {
		r.bytes += e.size()
	}
	r.count += uint64(len(l.events))
	r.to = l.upTo
	drop := 0
	for drop < len(r.events) && (len(r.events)-drop > r.maxEvents || r.bytes > r.maxBytes) {
		rev := r.events[drop].Revision
		for ; drop < len(r.events) && r.events[drop].Revision == rev; drop++ {
			r.bytes -= r.events[drop].size()
		}
		r.from = rev
	}
	if drop == 0 {
		return
	}
	clear(r.events[:drop])
	r.events = r.events[drop:]
	if len(r.events) == 0 {
		r.events = nil
	}
}

// after returns the events after a position, at most max and whole revisions,
// and the revision up to which that is all. before counts those that were added
// before them. ok is false where some are forgotten.
func (r *ring) after(p Position, max int) (events []*Event, upTo, before uint64, ok bool) {
	if p.whole() < r.from {
		return nil, 0, 0, false
	}
	i := sort.Search(len(r.events), func(i int) bool {
		e := r.events[i]
		return e.Revision > p.Revision || e.Revision == p.Revision && p.Inside && e.Order > p.Order
	})
	rest := r.events[i:]
	before = r.count - uint64(len(rest))
	if len(rest) <= max {
		return slices.Clone(rest), r.to, before, true
	}
	n := max
	for n < len(rest) && !rest[n-1].last {
		n++
	}
	return slices.Clone(rest[:n]), rest[n-1].Revision, before, true
}
