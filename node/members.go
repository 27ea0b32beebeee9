package node

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

// Member is one line of the list of members, as every node shows it.
type Member struct {
	ID      string `json:"id" doc:"the node's id, which stays whatever its keys and addresses do"`
	Name    string `json:"name"`
	Address string `json:"address" doc:"HOST:PORT, the most promising of its addresses"`
	Role    string `json:"role" enum:"voter,nonvoter,edge"`
	Status  string `json:"status" enum:"alive,failed,left"`
	Leader  bool   `json:"leader"`
	Version string `json:"version"`
	Pin     string `json:"pin" doc:"SHA-256 of the node's public key, base64"`
	// LastSeen is null for a member this node has not seen since it started.
	LastSeen *time.Time `json:"last_seen"`
	// Revision is the state the member has applied; 0 where it did not answer.
	Revision uint64 `json:"revision"`
}

// memberPatience bounds how long a list waits for a silent member.
const memberPatience = time.Second

// Members lists all who belong to the mesh, ordered by name. Revisions come
// from the members themselves, asked at once; one that does not answer within
// a second has revision 0.
func (n *Node) Members(ctx context.Context) []Member {
	out := n.lines()
	ctx, cancel := context.WithTimeout(ctx, memberPatience)
	defer cancel()
	var asked sync.WaitGroup
	for i := range out {
		if m := &out[i]; m.Status == "alive" {
			asked.Go(func() {
				if s, err := n.statsOf(ctx, identity.NodeID(m.ID)); err == nil {
					m.Revision = s.Revision
				}
			})
		}
	}
	asked.Wait()
	return out
}

// lines are the members as this node knows them without asking, ordered by
// name.
func (n *Node) lines() []Member {
	r := n.trust.Roster()
	st := n.group.Status()
	seen := map[string]*Member{}
	out := make([]Member, len(r.Members))
	for i, m := range r.Members {
		out[i] = n.member(m, st.Voters, st.LeaderID)
		seen[out[i].ID] = &out[i]
	}
	for _, g := range n.gossip.Members() {
		if m := seen[g.NodeID]; m != nil {
			m.Status = string(g.Status)
			if !g.LastSeen.IsZero() {
				t := g.LastSeen.UTC()
				m.LastSeen = &t
			}
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (n *Node) member(m roster.Member, voters []string, leader string) Member {
	out := Member{ID: string(m.ID), Name: m.Name, Role: "nonvoter", Status: "failed", Version: m.Version, Leader: leader != "" && m.RaftID == leader}
	if len(m.Addresses) > 0 {
		out.Address = m.Addresses[0]
	}
	if len(m.Pins) > 0 {
		out.Pin = m.Pins[len(m.Pins)-1].String()
	}
	if slices.Contains(voters, m.RaftID) {
		out.Role = "voter"
	}
	if m.Role == roster.RoleEdge {
		out.Role = "edge"
	}
	return out
}
