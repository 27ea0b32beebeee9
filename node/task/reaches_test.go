package task

import (
	"errors"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// A task for who can be handed none was tried again until its deadline.
func TestTasksForWhoCanBeHandedNoneAreRefused(t *testing.T) {
	no := consensus.Refuse("NAME_RESERVED", "it lives in the nodes")
	part := NewPart()
	s := NewService(Config{State: consensustest.New(part), Part: part, Reaches: func(agent string) error {
		if agent == "librarian" {
			return no
		}
		return nil
	}})
	give := func(n NewTask) error {
		n.Requester = Party{Principal: "p"}
		_, _, err := s.Submit(t.Context(), n)
		return err
	}
	if err := give(NewTask{Agent: "librarian"}); !errors.Is(err, no) {
		t.Errorf("a task for the librarian: %v", err)
	}
	for _, n := range []NewTask{{Agent: "reviewer"}, {Needs: []string{"ocr"}}} {
		if err := give(n); err != nil {
			t.Error(err)
		}
	}
}
