package consensus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// moveLease is how long the leader keeps an order to move a seat that is not
	// given again. Whoever wants it repeats it, so that it ends with them, and a
	// new leader hears of it.
	moveLease = 3 * time.Second
	moveEvery = 250 * time.Millisecond
)

// seatMove asks that the replica To votes in the place of From.
type seatMove struct {
	To   string `cbor:"1,keyasint"`
	From string `cbor:"2,keyasint"`
}

// MoveSeat gives the seat of the voter from to the replica to, which is no
// voter, and returns when it is so. It may be asked at any replica; the leader
// does it, by way of one voter more. Where it ends before it is done, the leader
// goes back to the number of voters there was. The error says what was in the
// way last.
func (g *Group) MoveSeat(ctx context.Context, to, from string) error {
	order := seatMove{To: to, From: from}
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	for {
		var last error
		switch leader := g.leaderID(); leader {
		case "":
			last = ErrNoLeader
		case g.dir.id:
			last = g.seats.order(order)
		default:
			_, last = g.ask(ctx, leader, methodSeat, Encode(order))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if last == nil {
				return fmt.Errorf("moving a seat: %w", ctx.Err())
			}
			return fmt.Errorf("moving a seat: %w: %w", ctx.Err(), last)
		case <-g.ctx.Done():
			return ErrClosed
		}
		if voters := g.voters(); slices.Contains(voters, to) && !slices.Contains(voters, from) {
			return nil
		}
	}
}

func (g *Group) voters() (ids []string) {
	for _, v := range g.configuration() {
		if v.Suffrage == raft.Voter {
			ids = append(ids, string(v.ID))
		}
	}
	return ids
}

func (g *Group) takeSeatMove(body []byte) error {
	var order seatMove
	if err := Decode(body, &order); err != nil {
		return errBadCall
	}
	return g.seats.order(order)
}

// order has the leader's loop move a seat while the lease of the order lasts.
func (s *seats) order(o seatMove) error {
	if !s.g.ready() {
		return errNotLeader
	}
	s.mu.Lock()
	s.move, s.moveUntil = o, time.Now().Add(moveLease)
	s.mu.Unlock()
	s.kick()
	return nil
}

// move takes the steps of an order to move a seat: another leader if this one
// gives up its seat, then one voter more, then one less. While it waits nothing
// else may change the number of voters.
func (p *planner) move() step {
	to, from := p.order.To, p.order.From
	if to == from || !p.votes(to) || !slices.Contains(p.voting, from) {
		return step{}
	}
	has := slices.Contains(p.voting, to)
	if from == p.leader {
		for _, id := range p.voting {
			if id != from && p.votes(id) && p.health[id].wellFor(0, p.now) {
				return step{stepTransfer, id}
			}
		}
		if len(p.voting) > 1 {
			return step{kind: stepNone}
		}
	}
	switch {
	case has && len(p.voting) <= p.target():
		return step{} // both have seats of their own
	case has && p.safeWithout(from):
		return step{stepDemote, from}
	case !has && len(p.voting) <= p.target() && p.health[to].wellFor(0, p.now):
		return step{stepPromote, to}
	case !has && len(p.voting) > p.target():
		return step{}
	}
	return step{kind: stepNone}
}
