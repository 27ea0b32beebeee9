package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

// office is inboxes in memory, which accept an id once.
type office struct {
	mu     sync.Mutex
	order  []Letter
	ids    map[string]int // times sent
	dead   map[string]map[string]string
	unread []string
	gone   []string
	refuse map[string]error
}

func newOffice() *office {
	return &office{ids: map[string]int{}, dead: map[string]map[string]string{}, refuse: map[string]error{}}
}

func (o *office) Send(_ context.Context, l Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refuse[l.To]; err != nil {
		return err
	}
	if o.ids[l.ID]++; o.ids[l.ID] == 1 {
		o.order = append(o.order, l)
	}
	return nil
}

func (o *office) Withdraw(_ context.Context, _ string, ids []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = append(o.gone, ids...)
	return nil
}

func (o *office) Dead(_ context.Context, agent string) (map[string]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dead[agent], nil
}

func (o *office) Waiting(_ context.Context, _ string, ids []string) (map[string]bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]bool{}
	for _, id := range ids {
		out[id] = slices.Contains(o.unread, id)
	}
	return out, nil
}

func (o *office) letters() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, l := range o.order {
		out = append(out, l.To+":"+l.ID)
	}
	return strings.Join(out, " ")
}

// led is a world with a leader that takes its rounds when it is told to.
type led struct {
	*world
	*office
	*leader
	s      *Service
	agents []Candidate
}

func newLed(t testing.TB) *led {
	w := &led{world: newWorld(t), office: newOffice()}
	w.s = w.world.s
	w.leader = w.another()
	return w
}

// another is a leader that remembers nothing.
func (w *led) another() *leader {
	return newLeader(w.s, Leading{
		Post: w.office, Agents: func() []Candidate { return slices.Clone(w.agents) }, Chooser: ByMerit{},
		Now: func() time.Time { return w.world.now }, Leads: func() bool { return true },
	})
}

func (w *led) pass(d time.Duration) {
	w.world.now = w.world.now.Add(d)
	w.round(ctx())
}

func TestATaskIsHandedOverAndItsEndIsTold(t *testing.T) {
	w := newLed(t)
	id := w.submit(toEcho()).ID
	w.pass(0)
	if got := w.letters(); got != "echo:task-1-1" {
		t.Fatalf("sent %s", got)
	}
	var d delegation
	if err := json.Unmarshal(w.order[0].Body, &d); err != nil || d.Task != id || string(d.Body) != `{"say":"hello"}` || d.Requester.Agent != "boss" || w.order[0].TTL != DefaultTimeout {
		t.Errorf("the delegation is %+v for %s, %v", d, w.order[0].TTL, err)
	}
	if got := w.kinds(id); got != "submitted handed_over" {
		t.Errorf("its history is %s", got)
	}
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: InputRequired, Question: json.RawMessage(`"which?"`)}); err != nil {
		t.Fatal(err)
	}
	w.pass(0)
	if _, _, err := w.s.Answer(ctx(), id, "p1", json.RawMessage(`"this"`), nil); err != nil {
		t.Fatal(err)
	}
	w.pass(0)
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: Completed, Result: json.RawMessage(`7`)}); err != nil {
		t.Fatal(err)
	}
	w.pass(0)
	if got := w.letters(); got != "echo:task-1-1 boss:task-1-question-1 echo:task-1-1-input-1 boss:task-1-result" {
		t.Errorf("sent %s", got)
	}
	if last := string(w.order[3].Body); last != `{"task":"1","type":"echo","state":"completed","agent":"echo","result":7}` {
		t.Errorf("the result is told as %s", last)
	}
	if !slices.Equal(w.gone, []string{"task-1-1"}) {
		t.Errorf("withdrawn: %v", w.gone)
	}
	if rows := w.scan(tableOut); len(rows) != 0 {
		t.Errorf("%d rows are left in the outbox", len(rows))
	}
}

// A leader that dies after any call of any round is followed by one that
// remembers nothing: every letter is accepted, and none a second time.
func TestALeaderMayDieBetweenAnyTwoSteps(t *testing.T) {
	for death := range 12 {
		w := newLed(t)
		id := w.submit(NewTask{Needs: []string{"x"}, Requester: Party{Agent: "boss"}}).ID
		w.agents = []Candidate{{Agent: "one", Capabilities: []string{"x"}, Instances: 1}}
		calls, died := 0, errors.New("the leader died")
		w.leader.s = NewService(Config{State: mortal{w.state, func() error {
			if calls++; calls > death {
				return died
			}
			return nil
		}}, Part: NewPart()})
		dying := &office{ids: w.office.ids, dead: w.office.dead, refuse: map[string]error{}}
		w.leader.Post = dyingOffice{dying, w.office, func() error {
			if calls++; calls > death {
				return died
			}
			return nil
		}}
		w.pass(0)
		w.pass(0)
		w.leader = w.another()
		w.pass(0)
		w.pass(0)
		if got := w.letters(); got != "one:task-1-1" {
			t.Fatalf("death %d: sent %q", death, got)
		}
		if got := w.kinds(id); got != "submitted assigned handed_over" {
			t.Errorf("death %d: its history is %s", death, got)
		}
		audit(t, w.state)
	}
}

// mortal is a state whose proposer dies before or, on odd calls, after a
// proposal was made.
type mortal struct {
	consensus.State
	alive func() error
}

func (m mortal) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if err := m.alive(); err != nil {
		return consensus.Outcome{}, err
	}
	out, err := m.State.Propose(ctx, p)
	if err := m.alive(); err != nil {
		return consensus.Outcome{}, err
	}
	return out, err
}

type dyingOffice struct {
	*office
	real  *office
	alive func() error
}

func (d dyingOffice) Send(ctx context.Context, l Letter) error {
	if err := d.alive(); err != nil {
		return err
	}
	if err := d.real.Send(ctx, l); err != nil {
		return err
	}
	return d.alive()
}

func TestAnAgentIsChosen(t *testing.T) {
	w := newLed(t)
	id := w.submit(NewTask{Needs: []string{"x", "y"}}).ID
	w.agents = []Candidate{{Agent: "half", Capabilities: []string{"x"}, Instances: 1}}
	w.pass(0)
	w.pass(time.Second)
	if task := w.get(id); task.Note == "" || w.kinds(id) != "submitted waiting" {
		t.Fatalf("nobody can: %+v, %s", task, w.kinds(id))
	}
	w.agents = append(w.agents, Candidate{Agent: "whole", Capabilities: []string{"y", "x"}, Instances: 1})
	w.pass(time.Second)
	if task := w.get(id); task.Agent != "whole" || task.Note != "" {
		t.Errorf("it is with %q", task.Agent)
	}
	if got := w.letters(); got != "whole:task-1-1" {
		t.Errorf("sent %s", got)
	}
}

// Tasks that waited for an agent reach it by urgency, though they are sent at once:
// the last that was asked for was the first that it got.
func TestTheMostUrgentReachesAnAgentFirst(t *testing.T) {
	w := newLed(t)
	for i := range 64 {
		n := toEcho()
		n.Agent, n.Needs, n.Priority = "", []string{"ocr"}, priorities[i%len(priorities)]
		w.submit(n)
	}
	w.agents = []Candidate{{Agent: "reader", Instances: 1, Capabilities: []string{"ocr"}}}
	for range 4 {
		w.pass(time.Second)
	}
	if len(w.order) != 64 {
		t.Fatalf("%d letters", len(w.order))
	}
	for i := 1; i < len(w.order); i++ {
		if w.order[i].Priority.Rank() > w.order[i-1].Priority.Rank() {
			t.Fatalf("%s comes after %s, as letter %d", w.order[i].Priority, w.order[i-1].Priority, i)
		}
	}
}

// What was handed over and has not begun goes to another when its letter died,
// or its agent has gone.
func TestWhatDiesOnItsWayGoesToAnother(t *testing.T) {
	w := newLed(t)
	w.agents = []Candidate{{Agent: "a", Capabilities: []string{"x"}, Instances: 1}, {Agent: "b", Capabilities: []string{"x"}, Instances: 1}, {Agent: "c", Capabilities: []string{"x"}, Instances: 1}}
	id := w.submit(NewTask{Needs: []string{"x"}}).ID
	w.pass(0)
	first := w.get(id).Agent
	w.dead[first] = map[string]string{"task-1-1": "returned"}
	w.pass(lookEvery)
	w.pass(0)
	second := w.get(id).Agent
	if second == first || second == "" || w.get(id).Attempt != 2 {
		t.Fatalf("after %q it is with %q", first, second)
	}
	for i := range w.agents {
		if w.agents[i].Agent == second {
			w.agents[i].Instances = 0
		}
	}
	w.pass(lookEvery)
	w.pass(absence)
	w.pass(0)
	third := w.get(id).Agent
	if third == second || third == first || third == "" {
		t.Fatalf("after %q and %q it is with %q", first, second, third)
	}
	if !slices.Contains(w.gone, "task-1-1") || !slices.Contains(w.gone, "task-1-2") {
		t.Errorf("withdrawn: %v", w.gone)
	}
	if !strings.Contains(w.letters(), second+":task-1-2-cancelled") {
		t.Errorf("the one that may have begun is not told: %s", w.letters())
	}
	w.dead[third] = map[string]string{"task-1-3": "attempts"}
	w.pass(lookEvery)
	if task := w.get(id); task.State != Failed || task.Error.Code != FailedAttempts {
		t.Errorf("all attempts were made: %+v", task)
	}
	audit(t, w.state)
}

// An inbox that takes nothing holds up nobody else, and gets its letters in
// order when it takes some again.
func TestAFullInboxHoldsUpNobody(t *testing.T) {
	w := newLed(t)
	w.refuse["full"] = consensus.Refuse("INBOX_FULL", "full")
	for range 5 {
		w.submit(NewTask{Agent: "full"})
	}
	w.submit(NewTask{Agent: "free"})
	w.pass(0)
	if got := w.letters(); got != "free:task-6-1" {
		t.Fatalf("sent %s", got)
	}
	delete(w.refuse, "full")
	w.pass(sendPause)
	if got := strings.Count(w.letters(), "full:"); got != 5 {
		t.Errorf("%d of 5 letters were sent: %s", got, w.letters())
	}
}

func TestWhatCanNeverBeSentFails(t *testing.T) {
	w := newLed(t)
	w.refuse["odd"] = fmt.Errorf("%w: no such inbox", ErrUndeliverable)
	id := w.submit(NewTask{Agent: "odd", MaxAttempts: 1}).ID
	w.pass(0)
	if task := w.get(id); task.State != Failed || !strings.Contains(task.Error.Text, "no such inbox") {
		t.Errorf("it is %+v", task)
	}
}

func TestChoosingByMerit(t *testing.T) {
	able := func(name string, more func(*Candidate)) Candidate {
		c := Candidate{Agent: name, Capabilities: []string{"x"}, Instances: 1, Success: neutral}
		if more != nil {
			more(&c)
		}
		return c
	}
	for name, c := range map[string]struct {
		task Task
		from []Candidate
		want string
	}{
		"success":   {Task{}, []Candidate{able("a", nil), able("b", func(c *Candidate) { c.Success = 800_000 })}, "b a"},
		"nearly":    {Task{}, []Candidate{able("a", func(c *Candidate) { c.Success, c.Tasks = 590_000, 3 }), able("b", nil)}, "b a"},
		"practised": {Task{}, []Candidate{able("a", nil), able("b", func(c *Candidate) { c.Proficiency = 300_000 })}, "b a"},
		"busy":      {Task{}, []Candidate{able("a", func(c *Candidate) { c.Busy = 1 }), able("b", nil)}, "b a"},
		"instances": {Task{}, []Candidate{able("a", func(c *Candidate) { c.Tasks = 2 }), able("b", func(c *Candidate) { c.Tasks, c.Instances = 3, 2 })}, "b a"},
		"crowded":   {Task{}, []Candidate{able("a", func(c *Candidate) { c.Success, c.Tasks = million, 8 }), able("b", nil)}, "b a"},
		"failing":   {Task{}, []Candidate{able("a", func(c *Candidate) { c.Success, c.Known = 290_000, 10 }), able("b", func(c *Candidate) { c.Success = 200_000 })}, "b a"},
		"tried":     {Task{Tried: []string{"a"}}, []Candidate{able("a", func(c *Candidate) { c.Success = million }), able("b", nil)}, "b a"},
		"chain":     {Task{Chain: []string{"a"}}, []Candidate{able("a", nil), able("b", nil)}, "b"},
		"away":      {Task{}, []Candidate{able("a", func(c *Candidate) { c.Instances = 0 })}, ""},
		"unable":    {Task{}, []Candidate{able("a", func(c *Candidate) { c.Capabilities = nil })}, ""},
		"many": {Task{}, []Candidate{able("a", func(c *Candidate) { c.Tasks = 4 }), able("b", func(c *Candidate) { c.Tasks = 3 }), able("c", func(c *Candidate) { c.Tasks = 2 }),
			able("d", func(c *Candidate) { c.Tasks = 1 }), able("e", nil)}, "e d c b"},
	} {
		c.task.Needs = []string{"x"}
		var got []string
		for _, chosen := range (ByMerit{}).Choose(c.task, c.from) {
			got = append(got, chosen.Agent)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// Equals share the work of one round.
func TestEqualsShareTheWork(t *testing.T) {
	w := newLed(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.agents = append(w.agents, Candidate{Agent: name, Capabilities: []string{"x"}, Instances: 1})
	}
	for range 40 {
		w.submit(NewTask{Needs: []string{"x"}})
	}
	w.pass(0)
	for _, c := range w.agents {
		page, _, err := w.s.List(ctx(), ListOptions{Agent: c.Agent})
		if err != nil || len(page.Tasks) != 10 {
			t.Errorf("%s has %d of 40, %v", c.Agent, len(page.Tasks), err)
		}
	}
}

// The loop itself: it wakes by a change, and ends with its context.
func TestTheLoopRuns(t *testing.T) {
	w := newLed(t)
	ending, end := context.WithCancel(ctx())
	done := make(chan struct{})
	go func() { defer close(done); w.s.Lead(ending, w.Leading) }()
	t.Cleanup(func() { end(); <-done })
	id := w.submit(toEcho()).ID
	waiting, stop := context.WithTimeout(ctx(), time.Minute)
	defer stop()
	handed := errors.New("it was handed over")
	if err := w.follow(waiting, id, func(events []Event) error {
		if events[len(events)-1].Kind == kindHandedOver {
			return handed
		}
		return nil
	}); !errors.Is(err, handed) {
		t.Errorf("its history is %s: %v", w.kinds(id), err)
	}
}

func TestWaitingAndFollowing(t *testing.T) {
	w := newWorld(t)
	id := w.submit(toEcho()).ID
	var kinds []string
	told := make(chan error, 2)
	go func() {
		told <- w.follow(ctx(), id, func(events []Event) error {
			for _, e := range events {
				kinds = append(kinds, e.Kind)
			}
			return nil
		})
	}()
	go func() {
		task, _, err := w.s.Wait(ctx(), id, consensus.ReadOptions{})
		if err == nil && task.State != Completed {
			err = fmt.Errorf("it waited for %s", task.State)
		}
		told <- err
	}()
	for _, to := range []State{Working, Working, Completed} {
		if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: to}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(kinds, " "); got != "submitted working progress completed" {
		t.Errorf("told %s", got)
	}
	short, cancel := context.WithCancel(ctx())
	cancel()
	other := w.submit(toEcho()).ID
	if task, _, err := w.s.Wait(short, other, consensus.ReadOptions{}); err != nil || task.State != Submitted {
		t.Errorf("out of patience: %s, %v", task.State, err)
	}
	if err := w.follow(short, other, func([]Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("out of patience: %v", err)
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if len(w.s.waiting) != 0 {
		t.Errorf("%d waits are left", len(w.s.waiting))
	}
}

// A task at work whose worker has gone is taken for a failed attempt, after the
// grace, and begins again; one whose worker says something is left alone.
func TestAWorkerThatIsGoneLosesItsAttempt(t *testing.T) {
	working := func(w *led, to NewTask) ID {
		id := w.submit(to).ID
		w.pass(0)
		if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: Working}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	for name, c := range map[string]struct {
		gone  func(w *led)
		after time.Duration // when the attempt is lost; 0: never
	}{
		"its session ended": {func(w *led) { w.dead["echo"] = map[string]string{"task-1-1": "its connection broke"} }, grace - lookEvery},
		"its node failed, and it was read by nobody": {func(w *led) {
			w.agents[0].Instances, w.office.unread = 0, []string{"task-1-1"}
		}, grace},
		"it was never attached, and works by HTTP": {func(w *led) { w.agents, w.office.unread, w.leader = nil, []string{"task-1-1"}, w.another() }, 0},
		"it acknowledged the delegation and went":  {func(w *led) { w.agents[0].Instances = 0 }, 0},
		"it is slow, and has its session":          {func(w *led) {}, 0},
		"its session held it for a day":            {func(w *led) { w.dead["echo"] = map[string]string{"task-1-1": DiedLate} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLed(t)
			w.agents = []Candidate{{Agent: "echo", Capabilities: []string{"x"}, Instances: 1}}
			id := working(w, NewTask{Agent: "echo", MaxAttempts: 2, Timeout: time.Hour})
			c.gone(w)
			for passed := time.Duration(0); passed < 3*grace; passed += lookEvery {
				task := w.get(id)
				if lost := c.after != 0 && passed > c.after; lost != (task.Attempt == 2 || task.State == Submitted) {
					t.Fatalf("after %s: %s, attempt %d, %s", passed, task.State, task.Attempt, w.kinds(id))
				}
				w.pass(lookEvery)
			}
			if c.after == 0 {
				return
			}
			w.dead["echo"] = map[string]string{"task-1-2": "its connection broke"}
			if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", Attempt: 1, State: Completed}); !isRefusal(err, CodeNotAssigned) {
				t.Errorf("the worker that was lost came back: %v", err)
			}
			if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", Attempt: 2, State: Working}); err != nil {
				t.Fatal(err)
			}
			// What says something is at work, whatever became of its session.
			for range 4 {
				w.pass(grace / 2)
				if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", Attempt: 2, State: Working}); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(grace)
			if task := w.get(id); task.State != Failed || task.Error.Code != FailedAttempts || !strings.Contains(task.Error.Text, "its connection broke") {
				t.Errorf("it is %s: %+v", task.State, task.Error)
			}
			audit(t, w.state)
		})
	}
}

// One that waits for its requester's answer is nobody's to lose.
func TestAQuestionOutlivesWhoAsked(t *testing.T) {
	w := newLed(t)
	w.agents = []Candidate{{Agent: "echo", Instances: 1}}
	id := w.submit(NewTask{Agent: "echo", Timeout: time.Hour}).ID
	w.pass(0)
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: InputRequired, Question: json.RawMessage(`"which?"`)}); err != nil {
		t.Fatal(err)
	}
	w.dead["echo"] = map[string]string{"task-1-1": "its connection broke"}
	w.pass(2 * grace)
	if task := w.get(id); task.State != InputRequired {
		t.Fatalf("it is %s", task.State)
	}
	if _, _, err := w.s.Answer(ctx(), id, "p1", json.RawMessage(`"this"`), nil); err != nil {
		t.Fatal(err)
	}
	w.pass(grace - lookEvery)
	w.pass(lookEvery)
	w.pass(lookEvery)
	if task := w.get(id); task.State != Submitted {
		t.Errorf("it is %s: %s", task.State, w.kinds(id))
	}
}
