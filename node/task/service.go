package task

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/tracing"
)

// Config is what a Service is built from. State and Part are required.
type Config struct {
	State consensus.State
	Part  *Part
	// Level is the command level in force; below Level nothing is proposed.
	// Nil: Level.
	Level func() uint32
	// Whole says that tasks of a principal may take all of the room that there
	// is, and not its share. nil: none may.
	Whole func(principal string) bool
	// Reaches says why an agent can never be handed a task. nil: each may be.
	Reaches func(agent string) error
	Logger  *slog.Logger // nil: none
}

// Service is the tasks as the packages above use them. A "no" of the tasks is a
// *consensus.Refusal with one of this package's codes; other errors are those
// of consensus. Who may do what, beyond what the state itself knows, is the
// caller's to check. Safe for concurrent use.
type Service struct {
	state   consensus.State
	level   func() uint32
	whole   func(principal string) bool
	reaches func(agent string) error
	log     *slog.Logger

	mu      sync.Mutex
	waiting map[ID][]chan struct{}
	all     []chan struct{} // who waits for any change
}

// NewService returns the service over a state that has the part. It lives as
// long as the part.
func NewService(cfg Config) *Service {
	s := &Service{state: cfg.State, level: cfg.Level, whole: cfg.Whole, reaches: cfg.Reaches, log: cfg.Logger, waiting: map[ID][]chan struct{}{}}
	if s.level == nil {
		s.level = func() uint32 { return Level }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	cfg.Part.Watch(s.wake)
	return s
}

// wake rouses who waits for the tasks that changed.
func (s *Service) wake(events []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rouse := func(list []chan struct{}) {
		for _, c := range list {
			close(c)
		}
	}
	rouse(s.all)
	s.all = nil
	if events == nil {
		for _, list := range s.waiting {
			rouse(list)
		}
		clear(s.waiting)
		return
	}
	for _, e := range events {
		rouse(s.waiting[e.Task])
		delete(s.waiting, e.Task)
	}
}

// Changed returns a channel that is closed when a task changes, or any for the
// id 0, and what gives the wait up. Ask for it before reading what may change.
func (s *Service) Changed(id ID) (<-chan struct{}, func()) {
	c := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == 0 {
		s.all = append(s.all, c)
		return c, func() { s.mu.Lock(); defer s.mu.Unlock(); s.all = without(s.all, c) }
	}
	s.waiting[id] = append(s.waiting[id], c)
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.waiting[id] = without(s.waiting[id], c); len(s.waiting[id]) == 0 {
			delete(s.waiting, id)
		}
	}
}

func without(list []chan struct{}, c chan struct{}) []chan struct{} {
	for i := range list {
		if list[i] == c {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

func (s *Service) propose(ctx context.Context, k numbered.Kind, body any, idem *consensus.IdempotencyKey) (consensus.Outcome, error) {
	if s.level() < Level {
		return consensus.Outcome{}, numbered.Refuse(CodeOlderNodes, "tasks need a software that not every node of this mesh runs: `meshd members` shows the versions")
	}
	return s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: numbered.Command(k, body), Idempotency: idem})
}

// NewTask is what Submit takes. Agent or Needs is required, and Body.
type NewTask struct {
	Requester Party
	Agent     string
	Needs     []string
	Type      string
	Body      json.RawMessage
	Priority  Priority // "": Normal
	// Deadline is when the task must have ended; or Timeout after it was
	// submitted. Both zero: DefaultTimeout.
	Deadline time.Time
	Timeout  time.Duration
	// Parent is the task this is a part of; 0: none.
	Parent      ID
	MaxAttempts int // 0: DefaultAttempts
	// TraceParent is a W3C trace context; what is none is left out.
	TraceParent string
	Idempotency *consensus.IdempotencyKey
}

// Submit makes a task. It is with its agent's inbox, or being placed, soon
// after.
func (s *Service) Submit(ctx context.Context, n NewTask) (Task, consensus.Outcome, error) {
	b := submit{
		Requester: n.Requester, Agent: n.Agent, Needs: n.Needs, Type: n.Type, Body: n.Body, Priority: n.Priority.Rank(),
		TimeoutMs: n.Timeout.Milliseconds(), Parent: n.Parent, MaxAttempts: n.MaxAttempts,
		Counted: s.level() >= LevelShare && n.Requester.Principal != "" && (s.whole == nil || !s.whole(n.Requester.Principal)),
	}
	if _, err := tracing.Parse(n.TraceParent); err == nil {
		b.TraceParent = n.TraceParent
	}
	if b.Body == nil {
		b.Body = []byte("null")
	}
	if b.MaxAttempts == 0 {
		b.MaxAttempts = DefaultAttempts
	}
	if !n.Deadline.IsZero() {
		b.DeadlineMs = n.Deadline.UnixMilli()
	}
	if n.Timeout != 0 && b.TimeoutMs <= 0 {
		return Task{}, consensus.Outcome{}, numbered.Invalid("deadline", "a task needs some time, such as 30m")
	}
	if err := b.check(); err != nil {
		return Task{}, consensus.Outcome{}, err // not worth a line in the log
	}
	if b.Agent != "" && s.reaches != nil {
		if err := s.reaches(b.Agent); err != nil {
			return Task{}, consensus.Outcome{}, err
		}
	}
	out, err := s.propose(ctx, kindSubmit, b, n.Idempotency)
	if err != nil {
		return Task{}, out, err
	}
	var m made
	if err := consensus.Decode(out.Result, &m); err != nil {
		return Task{}, out, err
	}
	t, _, err := s.Get(ctx, m.Task, consensus.ReadOptions{})
	return t, out, err
}

// Report is an agent's word on its task.
type Report struct {
	Task ID
	// Agent is whom the caller speaks as: the task must be with it.
	Agent string
	// Attempt, if it is not 0, must be the one the task is at.
	Attempt int
	State   State // Working, InputRequired, Completed or Failed
	// Begin, with Working, is refused with CodeBegun where somebody has reported on
	// this attempt: another instance of the agent, that may be at it still.
	Begin    bool
	Progress *Progress
	Result   json.RawMessage
	// Question goes with InputRequired.
	Question json.RawMessage
	Error    *Failure
	// Retryable, with Failed, lets another attempt be made.
	Retryable   bool
	By          string // the principal
	Idempotency *consensus.IdempotencyKey
}

// Report records an agent's word on its task and returns the task as it is
// then.
func (s *Service) Report(ctx context.Context, r Report) (Task, consensus.Outcome, error) {
	b := report{
		Task: r.Task, Agent: r.Agent, Attempt: r.Attempt, State: stateNumber(r.State), Progress: r.Progress, Result: r.Result,
		Question: r.Question, Error: r.Error, Retryable: r.Retryable, By: r.By,
	}
	if r.Begin {
		// Nodes of before cannot read it, so this one looks for itself.
		if b.Begin = s.level() >= LevelBegin; !b.Begin {
			t, _, err := s.Get(ctx, r.Task, consensus.ReadOptions{Consistency: consensus.Linearizable})
			if err != nil {
				return Task{}, consensus.Outcome{}, err
			}
			if begunAlready(t.State) {
				return Task{}, consensus.Outcome{}, begun(t.ID, t.Attempt)
			}
		}
	}
	if r.State == InputRequired && b.Question == nil {
		b.Question = []byte("null")
	}
	if err := b.check(); err != nil {
		return Task{}, consensus.Outcome{}, err
	}
	return s.change(ctx, r.Task, kindReport, b, r.Idempotency)
}

// Cancel ends a task, and its children after it. by is the principal.
func (s *Service) Cancel(ctx context.Context, id ID, by, reason string, idem *consensus.IdempotencyKey) (Task, consensus.Outcome, error) {
	return s.change(ctx, id, kindCancel, cancel{Task: id, By: by, Reason: reason}, idem)
}

// Answer gives a task the input it waits for.
func (s *Service) Answer(ctx context.Context, id ID, by string, input json.RawMessage, idem *consensus.IdempotencyKey) (Task, consensus.Outcome, error) {
	if err := checkBody("input", input); err != nil {
		return Task{}, consensus.Outcome{}, err
	}
	return s.change(ctx, id, kindAnswer, answer{Task: id, By: by, Body: input}, idem)
}

func (s *Service) change(ctx context.Context, id ID, k numbered.Kind, body any, idem *consensus.IdempotencyKey) (Task, consensus.Outcome, error) {
	out, err := s.propose(ctx, k, body, idem)
	if err != nil {
		return Task{}, out, err
	}
	t, _, err := s.Get(ctx, id, consensus.ReadOptions{})
	return t, out, err
}

// Get returns a task with its bodies.
func (s *Service) Get(ctx context.Context, id ID, o consensus.ReadOptions) (t Task, info consensus.ReadInfo, err error) {
	info, err = s.state.View(ctx, o, func(r consensus.Reader) error {
		t, err = view(r, id)
		return err
	})
	return t, info, err
}

func view(r consensus.Reader, id ID) (Task, error) {
	rec, err := load(r, id)
	if err == nil && rec == nil {
		err = unknown(id)
	}
	if err != nil {
		return Task{}, err
	}
	t := rec.task(id)
	t.Body, t.Result, t.Question, t.Answer = body(r, id, bodyTask), body(r, id, bodyResult), body(r, id, bodyQuestion), body(r, id, bodyAnswer)
	return t, nil
}

// Wait returns a task once it rests (it has ended, or waits for input), or as
// it is when ctx ends.
func (s *Service) Wait(ctx context.Context, id ID, o consensus.ReadOptions) (Task, consensus.ReadInfo, error) {
	for {
		changed, give := s.Changed(id)
		t, info, err := s.Get(context.WithoutCancel(ctx), id, o)
		if err != nil || t.State.Rests() {
			give()
			return t, info, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			give()
			return t, info, nil
		}
	}
}

// Events returns what happened to a task after a revision, oldest first, and
// the state it is in now.
func (s *Service) Events(ctx context.Context, id ID, after uint64) (events []Event, is State, err error) {
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		rec, err := load(r, id)
		if err == nil && rec == nil {
			err = unknown(id)
		}
		if err != nil {
			return err
		}
		is = rec.state()
		for _, v := range r.Scan(tableEvents, eventKey(id, 0), append(id.Key(), 0xff, 0xff, 0xff, 0xff, 0xff)) {
			var e eventRow
			if err := consensus.Decode(v, &e); err != nil {
				return err
			}
			if e.Revision > after {
				events = append(events, e.event(id, rec))
			}
		}
		return nil
	})
	return events, is, err
}

// Scores returns what is remembered of an agent, by kind of task and by
// capability.
func (s *Service) Scores(ctx context.Context, agent string) (types, needs map[string]Score, err error) {
	types, needs = map[string]Score{}, map[string]Score{}
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		prefix := append([]byte(agent), 0)
		for k, v := range r.Scan(tableScores, prefix, append([]byte(agent), 1)) {
			c := Score{}
			if err := consensus.Decode(v, &c); err != nil {
				return err
			}
			if len(k) <= len(prefix) {
				return fmt.Errorf("a score has no subject")
			}
			if word := string(k[len(prefix)+1:]); k[len(prefix)] == subjectType {
				types[word] = c
			} else {
				needs[word] = c
			}
		}
		return nil
	})
	return types, needs, err
}
