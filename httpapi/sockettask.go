package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/task"
)

// taskFrames is what a frame of tasks needs of its credential.
var taskFrames = &Route{Role: access.RoleAgent, Scope: "tasks:write"}

// taskFrame is the routes of tasks as a frame: op says which. The fields are
// those of the routes; task names the task.
type taskFrame struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Op   string `json:"op"`
	Task string `json:"task"`
	// submit
	Agent       string          `json:"agent"` // of report, too
	Needs       []string        `json:"needs"`
	TaskType    string          `json:"task_type"`
	Body        json.RawMessage `json:"body"`
	Priority    string          `json:"priority"`
	Deadline    string          `json:"deadline"`
	Parent      string          `json:"parent"`
	MaxAttempts int             `json:"max_attempts"`
	TraceParent string          `json:"traceparent"`
	From        string          `json:"from"`
	// report
	State     string          `json:"state"`
	Attempt   int             `json:"attempt"`
	Begin     bool            `json:"begin,omitempty"`
	Progress  *task.Progress  `json:"progress"`
	Result    json.RawMessage `json:"result"`
	Error     *task.Failure   `json:"error"`
	Retryable bool            `json:"retryable"`
	Input     json.RawMessage `json:"input"` // of report and of input
	// cancel
	Reason string `json:"reason"`

	IdempotencyKey string `json:"idempotency_key"`
}

// socketTask is a frame of tasks under way.
type socketTask struct {
	s *socketFrames
	taskFrame
	task task.ID
}

func (f *socketTask) check() error {
	if err := checkHead(f.Type, "task", f.ID); err != nil {
		return err
	}
	if k := f.IdempotencyKey; k != "" && (len(k) > 255 || !visible(k)) {
		return badFrame("idempotency_key", "an idempotency key is 1 to 255 visible ASCII characters")
	}
	switch f.Op {
	case "submit":
		return nil
	case "report", "cancel", "input", "get":
	default:
		return badFrame("op", "op is submit, report, cancel, input or get")
	}
	var err error
	if f.task, err = task.ParseID(f.Task); err != nil {
		return badFrame("task", err.Error())
	}
	return nil
}

// Waits implements agent.Request.
func (*socketTask) Waits() bool { return true }

// Answer implements agent.Request.
func (f *socketTask) Answer(ctx context.Context) ([]byte, error) {
	s := f.s
	if err := s.allow(taskFrames); err != nil {
		return nil, s.told(ctx, err)
	}
	t, out, err := f.do(ctx)
	if err != nil {
		return nil, s.told(ctx, f.inFrame(err))
	}
	s.saw(max(out.Revision, t.Revision))
	b := appendHead(nil, f.ID, max(out.Revision, t.Revision))
	if out.Replayed {
		b = append(b, `,"replayed":true`...)
	}
	return append(append(append(b, `,"task":`...), marshal(t)...), '}'), nil
}

func (f *socketTask) do(ctx context.Context) (t task.Task, out consensus.Outcome, err error) {
	a, caller := f.s.api, f.s.caller
	var idem *consensus.IdempotencyKey
	if f.IdempotencyKey != "" {
		content := f.taskFrame
		content.ID = "" // a repeated frame may have another
		idem = f.s.idempotency("task", f.IdempotencyKey, marshal(content))
	}
	switch f.Op {
	case "submit":
		return a.newTask(ctx, caller, f.s.agent, NewTaskBody{
			Agent: f.Agent, Needs: f.Needs, Type: f.TaskType, Body: f.Body, Priority: f.Priority, Deadline: f.Deadline,
			Parent: f.Parent, MaxAttempts: f.MaxAttempts, TraceParent: f.TraceParent, From: f.From,
		}, idem)
	case "report":
		return a.report(ctx, caller, f.s.agent, f.task, ReportBody{
			State: f.State, Agent: f.Agent, Attempt: f.Attempt, Progress: f.Progress, Result: f.Result, Error: f.Error,
			Retryable: f.Retryable, Begin: f.Begin, Input: f.Input,
		}, idem)
	case "get":
		t, err = a.seenTask(ctx, caller, f.task)
		return t, out, err
	}
	if err := a.maySettle(ctx, caller, f.task); err != nil {
		return t, out, err
	}
	if f.Op == "cancel" {
		return a.cfg.Tasks.Cancel(ctx, f.task, caller.ID, f.Reason, idem)
	}
	return a.cfg.Tasks.Answer(ctx, f.task, caller.ID, f.Input, idem)
}

// inFrame spells the place of a refused field for a frame.
func (f *socketTask) inFrame(err error) error {
	var e *Error
	if errors.As(err, &e) {
		if field, ok := e.Details["field"].(string); ok {
			return badFrame(field[strings.IndexByte(field, '.')+1:], e.Sentence)
		}
		return err
	}
	var r *consensus.Refusal
	if errors.As(err, &r) && f.Op == "submit" && r.Details["field"] == "type" {
		out := *r // a refusal may be shared
		out.Details = maps.Clone(r.Details)
		out.Details["field"] = "task_type"
		return &out
	}
	return err
}
