package node

import (
	"context"
	"math"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/roster"
	"github.com/prometheus/client_golang/prometheus"
)

// What the surface asks of a node's services.

// Keys is the mesh's API keys.
func (n *Node) Keys() *access.Service { return n.keys }

// Graph is the shared knowledge graph.
func (n *Node) Graph() *graphsync.Service { return n.graph }

// Router carries messages to and from agents.
func (n *Node) Router() *message.Router { return n.router }

// Send is Router().Send.
func (n *Node) Send(ctx context.Context, m message.Message, wantReply bool) (message.Receipt, error) {
	return n.router.Send(ctx, m, wantReply)
}

// Attach is Router().Attach.
func (n *Node) Attach(ctx context.Context, name, principal string, p message.Profile, r message.Receiver) (*message.Session, error) {
	return n.router.Attach(ctx, name, principal, p, r)
}

// Settle returns when this node's state is as fresh as a read asks for.
func (n *Node) Settle(ctx context.Context, o consensus.ReadOptions) (consensus.ReadInfo, error) {
	return n.group.View(ctx, o, func(consensus.Reader) error { return nil })
}

// ResolveNode finds the id of the member that a name, an id or the beginning of
// one means.
func (n *Node) ResolveNode(ref string) (string, error) { return directory{n: n}.ResolveNode(ref) }

// AgentServer serves the WebSocket connections of agents.
func (n *Node) AgentServer() *agent.Server { return n.server }

// Position is how far this node's state is and how long ago it last heard from
// the leader: what an answer about the mesh itself goes by.
func (n *Node) Position() consensus.ReadInfo {
	st := n.group.Status()
	age := st.LastContact
	if age < 0 {
		age = math.MaxInt64 // never
	}
	return consensus.ReadInfo{Revision: st.Revision, Age: age}
}

// Registry holds the node's metrics.
func (n *Node) Registry() *prometheus.Registry { return n.registry }

// Certificate is what GET /cert shows.
func (n *Node) Certificate() identity.CertificateInfo { return n.id.Info() }

// Hosts are the names and addresses clients may call this node by.
func (n *Node) Hosts() []string { return n.id.Info().SAN }

// Tokens lists the join tokens and the time by which they are judged.
func (n *Node) Tokens(ctx context.Context) ([]roster.Token, time.Time, error) {
	tokens, err := n.rosters.Tokens(ctx)
	now := time.Now()
	if t := n.group.Status().Time; t.After(now) {
		now = t
	}
	return tokens, now, err
}

// RevokeToken ends a join token.
func (n *Node) RevokeToken(ctx context.Context, id string) (roster.Token, error) {
	return n.rosters.RevokeToken(ctx, id)
}

// Self is this node's line of the list of members.
func (n *Node) Self() Member {
	st := n.group.Status()
	m, _ := n.trust.Roster().ByID(n.id.ID())
	line := n.member(m, st.Voters, st.LeaderID)
	line.Status = "alive"
	return line
}

// ReadyAfter is how long the node took to serve local reads.
func (n *Node) ReadyAfter() time.Duration { return n.ready.Sub(n.started) }

// NoLeader tells a client that found no leader how many voters are there.
func (n *Node) NoLeader() map[string]any {
	st := n.group.Status()
	alive := 0
	unreachable := []string{}
	for _, v := range st.Voters {
		p, ok := n.trust.ByRaftID(v)
		if ok && (p.ID == n.id.ID() || n.alive(string(p.ID))) {
			alive++
		} else if ok {
			unreachable = append(unreachable, p.Name)
		}
	}
	return map[string]any{"voters_alive": alive, "voters_needed": len(st.Voters)/2 + 1, "unreachable": unreachable}
}

// Detail is what /health/detail shows: raft, gossip, links, disk.
func (n *Node) Detail(ctx context.Context) (map[string]any, error) {
	st := n.group.Status()
	links := []map[string]any{}
	for _, p := range n.port.PeerStates() {
		links = append(links, map[string]any{
			"node": n.nodeNameOf(string(p.ID)), "connected": p.Connected, "address": p.Address,
			"rtt_ms": float64(p.RTT.Microseconds()) / 1000, "clock_offset_ms": p.ClockOffset.Milliseconds(),
		})
	}
	members := map[string]int{}
	for _, m := range n.gossip.Members() {
		members[string(m.Status)]++
	}
	return map[string]any{
		"raft": map[string]any{
			"state": st.State, "term": st.Term, "commit_index": st.CommitIndex, "applied_index": st.AppliedIndex, "last_log_index": st.LastLogIndex,
			"snapshot_index": st.SnapshotIndex, "voters": st.Voters, "nonvoters": st.Nonvoters, "last_contact_ms": st.LastContact.Milliseconds(),
		},
		"state":  map[string]any{"revision": st.Revision, "hash": st.Hash, "fault": st.Fault, "time": st.Time},
		"disk":   map[string]any{"free_bytes": st.FreeBytes, "log_bytes": st.LogBytes, "state_bytes": st.StateBytes},
		"gossip": map[string]any{"members": members},
		"links":  links,
	}, nil
}

// ActiveSessions counts the agents attached here.
func (n *Node) ActiveSessions() int { return n.server.Connections() }
