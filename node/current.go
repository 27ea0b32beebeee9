package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
)

// fetch asks until a leader has said how far the mesh is and g has that too.
// Before that its state may be older than what this node once served: the disk
// may have lost its end, or it is a new seat that has nothing yet.
func (r *replica) fetch(g *consensus.Group) {
	for {
		_, err := g.View(context.Background(), consensus.ReadOptions{Consistency: consensus.Linearizable}, func(consensus.Reader) error { return nil })
		switch {
		case err == nil:
			r.fresh.Store(g)
			return
		case errors.Is(err, consensus.ErrClosed):
			return
		}
		select {
		case <-g.Failed():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// caughtUp says whether the state in force has had, at some time since it was
// opened, everything that the mesh had then.
func (r *replica) caughtUp() bool {
	g, _ := r.current()
	return r.fresh.Load() == g
}

// Generation changes whenever a credential may have become good, or have ceased
// to be; see access.Service. Safe for concurrent use.
func (n *Node) Generation() uint64 { return n.keys.Generation() }

// Authenticate finds whose credential it is. While this node's state is still
// older than the mesh's, a credential it does not know may be a good one: that
// is consensus.ErrBehind and not access.ErrBadCredential. Safe for concurrent
// use.
func (n *Node) Authenticate(credential string) (access.Principal, error) {
	p, err := n.keys.Authenticate(credential)
	if errors.Is(err, access.ErrBadCredential) && !n.group.caughtUp() {
		return p, fmt.Errorf("%w: the credential may be newer than what this node has so far", consensus.ErrBehind)
	}
	return p, err
}

// whole says that a principal may take all the room that the mesh has for
// messages, tasks and proposals, and not the share of one credential: who could
// make room by purging, and the mesh itself.
func (n *Node) whole(principal string) bool {
	return principal == meshPrincipal || n.keys.Admin(principal)
}
