package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// handOverPatience bounds how long a node waits for another leader.
const handOverPatience = 10 * time.Second

// HandOver gives the leadership that this node has to another voter, and waits
// until that one is known: what a machine's maintenance needs, for then its end
// costs the mesh no election. It refuses where this node does not lead or
// nobody else can.
func (n *Node) HandOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handOverPatience)
	defer cancel()
	st := n.group.Status()
	switch {
	case st.LeaderID != n.seat():
		return consensus.Refuse("NOT_LEADER", "this node does not lead the mesh; `meshd status` shows which one does")
	case len(st.Voters) < 2:
		return consensus.Refuse("SEAT_HELD", "this node is the only voter, so nobody else can lead; two more nodes make three voters")
	}
	g, _ := n.group.current()
	if err := g.TransferLeadership(ctx); err != nil {
		if errors.Is(err, consensus.ErrClosed) || ctx.Err() != nil {
			return fmt.Errorf("leadership stays here: %w", err)
		}
		return consensus.Refuse("SEAT_HELD", "leadership stays here, since no other voter took it in time: "+err.Error())
	}
	return waitFor(ctx, 20*time.Millisecond, func() bool {
		leader := n.group.Status().LeaderID
		return leader != "" && leader != n.seat()
	})
}
