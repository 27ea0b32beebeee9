package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
)

// leavePatience bounds how long a leaving node waits for its seat to be handed
// over.
const leavePatience = 60 * time.Second

// Leave takes this node out of its mesh cleanly: it hands over leadership and
// seat, is forgotten by the roster, and stops with ErrLeft; its replica and
// trust file are deleted and its identity stays, so that it may come back by a
// new token. A mesh that cannot go on without it refuses.
func (n *Node) Leave(ctx context.Context) error {
	me := n.id.ID()
	r := n.trust.Roster()
	if len(r.Members) < 2 {
		return consensus.Refuse(roster.CodeLastMember, "this is the only node of its mesh: leaving would end the mesh; `meshd reset` on the stopped node deletes it")
	}
	ctx, cancel := context.WithTimeout(ctx, leavePatience)
	defer cancel()
	if _, err := n.rosters.Leave(ctx, me); err != nil {
		return err
	}
	err := waitFor(ctx, 100*time.Millisecond, func() bool {
		n.group.Kick()
		st := n.group.Status()
		return st.LeaderID != n.seat() && !slices.Contains(st.Voters, n.seat())
	})
	if err == nil {
		err = n.askForgotten(ctx)
	}
	if err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, undone := n.rosters.Stay(undo, me)
		if undone != nil {
			n.log.Warn("the mesh still counts this node as leaving", "error", undone)
		}
		return fmt.Errorf("this node could not hand over its seat and stays: %w; `meshd status` shows who is missing", err)
	}
	_ = n.gossip.Leave(2 * time.Second)
	n.stop(ErrLeft)
	return nil
}

// askForgotten asks any other member to take this node off the roster: it has
// no seat to do it from.
func (n *Node) askForgotten(ctx context.Context) error {
	last := errors.New("no other member answered")
	for {
		for _, m := range n.trust.Roster().Members {
			if m.ID == n.id.ID() {
				continue
			}
			if _, last = n.port.Call(ctx, m.ID, callForget, nil); last == nil || isRefusal(last, roster.CodeNodeUnknown) {
				return nil
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return last
		}
	}
}

// Remove takes another member out for ever: its id and its keys are never
// admitted again, its connections are cut everywhere.
func (n *Node) Remove(ctx context.Context, ref string) (roster.Tombstone, error) {
	m, err := n.trust.Roster().Resolve(ref)
	if err != nil {
		return roster.Tombstone{}, err
	}
	if m.ID == n.id.ID() {
		return roster.Tombstone{}, consensus.Refuse(roster.CodeInvalid, "a node does not remove itself: `meshd leave` leaves cleanly, or remove it at another node")
	}
	return n.rosters.Remove(ctx, m.ID)
}
