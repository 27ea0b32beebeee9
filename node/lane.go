package node

import (
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/wire"
)

// links lets messages ride on the pinned connections between nodes.
type links struct{ port *wire.Port }

// Reach implements message.Link.
func (l links) Reach(node string, arrived func(*message.Strand, error)) {
	l.port.Reach(identity.NodeID(node), func(t wire.Traffic, err error) {
		if err != nil {
			arrived(nil, message.NotSent(wire.Reason(err)))
			return
		}
		arrived(t.(*message.Strand), nil)
	})
}

// carryMessages gives each connection with a member its strand of messages.
func (n *Node) carryMessages(r *message.Router) {
	n.port.HandleTraffic(func(c wire.Carrier) wire.Traffic {
		if n.agentsOf.began(string(c.Peer()), c.Incarnation()) {
			n.agentsMoved()
		}
		return r.Connected(string(c.Peer()), c.Wake, c.Cut)
	})
}
