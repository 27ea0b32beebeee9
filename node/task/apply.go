package task

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/node/numbered"
)

func (s *store) submit(b submit) (made, error) {
	if err := b.check(); err != nil {
		return made{}, err
	}
	deadline, err := b.deadline(s.c.Time)
	if err != nil {
		return made{}, err
	}
	r := &record{
		State: stateNumber(Submitted), Type: b.Type, Requester: b.Requester, Wanted: b.Agent, Needs: b.Needs, Priority: b.Priority,
		Deadline: deadline, Parent: b.Parent, MaxAttempts: b.MaxAttempts, Created: s.now, TraceParent: b.TraceParent, Counted: b.Counted && s.c.Level >= LevelShare,
	}
	if err := s.descend(r); err != nil {
		return made{}, err
	}
	if slices.Contains(r.Chain, b.Agent) {
		return made{}, loop(r.Chain, b.Agent)
	}
	if r.Counted {
		if err := s.shareRoom(b.Requester.Principal, "this credential", 1, int64(len(b.Body))); err != nil {
			return made{}, err
		}
	}
	if err := s.room(int64(len(b.Body))); err != nil {
		return made{}, err
	}
	s.m.Last++
	id := ID(s.m.Last)
	s.setBody(id, r, bodyTask, b.Body)
	if b.Agent != "" {
		s.begin(id, r, b.Agent)
	}
	s.event(id, r, eventRow{Kind: string(Submitted), By: b.Requester.Principal})
	s.save(id, nil, r)
	return made{id}, nil
}

// descend makes the chain of a new task from its parent's, and bounds it by the
// parent.
func (s *store) descend(r *record) error {
	if r.Parent != 0 {
		p, err := s.need(r.Parent)
		if err != nil {
			return err
		}
		if p.state().Final() {
			return ended(r.Parent, p.state())
		}
		r.Chain = slices.Clone(p.Chain)
		if p.Agent != "" && !slices.Contains(r.Chain, p.Agent) {
			r.Chain = append(r.Chain, p.Agent)
		}
		r.Deadline = min(r.Deadline, p.Deadline)
	}
	if a := r.Requester.Agent; a != "" && !slices.Contains(r.Chain, a) {
		r.Chain = append(r.Chain, a)
	}
	if len(r.Chain) > MaxDepth {
		return numbered.Refuse(CodeDepth, fmt.Sprintf("the task would be %d agents deep, and %d is the most: do it here, or ask fewer in between", len(r.Chain), MaxDepth),
			"chain", strings.Join(r.Chain, " "))
	}
	return nil
}

func loop(chain []string, agent string) error {
	return numbered.Refuse(CodeLoop, fmt.Sprintf("%s is waiting for this very task, through %s: give it to another", agent, strings.Join(chain, ", ")), "chain", strings.Join(chain, " "))
}

// room makes room for a new task, or refuses it.
func (s *store) room(size int64) error {
	if s.m.Live >= MaxLive {
		return numbered.Refuse(CodeFull, fmt.Sprintf("%d tasks are under way, which is as many as the mesh keeps; wait until some end", s.m.Live), "live", fmt.Sprint(s.m.Live), "limit", fmt.Sprint(MaxLive))
	}
	if err := s.evict(4, func() bool { return s.m.Finished > MaxFinished || s.m.Bytes+size > MaxBytes }); err != nil {
		return err
	}
	if s.m.Bytes+size > MaxBytes {
		return numbered.Refuse(CodeFull, fmt.Sprintf("the bodies of all tasks are %d MiB, which is as much as the mesh keeps; wait until some end", s.m.Bytes>>20), "bytes", fmt.Sprint(s.m.Bytes), "limit_bytes", fmt.Sprint(MaxBytes))
	}
	return nil
}

// assign gives waiting tasks to agents. What has changed since is passed over.
func (s *store) assign(b assign) error {
	for _, a := range b.List {
		r, err := load(s.w, a.Task)
		if err != nil {
			return err
		}
		if r == nil || !r.waits() || r.Attempt+1 != a.Attempt || r.Note == a.Note && a.Agent == "" {
			continue
		}
		before := *r
		switch {
		case a.Agent == "":
			r.Note = truncate(a.Note, MaxText)
			s.event(a.Task, r, eventRow{Kind: kindWaiting, Text: r.Note})
		case !numbered.IsName(a.Agent) || slices.Contains(r.Chain, a.Agent):
			continue
		default:
			s.begin(a.Task, r, a.Agent)
			s.event(a.Task, r, eventRow{Kind: kindAssigned})
		}
		s.save(a.Task, &before, r)
	}
	return nil
}

func (s *store) report(b report) error {
	if err := b.check(); err != nil {
		return err
	}
	r, err := s.need(b.Task)
	if err != nil {
		return err
	}
	if err := mayReport(b, r); err != nil {
		return err
	}
	if b.Begin && s.c.Level >= LevelBegin && begunAlready(r.state()) {
		return begun(b.Task, r.Attempt)
	}
	before := *r
	to := states[b.State]
	s.hand(r) // whatever the leader has come to say of it
	if b.Progress != nil {
		r.Progress = b.Progress
	}
	if r.Started == 0 {
		r.Started = s.now
	}
	e := eventRow{Kind: string(to), Progress: b.Progress, By: b.By}
	if to.Final() {
		// Whoever has reported the end need not acknowledge the delegation.
		s.send(outRow{Kind: outWithdraw, Task: b.Task, Attempt: r.Attempt, To: r.Agent})
	}
	switch to {
	case Working:
		if r.state() == Working {
			e.Kind = kindProgress
		}
	case InputRequired:
		if err := s.grows(r, len(b.Question)); err != nil {
			return err
		}
		r.Inputs++
		s.setBody(b.Task, r, bodyQuestion, b.Question)
		s.setBody(b.Task, r, bodyAnswer, nil)
		s.wake(b.Task, r, outQuestion)
	case Completed:
		if b.Result != nil {
			s.setBody(b.Task, r, bodyResult, b.Result)
		}
		s.judge(r, true)
	case Failed:
		why := Failure{}
		if b.Error != nil {
			why = *b.Error
		}
		e.Text = cmp.Or(why.Text, why.Code)
		s.judge(r, false)
		if b.Retryable && r.Attempt < r.MaxAttempts {
			s.again(b.Task, r, e)
			s.save(b.Task, &before, r)
			return nil
		}
		r.Error = &why
		if b.Result != nil {
			s.setBody(b.Task, r, bodyResult, b.Result)
		}
	}
	s.end(b.Task, r, to, e)
	s.save(b.Task, &before, r)
	return s.cascade(cascadeNow)
}

// mayReport says whether an agent may bring its task to a state.
func mayReport(b report, r *record) error {
	if int(b.State) >= len(states) || b.State == 0 {
		return numbered.Refuse(CodeUpgradeNode, "a task command names a state that this version does not know; upgrade this node")
	}
	from, to := r.state(), states[b.State]
	switch {
	case from.Final():
		return ended(b.Task, from)
	case r.Agent == "":
		return numbered.Refuse(CodeNotAssigned, fmt.Sprintf("task %s waits for an agent to be chosen; nobody can report on it", b.Task), "task", b.Task.String())
	case b.Agent != r.Agent:
		return numbered.Refuse(CodeNotAssigned, fmt.Sprintf("task %s is with %s, so %s cannot report on it; leave it", b.Task, r.Agent, b.Agent), "task", b.Task.String(), "agent", r.Agent)
	case b.Attempt != 0 && b.Attempt != r.Attempt:
		return numbered.Refuse(CodeNotAssigned, fmt.Sprintf("attempt %d of task %s is over, it is at attempt %d; leave it", b.Attempt, b.Task, r.Attempt), "task", b.Task.String(), "attempt", fmt.Sprint(r.Attempt))
	case to == Submitted || to == Cancelled:
		return numbered.Refuse(CodeState, fmt.Sprintf("an agent reports working, input_required, completed or failed, and not %s; the requester cancels", to), "task", b.Task.String(), "state", string(from))
	case to == InputRequired && from == InputRequired:
		return numbered.Refuse(CodeState, fmt.Sprintf("task %s waits for input already; report working to go on without it", b.Task), "task", b.Task.String(), "state", string(from))
	}
	return nil
}

func (s *store) cancel(b cancel) error {
	r, err := s.need(b.Task)
	if err != nil {
		return err
	}
	if r.state().Final() {
		return ended(b.Task, r.state())
	}
	if len(b.Reason) > MaxText {
		return numbered.Invalid("reason", fmt.Sprintf("a reason is at most %d bytes", MaxText))
	}
	s.stop(b.Task, r, Cancelled, Failure{}, eventRow{Kind: string(Cancelled), Text: b.Reason, By: b.By})
	return s.cascade(cascadeNow)
}

func (s *store) answer(b answer) error {
	if err := checkBody("input", b.Body); err != nil {
		return err
	}
	r, err := s.need(b.Task)
	if err != nil {
		return err
	}
	switch st := r.state(); {
	case st.Final():
		return ended(b.Task, st)
	case st != InputRequired:
		return numbered.Refuse(CodeState, fmt.Sprintf("task %s is %s and waits for no input", b.Task, st), "task", b.Task.String(), "state", string(st))
	}
	if err := s.grows(r, len(b.Body)); err != nil {
		return err
	}
	before := *r
	s.setBody(b.Task, r, bodyAnswer, b.Body)
	r.State = stateNumber(Working)
	if s.c.Level >= LevelFair {
		r.HandedAt = s.now // who waited for the answer had no time before it
	}
	s.send(outRow{Kind: outAnswer, Task: b.Task, Attempt: r.Attempt, To: r.Agent, Number: r.Inputs})
	s.event(b.Task, r, eventRow{Kind: kindInput, By: b.By})
	s.save(b.Task, &before, r)
	return nil
}

// end brings a task to a state and tells of it.
func (s *store) end(id ID, r *record, to State, e eventRow) {
	r.State = stateNumber(to)
	s.event(id, r, e)
	if !to.Final() {
		return
	}
	if to == Failed || to == Cancelled {
		s.w.Put(tableCascade, id.Key(), nil)
	}
	s.wake(id, r, outResult)
}

// stop ends a task that its agent did not end.
func (s *store) stop(id ID, r *record, to State, why Failure, e eventRow) {
	before := *r
	s.leave(id, r, cmp.Or(e.Text, string(to)))
	if to == Failed {
		r.Error = &why
	}
	s.end(id, r, to, e)
	s.save(id, &before, r)
}

// again puts a task back in line for its next attempt. The caller saves it.
func (s *store) again(id ID, r *record, e eventRow) {
	if !slices.Contains(r.Tried, r.Agent) {
		r.Tried = append(r.Tried, r.Agent)
	}
	e.Kind, e.Agent = kindRetry, r.Agent
	r.State, r.Agent, r.Handed, r.HandedAt, r.Patience, r.Progress = stateNumber(Submitted), "", false, 0, 0, nil
	r.NotBefore = s.now
	if r.Wanted != "" {
		r.NotBefore += pause(r.Attempt).Milliseconds()
	}
	s.event(id, r, e)
}

// pause is how long the agent that a requester named is left alone after it
// failed: 1 s, doubled with each attempt, at most a minute.
func pause(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 6), time.Minute)
}

// lose deals with an attempt that did not reach its agent, or did not begin;
// early says that this was no matter of time.
func (s *store) lose(id ID, r *record, reason string, early bool) {
	if s.hadTime(r, early) {
		s.judge(r, false)
	}
	if r.Attempt >= r.MaxAttempts {
		s.stop(id, r, Failed, Failure{Code: FailedAttempts, Text: reason}, eventRow{Kind: string(Failed), Text: reason})
		return
	}
	before := *r
	s.leave(id, r, reason)
	s.again(id, r, eventRow{Text: reason})
	s.save(id, &before, r)
}

func (s *store) lost(b lostList) error {
	for _, l := range b.List {
		r, err := load(s.w, l.Task)
		if err != nil {
			return err
		}
		if r != nil && r.state() == Submitted && r.Agent != "" && r.Attempt == l.Attempt {
			s.lose(l.Task, r, truncate(l.Reason, MaxText), s.now < r.Deadline-slack.Milliseconds())
		}
	}
	return s.cascade(cascadeNow)
}

func stateNumber(s State) uint8 { return uint8(slices.Index(states, s)) }

func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
