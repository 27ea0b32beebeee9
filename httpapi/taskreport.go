package httpapi

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/task"
)

// ReportBody is an agent's word on its task.
type ReportBody struct {
	State     string          `json:"state" minLength:"1" maxLength:"40" doc:"working, input_required, completed or failed; working again tells progress"`
	Agent     string          `json:"agent,omitempty" maxLength:"63" doc:"the agent that reports; the one the task is with if left out"`
	Attempt   int             `json:"attempt,omitempty" minimum:"0" doc:"refused where the task is at another attempt"`
	Begin     bool            `json:"begin,omitempty" doc:"with working: refused where the attempt was begun before, by another instance"`
	Progress  *task.Progress  `json:"progress,omitempty"`
	Result    json.RawMessage `json:"result,omitempty" doc:"any JSON value, at most 256 KiB"`
	Error     *task.Failure   `json:"error,omitempty" doc:"with failed: why"`
	Retryable bool            `json:"retryable,omitempty" doc:"with failed: another attempt may go well, by another agent where one is chosen"`
	Input     json.RawMessage `json:"input,omitempty" doc:"with input_required: what is asked of the requester"`
}

type reportTaskInput struct {
	TaskRef
	WriteInput
	Body ReportBody
}

func (a *API) reportTask(ctx context.Context, in *reportTaskInput) (*taskOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	t, out, err := a.report(ctx, caller, "", id, in.Body, idem)
	if err != nil {
		return nil, err
	}
	return &taskOutput{Wrote(out), t}, nil
}

// report records the word of an agent that the caller may speak for. attached
// is the agent it is attached as, if it is, as in newTask.
func (a *API) report(ctx context.Context, caller access.Principal, attached string, id task.ID, b ReportBody, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error) {
	fail := func(err error) (task.Task, consensus.Outcome, error) { return task.Task{}, consensus.Outcome{}, err }
	state, err := task.ParseState(b.State)
	if err != nil {
		return fail(invalid("body.state", err.Error()))
	}
	switch {
	case b.Input != nil && state != task.InputRequired:
		return fail(invalid("body.input", "input goes with input_required only; the requester answers by POST /tasks/{id}/input"))
	case (b.Error != nil || b.Retryable) && state != task.Failed:
		return fail(invalid("body.error", "error and retryable go with failed only"))
	case b.Begin && state != task.Working:
		return fail(invalid("body.begin", "begin goes with working only"))
	case b.Result != nil && !state.Final():
		return fail(invalid("body.result", "result goes with completed or failed"))
	}
	r := task.Report{
		Task: id, Agent: cmp.Or(b.Agent, attached), Attempt: b.Attempt, State: state, Progress: b.Progress, Result: b.Result, Question: b.Input,
		Error: b.Error, Retryable: b.Retryable, Begin: b.Begin, By: caller.ID, Idempotency: idem,
	}
	if r.Agent == "" {
		t, err := a.seenTask(ctx, caller, id)
		if err != nil {
			return fail(err)
		}
		if r.Agent = t.Agent; r.Agent == "" {
			return fail(Fail(task.CodeNotAssigned, "task %s waits for an agent to be chosen; nobody can report on it", id).With("task", id))
		}
	}
	if err := a.mayActAs(ctx, caller, r.Agent); err != nil {
		return fail(err)
	}
	return a.cfg.Tasks.Report(ctx, r)
}

type cancelTaskInput struct {
	TaskRef
	WriteInput
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"4096"`
	} `required:"false"`
}

func (a *API) cancelTask(ctx context.Context, in *cancelTaskInput) (*taskOutput, error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return a.settle(ctx, in.TaskRef, func(caller access.Principal, id task.ID, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error) {
		return a.cfg.Tasks.Cancel(ctx, id, caller.ID, reason, idem)
	})
}

type answerTaskInput struct {
	TaskRef
	WriteInput
	Body struct {
		Input json.RawMessage `json:"input" doc:"any JSON value, at most 256 KiB"`
	}
}

func (a *API) answerTask(ctx context.Context, in *answerTaskInput) (*taskOutput, error) {
	return a.settle(ctx, in.TaskRef, func(caller access.Principal, id task.ID, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error) {
		return a.cfg.Tasks.Answer(ctx, id, caller.ID, in.Body.Input, idem)
	})
}

// settle does what only who asked for a task may do to it.
func (a *API) settle(ctx context.Context, ref TaskRef, do func(access.Principal, task.ID, *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error)) (*taskOutput, error) {
	id, err := ref.id()
	if err != nil {
		return nil, err
	}
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	if err := a.maySettle(ctx, caller, id); err != nil {
		return nil, err
	}
	t, out, err := do(caller, id, idem)
	if err != nil {
		return nil, err
	}
	return &taskOutput{Wrote(out), t}, nil
}

// maySettle says whether a task is the caller's to cancel and to answer.
func (a *API) maySettle(ctx context.Context, caller access.Principal, id task.ID) error {
	t, err := a.seenTask(ctx, caller, id)
	if err != nil {
		return err
	}
	if !a.asked(ctx, caller, t) {
		return Fail(task.CodeNotYours, "task %s was asked for by another: only who asked, or an administrator, may do that", id).With("task", id)
	}
	return nil
}
