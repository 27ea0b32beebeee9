package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
)

// newRouter binds message routing to gossip (who hosts what) and to the pinned
// connections.
func (n *Node) newRouter() *message.Router {
	announces := newAnnouncer(n.life, func(agents []message.Local) error {
		return n.gossip.Update(func(r *gossip.Record) { r.Agents = announced(agents) })
	}, func(agents int, again time.Duration, err error) {
		n.log.Warn("this node's agents cannot be told to the others yet", "agents", agents, "again", again, "error", err)
	})
	r := message.New(message.Config{
		NodeID: string(n.id.ID()), Directory: directory{n, announces}, Link: links{n.port},
		Peers: n.agentsOf.peers, NodeName: n.nodeNameOf, Orphaned: n.acknowledged,
		Tracer: n.tracer, Logger: n.log.With("part", "message"), Registerer: n.registry,
	})
	n.carryMessages(r)
	return r
}

// directory answers from gossip where agents live.
type directory struct {
	n         *Node
	announces *announcer
}

// Lookup implements message.Directory.
func (d directory) Lookup(agent string) []message.Host { return d.n.agentsOf.lookup(agent) }

// ResolveNode implements message.Directory.
func (d directory) ResolveNode(ref string) (string, error) {
	m, err := d.n.trust.Roster().Resolve(ref)
	if err != nil {
		return "", errors.New("no such node") // the router names the address
	}
	return string(m.ID), nil
}

// Announce implements message.Directory.
func (d directory) Announce(agents []message.Local) {
	d.n.events.hosted(agents)
	d.announces.announce(agents)
}

func (n *Node) nodeNameOf(id string) string {
	if m, ok := n.trust.Roster().ByID(identity.NodeID(id)); ok {
		return m.Name
	}
	return id
}

// Agent is one agent of the mesh with the nodes that host it.
type Agent struct {
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"`
	Hosts        []AgentHost `json:"hosts"`
}

// AgentHost is a node where an agent can be reached.
type AgentHost struct {
	NodeID    string `json:"node_id"`
	Node      string `json:"node"`
	Instances int    `json:"instances"`
	Busy      int    `json:"busy"`
}

// Agents lists every agent that can be reached now, by name.
func (n *Node) Agents() []Agent {
	byName := map[string]*Agent{}
	for _, m := range n.gossip.Members() {
		if m.Status != gossip.StatusAlive {
			continue
		}
		for _, a := range m.Record.Agents {
			out := byName[a.Name]
			if out == nil {
				out = &Agent{Name: a.Name, Description: a.Description, Kind: a.Kind, Capabilities: a.Capabilities}
				byName[a.Name] = out
			}
			out.Hosts = append(out.Hosts, AgentHost{NodeID: m.NodeID, Node: n.nodeNameOf(m.NodeID), Instances: a.Instances, Busy: a.Busy})
		}
	}
	list := make([]Agent, 0, len(byName))
	for _, a := range byName {
		slices.SortFunc(a.Hosts, func(x, y AgentHost) int { return cmp.Compare(x.Node, y.Node) })
		list = append(list, *a)
	}
	slices.SortFunc(list, func(x, y Agent) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// keepLoad spreads this machine's load average, where the system has one.
func (n *Node) keepLoad(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		if load, ok := loadAverage(); ok {
			if err := n.gossip.Update(func(r *gossip.Record) { r.Load = load }); err != nil {
				n.log.Debug("the load was not spread", "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// loadAverage reads the one-minute load average (proc_loadavg(5)).
func loadAverage() (load float64, ok bool) {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, false
	}
	_, err = fmt.Sscan(strings.SplitN(string(data), " ", 2)[0], &load)
	return load, err == nil
}
