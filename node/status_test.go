package node

import (
	"slices"
	"testing"

	"github.com/meshd/meshd/consensus"
)

// What a status says follows from the figures alone.
func TestJudge(t *testing.T) {
	leader := &Ref{Name: "a"}
	for _, c := range []struct {
		name                           string
		st                             consensus.Status
		s                              Status
		failed                         []string
		votersAlive, majority, members int
		behind                         bool
		state                          string
		codes                          []string
	}{
		{"three of three", consensus.Status{}, Status{Leader: leader, FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, false, StateOK, nil},
		{"a mesh of one is fine", consensus.Status{}, Status{Leader: leader, Copies: 1}, nil, 1, 1, 1, false, StateOK, nil},
		{"a mesh of two has one copy", consensus.Status{}, Status{Leader: leader, Copies: 1}, nil, 1, 1, 2, false, StateOK, []string{"NO_SPARE"}},
		{"one of three is gone", consensus.Status{}, Status{Leader: leader, Copies: 2}, []string{"c"}, 2, 2, 3, false, StateDegraded, []string{"NODES_FAILED", "NO_SPARE"}},
		{"two of three are gone", consensus.Status{}, Status{Copies: 2}, []string{"b", "c"}, 1, 2, 3, false, StateNoMajority, []string{"NODES_FAILED", "NO_SPARE", "NO_MAJORITY"}},
		{"an election", consensus.Status{}, Status{FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, false, StateNoMajority, []string{"NO_LEADER"}},
		{"far behind", consensus.Status{CommitIndex: 5000, AppliedIndex: 10}, Status{Leader: leader, FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, false, StateCatchingUp, []string{"CATCHING_UP"}},
		{"opened, not caught up yet", consensus.Status{}, Status{Leader: leader, FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, true, StateCatchingUp, []string{"CATCHING_UP"}},
		{"not caught up for want of a leader", consensus.Status{}, Status{FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, true, StateNoMajority, []string{"NO_LEADER"}},
		{"another leader_timeout elsewhere", consensus.Status{OtherTimeouts: []string{"b"}}, Status{Leader: leader, FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, false, StateOK, []string{"TIMEOUTS_DIFFER"}},
		{"a fault", consensus.Status{Fault: "disk"}, Status{Leader: leader, FailuresTolerated: 1, Copies: 2}, nil, 3, 2, 3, false, StateDegraded, []string{"STATE_FAULT"}},
	} {
		state, problems := judge(c.st, c.s, c.failed, !c.behind, c.votersAlive, c.majority, c.members)
		var codes []string
		for _, p := range problems {
			codes = append(codes, p.Code)
			if p.Text == "" || p.Next == "" {
				t.Errorf("%s: %s says too little", c.name, p.Code)
			}
		}
		if state != c.state || !slices.Equal(codes, c.codes) {
			t.Errorf("%s: %s %v, want %s %v", c.name, state, codes, c.state, c.codes)
		}
	}
}
