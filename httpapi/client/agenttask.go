package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// typeDelegation is the Type of a message that hands over a task, and
	// meshPrincipal who it comes from: no credential has that name.
	typeDelegation = "TaskDelegation"
	meshPrincipal  = "mesh"
)

// Codes of refused reports that say that a task is not this agent's any more:
// it has ended, or is with another.
const (
	CodeTaskEnded   = "TASK_ENDED"
	CodeTaskUnknown = "TASK_UNKNOWN"
	CodeNotAssigned = "NOT_ASSIGNED"
)

// Codes of what is refused about tasks beside.
const (
	CodeTaskState   = "TASK_STATE"    // it is in another state than that needs
	CodeTaskLoop    = "TASK_LOOP"     // the agent waits for this very task
	CodeTaskBegun   = "TASK_BEGUN"    // somebody is at this attempt
	CodeTaskDepth   = "TASK_DEPTH"    // it came through too many agents
	CodeTasksFull   = "TASKS_FULL"    // too many are under way
	CodeNotYourTask = "NOT_YOUR_TASK" // another asked for it
)

// Task is a task that the mesh has handed to this agent. Its methods report on
// it: over HTTP, by any node, again and again under one idempotency key until it
// is certain what came of it. They may be called from anywhere, also after the
// handler has returned, and are safe for concurrent use.
type Task struct {
	ID string `json:"task"`
	// Attempt counts from 1. A report on one that is over is refused.
	Attempt     int    `json:"attempt"`
	MaxAttempts int    `json:"max_attempts"`
	Type        string `json:"type"`
	// Body is JSON.
	Body json.RawMessage `json:"body"`
	// Requester asked for it.
	Requester Sender `json:"requester"`
	// Needs are the capabilities by which the agent was chosen, if it was.
	Needs    []string `json:"needs"`
	Priority string   `json:"priority"`
	// Deadline is when the mesh fails the task.
	Deadline time.Time `json:"deadline"`
	// Parent is the task that it is a part of, and Chain the agents through
	// whom it came.
	Parent string   `json:"parent"`
	Chain  []string `json:"chain"`

	m *Message
}

// Progress is how far a task is.
type Progress struct {
	Text string `json:"text,omitempty"`
	// Percent is 0 to 100; nil: not said.
	Percent *int `json:"percent,omitempty"`
}

// Task is the task that the message hands over, nil where it is none: only the
// mesh itself hands over tasks, and only by the inbox. A handler whose error
// ends such a message has failed at this attempt: the mesh begins another.
func (m *Message) Task() *Task {
	if m.Type != typeDelegation || m.From.Principal != meshPrincipal || !m.Durable {
		return nil
	}
	t := &Task{m: m}
	if err := json.Unmarshal(m.Body, t); err != nil || t.ID == "" {
		return nil
	}
	return t
}

// report is the body of a report.
type report struct {
	State     string          `json:"state"`
	Agent     string          `json:"agent"`
	Attempt   int             `json:"attempt"`
	Progress  *Progress       `json:"progress,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	Error     *failure        `json:"error,omitempty"`
	Retryable bool            `json:"retryable,omitempty"`
}

type failure struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
}

// Working says that the agent has begun, and again how far it is. An agent that
// was chosen and does not begin loses the task to another.
func (t *Task) Working(ctx context.Context, p Progress) error {
	r := report{State: "working"}
	if p != (Progress{}) {
		p.Text = taskText(p.Text)
		r.Progress = &p
	}
	return t.report(ctx, r)
}

// InputRequired asks the requester. The answer comes as a message of the type
// TaskInput, which names the task; the agent may also go on without. The message
// that handed the task over still waits for its end, as ever.
func (t *Task) InputRequired(ctx context.Context, question any) error {
	raw, err := rawOf(question)
	if err != nil {
		return err
	}
	return t.report(ctx, report{State: "input_required", Input: raw})
}

// Complete ends the task with its result, at most 256 KiB of JSON, and
// acknowledges its message.
func (t *Task) Complete(ctx context.Context, result any) error {
	raw, err := rawOf(result)
	if err != nil {
		return err
	}
	return t.report(ctx, report{State: "completed", Result: raw})
}

// Fail ends the attempt with a code of A-Z, 0-9 and _, or none, and a sentence,
// and acknowledges its message. Where it is retryable the mesh begins another
// attempt, if one is left; otherwise the task has failed.
func (t *Task) Fail(ctx context.Context, code, sentence string, retryable bool) error {
	return t.report(ctx, report{State: "failed", Error: &failure{clipped(code, 120), taskText(sentence)}, Retryable: retryable})
}

// taskText bounds a text as the mesh does.
func taskText(s string) string { return clipped(strings.ToValidUTF8(s, "?"), 4<<10-8) }

// report makes a report until its outcome is known. After the last one, and
// where the task turns out to be another's or over, the message is acknowledged.
func (t *Task) report(ctx context.Context, r report) error {
	a := t.m.agent
	r.Agent, r.Attempt = a.cfg.Name, t.Attempt
	q := Request{Method: http.MethodPost, Path: "/tasks/" + t.ID + "/status", Body: r, Idempotency: "task-" + NewMessageID(), TraceParent: t.m.TraceParent}
	var err error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err = a.client.Do(ctx, q, nil)
		if err == nil || ctx.Err() != nil || !again(err) || errors.Is(err, ErrPin) {
			break
		}
		a.log.Warn("a report on a task is repeated", "agent", a.cfg.Name, "task", t.ID, "state", r.State, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	var refused *Error
	over := errors.As(err, &refused) && slices.Contains([]string{CodeTaskEnded, CodeTaskUnknown, CodeNotAssigned}, refused.Code)
	if over || err == nil && (r.State == "completed" || r.State == "failed") {
		if e := t.m.Ack(); e != nil && !errors.Is(e, ErrSettled) {
			a.log.Warn("the message of a task was not acknowledged", "agent", a.cfg.Name, "task", t.ID, "error", e)
		}
	}
	return err
}

// failTask reports the error of a handler as the failure of its attempt, and
// says whether the message has ended.
func (a *Agent) failTask(m *Message, why error) bool {
	t := m.Task()
	if t == nil || m.settled.Load() {
		return t != nil
	}
	a.log.Warn("a task failed", "agent", a.cfg.Name, "task", t.ID, "attempt", t.Attempt, "error", why)
	code, sentence := "", why.Error()
	var e *Error
	if errors.As(why, &e) {
		code, sentence = e.Code, e.Sentence
	}
	if err := t.Fail(a.ctx, code, sentence, true); err != nil {
		a.log.Warn("the failure of a task was not taken", "agent", a.cfg.Name, "task", t.ID, "error", err)
	}
	return m.settled.Load() || a.ctx.Err() != nil
}
