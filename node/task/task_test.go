package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/numbered"
)

// world is tasks on a state in memory with a clock of the test's.
type world struct {
	t     testing.TB
	state *consensustest.Local
	s     *Service
	now   time.Time
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)}
	part := NewPart()
	w.state = consensustest.New(part)
	w.state.Now = func() time.Time { return w.now }
	w.s = NewService(Config{State: w.state, Part: part})
	return w
}

func ctx() context.Context { return context.Background() }

func (w *world) submit(n NewTask) Task {
	w.t.Helper()
	t, _, err := w.s.Submit(ctx(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) get(id ID) Task {
	w.t.Helper()
	t, _, err := w.s.Get(ctx(), id, consensus.ReadOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) tick() {
	w.t.Helper()
	if _, err := w.s.propose(ctx(), kindTick, tick{}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// follow calls fn with what happens to a task until it has ended, fn fails or
// ctx ends.
func (w *world) follow(ctx context.Context, id ID, fn func([]Event) error) error {
	for after := uint64(0); ; {
		changed, give := w.s.Changed(id)
		events, is, err := w.s.Events(ctx, id, after)
		if err == nil && len(events) > 0 {
			after = events[len(events)-1].Revision
			err = fn(events)
		}
		if err != nil || is.Final() {
			give()
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			give()
			return ctx.Err()
		}
	}
}

func (w *world) kinds(id ID) string {
	w.t.Helper()
	events, _, err := w.s.Events(ctx(), id, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	last := uint64(0)
	for _, e := range events {
		if e.Revision <= last {
			w.t.Errorf("the event %s has revision %d after %d", e.Kind, e.Revision, last)
		}
		last = e.Revision
		out = append(out, e.Kind)
	}
	return strings.Join(out, " ")
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return fmt.Sprint(err)
}

func toEcho() NewTask {
	return NewTask{Agent: "echo", Body: json.RawMessage(`{"say":"hello"}`), Type: "echo", Requester: Party{Agent: "boss", Principal: "p1"}}
}

func TestATaskIsDone(t *testing.T) {
	w := newWorld(t)
	task := w.submit(toEcho())
	if task.State != Submitted || task.Agent != "echo" || task.Attempt != 1 || task.MaxAttempts != DefaultAttempts || !task.Deadline.Equal(w.now.Add(DefaultTimeout)) {
		t.Fatalf("submitted: %+v", task)
	}
	half := 50
	task, _, err := w.s.Report(ctx(), Report{Task: task.ID, Agent: "echo", State: Working, Progress: &Progress{Text: "at it", Percent: &half}})
	if err != nil || task.State != Working || task.StartedAt == nil || *task.Progress.Percent != 50 {
		t.Fatalf("working: %+v, %v", task, err)
	}
	if task, _, err = w.s.Report(ctx(), Report{Task: task.ID, Agent: "echo", State: InputRequired, Question: json.RawMessage(`"which?"`)}); err != nil || string(task.Question) != `"which?"` {
		t.Fatalf("asking: %+v, %v", task, err)
	}
	if task, _, err = w.s.Answer(ctx(), task.ID, "p1", json.RawMessage(`"this"`), nil); err != nil || task.State != Working || string(task.Answer) != `"this"` {
		t.Fatalf("answered: %+v, %v", task, err)
	}
	if task, _, err = w.s.Report(ctx(), Report{Task: task.ID, Agent: "echo", State: Completed, Result: json.RawMessage(`[1]`)}); err != nil || task.State != Completed || string(task.Result) != `[1]` || task.FinishedAt == nil {
		t.Fatalf("completed: %+v, %v", task, err)
	}
	if got := w.kinds(task.ID); got != "submitted working input_required input completed" {
		t.Errorf("its history is %s", got)
	}
	types, _, err := w.s.Scores(ctx(), "echo")
	if err != nil || types["echo"].Won != 1 || types["echo"].Average != neutral+(million-neutral)/smoothing {
		t.Errorf("scores are %v, %v", types, err)
	}
	audit(t, w.state)
}

// Every report, cancel and answer in every state, and what becomes of it.
func TestWhatMayFollowWhat(t *testing.T) {
	begin := map[State]func(*world) ID{
		Submitted: func(w *world) ID { return w.submit(toEcho()).ID },
	}
	reach := func(to State) func(*world) ID {
		return func(w *world) ID {
			id := w.submit(toEcho()).ID
			if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: to}); err != nil {
				w.t.Fatal(err)
			}
			return id
		}
	}
	for _, to := range []State{Working, InputRequired, Completed, Failed} {
		begin[to] = reach(to)
	}
	begin[Cancelled] = func(w *world) ID {
		id := w.submit(toEcho()).ID
		if _, _, err := w.s.Cancel(ctx(), id, "p1", "", nil); err != nil {
			w.t.Fatal(err)
		}
		return id
	}
	const ok = "ok"
	for _, c := range []struct {
		from State
		want [8]string // reports: submitted working input_required completed failed cancelled; cancel; answer
	}{
		{Submitted, [8]string{CodeState, ok, ok, ok, ok, CodeState, ok, CodeState}},
		{Working, [8]string{CodeState, ok, ok, ok, ok, CodeState, ok, CodeState}},
		{InputRequired, [8]string{CodeState, ok, CodeState, ok, ok, CodeState, ok, ok}},
		{Completed, [8]string{CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded}},
		{Failed, [8]string{CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded}},
		{Cancelled, [8]string{CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded, CodeEnded}},
	} {
		for i, want := range c.want {
			w := newWorld(t)
			id := begin[c.from](w)
			before := w.get(id)
			var err error
			name := "cancel"
			switch i {
			case 6:
				_, _, err = w.s.Cancel(ctx(), id, "p1", "", nil)
			case 7:
				name = "answer"
				_, _, err = w.s.Answer(ctx(), id, "p1", json.RawMessage(`1`), nil)
			default:
				name = "report " + string(states[i+1])
				_, _, err = w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: states[i+1]})
			}
			got := ok
			if err != nil {
				got = code(err)
			}
			if got != want {
				t.Errorf("%s, then %s: %s, want %s", c.from, name, got, want)
			}
			if err != nil && w.get(id).Revision != before.Revision {
				t.Errorf("%s, then %s: refused, and yet it changed", c.from, name)
			}
			audit(t, w.state)
		}
	}
}

func TestOnlyTheAgentItIsWithReports(t *testing.T) {
	w := newWorld(t)
	id := w.submit(toEcho()).ID
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "other", State: Working}); code(err) != CodeNotAssigned {
		t.Errorf("another agent: %v", err)
	}
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", Attempt: 2, State: Working}); code(err) != CodeNotAssigned {
		t.Errorf("another attempt: %v", err)
	}
	if _, _, err := w.s.Report(ctx(), Report{Task: id + 1, Agent: "echo", State: Working}); code(err) != CodeUnknown {
		t.Errorf("another task: %v", err)
	}
}

func TestWhatIsNoTask(t *testing.T) {
	big := json.RawMessage(`"` + strings.Repeat("x", MaxBody) + `"`)
	for name, c := range map[string]struct {
		change func(*NewTask)
		want   string
	}{
		"nobody":      {func(n *NewTask) { n.Agent = "" }, CodeInvalid},
		"both":        {func(n *NewTask) { n.Needs = []string{"x"} }, CodeInvalid},
		"name":        {func(n *NewTask) { n.Agent = "No Agent" }, CodeInvalid},
		"type":        {func(n *NewTask) { n.Type = "a\nb" }, CodeInvalid},
		"large":       {func(n *NewTask) { n.Body = big }, CodeTooLarge},
		"no JSON":     {func(n *NewTask) { n.Body = json.RawMessage("{") }, CodeInvalid},
		"attempts":    {func(n *NewTask) { n.MaxAttempts = 17 }, CodeInvalid},
		"no time":     {func(n *NewTask) { n.Timeout = -time.Second }, CodeInvalid},
		"much time":   {func(n *NewTask) { n.Timeout = 31 * 24 * time.Hour }, CodeInvalid},
		"past":        {func(n *NewTask) { n.Deadline = time.Date(2031, 4, 30, 0, 0, 0, 0, time.UTC) }, CodeInvalid},
		"far":         {func(n *NewTask) { n.Deadline = time.Date(2032, 4, 30, 0, 0, 0, 0, time.UTC) }, CodeInvalid},
		"itself":      {func(n *NewTask) { n.Agent = "boss" }, CodeLoop},
		"no parent":   {func(n *NewTask) { n.Parent = 99 }, CodeUnknown},
		"empty need":  {func(n *NewTask) { n.Agent, n.Needs = "", []string{""} }, CodeInvalid},
		"same needs":  {func(n *NewTask) { n.Agent, n.Needs = "", []string{"a", "a"} }, CodeInvalid},
		"many needs":  {func(n *NewTask) { n.Agent, n.Needs = "", strings.Split(strings.Repeat("a,", 17), ",") }, CodeInvalid},
		"no asker":    {func(n *NewTask) { n.Requester.Agent = "-" }, CodeInvalid},
		"large asker": {func(n *NewTask) { n.Requester.Principal = strings.Repeat("p", 300) }, CodeInvalid},
	} {
		w := newWorld(t)
		n := toEcho()
		c.change(&n)
		if _, _, err := w.s.Submit(ctx(), n); code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestChainsAreBoundedAndHaveNoLoops(t *testing.T) {
	w := newWorld(t)
	parent := ID(0)
	for i := range MaxDepth {
		task := w.submit(NewTask{Agent: fmt.Sprintf("a%d", i+1), Requester: Party{Agent: fmt.Sprintf("a%d", i)}, Parent: parent})
		if len(task.Chain) != i+1 {
			t.Fatalf("task %d has the chain %v", i, task.Chain)
		}
		parent = task.ID
	}
	if _, _, err := w.s.Submit(ctx(), NewTask{Agent: "a3", Requester: Party{Agent: "a16"}, Parent: parent}); code(err) != CodeDepth {
		t.Errorf("one deeper: %v", err)
	}
	w = newWorld(t)
	first := w.submit(NewTask{Agent: "b", Requester: Party{Agent: "a"}})
	second := w.submit(NewTask{Agent: "c", Requester: Party{Agent: "b"}, Parent: first.ID, Timeout: time.Hour})
	if !second.Deadline.Equal(first.Deadline) {
		t.Errorf("a child ends at %s, after its parent at %s", second.Deadline, first.Deadline)
	}
	for _, back := range []string{"a", "b", "c"} {
		if _, _, err := w.s.Submit(ctx(), NewTask{Agent: back, Requester: Party{Agent: "c"}, Parent: second.ID}); code(err) != CodeLoop {
			t.Errorf("back to %s: %v", back, err)
		}
	}
	// A loop by capabilities is passed over.
	third := w.submit(NewTask{Needs: []string{"x"}, Requester: Party{Agent: "c"}, Parent: second.ID})
	if _, err := w.s.propose(ctx(), kindAssign, assign{[]assignment{{Task: third.ID, Attempt: 1, Agent: "a"}}}, nil); err != nil || w.get(third.ID).Agent != "" {
		t.Errorf("assigned to %q, %v", w.get(third.ID).Agent, err)
	}
}

func TestAFailureIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	n := toEcho()
	n.Agent, n.Needs = "", []string{"echoing"}
	id := w.submit(n).ID
	for attempt, agent := range []string{"e1", "e2", "e3"} {
		if _, err := w.s.propose(ctx(), kindAssign, assign{[]assignment{{Task: id, Attempt: attempt + 1, Agent: agent}}}, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: agent, State: Failed, Retryable: true, Error: &Failure{Code: "BUSY", Text: "too busy"}}); err != nil {
			t.Fatal(err)
		}
		audit(t, w.state)
	}
	task := w.get(id)
	if task.State != Failed || task.Error == nil || task.Error.Code != "BUSY" || strings.Join(task.Tried, " ") != "e1 e2" {
		t.Errorf("it ended as %+v", task)
	}
	if got := w.kinds(id); got != "submitted assigned retry assigned retry assigned failed" {
		t.Errorf("its history is %s", got)
	}
}

func TestTheNamedAgentIsLeftAloneForAWhile(t *testing.T) {
	w := newWorld(t)
	id := w.submit(toEcho()).ID
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: Failed, Retryable: true}); err != nil {
		t.Fatal(err)
	}
	rec := w.record(id)
	if task := w.get(id); task.State != Submitted || rec.NotBefore != w.now.Add(time.Second).UnixMilli() {
		t.Errorf("it is %s and waits until %d", task.State, rec.NotBefore)
	}
}

func (w *world) record(id ID) *record {
	var rec *record
	if _, err := w.state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
		rec, err = load(r, id)
		return err
	}); err != nil || rec == nil {
		w.t.Fatalf("task %s cannot be read: %v", id, err)
	}
	return rec
}

func TestTimeEndsATask(t *testing.T) {
	w := newWorld(t)
	id := w.submit(toEcho()).ID
	w.now = w.now.Add(DefaultTimeout - time.Millisecond)
	w.tick()
	if s := w.get(id).State; s != Submitted {
		t.Fatalf("it is %s before its time", s)
	}
	w.now = w.now.Add(time.Millisecond)
	w.tick()
	if task := w.get(id); task.State != Failed || task.Error.Code != FailedDeadline {
		t.Fatalf("it is %+v after its time", task)
	}
	w.now = w.now.Add(KeepFinished)
	w.tick()
	if _, _, err := w.s.Get(ctx(), id, consensus.ReadOptions{}); code(err) != CodeUnknown {
		t.Errorf("it is kept: %v", err)
	}
	left := 0
	for _, table := range allTables {
		for range w.scan(table) {
			left++
		}
	}
	// The counts; what the requester and the agent are to be told. The agent was
	// not handed it, and is not judged.
	if left != 1+w.m().int(t) {
		t.Errorf("%d rows are left", left)
	}
	audit(t, w.state)
}

type counts struct{ meta }

func (c counts) int(testing.TB) int { return int(c.LastOut) }

func (w *world) m() counts {
	var m meta
	if _, err := w.state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
		m, err = loadMeta(r)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return counts{m}
}

func (w *world) scan(table consensus.Table) [][2][]byte {
	var out [][2][]byte
	_, _ = w.state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		for k, v := range r.Scan(table, nil, nil) {
			out = append(out, [2][]byte{bytes.Clone(k), bytes.Clone(v)})
		}
		return nil
	})
	return out
}

func TestAnAgentThatDoesNotBeginLosesTheTask(t *testing.T) {
	w := newWorld(t)
	id := w.submit(NewTask{Needs: []string{"x"}, Timeout: 30 * time.Second}).ID
	if _, err := w.s.propose(ctx(), kindAssign, assign{[]assignment{{Task: id, Attempt: 1, Agent: "one"}}}, nil); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(10 * time.Second)
	w.tick()
	if task := w.get(id); task.State != Submitted || task.Agent != "" || strings.Join(task.Tried, "") != "one" {
		t.Fatalf("a third of its time has passed: %+v", task)
	}
	if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "one", State: Completed}); code(err) != CodeNotAssigned {
		t.Errorf("it reports all the same: %v", err)
	}
	audit(t, w.state)
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	w := newWorld(t)
	parent := w.submit(toEcho())
	const children = 3*cascadeNow + 5
	var last Task
	for range children {
		last = w.submit(NewTask{Agent: "helper", Requester: Party{Agent: "echo"}, Parent: parent.ID})
	}
	grandchild := w.submit(NewTask{Agent: "third", Requester: Party{Agent: "helper"}, Parent: last.ID})
	done := w.submit(NewTask{Agent: "helper", Requester: Party{Agent: "echo"}, Parent: parent.ID})
	if _, _, err := w.s.Report(ctx(), Report{Task: done.ID, Agent: "helper", State: Completed}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.s.Cancel(ctx(), parent.ID, "p1", "no longer", nil); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		audit(t, w.state)
		w.tick()
	}
	page, _, err := w.s.List(ctx(), ListOptions{Parent: parent.ID, States: []State{Cancelled}, Limit: MaxPage})
	if err != nil || len(page.Tasks) != children {
		t.Errorf("%d children are cancelled, %v", len(page.Tasks), err)
	}
	if s := w.get(grandchild.ID).State; s != Cancelled {
		t.Errorf("the grandchild is %s", s)
	}
	if s := w.get(done.ID).State; s != Completed {
		t.Errorf("the child that was done is %s", s)
	}
	if _, _, err := w.s.Submit(ctx(), NewTask{Agent: "helper", Requester: Party{Agent: "echo"}, Parent: parent.ID}); code(err) != CodeEnded {
		t.Errorf("another child: %v", err)
	}
	audit(t, w.state)
}

func TestHistoryIsBounded(t *testing.T) {
	w := newWorld(t)
	id := w.submit(toEcho()).ID
	for range MaxEvents + 40 {
		if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: Working}); err != nil {
			t.Fatal(err)
		}
	}
	events, _, err := w.s.Events(ctx(), id, 0)
	if err != nil || len(events) != MaxEvents || events[0].Kind != "submitted" {
		t.Errorf("%d events are kept, the first is %s, %v", len(events), events[0].Kind, err)
	}
	if after, _, _ := w.s.Events(ctx(), id, events[100].Revision); len(after) != MaxEvents-101 {
		t.Errorf("%d events after the 101st", len(after))
	}
	audit(t, w.state)
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	for i := range 25 {
		n := NewTask{Agent: fmt.Sprintf("a%d", i%3), Requester: Party{Agent: "boss", Principal: fmt.Sprintf("p%d", i%2)}}
		w.submit(n)
	}
	for name, c := range map[string]struct {
		o    ListOptions
		want int
	}{
		"all":       {ListOptions{}, 25},
		"agent":     {ListOptions{Agent: "a1"}, 8},
		"boss":      {ListOptions{Requester: "boss"}, 25},
		"principal": {ListOptions{Requester: "p1"}, 12},
		"state":     {ListOptions{States: []State{Submitted}}, 25},
		"states":    {ListOptions{States: []State{Working, Failed}}, 0},
		"two":       {ListOptions{Agent: "a1", Requester: "p1"}, 4},
		"seen":      {ListOptions{May: func(t Task) bool { return t.ID <= 10 }}, 10},
	} {
		got, last := 0, ^ID(0)
		for c.o.Limit = 7; ; {
			page, _, err := w.s.List(ctx(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range page.Tasks {
				if task.ID >= last {
					t.Errorf("%s: %s comes after %s", name, task.ID, last)
				}
				last = task.ID
				got++
			}
			if c.o.Before = page.Next; page.Next == 0 {
				break
			}
		}
		if got != c.want {
			t.Errorf("%s: %d tasks, want %d", name, got, c.want)
		}
	}
}

// Who may see a task was asked of the state during the view of the list: behind a
// commit that made the file of the state larger, both waited for ever.
func TestAListAsksOutsideOfItsViewWhoMaySee(t *testing.T) {
	w := newWorld(t)
	for range mayAhead + 100 {
		w.submit(toEcho())
	}
	o := ListOptions{Limit: 3, May: func(t Task) bool { return w.get(t.ID).ID%100 == 1 }} // a view in a view hangs here
	var got []ID
	for pages := 0; pages < 10; pages++ {
		page, _, err := w.s.List(ctx(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range page.Tasks {
			got = append(got, task.ID)
		}
		if o.Before = page.Next; o.Before == 0 {
			break
		}
	}
	if fmt.Sprint(got) != "[501 401 301 201 101 1]" {
		t.Error(got)
	}
}

func TestOlderNodesAreNotSurprised(t *testing.T) {
	w := newWorld(t)
	w.s.level = func() uint32 { return Level - 1 }
	if _, _, err := w.s.Submit(ctx(), toEcho()); code(err) != CodeOlderNodes {
		t.Errorf("below the level: %v", err)
	}
	if _, err := w.state.Propose(ctx(), consensus.Proposal{Part: PartName, Body: numbered.Command(99, tick{})}); code(err) != CodeUpgradeNode {
		t.Errorf("a command of the future: %v", err)
	}
}

func TestWordsOfA2AAreRead(t *testing.T) {
	for text, want := range map[string]State{"working": Working, "input-required": InputRequired, "canceled": Cancelled, "TASK_STATE_COMPLETED": Completed} {
		if got, err := ParseState(text); err != nil || got != want {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "done", "unknown"} {
		if got, err := ParseState(text); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
	for _, text := range []string{"", "0", "007", "-1", "x", "1 "} {
		if got, err := ParseID(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestScoresArePureNumbers(t *testing.T) {
	c := newScore()
	for range 100 {
		c.add(true, 1)
	}
	// (1-e^-1) = 0.632120…; e^-0.01 to nine digits gives six of them.
	if p := c.Proficiency(); p < 632_110 || p > 632_130 {
		t.Errorf("after 100 successes it is %d", p)
	}
	for range 100 {
		c.add(false, 1)
	}
	// (1-e^-2)/2 = 0.432332…
	if p := c.Proficiency(); p < 432_320 || p > 432_345 {
		t.Errorf("after as many failures it is %d", p)
	}
	if c.Average > million/100 {
		t.Errorf("its average is %d", c.Average)
	}
	for range 100_000 {
		c.add(true, 1)
	}
	if p := c.Proficiency(); p <= 990_000 || p > million {
		t.Errorf("after very many it is %d", p)
	}
}

// An attempt that is handed out again, when the node that pushed it is lost, was begun
// a second time by whoever did not look.
func TestAnAttemptIsBegunOnce(t *testing.T) {
	for _, level := range []uint32{Level, LevelBegin} {
		w := newWorld(t)
		w.s.level = func() uint32 { return level }
		id := w.submit(toEcho()).ID
		begin := Report{Task: id, Agent: "echo", Attempt: 1, State: Working, Begin: true}
		if got, _, err := w.s.Report(ctx(), begin); err != nil || got.State != Working {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, _, err := w.s.Report(ctx(), begin); code(err) != CodeBegun {
			t.Errorf("level %d: another begins it: %v", level, err)
		}
		for _, r := range []Report{{State: Working}, {State: InputRequired}} {
			r.Task, r.Agent, r.Attempt = id, "echo", 1
			if _, _, err := w.s.Report(ctx(), r); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.s.Report(ctx(), begin); code(err) != CodeBegun {
			t.Errorf("level %d: another begins what waits for input: %v", level, err)
		}
		if _, _, err := w.s.Report(ctx(), Report{Task: id, Agent: "echo", State: Failed, Retryable: true}); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		if _, err := w.s.propose(ctx(), kindAssign, assign{[]assignment{{Task: id, Attempt: 2, Agent: "echo"}}}, nil); err != nil {
			t.Fatal(err)
		}
		begin.Attempt = 2
		if _, _, err := w.s.Report(ctx(), begin); err != nil {
			t.Errorf("level %d: the next attempt: %v", level, err)
		}
	}
}
