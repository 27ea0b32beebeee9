package program

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

// progressPause is between two words of a child on one task that are passed on:
// each is a write of the mesh.
const progressPause = 500 * time.Millisecond

// taskWork is what a child says of a task that it has.
type taskWork struct {
	*client.Task
	progress chan progress // the latest, unless it was passed on
	end      *said         // set before pending.done gets something
}

// progress is how far a child is with what it has under an id.
type progress struct {
	id string
	client.Progress
}

// handleTask gives a task to the child, and reports what it says of it. Whatever
// comes between fails the attempt, and the mesh begins another.
func (c *child) handleTask(ctx context.Context, m *client.Message, t *client.Task) error {
	switch err := t.Working(ctx, client.Progress{}); {
	case notOurs(err):
		return nil
	case err != nil:
		return err
	}
	w := &taskWork{Task: t, progress: make(chan progress, 1)}
	over := make(chan struct{})
	var follower sync.WaitGroup
	follower.Go(func() { c.follow(ctx, w, over) })
	err := c.give(&pending{done: make(chan error, 1), task: w}, taskLine(m, t))
	close(over)
	follower.Wait() // the last word is said after all others
	if err != nil {
		return err
	}
	s := w.end
	switch {
	case s.Type == "return":
		err = t.Fail(ctx, s.Code, joined("the agent gave it back", s.Reason), true)
	case s.Type == "error" || s.Error != "":
		if s.Error == "" {
			s.Error = "the agent failed"
		}
		err = t.Fail(ctx, s.Code, s.Error, s.Retryable)
	default:
		if s.Body == nil {
			s.Body = json.RawMessage("null") // acknowledged: there is nothing to say
		}
		err = t.Complete(ctx, s.Body)
	}
	var refused *client.Error
	if errors.As(err, &refused) && !notOurs(err) {
		c.complain(s.of(), err)
		err = t.Fail(ctx, refused.Code, "what the agent answered was refused: "+refused.Sentence, false)
	}
	if notOurs(err) {
		c.complain(s.of(), err)
		return nil
	}
	return err
}

// notOurs says that a task has ended or is with another.
func notOurs(err error) bool {
	return client.IsCode(err, client.CodeTaskEnded) || client.IsCode(err, client.CodeTaskUnknown) || client.IsCode(err, client.CodeNotAssigned)
}

func joined(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

// taskLine is the line that gives a task to a child.
func taskLine(m *client.Message, t *client.Task) told {
	requester := t.Requester
	return told{
		Type: "task", Task: t.ID, Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, TaskType: t.Type, Requester: &requester,
		Needs: t.Needs, Priority: t.Priority, Deadline: t.Deadline.UTC().Format(time.RFC3339Nano), Parent: t.Parent, Chain: t.Chain,
		TraceParent: m.TraceParent, Body: t.Body,
	}
}

// progress notes how far a child is with a task.
func (c *child) progress(s *said) {
	p := c.has(s.of(), false)
	if p == nil {
		return
	}
	if p.task == nil {
		c.complain(s.of(), &client.Error{Code: client.CodeInvalid, Sentence: "progress is of tasks, and " + s.of() + " is a message"})
		return
	}
	select {
	case <-p.task.progress: // it is overtaken
	default:
	}
	p.task.progress <- progress{s.of(), client.Progress{Text: s.Text, Percent: s.Percent}} // only the reader of lines puts one there
}

// follow passes on how far a child is until the task is over for it, what it said
// last included, and tells it where the task is not its own any more.
func (c *child) follow(ctx context.Context, w *taskWork, over <-chan struct{}) {
	pass := func(p progress) {
		if err := w.Working(ctx, p.Progress); err != nil && ctx.Err() == nil {
			c.complain(p.id, err)
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := w.progress; ; {
		select {
		case p := <-due:
			pass(p)
			due = nil
			timer.Reset(progressPause)
		case <-timer.C:
			due = w.progress
		case <-over:
			select {
			case p := <-w.progress:
				pass(p)
			default:
			}
			return
		case <-ctx.Done():
			return
		}
	}
}
