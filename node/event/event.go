// Package event tells what happens in a mesh to whoever asked to hear of it:
// agents that start and stop, nodes that fail, tasks that move on.
//
// It is neither a log nor a queue. What is published is kept for the last 1,024
// events of this node, so that a listener that lost its connection can go on
// where it was; who needs more than that reads the state that the events are
// about. How events come from other nodes is not decided here.
//
// It promises that each listener hears the events of its types once and in the
// order of their ids, and that none of them can hold up another.
package event

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// The types of events that a node tells by itself.
const (
	AgentStarted    = "agent.started"
	AgentStopped    = "agent.stopped"
	AgentFailed     = "agent.failed"
	AgentKeyChanged = "agent.key_changed"
	NodeAlive       = "node.alive"
	NodeFailed      = "node.failed"
	NodeLeft        = "node.left"
)

// Event is one thing that happened.
type Event struct {
	// ID grows with each event of this node, over its restarts too, and stays
	// below 2^53. Two nodes number the same happening differently.
	ID   uint64 `json:"id"`
	Type string `json:"type"`
	// Time is when it happened, by the clock of the node that saw it.
	Time time.Time       `json:"time"`
	Data json.RawMessage `json:"data"`
	// For is who may hear of it; nil: everybody who hears of events. The hub
	// tells its listeners all the same: they know whom they tell.
	For *Audience `json:"-"`
}

// Audience is who may hear of what happened: whoever may read things of that
// kind at all, where Scope says what that needs of a credential (such as
// proposals:read); else those who are concerned in it, credentials by their ids
// and agents by their names.
type Audience struct {
	Scope              string
	Principals, Agents []string
}

// kept is how many events can be asked for again.
const kept = 1024

// Hub hands events to listeners. Safe for concurrent use.
type Hub struct {
	now func() time.Time

	mu        sync.Mutex
	last      uint64
	ring      [kept]Event // the event with an id is at id modulo kept
	held      int
	listeners map[*listener]struct{}
}

type listener struct {
	types []string
	fn    func(Event)
}

// NewHub returns a hub. now may be nil.
func NewHub(now func() time.Time) *Hub {
	if now == nil {
		now = time.Now
	}
	// A later run of the node begins above the ids of this one, unless it
	// published a thousand events a millisecond.
	return &Hub{now: now, last: uint64(max(now().UnixMilli(), 0)) << 10, listeners: map[*listener]struct{}{}}
}

// Publish tells the listeners of this node that something happened now. data
// becomes the event's JSON; what cannot be encoded is not published.
func (h *Hub) Publish(kind string, data any) { h.PublishAt(kind, h.now(), data) }

// PublishAt is Publish for what happened at another time.
func (h *Hub) PublishAt(kind string, at time.Time, data any) { h.PublishFor(nil, kind, at, data) }

// PublishFor is PublishAt for what not everybody may hear of.
func (h *Hub) PublishFor(who *Audience, kind string, at time.Time, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e := Event{ID: h.last, Type: kind, Time: at.UTC(), Data: raw, For: who}
	h.ring[e.ID%kept] = e
	h.held = min(h.held+1, kept)
	for l := range h.listeners {
		if wanted(l.types, kind) {
			l.fn(e)
		}
	}
}

// Subscribe calls fn for each event of the types from now on, until cancel. A
// type that ends in * stands for all that begin so, "*" for every one. fn must
// not block and must not call the hub.
func (h *Hub) Subscribe(types []string, fn func(Event)) (cancel func()) {
	_, cancel = h.SubscribeAfter(types, h.Last(), fn)
	return cancel
}

// SubscribeAfter is Subscribe for who has heard up to the event with the id
// after: fn is first called for those that came since. whole is false where
// some of them are no longer kept, or where this node never gave out that id.
func (h *Hub) SubscribeAfter(types []string, after uint64, fn func(Event)) (whole bool, cancel func()) {
	l := &listener{types: append([]string(nil), types...), fn: fn}
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := h.last - uint64(h.held) // all after this one are kept
	whole = after >= oldest && after <= h.last
	if after < h.last { // what is not may be the greatest of all numbers, which has no next
		for id := max(after, oldest) + 1; id <= h.last; id++ {
			if e := h.ring[id%kept]; wanted(l.types, e.Type) {
				fn(e)
			}
		}
	}
	h.listeners[l] = struct{}{}
	return whole, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, l)
	}
}

// Last is the id of the newest event.
func (h *Hub) Last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func wanted(types []string, kind string) bool {
	return slices.ContainsFunc(types, func(t string) bool { return Matches(t, kind) })
}

// Matches says whether events of a kind are among those that t stands for.
func Matches(t, kind string) bool {
	begin, all := strings.CutSuffix(t, "*")
	return t == kind || all && strings.HasPrefix(kind, begin)
}

// ValidType says whether t can be subscribed to: at most 64 of a-z, 0-9, '.',
// '_' and '-', perhaps with a * at the end.
func ValidType(t string) bool {
	name := strings.TrimSuffix(t, "*")
	if t == "" || len(t) > 64 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
