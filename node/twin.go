package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/node/wire"
)

// twinPatience bounds how long a node asks, before it takes part, whether
// another one has its identity. Where it has lived nobody answers as a rule.
const twinPatience = time.Second

// refuseTwin ends the start of a node whose identity is in use: its data
// directory is a copy, or was copied. Both would vote in the place of one, and
// two leaders could be elected.
func (n *Node) refuseTwin(ctx context.Context) error {
	if twin, ok := n.findTwin(ctx); ok {
		return n.twinError(twin.Address)
	}
	return nil
}

// watchTwin looks for another node of this identity where the mesh has come to
// dial this one and it is not: the other one has announced itself. The younger
// of the two ends. It returns the revision of the roster that it has looked at,
// for the next time: nothing is asked twice of one.
func (n *Node) watchTwin(ctx context.Context, looked uint64) uint64 {
	now := n.trust.Revision()
	if now == looked {
		return looked
	}
	twin, ok := n.findTwin(ctx)
	switch {
	case !ok:
	case twin.Younger:
		n.log.Error("another node runs with a copy of this one's data directory; stop it, and delete its copy", "address", twin.Address)
	default:
		n.stop(n.twinError(twin.Address))
	}
	return now
}

func (n *Node) findTwin(ctx context.Context) (wire.Twin, bool) {
	addresses := n.elsewhere()
	if len(addresses) == 0 {
		return wire.Twin{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, twinPatience)
	defer cancel()
	return n.port.FindTwin(ctx, addresses)
}

// elsewhere are the addresses that the roster has of this node and that are not
// where it is now.
func (n *Node) elsewhere() []string {
	me, _ := n.trust.Roster().ByID(n.id.ID())
	return slices.DeleteFunc(slices.Clone(me.Addresses), func(a string) bool { return slices.Contains(n.addresses(), a) })
}

func (n *Node) twinError(at string) error {
	return fmt.Errorf("another meshd runs at %s with the identity that is in %s: one of the two directories is a copy, and both would vote with one vote. Stop the other one if this one is to go on; else clear this one with `meshd reset`, and `meshd join TOKEN` makes a node of its own of it", at, n.cfg.Data)
}
