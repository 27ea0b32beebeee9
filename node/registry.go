package node

import (
	"context"

	"github.com/meshd/meshd/gossip"
)

// RegistryNode is a member with what it tells of itself by gossip.
type RegistryNode struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Role    string   `json:"role" enum:"voter,nonvoter,edge"`
	Status  string   `json:"status" enum:"alive,failed,left"`
	Leader  bool     `json:"leader"`
	Version string   `json:"version"`
	Agents  []string `json:"agents" nullable:"false" doc:"names of the agents it hosts"`
	Load    float64  `json:"load" doc:"one-minute load average; 0 where unknown"`
}

// Nodes lists the members with their agents and load, ordered by name.
func (n *Node) Nodes(ctx context.Context) []RegistryNode {
	heard := map[string]gossip.Record{}
	for _, m := range n.gossip.Members() {
		heard[m.NodeID] = m.Record
	}
	out := []RegistryNode{}
	for _, m := range n.Members(ctx) {
		r := RegistryNode{ID: m.ID, Name: m.Name, Address: m.Address, Role: m.Role, Status: m.Status, Leader: m.Leader, Version: m.Version, Agents: []string{}, Load: heard[m.ID].Load}
		if m.Status == string(gossip.StatusAlive) {
			for _, a := range heard[m.ID].Agents {
				r.Agents = append(r.Agents, a.Name)
			}
		}
		out = append(out, r)
	}
	return out
}

// LeaderID is the node id of the leader, empty while none is known.
func (n *Node) LeaderID() string {
	leader := n.group.Status().LeaderID
	if leader == "" {
		return ""
	}
	if p, ok := n.trust.ByRaftID(leader); ok {
		return string(p.ID)
	}
	return ""
}

// Instances lists the external instances whose leases hold.
func (n *Node) Instances() []gossip.Instance {
	list := n.gossip.Instances()
	for i := range list {
		if list[i].Node == "" {
			list[i].Node = string(n.id.ID())
		}
	}
	return list
}

// Register lists an external instance on a lease of gossip.LeaseDuration.
func (n *Node) Register(i gossip.Instance) (gossip.Instance, error) { return n.gossip.Register(i) }

// Heartbeat renews an external instance's lease, whichever node held it.
func (n *Node) Heartbeat(id string) (gossip.Instance, error) { return n.gossip.Heartbeat(id) }

// Deregister ends an external instance's lease everywhere.
func (n *Node) Deregister(id string) error { return n.gossip.Deregister(id) }
