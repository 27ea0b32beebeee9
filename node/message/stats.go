package message

import (
	"cmp"
	"slices"
)

// SessionStats are the counters of one session since it attached.
type SessionStats struct {
	// Name is the agent's; "" for a session that only listens.
	Name      string
	Principal string
	// In counts messages that it was given, Out those that it sent; Refused
	// those that it did not take.
	In, InBytes, Out, OutBytes, Refused uint64
	// Busy counts what is under way in it.
	Busy          int
	Subscriptions int
	Away          bool
}

// Stats lists the sessions of this node, by name.
func (r *Router) Stats() []SessionStats {
	r.mu.Lock()
	var sessions []*Session
	for _, list := range r.table.groups {
		sessions = append(sessions, list...)
	}
	out := make([]SessionStats, len(sessions))
	for i, s := range sessions {
		out[i].Away = s.seat.away
	}
	r.mu.Unlock()
	r.topics.mu.Lock()
	for i, s := range sessions {
		out[i].Subscriptions = len(s.patterns)
	}
	r.topics.mu.Unlock()
	for i, s := range sessions {
		st := &out[i]
		st.Name, st.Principal, st.Busy = s.name, s.principal, int(s.busy.Load())
		st.In, st.InBytes = s.count.in.Load(), s.count.inBytes.Load()
		st.Out, st.OutBytes, st.Refused = s.count.out.Load(), s.count.outBytes.Load(), s.count.refused.Load()
	}
	slices.SortFunc(out, func(a, b SessionStats) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Totals counts messages since the router began: those sent from this node by
// what became of them, and those that its sessions were given.
func (r *Router) Totals() (delivered, refused, unknown, received uint64) {
	r.mu.Lock()
	received = r.gone
	for _, list := range r.table.groups {
		for _, s := range list {
			received += s.count.in.Load()
		}
	}
	r.mu.Unlock()
	e := &r.metrics.ends
	return e.delivered.Load(), e.refused.Load(), e.unknown.Load(), received
}

// LinkStats are the counters of the way to one other node.
type LinkStats struct {
	NodeID, NodeName string
	// Out and In count messages; the bytes are those of all records, outcomes
	// included, and a batch is what went over as one frame.
	Out, OutBytes, OutBatches, In, InBytes, InBatches uint64
	// Waiting is the number of bytes that wait to be written, Open that of
	// messages whose end the other node has not told.
	Waiting, Open int
}

// Links lists the other nodes with which messages were exchanged, by name.
func (r *Router) Links() []LinkStats {
	var out []LinkStats
	r.lanes.Range(func(_, v any) bool {
		l := v.(*lane)
		var sum linkCount
		sum.add(&l.count)
		st := LinkStats{NodeID: l.node, NodeName: r.cfg.NodeName(l.node)}
		l.mu.Lock()
		st.Waiting, st.Open = l.bytes, len(l.waiting)
		strands := slices.Clone(l.strands)
		l.mu.Unlock()
		for _, s := range strands {
			sum.add(&s.count)
			s.mu.Lock()
			st.Waiting += s.waiting
			st.Open += s.open.n
			s.mu.Unlock()
		}
		st.Out, st.OutBytes, st.OutBatches = sum.out.Load(), sum.outBytes.Load(), sum.batches.Load()
		st.In, st.InBytes, st.InBatches = sum.in.Load(), sum.inBytes.Load(), sum.batchesIn.Load()
		out = append(out, st)
		return true
	})
	slices.SortFunc(out, func(a, b LinkStats) int { return cmp.Compare(a.NodeName, b.NodeName) })
	return out
}
