package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/task"
)

// Tasks is what the routes of delegated work ask. *task.Service implements it.
type Tasks interface {
	Submit(ctx context.Context, n task.NewTask) (task.Task, consensus.Outcome, error)
	Report(ctx context.Context, r task.Report) (task.Task, consensus.Outcome, error)
	Cancel(ctx context.Context, id task.ID, by, reason string, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error)
	Answer(ctx context.Context, id task.ID, by string, input json.RawMessage, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error)
	Get(ctx context.Context, id task.ID, o consensus.ReadOptions) (task.Task, consensus.ReadInfo, error)
	Wait(ctx context.Context, id task.ID, o consensus.ReadOptions) (task.Task, consensus.ReadInfo, error)
	List(ctx context.Context, o task.ListOptions) (task.Page, consensus.ReadInfo, error)
	Events(ctx context.Context, id task.ID, after uint64) (events []task.Event, is task.State, err error)
	Changed(id task.ID) (<-chan struct{}, func())
	Scores(ctx context.Context, agent string) (types, needs map[string]task.Score, err error)
	Untold(ctx context.Context, agent string) (bool, error)
}

var _ Tasks = (*task.Service)(nil)

const (
	// maxTaskBody is a request with the largest body of a task in it.
	maxTaskBody = task.MaxBody + 64<<10
	// maxTaskWait bounds how long a request waits for a task.
	maxTaskWait = 5 * time.Minute
)

func (a *API) taskEntries() []Entry {
	if a.cfg.Tasks == nil {
		return nil
	}
	route := func(method, path, summary string) Route {
		r := Route{Method: method, Path: path, Summary: summary, Role: access.RoleAgent, MaxBody: maxTaskBody, Status: http.StatusOK}
		if method == http.MethodGet {
			r.Role = access.RoleViewer
		}
		return r
	}
	submit := route(http.MethodPost, "/tasks", "Give an agent a task, by its name or by what it takes")
	submit.Status, submit.Timeout = http.StatusCreated, maxTaskWait+30*time.Second
	show := route(http.MethodGet, "/tasks/{id}", "One task, at once or when it rests")
	show.Timeout = maxTaskWait + 30*time.Second
	events := route(http.MethodGet, "/tasks/{id}/events", "What happens to a task, as server-sent events or JSON lines; ends with it")
	events.Timeout, events.Query, events.Produces = -1, []string{"since"}, []string{mediaSSE, mediaLines}
	scores := route(http.MethodGet, "/agents/{name}/scores", "How an agent has done at its tasks")
	return []Entry{
		// tasks.go
		Op(submit, a.submitTask),
		Op(show, a.showTask),
		// tasklist.go
		Op(route(http.MethodGet, "/tasks", "Tasks, newest first"), a.listTasks),
		Op(scores, a.scores),
		// taskreport.go
		Op(route(http.MethodPost, "/tasks/{id}/status", "The agent's word on its task: working, input_required, completed, failed"), a.reportTask),
		Op(route(http.MethodPost, "/tasks/{id}/cancel", "End a task, and its children with it"), a.cancelTask),
		Op(route(http.MethodPost, "/tasks/{id}/input", "Give a task the input it waits for"), a.answerTask),
		// taskevents.go
		Plain(events, a.taskEvents),
	}
}

// NewTaskBody is what POST /tasks takes.
type NewTaskBody struct {
	Agent       string          `json:"agent,omitempty" maxLength:"63" doc:"who is to do it; leave it out and give needs to have one chosen"`
	Needs       []string        `json:"needs,omitempty" maxItems:"16" doc:"capabilities that the agent must announce"`
	Type        string          `json:"type,omitempty" maxLength:"128" doc:"the kind of task; agents are judged by kind"`
	Body        json.RawMessage `json:"body" doc:"any JSON value, at most 256 KiB; of what is larger, send a reference"`
	Priority    string          `json:"priority,omitempty" enum:"low,normal,high,critical"`
	Deadline    string          `json:"deadline,omitempty" maxLength:"40" doc:"when it must have ended: how long from now, such as 10m, or a time in RFC 3339; 30m if left out, at most 720h"`
	Parent      string          `json:"parent,omitempty" maxLength:"20" doc:"the task that this is a part of"`
	MaxAttempts int             `json:"max_attempts,omitempty" minimum:"1" maximum:"16" doc:"how often it is handed over before it fails; 3 if left out"`
	TraceParent string          `json:"traceparent,omitempty" maxLength:"256" doc:"the W3C trace context that it belongs to; the header of that name does the same"`
	From        string          `json:"from,omitempty" maxLength:"63" doc:"the agent that asks, which the caller must be allowed to speak for; its inbox gets the result"`
}

type submitTaskInput struct {
	WriteInput
	TraceParent string `header:"traceparent" maxLength:"256" doc:"the W3C trace context that the task belongs to"`

	Wait string `query:"wait" maxLength:"32" doc:"answer when the task has ended or waits for input, or after as long as this, at most 5m"`
	Body NewTaskBody
}

type taskOutput struct {
	WriteOutput
	Body task.Task
}

func (a *API) submitTask(ctx context.Context, in *submitTaskInput) (*taskOutput, error) {
	wait, err := lengthOf("query.wait", in.Wait, maxTaskWait)
	if err != nil {
		return nil, err
	}
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	in.Body.TraceParent = cmp.Or(in.Body.TraceParent, in.TraceParent)
	t, out, err := a.newTask(ctx, caller, "", in.Body, idem)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		if t, err = a.awaitTask(ctx, t.ID, wait, consensus.ReadOptions{}); err != nil {
			return nil, err
		}
	}
	return &taskOutput{Wrote(out), t}, nil
}

// newTask submits a task for a caller. attached is the agent that it is
// attached as, if it is: which does not make the name its own, since a session
// may be let in before the mesh has said whose it is.
func (a *API) newTask(ctx context.Context, caller access.Principal, attached string, b NewTaskBody, idem *consensus.IdempotencyKey) (task.Task, consensus.Outcome, error) {
	n := task.NewTask{
		Agent: b.Agent, Needs: b.Needs, Type: b.Type, Body: b.Body, MaxAttempts: b.MaxAttempts, Idempotency: idem, TraceParent: b.TraceParent,
		Requester: task.Party{Agent: b.From, Principal: caller.ID, Node: a.cfg.NodeID},
	}
	fail := func(err error) (task.Task, consensus.Outcome, error) { return task.Task{}, consensus.Outcome{}, err }
	var err error
	if n.Priority, err = task.ParsePriority(b.Priority); err != nil {
		return fail(invalid("body.priority", err.Error()))
	}
	if n.Timeout, n.Deadline, err = deadlineOf(b.Deadline); err != nil {
		return fail(err)
	}
	if n.Requester.Agent = cmp.Or(b.From, attached); n.Requester.Agent != "" {
		if err := a.mayActAs(ctx, caller, n.Requester.Agent); err != nil {
			return fail(err)
		}
	}
	if b.Parent != "" {
		if n.Parent, err = task.ParseID(b.Parent); err != nil {
			return fail(invalid("body.parent", err.Error()))
		}
		if err := a.mayExtend(ctx, caller, &n); err != nil {
			return fail(err)
		}
	}
	return a.cfg.Tasks.Submit(ctx, n)
}

func deadlineOf(text string) (time.Duration, time.Time, error) {
	if text == "" {
		return 0, time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		if at.IsZero() { // which is no deadline to the tasks
			at = time.UnixMilli(1)
		}
		return 0, at, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > task.MaxTimeout {
		return 0, time.Time{}, invalid("body.deadline", "deadline is how long the task has, such as 10m and at most 720h, or a time such as 2030-01-02T15:04:05Z")
	}
	return d, time.Time{}, nil
}

// mayExtend says whether a caller may make a part of a task: the agent that the
// task is with, who asked for it, and an administrator may.
func (a *API) mayExtend(ctx context.Context, caller access.Principal, n *task.NewTask) error {
	parent, err := a.seenTask(ctx, caller, n.Parent)
	if err != nil {
		return err
	}
	switch {
	case parent.Agent != "" && n.Requester.Agent == parent.Agent:
		return nil
	case parent.Agent != "" && n.Requester.Agent == "" && caller.Role != access.RoleAdmin && a.speaksFor(ctx, caller, parent.Agent):
		n.Requester.Agent = parent.Agent // whose chain it continues
		return nil
	case a.asked(ctx, caller, parent):
		return nil
	}
	return Fail(task.CodeNotYours, "task %s is neither with an agent of this credential's nor asked for by it", parent.ID).With("task", parent.ID)
}

// TaskRef names a task in the path.
type TaskRef struct {
	ID string `path:"id" maxLength:"20" doc:"the task's id"`
}

type showTaskInput struct {
	TaskRef
	ReadInput
	Wait string `query:"wait" maxLength:"32" doc:"answer when the task has ended or waits for input, or after as long as this, at most 5m"`
}

type showTaskOutput struct {
	ReadOutput
	Body task.Task
}

func (a *API) showTask(ctx context.Context, in *showTaskInput) (*showTaskOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	wait, err := lengthOf("query.wait", in.Wait, maxTaskWait)
	if err != nil {
		return nil, err
	}
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	t, info, err := a.cfg.Tasks.Get(ctx, id, o)
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	if !a.sees(ctx, caller, newSeen(), t) {
		return nil, unknownTask(id)
	}
	if wait > 0 && !t.State.Rests() {
		if t, err = a.awaitTask(ctx, id, wait, o); err != nil {
			return nil, err
		}
		info.Revision = max(info.Revision, t.Revision)
	}
	return &showTaskOutput{Read(info), t}, nil
}

// awaitTask returns a task when it rests, or as it is after a while, or when
// the node stops.
func (a *API) awaitTask(ctx context.Context, id task.ID, wait time.Duration, o consensus.ReadOptions) (task.Task, error) {
	give, err := a.takePoll(ctx)
	if err != nil {
		return task.Task{}, err
	}
	defer give()
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-a.Closing():
			cancel()
		case <-stop:
		}
	}()
	t, _, err := a.cfg.Tasks.Wait(waiting, id, o)
	if err == nil {
		err = a.stillGood(ctx)
	}
	return t, err
}

func (in TaskRef) id() (task.ID, error) {
	id, err := task.ParseID(in.ID)
	if err != nil {
		return 0, invalid("path.id", err.Error())
	}
	return id, nil
}

func unknownTask(id task.ID) error {
	return Fail(task.CodeUnknown, "there is no task %s; finished tasks are kept for 7 days", id).With("task", id)
}

func noSuchTask(err error) bool {
	var r *consensus.Refusal
	return errors.As(err, &r) && r.Code == task.CodeUnknown
}

// seenTask reads a task that the caller may see. A task that was just made at
// another node is asked of the leader.
func (a *API) seenTask(ctx context.Context, caller access.Principal, id task.ID) (task.Task, error) {
	t, _, err := a.cfg.Tasks.Get(ctx, id, consensus.ReadOptions{})
	if noSuchTask(err) {
		t, _, err = a.cfg.Tasks.Get(ctx, id, consensus.ReadOptions{Consistency: consensus.Leader})
	}
	if err != nil {
		return t, err
	}
	if !a.sees(ctx, caller, newSeen(), t) {
		return t, unknownTask(id)
	}
	return t, nil
}

// asked says whether the task is the caller's: asked for by its credential, or
// by an agent it may speak for; or the caller is an administrator.
func (a *API) asked(ctx context.Context, caller access.Principal, t task.Task) bool {
	switch {
	case caller.Role == access.RoleAdmin && !ofAgents(caller):
		return true
	case t.Requester.Agent == "":
		return t.Requester.Principal == caller.ID
	}
	return a.speaksFor(ctx, caller, t.Requester.Agent)
}

// speaksFor is mayActAs without claiming a name that nobody owns.
func (a *API) speaksFor(ctx context.Context, caller access.Principal, name string) bool {
	switch {
	case slices.Contains(caller.Scopes, agentScope+name):
		return true
	case ofAgents(caller):
		return false
	case caller.Role == access.RoleAdmin, a.cfg.Inboxes == nil:
		return true
	}
	info, _, err := a.cfg.Inboxes.Agent(ctx, name)
	return err == nil && info.Owner == caller.ID
}

// ofAgents says that a credential is held to the names of agents.
func ofAgents(caller access.Principal) bool {
	return slices.ContainsFunc(caller.Scopes, func(s string) bool { return strings.HasPrefix(s, agentScope) })
}

// seen remembers whom a caller speaks for, and since when, during one request.
type seen map[string]standing

// standing is what a caller is to a name.
type standing struct {
	speaks bool
	// since is when the mesh came to know the name as it is now: what ended
	// before was of an owner who gave it up. Zero where it does not say.
	since time.Time
}

func newSeen() seen { return seen{} }

// sees says whether a caller may see a task. Who may read all of the mesh sees
// all; an agent's credential sees what its agents asked for, have, or are
// waiting for through others.
func (a *API) sees(ctx context.Context, caller access.Principal, s seen, t task.Task) bool {
	if hears(caller, &event.Audience{Principals: []string{t.Requester.Principal}}) {
		return true
	}
	for _, name := range append([]string{t.Agent, t.Requester.Agent}, t.Chain...) {
		if name == "" {
			continue
		}
		is, known := s[name]
		if !known {
			is = a.standing(ctx, caller, name)
			s[name] = is
		}
		if is.speaks && (t.FinishedAt == nil || !t.FinishedAt.Before(is.since)) {
			return true
		}
	}
	return false
}

func (a *API) standing(ctx context.Context, caller access.Principal, name string) (is standing) {
	if is.speaks = a.speaksFor(ctx, caller, name); is.speaks && a.cfg.Inboxes != nil {
		if info, _, err := a.cfg.Inboxes.Agent(ctx, name); err == nil {
			is.since = info.Since
		}
	}
	return is
}
