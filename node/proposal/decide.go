package proposal

// tally is what decides: weights and shares in millionths.
type tally struct {
	electors, votes  int
	quorum, approval int64
	// weights: of all, and of what was voted
	all, yes, no, abstained int64
}

// reached says that enough electors have voted.
func (t tally) reached() bool { return int64(t.votes)*Million >= t.quorum*int64(t.electors) }

// carries says that a proposal with these weights is approved: its share is at
// least what was asked for, and more is for it than against it.
func (t tally) carries(yes, no int64) bool {
	// Weights are at most a thousand millions, so nothing overflows.
	return yes > no && yes*Million >= t.approval*(yes+no)
}

// settled says what a proposal has come to when no vote that is still to be
// given could change it, while it is open; "" where one could.
func (t tally) settled() State {
	left := t.all - t.yes - t.no - t.abstained
	switch {
	case !t.reached():
		return ""
	case t.carries(t.yes, t.no+left):
		return Approved
	case !t.carries(t.yes+left, t.no):
		return Rejected
	}
	return ""
}

// ended is what a proposal comes to when its time is over.
func (t tally) ended() State {
	switch {
	case !t.reached():
		return Expired
	case t.carries(t.yes, t.no):
		return Approved
	}
	return Rejected
}
