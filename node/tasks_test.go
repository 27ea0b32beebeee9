package node

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/task"
)

// An agent that fills its own inbox must not keep other electors from hearing
// of a proposal, nor the letters behind it.
func TestAFullInboxHidesAProposalFromNobodyElse(t *testing.T) {
	full := func(name string) error {
		return &consensus.Refusal{Code: inbox.CodeInboxFull, Sentence: "the inbox is full", Details: map[string]string{"inbox": name}}
	}
	letter := inbox.Outgoing{ID: "proposal-7", To: []inbox.Recipient{{Agent: "a"}, {Agent: "greedy"}, {Agent: "b"}}}
	var told []string
	missed, err := toElectors(letter, func(one inbox.Outgoing) error {
		if slices.Contains(one.To, inbox.Recipient{Agent: "greedy"}) {
			return full("greedy")
		}
		told = append(told, one.ID)
		return nil
	})
	if err != nil || !slices.Equal(missed, []string{"greedy"}) || !slices.Equal(told, []string{"proposal-7-a", "proposal-7-b"}) {
		t.Errorf("told %v, missed %v, %v", told, missed, err)
	}
	if _, err := toElectors(letter, func(inbox.Outgoing) error { return full("") }); err == nil {
		t.Error("a mesh without any room took the letter")
	}
}

// An elector that can have no inbox, as one that lives in the nodes, kept the
// letters of all proposals of the mesh from everybody for as long as its own was
// open.
func TestAnElectorWithoutAnInboxHidesAProposalFromNobodyElse(t *testing.T) {
	letter := inbox.Outgoing{ID: "proposal-7", To: []inbox.Recipient{{Agent: "a"}, {Agent: "librarian"}}}
	var told []string
	missed, err := toElectors(letter, func(one inbox.Outgoing) error {
		for _, to := range one.To {
			if err := reaches(to.Agent); err != nil {
				return fmt.Errorf("%w: %w", task.ErrUndeliverable, err)
			}
		}
		told = append(told, one.ID)
		return nil
	})
	if err != nil || !slices.Equal(missed, []string{"librarian"}) || !slices.Equal(told, []string{"proposal-7-a"}) {
		t.Errorf("told %v, missed %v, %v", told, missed, err)
	}
}

// The audience of an event is who may see its task.
func TestWhoIsConcernedInATask(t *testing.T) {
	of := map[string]string{"worker": "p-worker", "boss": "p-boss"}
	got := concerned(task.Event{Agent: "worker", Requester: "boss", Principal: "p-asked", Chain: []string{"first", "boss"}}, func(name string) string { return of[name] })
	want := event.Audience{Principals: []string{"p-asked", "p-worker", "p-boss"}, Agents: []string{"worker", "boss", "first"}}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v", got)
	}
}

// Who may see a task hears that something became of it, and not what was said.
func TestNewsOfATaskHasNoWordsOfIt(t *testing.T) {
	half := 50
	said := task.Event{Task: 3, Kind: "progress", Text: "secret", Progress: &task.Progress{Text: "secret", Percent: &half}}
	told := news(said)
	if told.Text != "" || told.Progress.Text != "" || *told.Progress.Percent != 50 || told.Task != 3 {
		t.Errorf("told %+v", told)
	}
	if said.Progress.Text != "secret" {
		t.Error("the task's own events lost their words")
	}
}
