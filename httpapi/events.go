package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/event"
)

// Events is where the node tells what happens in the mesh. *event.Hub
// implements it.
type Events interface {
	SubscribeAfter(types []string, after uint64, fn func(event.Event)) (whole bool, cancel func())
	Last() uint64
}

var _ Events = (*event.Hub)(nil)

const (
	// maxEventTypes bounds the types that one feed asks for.
	maxEventTypes = 64
	// maxEventsWaiting is how far a feed may fall behind: all that the hub
	// keeps, and some.
	maxEventsWaiting = 4096
)

func (a *API) eventEntries() []Entry {
	if a.cfg.Events == nil {
		return nil
	}
	return []Entry{Plain(Route{Method: http.MethodGet, Path: "/events", Summary: "What happens in the mesh, as server-sent events or JSON lines: agents and nodes that come and go, tasks that change",
		Role: access.RoleViewer, Query: []string{"types", "since"}, Timeout: -1, Produces: []string{mediaSSE, mediaLines}}, a.events)}
}

// eventBegin is the first event of a feed.
type eventBegin struct {
	Since string `json:"since"`
	// Missed says that something happened since the id that the client asked
	// for and is told by nobody any more: events are news. What is so now is
	// at GET /agents and GET /members.
	Missed bool `json:"missed"`
}

// events tells what happens from now on, or after an event of this node's that
// is still kept.
func (a *API) events(c *gin.Context) {
	types := []string{"*"}
	if text := c.Query("types"); text != "" {
		types = strings.Split(text, ",")
	}
	for _, t := range types {
		if !event.ValidType(t) || len(types) > maxEventTypes {
			a.Refuse(c, invalid("query.types", "types are at most 64 types of events with commas between them, such as agent.started or agent.*"))
			return
		}
	}
	field, since := "query.since", c.Query("since")
	if last := c.Request.Header.Get("Last-Event-Id"); last != "" { // a browser's, which knows better
		field, since = "header.Last-Event-ID", last
	}
	after := a.cfg.Events.Last()
	if since != "" && since != "now" {
		id, err := strconv.ParseUint(since, 10, 64)
		if err != nil {
			a.Refuse(c, invalid(field, "since is the id of an event, or now"))
			return
		}
		after = id
	}
	permit := a.permit(c)
	s := a.openStream(c)
	defer s.end()
	queue := newEventQueue()
	whole, cancel := a.cfg.Events.SubscribeAfter(types, after, queue.put)
	defer cancel()
	tell := a.beginFeed(c)
	defer a.counted("events")()
	caller, _ := Principal(c.Request.Context())
	a.endedFeed(s, a.followEvents(s, tell, queue, caller, permit, eventBegin{strconv.FormatUint(after, 10), !whole}))
}

func (a *API) followEvents(s *stream, tell feedTeller, queue *eventQueue, caller access.Principal, permit func() error, begin eventBegin) (ended string) {
	b := tell.event(nil, "bookmark", begin.Since, marshal(begin))
	if tell.media() == mediaSSE {
		b = append([]byte("retry: 1000\n"), b...)
	}
	tick := time.NewTicker(feedPing)
	defer tick.Stop()
	for {
		if len(b) > 0 {
			if _, err := s.Write(b); err != nil {
				return s.unwritten(err)
			}
		}
		b = b[:0]
		select {
		case <-queue.some:
		case <-tick.C:
			b = tell.ping(b)
		case <-s.ctx.Done():
			return a.cutFeed(s, tell, s.ctx.Err())
		}
		list, over := queue.take()
		if over {
			return a.cutFeed(s, tell, Fail(codeSlow, "the events came faster than they were taken"))
		}
		if permit != nil {
			if err := permit(); err != nil {
				return a.cutFeed(s, tell, err)
			}
		}
		for _, e := range list {
			if !hears(caller, e.For) {
				continue
			}
			b = tell.event(b, "", strconv.FormatUint(e.ID, 10), marshal(e))
		}
	}
}

// hears says whether a caller may hear of what concerns these, or see it. Who may
// read all of the mesh may; an agent's credential may where it is concerned
// itself, or an agent that it is for. What all may read is heard by whose scopes
// let them.
func hears(caller access.Principal, of *event.Audience) bool {
	switch {
	case of == nil:
		return true
	case of.Scope != "":
		return inScope(caller.Scopes, of.Scope)
	case !ofAgents(caller) && (caller.Role != access.RoleAgent || slices.Contains(of.Principals, caller.ID)):
		return true
	}
	return slices.ContainsFunc(of.Agents, func(name string) bool { return name != "" && slices.Contains(caller.Scopes, agentScope+name) })
}

// eventQueue holds the events that a feed has not told yet. Safe for concurrent
// use.
type eventQueue struct {
	some chan struct{} // has something while the queue has

	mu   sync.Mutex
	list []event.Event
	over bool
}

func newEventQueue() *eventQueue { return &eventQueue{some: make(chan struct{}, 1)} }

func (q *eventQueue) put(e event.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over || len(q.list) == maxEventsWaiting {
		q.over = true
	} else {
		q.list = append(q.list, e)
	}
	select {
	case q.some <- struct{}{}:
	default:
	}
}

// take empties the queue; over says that something had no room in it.
func (q *eventQueue) take() (list []event.Event, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list, q.list = q.list, nil
	return list, q.over
}
