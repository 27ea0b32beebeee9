package message

import (
	"maps"
	"slices"
	"time"
)

// Bounds of what is remembered of agents that are not here now.
const (
	maxRemembered = 4096
	rememberFor   = time.Hour
)

// table is the pure core of the router: which sessions this node hosts, which
// names it has known, and where a message should go. It has no lock, clock or
// goroutine; the Router guards it.
type table struct {
	sessions map[string][]*entry
	// known remembers names once routed to or attached here, so that a
	// vanished agent is told from a mistyped one.
	known map[string]time.Time
	picks uint64
}

// entry is a session as the table sees it.
type entry struct {
	name    string
	busy    func() int
	session *Session
	// picked is the pick that chose it last: ties go to the one that rested
	// longest.
	picked uint64
}

func newTable() *table {
	return &table{sessions: map[string][]*entry{}, known: map[string]time.Time{}}
}

func (t *table) attach(e *entry, now time.Time) {
	t.sessions[e.name] = append(t.sessions[e.name], e)
	t.remember(e.name, now)
}

// detach removes e and reports whether it was there.
func (t *table) detach(e *entry, now time.Time) bool {
	list := t.sessions[e.name]
	i := slices.Index(list, e)
	if i < 0 {
		return false
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(t.sessions, e.name)
	} else {
		t.sessions[e.name] = list
	}
	t.remember(e.name, now)
	return true
}

// ranked returns the sessions of name, the one to try first in front: least
// busy, then longest rested.
func (t *table) ranked(name string) []*entry {
	list := t.sessions[name]
	if len(list) == 0 {
		return nil
	}
	type loaded struct {
		*entry
		busy int
	}
	// Load is read once: it moves while the sort runs.
	order := make([]loaded, len(list))
	for i, e := range list {
		order[i] = loaded{e, e.busy()}
	}
	slices.SortFunc(order, func(a, b loaded) int {
		if a.busy != b.busy {
			return a.busy - b.busy
		}
		return int(int64(a.picked - b.picked))
	})
	t.picks++
	order[0].picked = t.picks
	out := make([]*entry, len(order))
	for i, o := range order {
		out[i] = o.entry
	}
	return out
}

func (t *table) all(name string) []*entry { return slices.Clone(t.sessions[name]) }

// load returns how many messages the sessions of name are busy with, and how
// many sessions there are.
func (t *table) load(name string) (busy, instances int) {
	for _, e := range t.sessions[name] {
		busy += e.busy()
	}
	return busy, len(t.sessions[name])
}

func (t *table) remember(name string, now time.Time) {
	if _, ok := t.known[name]; !ok && len(t.known) >= maxRemembered {
		t.forget(now)
	}
	t.known[name] = now
}

// forget makes room: what is old goes, and if that is little, the oldest
// quarter, so that making room is rare.
func (t *table) forget(now time.Time) {
	maps.DeleteFunc(t.known, func(_ string, at time.Time) bool { return now.Sub(at) > rememberFor })
	if len(t.known) < maxRemembered*3/4 {
		return
	}
	times := slices.SortedFunc(maps.Values(t.known), time.Time.Compare)
	limit := times[len(times)/4]
	maps.DeleteFunc(t.known, func(_ string, at time.Time) bool { return !at.After(limit) })
}

func (t *table) remembers(name string, now time.Time) bool {
	at, ok := t.known[name]
	return ok && now.Sub(at) <= rememberFor
}

// rankHosts orders the live hosts of an agent: least busy per instance first,
// then this node, then by id; sent counts what this node has under way there,
// which the Directory cannot know yet.
func rankHosts(hosts []Host, self string, sent func(nodeID string) int) []Host {
	type loaded struct {
		Host
		load float64
	}
	var live []loaded
	for _, h := range hosts {
		if h.Alive {
			busy := max(h.Busy, sent(h.NodeID))
			live = append(live, loaded{h, float64(busy) / float64(max(h.Instances, 1))})
		}
	}
	slices.SortStableFunc(live, func(a, b loaded) int {
		switch {
		case a.load < b.load:
			return -1
		case a.load > b.load:
			return 1
		case (a.NodeID == self) != (b.NodeID == self):
			if a.NodeID == self {
				return -1
			}
			return 1
		case a.NodeID < b.NodeID:
			return -1
		case a.NodeID > b.NodeID:
			return 1
		}
		return 0
	})
	out := make([]Host, len(live))
	for i, l := range live {
		out[i] = l.Host
	}
	return out
}
