package gossip

import (
	"slices"
	"time"
)

// Members lists every member of the roster, and this node, by id.
func (g *Gossip) Members() []Member {
	ids := append(slices.Clone(g.cfg.Roster()), g.cfg.NodeID)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	now := time.Now()
	out := make([]Member, 0, len(ids))
	for _, id := range ids {
		heard := g.transport.lastHeard(id)
		if id == g.cfg.NodeID {
			heard = now
		}
		g.mu.Lock()
		out = append(out, g.memberLocked(id, heard))
		g.mu.Unlock()
	}
	for i := range out {
		out[i].Record = out[i].Record.clone()
	}
	return out
}

// Visit calls fn with each of Members, without the cost of copying their
// records: what they refer to must not be changed. fn may call back.
func (g *Gossip) Visit(fn func(*Member)) {
	ids := append(slices.Clone(g.cfg.Roster()), g.cfg.NodeID)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		g.mu.Lock()
		m := g.memberLocked(id, time.Time{})
		g.mu.Unlock()
		fn(&m)
	}
}

// memberLocked returns a member whose record is shared: it is never changed,
// only replaced by the next version.
func (g *Gossip) memberLocked(id string, heard time.Time) Member {
	m := Member{NodeID: id, Status: StatusFailed, Record: Record{NodeID: id}, LastSeen: heard}
	e, s := g.table.entries[id], g.seen[id]
	if e != nil {
		m.Record = e.wire.Record
	}
	if s != nil {
		if s.last.After(m.LastSeen) {
			m.LastSeen = s.last
		}
		if e == nil {
			m.Record.Name, m.Record.Version = s.meta.Name, s.meta.Version
		}
	}
	switch {
	case s != nil && s.alive:
		m.Status = StatusAlive
	case e != nil && e.wire.Left:
		m.Status = StatusLeft
	}
	return m
}
