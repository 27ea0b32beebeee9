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
	// rememberAgain is how often a name that is routed to is noted anew.
	rememberAgain = rememberFor / 60
)

// table is the pure core of the router: which sessions this node hosts, which
// names it has known, and which session a message should go to. It has no
// lock, clock or goroutine; the Router guards it.
type table struct {
	groups map[string][]*Session
	count  int
	told   int // what telling others of the names takes
	// known remembers names once routed to or attached here, so that a
	// vanished agent is told from a mistyped one.
	known map[string]time.Time
	picks uint64
}

// maxTold bounds the names of the agents of a node, by what telling the others
// of them takes: some 6,000 of the longest, 12,000 of a dozen letters. What a
// directory cannot tell of one agent it could tell of none.
const maxTold = 640 << 10

// toldSize is what telling of a name takes, with its figures.
func toldSize(name string) int { return len(name) + 40 }

// seat is what the table keeps in a session; the Router's lock guards it.
type seat struct {
	// key tells sessions apart for stickiness.
	key uint64
	// picked is the pick that chose it last: ties go to the one that rested
	// longest.
	picked uint64
	// away: its connection is broken and may come back.
	away bool
	// durable: it takes messages from inboxes.
	durable bool
}

func newTable() *table {
	return &table{groups: map[string][]*Session{}, known: map[string]time.Time{}}
}

func (t *table) attach(s *Session, now time.Time) {
	if len(t.groups[s.name]) == 0 {
		t.told += toldSize(s.name)
	}
	t.groups[s.name] = append(t.groups[s.name], s)
	t.count++
	t.remember(s.name, now)
}

// detach removes s and reports whether it was there.
func (t *table) detach(s *Session, now time.Time) bool {
	list := t.groups[s.name]
	i := slices.Index(list, s)
	if i < 0 {
		return false
	}
	t.count--
	// A new list, since the old one may be in somebody's hands.
	if list = slices.Concat(list[:i], list[i+1:]); len(list) == 0 {
		delete(t.groups, s.name)
		t.told -= toldSize(s.name)
	} else {
		t.groups[s.name] = list
	}
	t.remember(s.name, now)
	return true
}

// best returns the session of name to try first, nil where there is none left:
// of those present before those away the one that the conversation sticks to,
// or the least busy, then the one that rested longest. tried are left out; with
// durable only those count that take messages from inboxes.
func (t *table) best(name string, m *Message, tried []*Session) *Session {
	var best *Session
	var bestBusy int
	var bestScore uint64
	sticky := m.Sticky && m.Conversation != ""
	for _, s := range t.groups[name] {
		if m.Stored != nil && !s.seat.durable || slices.Contains(tried, s) {
			continue
		}
		busy, score := int(s.busy.Load()), uint64(0)
		if sticky {
			score = rendezvous(m.Conversation, s.seat.key)
		}
		better := best == nil
		switch {
		case better:
		case s.seat.away != best.seat.away:
			better = best.seat.away
		case sticky:
			better = score > bestScore
		case busy != bestBusy:
			better = busy < bestBusy
		default:
			better = s.seat.picked < best.seat.picked
		}
		if better {
			best, bestBusy, bestScore = s, busy, score
		}
	}
	if best != nil {
		t.picks++
		best.seat.picked = t.picks
	}
	return best
}

func (t *table) all(name string) []*Session { return t.groups[name] }

// load returns how many messages the present sessions of name are busy with,
// and how many there are; with durable, of those that take messages from
// inboxes. away says that there are some that are away.
func (t *table) load(name string, durable bool) (busy, present int, away bool) {
	for _, s := range t.groups[name] {
		switch {
		case durable && !s.seat.durable:
		case s.seat.away:
			away = true
		default:
			busy += int(s.busy.Load())
			present++
		}
	}
	return busy, present, away
}

func (t *table) remember(name string, now time.Time) {
	if at, ok := t.known[name]; ok && now.Sub(at) < rememberAgain {
		return
	} else if !ok && len(t.known) >= maxRemembered {
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
