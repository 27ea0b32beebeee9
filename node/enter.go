package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/agent/librarian"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
)

// Level is the highest command level this software understands.
const Level = consensus.Level

// enter opens what a member of a mesh runs: the replicated state, gossip, and
// the services on them. It returns when local reads are served.
func (n *Node) enter(ctx context.Context) error {
	life, cancel := context.WithCancel(context.Background())
	n.life, n.cancel = life, cancel
	n.events = newEvents(n, string(n.id.ID()), n.nodeNameOf)
	// Messages ride on connections that others may make from now on.
	n.agentsOf = newAgentIndex()
	n.router = n.newRouter()
	p := newParts(n.rosterChanged)
	var err error
	if n.group, err = n.openReplica(p.all()...); err != nil {
		return err
	}
	n.rosters = roster.NewService(n.group)
	if n.keys, err = access.NewService(n.group, p.keys, n.cfg.APIKey); err != nil {
		return err
	}
	n.graph = graphsync.NewService(n.group)
	if err := n.openGossip(); err != nil {
		return fmt.Errorf("opening gossip: %w", err)
	}
	n.handlePeers()
	if err := n.registry.Register(linkMetrics{n}); err != nil {
		return fmt.Errorf("registering the figures of links: %w", err)
	}
	n.port.HandleGossip(func(from identity.NodeID, c net.Conn) { n.gossip.Serve(string(from), c) })
	if err := n.openMessages(life, p.inboxes); err != nil {
		return err
	}
	n.openTasks(life, p.tasks, p.proposals)
	n.port.HandleJoin(n.admit)
	n.run(life, n.group.keep)
	n.run(life, n.keepAnnouncing)
	n.run(life, n.keepRoster)
	n.run(life, n.keepRemovals)
	n.run(life, n.keepLoad)
	n.run(life, func(ctx context.Context) { n.graph.KeepIndex(ctx, n.log.With("part", "search")) })
	n.ready = time.Now()
	return nil
}

// openGossip starts gossip over the port's authenticated connections.
func (n *Node) openGossip() (err error) {
	opened := make(chan struct{})
	defer close(opened)
	n.gossip, err = gossip.Open(gossip.Config{
		MeshID: n.trust.MeshID(), NodeID: string(n.id.ID()),
		Self: gossip.Record{
			NodeID: string(n.id.ID()), Name: n.Name(), Address: n.addresses()[0], Role: string(roster.RoleMember), Version: n.cfg.Version,
			Incarnation: n.port.Incarnation(), // so that a record older than a connection is of an earlier run
		},
		Dial: func(ctx context.Context, id string) (net.Conn, error) {
			c, err := n.port.DialGossip(ctx, identity.NodeID(id))
			return c, n.heed(identity.NodeID(id), err)
		},
		Known: func(id string) bool {
			_, ok := n.trust.Roster().ByID(identity.NodeID(id))
			return ok
		},
		Roster: func() []string {
			var ids []string
			for _, m := range n.trust.Roster().Members {
				ids = append(ids, string(m.ID))
			}
			return ids
		},
		Logger: n.log.With("part", "gossip"), Registerer: n.registry, OnChange: func() {
			<-opened
			n.gossipChanged()
		},
	})
	return err
}

// gossipChanged takes from the records where their owners say they are.
func (n *Node) gossipChanged() {
	if n.gossip == nil {
		return
	}
	if n.agentsOf.look(string(n.id.ID()), n.gossip, n.nodeNameOf) {
		n.router.PeersChanged()
	}
	members := n.gossip.Members()
	for _, m := range members {
		if m.NodeID != string(n.id.ID()) && m.Record.Address != "" {
			n.book.hear(identity.NodeID(m.NodeID), m.Record.Address)
		}
	}
	n.events.look(members)
	n.agentsMoved()
}

// rosterChanged is told of each change of the replicated roster before its
// proposer is answered: what it says is on disk in the trust file by then.
func (n *Node) rosterChanged(r *roster.Roster) {
	if r.MeshID == "" {
		return // a state that has not heard of its mesh yet
	}
	if r.MeshID != n.trust.MeshID() && r.Revision < n.trust.Revision() {
		return // of the mesh this one was recovered from: its log is being replayed
	}
	if err := n.trust.Accept(r); err != nil {
		n.stop(fmt.Errorf("the trust file cannot be written: %w", err))
	}
}

// keepRoster acts on every change of who belongs.
func (n *Node) keepRoster(ctx context.Context) {
	was := map[identity.NodeID]bool{}
	for {
		changed := n.trust.Changed()
		r := n.trust.Roster()
		for id := range was {
			if _, ok := r.ByID(id); !ok {
				n.port.Disconnect(id)
			}
		}
		clear(was)
		for _, m := range r.Members {
			was[m.ID] = true
		}
		for _, t := range r.Tombstones {
			n.port.Disconnect(t.ID)
		}
		if _, gone := r.Removed(n.id.ID()); gone {
			n.stopRemoved()
		} else if n.forgotten() && !n.leaving.Load() {
			n.stop(ErrLeft) // the leave was cut short after the mesh had let it go
		}
		n.group.Kick()
		n.gossip.Kick()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Name is what the mesh calls this node.
func (n *Node) Name() string {
	if me, ok := n.trust.Roster().ByID(n.id.ID()); ok {
		return me.Name
	}
	return n.cfg.Name
}

// self is the member this node is, as it would describe itself now.
func (n *Node) self() roster.Member {
	return roster.Member{
		ID: n.id.ID(), Name: n.cfg.Name, Pins: []identity.Pin{n.id.Pin()}, RaftID: n.seat(), Addresses: n.addresses(),
		Role: roster.RoleMember, Recipient: n.id.Recipient(), Version: n.cfg.Version, Level: Level,
	}
}

// openMessages starts the router and the agents that live in the node.
func (n *Node) openMessages(life context.Context, inboxes *inbox.Part) error {
	log := n.log.With("part", "agent")
	n.openInboxes(life, inboxes)
	n.server = agent.NewServer(agent.Config{Router: n.router, Logger: log, Registerer: n.registry, Hooks: agent.Hooks{
		Durable: durables{n}, Claim: n.claimName, Seal: n.sealBody, Lost: n.events.lost, Events: n.events.hub,
	}})
	h, err := agent.Host(n.router, librarian.New(n.graph), log)
	if err != nil {
		return err
	}
	n.hosted = append(n.hosted, h)
	return nil
}

// waitFor polls cond until it holds or ctx ends, at the pace of a person's
// patience rather than of the network.
func waitFor(ctx context.Context, every time.Duration, cond func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// isRefusal says that err is a "no" with one of the codes, or with any, given
// here or by another node.
func isRefusal(err error, codes ...string) bool {
	var (
		here   *consensus.Refusal
		remote *wire.RemoteError
		code   string
	)
	switch {
	case errors.As(err, &here):
		code = here.Code
	case errors.As(err, &remote):
		code = remote.Code
	default:
		return false
	}
	return len(codes) == 0 || slices.Contains(codes, code)
}
