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

// movePatience bounds how long a seat may take to move: a moment for a replica
// that keeps up.
const movePatience = 30 * time.Second

// MovedSeat says who votes now and who does not any more, by name.
type MovedSeat struct {
	Node string `json:"node" doc:"who has the seat now"`
	From string `json:"from" doc:"who had it"`
}

// MoveSeat gives a voter's seat to the member ref, which has none. Who gives it
// up is from, or if that is empty a voter that is not alive, else the one that
// leads last of all. The number of voters stays what it is, and the new voter
// keeps its seat until it is moved again, leaves, or is silent for long.
func (n *Node) MoveSeat(ctx context.Context, ref, from string) (MovedSeat, error) {
	r := n.trust.Roster()
	st := n.group.Status()
	to, err := r.Resolve(ref)
	if err != nil {
		return MovedSeat{}, err
	}
	var giver roster.Member
	if from != "" {
		if giver, err = r.Resolve(from); err != nil {
			return MovedSeat{}, err
		}
	}
	switch seated := func(m roster.Member) bool { return slices.Contains(st.Voters, m.RaftID) }; {
	case seated(to) && from == "":
		return MovedSeat{}, consensus.Refuse("HAS_SEAT", fmt.Sprintf("%s is a voter already; `meshd seat move NODE --from %s` gives its seat to another", to.Name, to.Name))
	case seated(to):
		return MovedSeat{}, consensus.Refuse("HAS_SEAT", to.Name+" is a voter already: it cannot take another's seat too")
	case to.NoVote || to.Role != roster.RoleMember:
		return MovedSeat{}, consensus.Refuse("SEAT_HELD", to.Name+" joined to have no vote")
	case to.Leaving:
		return MovedSeat{}, consensus.Refuse("SEAT_HELD", to.Name+" is leaving the mesh")
	case from != "" && !seated(giver):
		return MovedSeat{}, consensus.Refuse("SEAT_HELD", giver.Name+" is no voter: it has no seat to give; `meshd members` shows who is")
	case from == "":
		if giver, err = n.seatGiver(r, st); err != nil {
			return MovedSeat{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, movePatience)
	defer cancel()
	g, _ := n.group.current()
	switch err := g.MoveSeat(ctx, to.RaftID, giver.RaftID); {
	case err == nil:
		return MovedSeat{Node: to.Name, From: giver.Name}, nil
	case isRefusal(err, "UNKNOWN_METHOD"):
		return MovedSeat{}, consensus.Refuse("OLDER_NODES", "the leader runs software that does not move seats; `meshd members` shows the versions")
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, consensus.ErrNoLeader):
		return MovedSeat{}, consensus.Refuse("SEAT_HELD", fmt.Sprintf("the seat did not move within %s: %s does not answer, has not caught up, or too few voters answer; the leader goes back to the number of voters there was", movePatience, to.Name))
	default:
		return MovedSeat{}, err
	}
}

// seatGiver picks whose seat is moved when nobody is named.
func (n *Node) seatGiver(r *roster.Roster, st consensus.Status) (roster.Member, error) {
	seats := make([]roster.Member, 0, len(st.Voters))
	for _, id := range st.Voters {
		for _, m := range r.Members {
			if m.RaftID == id {
				seats = append(seats, m)
			}
		}
	}
	m, ok := pickSeat(seats, st.LeaderID, func(m roster.Member) bool { return m.ID == n.id.ID() || n.alive(string(m.ID)) })
	if !ok {
		return m, consensus.ErrNoLeader
	}
	return m, nil
}

// pickSeat is the last of the voters that is not alive, else the last that does
// not lead, else the leader.
func pickSeat(voters []roster.Member, leader string, alive func(roster.Member) bool) (roster.Member, bool) {
	for _, fits := range []func(roster.Member) bool{
		func(m roster.Member) bool { return !alive(m) },
		func(m roster.Member) bool { return m.RaftID != leader },
		func(roster.Member) bool { return true },
	} {
		for _, m := range slices.Backward(voters) {
			if fits(m) {
				return m, true
			}
		}
	}
	return roster.Member{}, false
}
