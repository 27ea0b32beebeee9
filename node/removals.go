package node

import (
	"context"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

const (
	// removalsEvery is how often the leader looks for removals that were begun.
	removalsEvery = time.Second
	// sparePatience is how long a member that is being removed may keep its seat
	// before the leader takes the removal back. Whoever asked for it has given up
	// by then, or is dead.
	sparePatience = vacatePatience + 10*time.Second
)

// removals are the removals that a leader has found begun, with the moment it
// found them. A removal is two commands, with a change of the voters between
// them; where who asked for it dies on the way, this brings it to an end.
type removals map[identity.NodeID]time.Time

// next says of the members that are marked as being removed which to remove
// now, since they have no seat any more, and which to spare, since nobody has
// been able to take it over. held says who has a seat.
func (s removals) next(members []roster.Member, held func(roster.Member) bool, now time.Time) (remove, spare []roster.Member) {
	for id := range s {
		if !slices.ContainsFunc(members, func(m roster.Member) bool { return m.ID == id && m.Removing }) {
			delete(s, id)
		}
	}
	for _, m := range members {
		if !m.Removing {
			continue
		}
		since, known := s[m.ID]
		switch {
		case !held(m):
			remove = append(remove, m)
		case !known:
			s[m.ID] = now
		case now.Sub(since) >= sparePatience:
			spare = append(spare, m)
		}
	}
	return remove, spare
}

// keepRemovals ends removals that were begun, at the leader. It may do so while
// who asked is still at it: both commands may be given twice.
func (n *Node) keepRemovals(ctx context.Context) {
	begun := removals{}
	tick := time.NewTicker(removalsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		st := n.group.Status()
		if st.LeaderID != n.seat() {
			clear(begun)
			continue
		}
		remove, spare := begun.next(n.trust.Roster().Members, func(m roster.Member) bool { return holdsSeat(st, m) }, time.Now())
		for _, m := range remove {
			n.endRemoval(ctx, m, "removed a member whose removal had been begun", func(ctx context.Context) error {
				_, err := n.rosters.Remove(ctx, m.ID)
				return err
			})
		}
		for _, m := range spare {
			n.endRemoval(ctx, m, "took a removal back: nobody can take over the member's seat", func(ctx context.Context) error {
				_, err := n.rosters.Spare(ctx, m.ID)
				return err
			})
		}
	}
}

func (n *Node) endRemoval(ctx context.Context, m roster.Member, done string, propose func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	switch err := propose(ctx); {
	case err == nil:
		n.log.Info(done, "name", m.Name, "id", m.ID)
	case ctx.Err() == nil && !isRefusal(err, roster.CodeNodeUnknown, roster.CodeNodeRemoved):
		n.log.Warn("a removal that was begun could not be ended", "name", m.Name, "error", err)
	}
}

// holdsSeat says whether the mesh would have a voter or its leader less without m.
func holdsSeat(st consensus.Status, m roster.Member) bool {
	return st.LeaderID == m.RaftID || slices.Contains(st.Voters, m.RaftID)
}
