package node

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/message"
)

// agentIndex answers from memory which nodes live and who hosts an agent: it
// is asked for each message, and gossip changes about once a second. Readers
// take no lock.
type agentIndex struct {
	now atomic.Pointer[agentView]

	mu   sync.Mutex // guards all below, and who sets now
	seen map[string]sightedRecord
	// runs are the newest processes of nodes that connections have told of. What
	// a record of an earlier one says of agents holds no more: they went with it,
	// and a message that were tried there first would come behind later ones.
	runs map[string]uint64
}

// agentView is not changed once it is published.
type agentView struct {
	hosts map[string][]message.Host
	peers []string
}

// sightedRecord tells whether a node's record is the one that was seen last.
type sightedRecord struct {
	incarnation, counter uint64
	status               gossip.Status
}

func newAgentIndex() *agentIndex {
	x := &agentIndex{runs: map[string]uint64{}}
	x.now.Store(&agentView{})
	return x
}

// look takes in what gossip says now, and reports whether other nodes live
// than before. Slices that are as they were stay the very same, by which the
// router knows them.
func (x *agentIndex) look(self string, g *gossip.Gossip, nameOf func(id string) string) (peersChanged bool) {
	seen := map[string]sightedRecord{}
	g.Visit(func(m *gossip.Member) {
		seen[m.NodeID] = sightedRecord{m.Record.Incarnation, m.Record.Counter, m.Status}
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seen != nil && maps.Equal(seen, x.seen) {
		return false
	}
	x.seen = seen
	maps.DeleteFunc(x.runs, func(id string, _ uint64) bool { _, ok := seen[id]; return !ok })
	old := x.now.Load()
	view := &agentView{hosts: make(map[string][]message.Host, len(old.hosts))}
	g.Visit(func(m *gossip.Member) {
		if m.NodeID == self {
			return
		}
		alive := m.Status == gossip.StatusAlive
		if alive {
			view.peers = append(view.peers, m.NodeID)
		}
		if m.Record.Incarnation < x.runs[m.NodeID] {
			return
		}
		name := nameOf(m.NodeID)
		for i := range m.Record.Agents {
			a := &m.Record.Agents[i]
			view.hosts[a.Name] = append(view.hosts[a.Name], message.Host{
				NodeID: m.NodeID, NodeName: name, Alive: alive,
				Busy: a.Busy, Instances: a.Instances, Durable: a.Durable,
			})
		}
	})
	for agent, hosts := range view.hosts {
		if was := old.hosts[agent]; slices.Equal(was, hosts) {
			view.hosts[agent] = was
		}
	}
	x.now.Store(view)
	return !slices.Equal(old.peers, view.peers)
}

// began says that there is a connection with a node's process of an incarnation,
// and reports whether that puts agents out of reach which an earlier one had.
func (x *agentIndex) began(node string, incarnation uint64) (moved bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if incarnation <= x.runs[node] {
		return false
	}
	x.runs[node] = incarnation
	if seen, ok := x.seen[node]; !ok || seen.incarnation >= incarnation {
		return false
	}
	old := x.now.Load()
	view := &agentView{hosts: maps.Clone(old.hosts), peers: old.peers}
	there := func(h message.Host) bool { return h.NodeID == node }
	for agent, hosts := range old.hosts {
		if !slices.ContainsFunc(hosts, there) {
			continue
		}
		moved = true
		if hosts = slices.DeleteFunc(slices.Clone(hosts), there); len(hosts) == 0 {
			delete(view.hosts, agent)
		} else {
			view.hosts[agent] = hosts
		}
	}
	x.now.Store(view)
	return moved
}

// holds says whether a node's record of an incarnation is of its newest process,
// as far as is known.
func (x *agentIndex) holds(node string, incarnation uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return incarnation >= x.runs[node]
}

// lookup returns the hosts of an agent on other nodes, not to be changed.
func (x *agentIndex) lookup(agent string) []message.Host { return x.now.Load().hosts[agent] }

// peers lists the other nodes that live, not to be changed.
func (x *agentIndex) peers() []string { return x.now.Load().peers }
