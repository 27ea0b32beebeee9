package node

import (
	"context"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
)

// callEvents tells a member what happened to the agents of the caller.
const callEvents = "event.tell"

// Bounds of telling other nodes: what waits for one, what goes in one call, and
// how long a call may take. What has no room is not told: events are news and
// not state, and whoever missed some finds the state in the registry.
const (
	maxToldWaiting = 4096
	maxToldAtOnce  = 256
	tellTimeout    = 5 * time.Second
	// maxToldNames bounds what is remembered of what one node told of its agents
	// and gossip does not show; it is as many as a record can.
	maxToldNames = 1 << 14
)

// maxUnixMs is the end of the year 9999: of what is later no JSON can be made.
const maxUnixMs = 253402300799999

// told is one event of an agent on its way to another node. The node that it
// happened at is not in it: it is whom the link authenticated.
type told struct {
	Type      string `cbor:"1,keyasint"`
	UnixMs    int64  `cbor:"2,keyasint"`
	Agent     string `cbor:"3,keyasint"`
	Instances int    `cbor:"4,keyasint,omitempty"`
	Key       string `cbor:"5,keyasint,omitempty"`
	Reason    string `cbor:"6,keyasint,omitempty"`
}

// AgentEvent is the data of the events agent.*.
type AgentEvent struct {
	Agent string `json:"agent"`
	// NodeID and Node are where it happened; of a changed key, where it was
	// published.
	NodeID string `json:"node_id"`
	Node   string `json:"node"`
	// Instances is how many of the agent are at that node now.
	Instances int `json:"instances"`
	// Key is the hash of a changed key.
	Key string `json:"key,omitempty"`
	// Reason says why an agent failed.
	Reason string `json:"reason,omitempty"`
}

// NodeEvent is the data of the events node.*.
type NodeEvent struct {
	NodeID string `json:"node_id"`
	Node   string `json:"node"`
}

// events watches what the hub is to be told by itself.
type events struct {
	n    *Node
	self string
	name func(id string) string
	hub  *event.Hub

	mu      sync.Mutex
	here    map[string]int      // instances of each agent of this node, as told
	broken  map[string]int      // how many of them are about to go by a broken connection
	members map[string]*sighted // the others, as gossip last said
	waiting map[identity.NodeID][]told
}

// sighted is another node as gossip last said.
type sighted struct {
	status      gossip.Status
	incarnation uint64
	lost        map[string]int // agents told failed with it
	told        map[string]int // instances that it told of and gossip does not show yet
}

// agents is what was on the node when it was last heard of.
func (s *sighted) agents(r *gossip.Record) map[string]int {
	out := map[string]int{}
	for _, a := range r.Agents {
		out[a.Name] = a.Instances
	}
	for name, n := range s.told {
		out[name] = n
	}
	for name, n := range out {
		if n == 0 {
			delete(out, name)
		}
	}
	return out
}

// catchUp forgets what gossip has caught up with.
func (s *sighted) catchUp(r *gossip.Record) {
	if len(s.told) == 0 {
		return
	}
	shown := map[string]int{}
	for _, a := range r.Agents {
		shown[a.Name] = a.Instances
	}
	for name, n := range s.told {
		if shown[name] == n {
			delete(s.told, name)
		}
	}
}

func newEvents(n *Node, self string, name func(id string) string) *events {
	return &events{
		n: n, self: self, name: name, hub: event.NewHub(nil), here: map[string]int{}, broken: map[string]int{},
		members: map[string]*sighted{}, waiting: map[identity.NodeID][]told{},
	}
}

// Events is where this node tells what happens in the mesh.
func (n *Node) Events() *event.Hub { return n.events.hub }

// AgentKeyChanged tells all nodes that an agent published another key.
func (n *Node) AgentKeyChanged(agent, hash string) {
	n.events.tell(told{Type: event.AgentKeyChanged, Agent: agent, Key: hash})
}

// lost says that an instance of an agent is about to go without a goodbye.
func (e *events) lost(agent string) {
	e.mu.Lock()
	e.broken[agent]++
	e.mu.Unlock()
}

// hosted compares what this node hosts now with what was told before.
func (e *events) hosted(agents []message.Local) {
	now := make(map[string]int, len(agents))
	for _, a := range agents {
		now[a.Name] = a.Instances
	}
	var news []told
	e.mu.Lock()
	for name, n := range now {
		if was := e.here[name]; n > was {
			news = append(news, told{Type: event.AgentStarted, Agent: name, Instances: n})
		} else if n < was {
			news = append(news, e.went(name, n))
		}
	}
	for name := range e.here {
		if now[name] == 0 {
			news = append(news, e.went(name, 0))
		}
	}
	e.here = now
	e.mu.Unlock()
	for _, t := range news {
		e.tell(t)
	}
}

// went needs mu.
func (e *events) went(name string, left int) told {
	t := told{Type: event.AgentStopped, Agent: name, Instances: left}
	if e.broken[name] > 0 {
		t.Type, t.Reason = event.AgentFailed, "its connection broke"
	}
	delete(e.broken, name)
	return t
}

// tell publishes what happened at this node, here and at all that live.
func (e *events) tell(t told) {
	t.UnixMs = time.Now().UnixMilli()
	e.publish(e.self, t)
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, m := range e.members {
		to := identity.NodeID(id)
		if queue := e.waiting[to]; id != e.self && m.status == gossip.StatusAlive && len(queue) < maxToldWaiting {
			e.waiting[to] = append(queue, t)
			if len(queue) == 0 {
				e.n.run(e.n.life, func(ctx context.Context) { e.send(ctx, to) })
			}
		}
	}
}

// send tells one node what waits for it, in order, until nothing does. The
// queue is empty only when no send of it is under way.
func (e *events) send(ctx context.Context, to identity.NodeID) {
	for {
		e.mu.Lock()
		batch := e.waiting[to]
		batch = append([]told(nil), batch[:min(len(batch), maxToldAtOnce)]...)
		e.mu.Unlock()
		call, cancel := context.WithTimeout(ctx, tellTimeout)
		_, err := e.n.port.Call(call, to, callEvents, consensus.Encode(batch))
		cancel()
		if err != nil && ctx.Err() == nil {
			e.n.log.Debug("events were not told", "to", to.Short(), "events", len(batch), "error", err)
		}
		e.mu.Lock()
		left := e.waiting[to][len(batch):]
		if len(left) == 0 || ctx.Err() != nil {
			delete(e.waiting, to)
			e.mu.Unlock()
			return
		}
		e.waiting[to] = left
		e.mu.Unlock()
	}
}

// take publishes what another node tells of its agents.
func (e *events) take(_ context.Context, from identity.NodeID, body []byte) ([]byte, error) {
	var batch []told
	if err := consensus.Decode(body, &batch); err != nil {
		return nil, err
	}
	for i, t := range batch {
		known := t.Type == event.AgentStarted || t.Type == event.AgentStopped || t.Type == event.AgentFailed || t.Type == event.AgentKeyChanged
		if i == maxToldAtOnce || !known || message.CheckName(t.Agent) != nil || len(t.Key) > 128 || len(t.Reason) > 256 || t.UnixMs < 0 || t.UnixMs > maxUnixMs {
			return nil, consensus.Refuse(message.CodeInvalid, "these are not events of agents")
		}
		e.publish(string(from), t)
		if t.Type != event.AgentKeyChanged {
			e.mu.Lock()
			if s := e.members[string(from)]; s != nil {
				if s.told == nil {
					s.told = map[string]int{}
				}
				if _, known := s.told[t.Agent]; known || len(s.told) < maxToldNames {
					s.told[t.Agent] = t.Instances
				}
			}
			e.mu.Unlock()
		}
	}
	return nil, nil
}

func (e *events) publish(at string, t told) {
	e.hub.PublishAt(t.Type, time.UnixMilli(t.UnixMs), AgentEvent{
		Agent: t.Agent, NodeID: at, Node: e.name(at), Instances: t.Instances, Key: t.Key, Reason: t.Reason,
	})
}

// look tells what gossip says of the other nodes, and of the agents that went
// with one that cannot tell it any more.
func (e *events) look(members []gossip.Member) {
	type news struct {
		id   string
		kind string
		told []told
	}
	var out []news
	now := time.Now().UnixMilli()
	e.mu.Lock()
	there := make(map[string]bool, len(members))
	for _, m := range members {
		there[m.NodeID] = true
		s := e.members[m.NodeID]
		if s == nil {
			s = &sighted{status: m.Status, incarnation: m.Record.Incarnation}
			e.members[m.NodeID] = s
			if m.Status == gossip.StatusAlive {
				out = append(out, news{id: m.NodeID, kind: event.NodeAlive})
			}
			continue
		}
		was, again := s.status, s.incarnation == m.Record.Incarnation
		s.status, s.incarnation = m.Status, m.Record.Incarnation
		if !again {
			s.told = nil
		}
		if m.Status == gossip.StatusAlive {
			s.catchUp(&m.Record)
		}
		if was == m.Status || m.NodeID == e.self {
			continue
		}
		change := news{id: m.NodeID, kind: event.NodeAlive}
		switch m.Status {
		case gossip.StatusFailed:
			change.kind = event.NodeFailed
			s.lost = s.agents(&m.Record)
			for name := range s.lost {
				change.told = append(change.told, told{Type: event.AgentFailed, UnixMs: now, Agent: name, Reason: "its node failed"})
			}
		case gossip.StatusLeft:
			change.kind = event.NodeLeft
			for name := range s.agents(&m.Record) {
				if _, known := s.lost[name]; !known {
					change.told = append(change.told, told{Type: event.AgentStopped, UnixMs: now, Agent: name})
				}
			}
			s.lost, s.told = nil, nil
		default:
			// A node that was only out of reach still has its agents; one that
			// began anew tells of its own.
			for name, n := range s.agents(&m.Record) {
				if _, known := s.lost[name]; known && again {
					change.told = append(change.told, told{Type: event.AgentStarted, UnixMs: now, Agent: name, Instances: n})
				}
			}
			s.lost = nil
		}
		out = append(out, change)
	}
	for id := range e.members {
		if !there[id] {
			delete(e.members, id)
		}
	}
	e.mu.Unlock()
	for _, c := range out {
		e.hub.Publish(c.kind, NodeEvent{NodeID: c.id, Node: e.name(c.id)})
		for _, t := range c.told {
			e.publish(c.id, t)
		}
	}
}
