package consensus

import (
	"slices"
	"time"
)

// healthTimes are how long a replica must have been well or silent.
type healthTimes struct {
	grow    time.Duration // a candidate answers and is caught up: the voters may grow
	replace time.Duration // a voter is silent, and a spare well: it is replaced
	undo    time.Duration // an even count without a candidate goes back
}

func (h healthTimes) orDefault() healthTimes {
	if h.grow == 0 {
		h.grow = 2 * time.Second
	}
	if h.replace == 0 {
		h.replace = 30 * time.Second
	}
	if h.undo == 0 {
		h.undo = 10 * time.Second
	}
	return h
}

// vitals is what the leader knows of one replica.
type vitals struct {
	// Well is since when it has answered and been caught up without a break;
	// zero: it is not well now.
	Well time.Time
	// Silent is since when it has not answered; zero: it answers.
	Silent time.Time
}

func (v vitals) wellFor(d time.Duration, now time.Time) bool {
	return !v.Well.IsZero() && now.Sub(v.Well) >= d
}

func (v vitals) silentFor(d time.Duration, now time.Time) bool {
	return !v.Silent.IsZero() && now.Sub(v.Silent) >= d
}

type stepKind string

const (
	stepNone     stepKind = "none"
	stepAdd      stepKind = "add"      // as non-voter
	stepPromote  stepKind = "promote"  // non-voter to voter
	stepDemote   stepKind = "demote"   // voter to non-voter
	stepRemove   stepKind = "remove"   // out of the configuration
	stepTransfer stepKind = "transfer" // leadership to
)

// step is one change of the Raft configuration.
type step struct {
	kind stepKind
	id   string
}

// seat is one server of the Raft configuration, in its order.
type seat struct {
	id    string
	voter bool
}

// planInput is all a plan is made of.
type planInput struct {
	seats  []seat
	leader string // this server
	wanted []Replica
	voters int // wanted from three candidates on
	health map[string]vitals
	// evenSince is since when the number of voters has been even.
	evenSince time.Time
	// order is the move of a seat that somebody asks for; empty: none.
	order seatMove
	now   time.Time
	times healthTimes
}

// plan returns the next single step from the configuration towards what the
// roster wants. Raft changes one server at a time, so the way leads through
// even numbers of voters; the number never falls because somebody is silent.
func plan(in planInput) step {
	if len(in.wanted) == 0 {
		return step{kind: stepNone}
	}
	p := planner{planInput: in, want: make(map[string]Replica, len(in.wanted))}
	for _, r := range in.wanted {
		p.want[r.RaftID] = r
	}
	for _, s := range in.seats {
		if s.voter {
			p.voting = append(p.voting, s.id)
		}
	}
	for _, rule := range []func() step{p.handOver, p.takeOut, p.addMissing, p.move, p.shrink, p.grow, p.replace} {
		if s := rule(); s.kind != "" {
			return s
		}
	}
	return step{kind: stepNone}
}

type planner struct {
	planInput
	want   map[string]Replica
	voting []string
}

// stays says that the roster wants the server for good.
func (p *planner) stays(id string) bool {
	r, ok := p.want[id]
	return ok && !r.Leaving
}

// votes says that it may hold a seat.
func (p *planner) votes(id string) bool { return p.stays(id) && !p.want[id].NoVote }

// target is the number of seats: 1 below three candidates, then the wanted odd
// number as far as there are candidates.
func (p *planner) target() int {
	n := 0
	for _, r := range p.wanted {
		if p.votes(r.RaftID) {
			n++
		}
	}
	t := max(p.voters, 1)
	if t%2 == 0 {
		t--
	}
	for t > 1 && n < t {
		t -= 2
	}
	return t
}

func (p *planner) answers(id string) bool {
	return id == p.leader || p.health[id].Silent.IsZero()
}

// safeWithout says that the voters left after taking id out can still decide.
func (p *planner) safeWithout(id string) bool {
	left, alive := 0, 0
	for _, v := range p.voting {
		if v != id {
			left++
			if p.answers(v) {
				alive++
			}
		}
	}
	return left > 0 && alive > left/2
}

// spares are the non-voters that may vote and have been well for d, longest
// first.
func (p *planner) spares(d time.Duration) []string {
	var out []string
	for _, s := range p.seats {
		if !s.voter && p.votes(s.id) && p.health[s.id].wellFor(d, p.now) {
			out = append(out, s.id)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return p.health[a].Well.Compare(p.health[b].Well) })
	return out
}

// handOver moves leadership away from a leader that leaves; the sole voter
// makes another one first.
func (p *planner) handOver() step {
	if p.votes(p.leader) {
		return step{}
	}
	for _, id := range p.voting {
		if id != p.leader && p.votes(id) && p.health[id].wellFor(0, p.now) {
			return step{stepTransfer, id}
		}
	}
	if spares := p.spares(0); len(spares) > 0 {
		return step{stepPromote, spares[0]}
	}
	return step{}
}

// takeOut removes what the roster no longer wants.
func (p *planner) takeOut() step {
	for _, s := range p.seats {
		if p.stays(s.id) || s.id == p.leader {
			continue
		}
		if !s.voter {
			return step{stepRemove, s.id}
		}
		if !p.safeWithout(s.id) {
			continue
		}
		if _, known := p.want[s.id]; known {
			return step{stepDemote, s.id}
		}
		return step{stepRemove, s.id}
	}
	return step{}
}

func (p *planner) addMissing() step {
	for _, r := range p.wanted {
		if r.Leaving || slices.ContainsFunc(p.seats, func(s seat) bool { return s.id == r.RaftID }) {
			continue
		}
		return step{stepAdd, r.RaftID}
	}
	return step{}
}

// shrink takes seats from those that must not have one and from what is too
// many because replicas left.
func (p *planner) shrink() step {
	for _, id := range p.voting {
		if id != p.leader && p.stays(id) && !p.votes(id) && p.safeWithout(id) {
			return step{stepDemote, id}
		}
	}
	n := len(p.voting)
	stranded := n%2 == 0 && n < p.target() && len(p.spares(0)) == 0 &&
		!p.evenSince.IsZero() && p.now.Sub(p.evenSince) >= p.times.undo
	if n <= p.target() && !stranded {
		return step{}
	}
	// The silent first, then the last added.
	for _, silent := range []bool{true, false} {
		for _, id := range slices.Backward(p.voting) {
			if id != p.leader && p.answers(id) != silent && p.safeWithout(id) {
				return step{stepDemote, id}
			}
		}
	}
	return step{}
}

func (p *planner) grow() step {
	n := len(p.voting)
	if n >= p.target() {
		return step{}
	}
	need := 1
	if n%2 == 1 {
		need = 2 // through the even number in one go
	}
	if spares := p.spares(p.times.grow); len(spares) >= need {
		return step{stepPromote, spares[0]}
	}
	return step{}
}

// replace gives the seat of a voter that has been silent to a spare: demoted
// here, promoted by grow in the next step.
func (p *planner) replace() step {
	if len(p.voting) != p.target() || len(p.spares(p.times.replace)) == 0 {
		return step{}
	}
	for _, id := range p.voting {
		if id != p.leader && p.health[id].silentFor(p.times.replace, p.now) && p.safeWithout(id) {
			return step{stepDemote, id}
		}
	}
	return step{}
}
