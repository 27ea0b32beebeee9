package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
)

// What nodes ask each other over meshd-peer/1, beside the calls of consensus
// and the traffic of messages.
const (
	callRoster   = "roster.get"    // nothing → the encoded roster
	callAnnounce = "node.announce" // announcement → nothing
	callAlive    = "node.alive"    // node id → aliveAnswer
	callStats    = "node.stats"    // nothing → PeerStats
	callForget   = "roster.forget" // nothing: the caller, who is leaving
)

// announcement is a member's word on itself, proven by the link it comes on.
type announcement struct {
	Addresses []string `cbor:"1,keyasint"`
	RaftID    string   `cbor:"2,keyasint"`
	Version   string   `cbor:"3,keyasint"`
	Level     uint32   `cbor:"4,keyasint"`
	Recipient string   `cbor:"5,keyasint"`
	// Stays says that the node is not leaving: a mark that says so is from an
	// earlier run of it, which ended before the leave did.
	Stays bool `cbor:"6,keyasint,omitempty"`
}

type aliveAnswer struct {
	Alive bool `cbor:"1,keyasint"`
}

// PeerStats is what a node says of its own state when asked.
type PeerStats struct {
	Revision uint64 `cbor:"1,keyasint"`
	Applied  uint64 `cbor:"2,keyasint"`
	Term     uint64 `cbor:"3,keyasint"`
	Hash     string `cbor:"4,keyasint"`
	State    string `cbor:"5,keyasint"`
	UnixMs   int64  `cbor:"6,keyasint"`
}

// raftPeers lets consensus call by raft id.
type raftPeers struct{ n *Node }

// Call implements consensus.Peers.
func (p raftPeers) Call(ctx context.Context, raftID, method string, body []byte) ([]byte, error) {
	peer, ok := p.n.book.ByRaftID(raftID)
	if !ok {
		return nil, fmt.Errorf("%w: no member has the replica %s", wire.ErrUnreachable, raftID)
	}
	return p.n.port.Call(ctx, peer.ID, method, body)
}

// Trace implements consensus.Tracer: the id of the request.
func (raftPeers) Trace(ctx context.Context) string { return wire.RequestID(ctx) }

// WithTrace implements consensus.Tracer. A call carries as many ids as fit.
func (raftPeers) WithTrace(ctx context.Context, ids []string) context.Context {
	if len(ids) == 0 {
		return ctx
	}
	return wire.WithRequestID(ctx, strings.Join(ids, ","))
}

// handlePeers answers the other members.
func (n *Node) handlePeers() {
	for _, method := range consensus.Methods() {
		n.port.Handle(method, func(ctx context.Context, from identity.NodeID, body []byte) ([]byte, error) {
			peer, ok := n.trust.ByID(from)
			if !ok {
				return nil, wire.ErrNotMember
			}
			return n.group.HandleCall(ctx, peer.RaftID, method, body)
		})
	}
	n.port.Handle(callRoster, func(context.Context, identity.NodeID, []byte) ([]byte, error) {
		return n.trust.Roster().Encode(), nil
	})
	n.port.Handle(callAnnounce, n.takeAnnouncement)
	n.port.Handle(callEvents, n.events.take)
	n.port.Handle(callTrace, n.tellTrace)
	n.port.Handle(callTop, n.tellTop)
	n.port.Handle(callLend, n.tellLent)
	n.port.Handle(callStats, func(context.Context, identity.NodeID, []byte) ([]byte, error) {
		return consensus.Encode(n.peerStats()), nil
	})
	n.port.Handle(callAlive, func(_ context.Context, _ identity.NodeID, body []byte) ([]byte, error) {
		var id string
		if err := consensus.Decode(body, &id); err != nil {
			return nil, err
		}
		return consensus.Encode(aliveAnswer{Alive: n.alive(id)}), nil
	})
	n.port.Handle(callForget, func(ctx context.Context, from identity.NodeID, _ []byte) ([]byte, error) {
		_, err := n.rosters.Forget(ctx, from)
		return nil, err
	})
}

func (n *Node) peerStats() PeerStats {
	s := n.group.Status()
	return PeerStats{Revision: s.Revision, Applied: s.AppliedIndex, Term: s.Term, Hash: s.Hash, State: s.State, UnixMs: time.Now().UnixMilli()}
}

// statsOf asks a member for its stats.
func (n *Node) statsOf(ctx context.Context, id identity.NodeID) (PeerStats, error) {
	if id == n.id.ID() {
		return n.peerStats(), nil
	}
	var s PeerStats
	body, err := n.port.Call(ctx, id, callStats, nil)
	if err == nil {
		err = consensus.Decode(body, &s)
	}
	return s, err
}

// alive says whether gossip here sees a member alive.
func (n *Node) alive(id string) bool {
	if n.gossip == nil {
		return false
	}
	for _, m := range n.gossip.Members() {
		if m.NodeID == id {
			return m.Status == "alive"
		}
	}
	return false
}

// takeAnnouncement remembers where a member says it is, and proposes for it
// what the roster does not say yet: a node that its leader cannot dial cannot
// propose by itself.
func (n *Node) takeAnnouncement(ctx context.Context, from identity.NodeID, body []byte) ([]byte, error) {
	var a announcement
	if err := consensus.Decode(body, &a); err != nil {
		return nil, err
	}
	if len(a.Addresses) > roster.MaxAddresses {
		a.Addresses = a.Addresses[:roster.MaxAddresses]
	}
	n.book.hear(from, a.Addresses...)
	if from == n.id.ID() {
		return nil, nil
	}
	return nil, n.proposeUpdate(ctx, from, a)
}

// proposeUpdate makes the roster say what a member announced, if it does not.
func (n *Node) proposeUpdate(ctx context.Context, id identity.NodeID, a announcement) error {
	m, ok := n.trust.Roster().ByID(id)
	if !ok {
		return wire.ErrNotMember
	}
	if m.RaftID != a.RaftID {
		if _, err := n.rosters.Reseat(ctx, id, m.RaftID, a.RaftID); err != nil {
			return err
		}
	}
	if a.Stays && m.Leaving && !m.Removing {
		if _, err := n.rosters.Stay(ctx, id); err != nil {
			return err
		}
	}
	if a.news(m) {
		_, err := n.rosters.Update(ctx, roster.Change{ID: id, Addresses: &a.Addresses, Version: &a.Version, Level: &a.Level, Recipient: &a.Recipient})
		return err
	}
	return nil
}

// news says that a member announces what the roster does not say. The roster
// may hold more addresses: those that a join proved.
func (a *announcement) news(m roster.Member) bool {
	for _, address := range a.Addresses {
		if !slices.Contains(m.Addresses, address) {
			return true
		}
	}
	return m.Version != a.Version || m.Level != a.Level || m.Recipient != a.Recipient
}

// keepAnnouncing tells the mesh what it does not know of this node yet: a new
// address, a new replica, new software.
func (n *Node) keepAnnouncing(ctx context.Context) {
	const every = 2 * time.Second
	looked := n.trust.Revision() // at the start
	for tick := time.NewTicker(every); ; {
		if n.lookAround() {
			_ = n.gossip.Update(func(r *gossip.Record) { r.Address = n.addresses()[0] }) // an address always fits
		}
		looked = n.watchTwin(ctx, looked)
		if err := n.announce(ctx); err != nil && ctx.Err() == nil {
			n.log.Debug("announcing this node", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

func (n *Node) announce(ctx context.Context) error {
	r := n.trust.Roster()
	me, ok := r.ByID(n.id.ID())
	if !ok || me.Removing || n.leaving.Load() {
		return nil
	}
	a := announcement{Addresses: n.addresses(), RaftID: n.seat(), Version: n.cfg.Version, Level: Level, Recipient: n.id.Recipient(), Stays: me.Leaving}
	if me.RaftID == a.RaftID && !a.news(me) && !a.Stays {
		return nil
	}
	// A way that does not answer must not use up the time of the next one: whom
	// the leader no longer calls can only ask the others.
	within := func(try func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, announcePatience)
		defer cancel()
		return try(ctx)
	}
	last := consensus.ErrNoLeader
	if me.RaftID == a.RaftID && n.group.Status().LeaderID != "" {
		last = within(func(ctx context.Context) error { return n.proposeUpdate(ctx, me.ID, a) })
	}
	for _, m := range r.Members {
		if last == nil || ctx.Err() != nil {
			break
		}
		if m.ID != me.ID {
			last = within(func(ctx context.Context) error {
				_, err := n.port.Call(ctx, m.ID, callAnnounce, consensus.Encode(a))
				return err
			})
		}
	}
	return last
}

// announcePatience bounds each way of announcing this node.
const announcePatience = 5 * time.Second

// fetchRoster takes a trusted peer's roster.
func (n *Node) fetchRoster(ctx context.Context, from identity.NodeID) error {
	body, err := n.port.Call(ctx, from, callRoster, nil)
	if err != nil {
		return err
	}
	r, err := roster.DecodeRoster(body)
	if err != nil {
		return err
	}
	return n.trust.Accept(r)
}
