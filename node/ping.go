package node

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/wire"
)

// Ping is what a round of pings to a member came to.
type Ping struct {
	Node    string    `json:"node"`
	ID      string    `json:"id"`
	Address string    `json:"address" doc:"where the link to it leads"`
	RTTMs   []float64 `json:"rtt_ms"`
	Path    string    `json:"path" enum:"self,direct"`
}

const maxPings = 100

// Ping asks a member count times for its word over the pinned link and tells
// each round trip in milliseconds.
func (n *Node) Ping(ctx context.Context, ref string, count int) (Ping, error) {
	m, err := n.trust.Roster().Resolve(ref)
	if err != nil {
		return Ping{}, err
	}
	if count < 1 || count > maxPings {
		return Ping{}, consensus.Refuse("INVALID", "count must be 1 to 100")
	}
	out := Ping{Node: m.Name, ID: string(m.ID), Path: "direct"}
	if m.ID == n.id.ID() {
		out.Path, out.Address = "self", n.addresses()[0]
	}
	for range count {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := n.statsOf(ctx, m.ID)
		cancel()
		if err != nil {
			_, sentence := wire.CodeOf(err)
			return out, consensus.Refuse("NODE_UNREACHABLE", m.Name+" does not answer: "+sentence)
		}
		out.RTTMs = append(out.RTTMs, float64(time.Since(begun).Microseconds())/1000)
	}
	for _, p := range n.port.PeerStates() {
		if p.ID == m.ID {
			out.Address = p.Address
		}
	}
	return out, nil
}
