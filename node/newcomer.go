package node

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/wire"
)

const (
	// newcomerAge is how long after its admission a member may not know the mesh
	// yet: it is told who belongs after the leader has begun to call it.
	newcomerAge = 10 * time.Second
	// newcomerPatience bounds the wait for it; what lasts longer is trouble.
	newcomerPatience = 3 * time.Second
)

// dialReplica opens a stream to a replica. One that has just been admitted is
// given a moment to learn who calls it and to open its state, in which its "not a
// member" and "not ready" are no errors.
func (n *Node) dialReplica(ctx context.Context, raftID string) (net.Conn, error) {
	young := false
	var id identity.NodeID
	for _, m := range n.trust.Roster().Members {
		if m.RaftID == raftID {
			id, young = m.ID, time.Since(time.UnixMilli(m.JoinedAt)) < newcomerAge
		}
	}
	dial := func() (net.Conn, error) {
		c, err := n.port.DialRaft(ctx, raftID)
		return c, n.heed(id, err)
	}
	return patiently(ctx, young, dial)
}

// patiently dials, where the other side is young for as long as it may not know
// who calls or what to answer with.
func patiently(ctx context.Context, young bool, dial func() (net.Conn, error)) (net.Conn, error) {
	for begun, wait := time.Now(), 20*time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		c, err := dial()
		learning := errors.Is(err, wire.ErrNotMember) || errors.Is(err, wire.ErrNotReady)
		if !young || !learning || time.Since(begun) >= newcomerPatience {
			return c, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}
