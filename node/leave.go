package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
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
	n.leaving.Store(true)
	defer n.leaving.Store(false)
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
	if err != nil && !n.forgotten() {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, undone := n.rosters.Stay(undo, me); undone != nil {
			n.log.Warn("the mesh still counts this node as leaving, and is told that it stays once it can be", "error", undone)
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
	asked := false // someone may have done it: then strangers know no more of this node
	for {
		for _, m := range n.trust.Roster().Members {
			if m.ID == n.id.ID() {
				continue
			}
			if _, last = n.port.Call(ctx, m.ID, callForget, nil); last == nil || isRefusal(last, roster.CodeNodeUnknown) || (asked && errors.Is(last, wire.ErrNotMember)) {
				return nil
			}
			// A call that broke off, or one refused by a member that has applied it.
			asked = asked || !errors.Is(last, wire.ErrUnreachable)
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
	if err := n.vacate(ctx, m); err != nil {
		return roster.Tombstone{}, err
	}
	return n.rosters.Remove(ctx, m.ID)
}

// vacatePatience bounds how long a removal waits for the seat of the removed.
const vacatePatience = 20 * time.Second

// vacate takes a member's seat, and leadership with it, before it is cut off:
// afterwards nobody could, and the others might be no majority without it. If
// this node dies before it has removed the member, the leader ends what was
// begun (removals.go).
func (n *Node) vacate(ctx context.Context, m roster.Member) error {
	ctx, cancel := context.WithTimeout(ctx, vacatePatience)
	defer cancel()
	held := func() bool { return holdsSeat(n.group.Status(), m) }
	if !held() {
		return nil
	}
	if _, err := n.rosters.Vacate(ctx, m.ID); err != nil {
		return err
	}
	err := waitFor(ctx, 100*time.Millisecond, func() bool {
		n.group.Kick()
		return !held()
	})
	if err == nil {
		return nil
	}
	undo, cancelUndo := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancelUndo()
	_, err = n.rosters.Spare(undo, m.ID)
	if isRefusal(err, roster.CodeNodeUnknown, roster.CodeNodeRemoved) {
		return nil // the leader has ended it in this moment
	}
	if err != nil {
		n.log.Warn("the mesh still counts the member as leaving", "name", m.Name, "error", err)
	}
	return consensus.Refuse("SEAT_HELD", m.Name+" holds a seat that nobody can take over now, and without it the others would be no majority: bring another voter back first; nothing was removed")
}
