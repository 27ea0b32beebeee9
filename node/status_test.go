package node

import (
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
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

// A node that never said a level knows the first one.
func TestCommandLevelsOfTheMembers(t *testing.T) {
	got := commandLevels(&roster.Roster{Members: []roster.Member{
		{ID: "B", Name: "beta", Version: "v1", Level: 4}, {ID: "A", Name: "gamma", Version: "v2", Level: 5}, {ID: "C", Name: "alpha"},
	}})
	want := []CommandLevel{{"C", "alpha", "", 1}, {"B", "beta", "v1", 4}, {"A", "gamma", "v2", 5}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What a mesh in order is like is no fault, and the advice names the real port.
func TestDoctorNotes(t *testing.T) {
	for _, c := range []struct {
		code, state string
		note        bool
	}{
		{"NO_SPARE", StateOK, true}, {"LEAVING", StateOK, true}, {"REMOVING", StateOK, true},
		{"NO_SPARE", StateDegraded, false}, {"TIMEOUTS_DIFFER", StateOK, false}, {"DISK_FULL", StateOK, false},
	} {
		if isNote(Problem{Code: c.code}, c.state) != c.note {
			t.Errorf("%s in a mesh that is %s: note is %t", c.code, c.state, !c.note)
		}
	}
	for _, c := range []struct {
		name     string
		only     bool
		others   []string
		ok, note bool
		next     string
	}{
		{"all can be reached", false, []string{"10.0.0.2:7443"}, true, false, ""},
		{"alone on loopback", true, nil, true, true, "--listen :7444"},
		{"all on one machine", true, []string{"127.0.0.1:7445", "localhost:7446"}, true, true, "--listen :7444"},
		{"the others are elsewhere", true, []string{"127.0.0.1:7445", "10.0.0.2:7443"}, false, false, "--listen :7444"},
	} {
		got := checkAddress(c.only, []string{"127.0.0.1:7444"}, 7444, c.others)
		if got.OK != c.ok || got.Note != c.note || !strings.Contains(got.Next, c.next) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
