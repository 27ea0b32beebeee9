package proposal

import (
	"errors"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/task"
)

// Who can be told of no proposal is no elector of one.
func TestElectorsThatCannotBeToldAreRefused(t *testing.T) {
	no := consensus.Refuse("NAME_RESERVED", "it lives in the nodes")
	part := NewPart()
	s := NewService(Config{State: consensustest.New(part, task.NewPart()), Part: part, Reaches: func(agent string) error {
		if agent == "librarian" {
			return no
		}
		return nil
	}})
	propose := func(electors ...string) error {
		_, _, err := s.Submit(t.Context(), NewProposal{Kind: PolicyChange, Electors: electors, Proposer: task.Party{Principal: "p"}})
		return err
	}
	if err := propose("reviewer", "librarian"); !errors.Is(err, no) {
		t.Errorf("a proposal that the librarian is to vote on: %v", err)
	}
	if err := propose("reviewer"); err != nil {
		t.Error(err)
	}
}
