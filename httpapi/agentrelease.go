package httpapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/task"
)

// codeTasksOpen refuses to release a name that has tasks under way.
const codeTasksOpen = "TASKS_UNDER_WAY"

const (
	// cancelRounds is how often the tasks of a name are ended while others give
	// it more.
	cancelRounds = 5
	// toldWithin bounds how long a release waits until the mesh has said what it
	// has to say of tasks to the name that goes, and toldPause is between looks.
	toldWithin = 5 * time.Second
	toldPause  = 20 * time.Millisecond
)

type releaseInput struct {
	NameRef
	Inbox string `query:"inbox" enum:"keep,drop" doc:"what becomes of waiting messages and dead letters: kept for whoever claims the name next, with the tasks under way, or dropped for good; refused without it where there are some"`
	Tasks string `query:"tasks" enum:"cancel" doc:"ends the tasks under way that the name has or has asked for; refused without it where there are some, unless the inbox is kept"`
}

// release forgets an agent's owner, for the owner itself and for administrators.
func (a *API) release(ctx context.Context, in *releaseInput) (*writtenOutput, error) {
	if err := message.CheckName(in.Name); err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	info, _, err := a.cfg.Inboxes.Agent(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	held := ofAgents(caller) && !slices.Contains(caller.Scopes, agentScope+in.Name)
	if held || caller.Role != access.RoleAdmin && info.Owner != caller.ID {
		return nil, Fail(inbox.CodeNotYourAgent, "the name %s is released by the credential that owns it, or by an administrator", in.Name).With("agent", in.Name)
	}
	if a.cfg.Tasks != nil && (in.Inbox != "keep" || in.Tasks != "") {
		if err := a.settleTasksOf(ctx, caller, in.Name, in.Tasks == "cancel"); err != nil {
			return nil, err
		}
	}
	return a.done(ctx, a.cfg.Inboxes.Release(ctx, in.Name, map[string]inbox.Letters{"keep": inbox.KeepLetters, "drop": inbox.DropLetters}[in.Inbox]))
}

// settleTasksOf sees to it that a name that is released has no tasks under way:
// they would be with whoever claims it next, or would answer to that one. It ends
// them, or refuses. What a task that is given to the name meanwhile carries is for
// the next owner, as messages are.
func (a *API) settleTasksOf(ctx context.Context, caller access.Principal, name string, end bool) error {
	for round := 0; ; round++ {
		open, err := a.openTasksOf(ctx, name)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return a.awaitTold(ctx, name)
		}
		if !end || round == cancelRounds {
			return Fail(codeTasksOpen, "tasks under way are with %s or asked for by it (%d), and whoever claims the name next would have them: end them with it (`meshd agents release %s --cancel-tasks`; by HTTP tasks=cancel), or leave them with the inbox (`--keep`; inbox=keep)",
				name, len(open), name).With("agent", name).With("tasks", len(open))
		}
		for _, t := range open {
			if err := a.takeFrom(ctx, caller, name, t); err != nil {
				return err
			}
		}
	}
}

// openTasksOf are the tasks under way that a name has, is named for, or has asked
// for, a bounded number of them.
func (a *API) openTasksOf(ctx context.Context, name string) ([]task.Task, error) {
	open := []task.State{task.Submitted, task.Working, task.InputRequired}
	found := map[task.ID]bool{}
	var out []task.Task
	for _, o := range []task.ListOptions{
		{States: open, Agent: name},
		{States: open, Requester: name, May: func(t task.Task) bool { return t.Requester.Agent == name }}, // and not a credential of that id
		{States: open[:1], May: func(t task.Task) bool { return t.Agent == name }},                        // between two attempts
	} {
		o.Limit, o.Read = task.MaxPage, consensus.ReadOptions{Consistency: consensus.Leader}
		for {
			page, _, err := a.cfg.Tasks.List(ctx, o)
			if err != nil {
				return nil, err
			}
			for _, t := range page.Tasks {
				if !found[t.ID] {
					found[t.ID] = true
					out = append(out, t)
				}
			}
			if o.Before = page.Next; o.Before == 0 || len(out) >= task.MaxPage {
				break
			}
		}
	}
	return out, nil
}

// takeFrom ends a task of a name that is given up; where the mesh chose the name
// for another's task, it chooses anew.
func (a *API) takeFrom(ctx context.Context, caller access.Principal, name string, t task.Task) error {
	const why = "the agent has given up its name"
	var err error
	if t.Agent == name && t.Requester.Agent != name && len(t.Needs) > 0 {
		_, _, err = a.cfg.Tasks.Report(ctx, task.Report{
			Task: t.ID, Agent: name, Attempt: t.Attempt, State: task.Failed, Error: &task.Failure{Code: message.CodeAgentGone, Text: why}, Retryable: true, By: caller.ID,
		})
	} else {
		_, _, err = a.cfg.Tasks.Cancel(ctx, t.ID, caller.ID, why, nil)
	}
	var no *consensus.Refusal
	if errors.As(err, &no) && slices.Contains([]string{task.CodeEnded, task.CodeUnknown, task.CodeNotAssigned}, no.Code) {
		return nil // it went on by itself
	}
	return err
}

// awaitTold waits until what is to be said of tasks to an agent has been, so that
// it lies in the inbox that is released, and not in the next owner's.
func (a *API) awaitTold(ctx context.Context, name string) error {
	late := time.NewTimer(toldWithin)
	defer late.Stop()
	tick := time.NewTicker(toldPause)
	defer tick.Stop()
	for {
		untold, err := a.cfg.Tasks.Untold(ctx, name)
		if err != nil || !untold {
			return err
		}
		select {
		case <-tick.C:
		case <-late.C:
			return nil // what comes yet says that a task has ended, and no more
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
