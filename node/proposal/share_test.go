package proposal

import (
	"errors"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/task"
)

// A credential that proposes without end is refused at its share, until some of
// it are decided; the others go on.
func TestOneCredentialDoesNotOpenAllProposals(t *testing.T) {
	was := shareOpen
	shareOpen = 2
	defer func() { shareOpen = was }()
	w := newWorld(t)
	level := uint32(Level)
	w.s.cfg.Level = func() uint32 { return level }
	w.s.cfg.Whole = func(principal string) bool { return principal == "admin" }
	try := func(principal string) *consensus.Refusal {
		t.Helper()
		_, _, err := w.s.Submit(ctx(), NewProposal{Kind: PolicyChange, Proposer: task.Party{Principal: principal}, Expiry: time.Hour})
		var no *consensus.Refusal
		if err != nil && !errors.As(err, &no) {
			t.Fatal(err)
		}
		return no
	}
	w.submit(NewProposal{Proposer: task.Party{Principal: "flood"}, Expiry: time.Minute}) // before they were counted
	level = LevelShare
	for range 2 {
		if no := try("flood"); no != nil {
			t.Fatal(no)
		}
	}
	if no := try("flood"); no == nil || no.Code != CodeFull || no.Details["share"] != "credential" || no.Details["open"] != "2" || no.Details["limit"] != "2" {
		t.Errorf("%+v", no)
	}
	for _, principal := range []string{"admin", "admin", "admin", "other", ""} {
		if no := try(principal); no != nil {
			t.Errorf("%q: %v", principal, no)
		}
	}
	w.pass(2 * time.Minute)
	if no := try("flood"); no == nil {
		t.Error("one that was not counted made room when it ended")
	}
	for _, agent := range []string{"a", "b"} {
		if _, err := w.vote(2, agent, Approve); err != nil {
			t.Fatal(err)
		}
	}
	if no := try("flood"); no != nil {
		t.Errorf("after one was decided: %v", no)
	}
	w.pass(2 * time.Hour)
	_, err := w.state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		for k := range r.Scan(tableShares, nil, nil) {
			t.Errorf("%q has a share, and nothing is open", k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
