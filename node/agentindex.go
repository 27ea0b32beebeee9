package node

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/message"
)

// agentIndex answers from memory which nodes live and who hosts an agent: it
// is asked for each message, and gossip changes about once a second. Readers
// take no lock; look is called by one goroutine at a time.
type agentIndex struct {
	now  atomic.Pointer[agentView]
	seen map[string]sightedRecord
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
	x := &agentIndex{}
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
	if x.seen != nil && maps.Equal(seen, x.seen) {
		return false
	}
	x.seen = seen
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

// lookup returns the hosts of an agent on other nodes, not to be changed.
func (x *agentIndex) lookup(agent string) []message.Host { return x.now.Load().hosts[agent] }

// peers lists the other nodes that live, not to be changed.
func (x *agentIndex) peers() []string { return x.now.Load().peers }
