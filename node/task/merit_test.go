package task

import (
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/inbox"
)

// handOver says that the inboxes have what there was to send.
func (w *world) handOver() {
	w.t.Helper()
	var rows told
	for n := range w.m().LastOut {
		rows.Rows = append(rows.Rows, n+1)
	}
	if _, err := w.s.propose(ctx(), kindTold, rows, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) scored(agent, kind string) Score {
	w.t.Helper()
	types, _, err := w.s.Scores(ctx(), agent)
	if err != nil {
		w.t.Fatal(err)
	}
	return types[kind]
}

// Whoever may ask for tasks made any agent look bad by deadlines of a millisecond,
// or by the answer that it waited for.
func TestDeadlinesOfAMomentAreNoFailuresOfTheAgent(t *testing.T) {
	w := newWorld(t)
	report := func(id ID, s State) {
		t.Helper()
		r := Report{Task: id, Agent: "echo", State: s}
		if s == InputRequired {
			r.Question = []byte(`1`)
		}
		if _, _, err := w.s.Report(ctx(), r); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(limit time.Duration) ID {
		n := toEcho()
		n.Timeout = limit
		return w.submit(n).ID
	}
	for range 30 {
		report(ask(time.Minute), Completed)
	}
	good := w.scored("echo", "echo")
	expect := func(what string, want int) {
		t.Helper()
		if got := w.scored("echo", "echo"); got.Tasks != good.Tasks+want || got.Won != good.Won {
			t.Errorf("%s: the score is %+v", what, got)
		}
	}
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.tick()
	}
	for range 30 {
		ask(time.Millisecond)
	}
	pass(time.Millisecond)
	expect("never handed over", 0)

	ask(50 * time.Second)
	w.handOver()
	report(ask(50*time.Second), Working)
	pass(50 * time.Second)
	expect("handed over and begun, for less than a minute", 0)

	report(ask(10*time.Minute), InputRequired)
	late := ask(10 * time.Minute)
	report(late, InputRequired)
	w.now = w.now.Add(10*time.Minute - time.Second)
	if _, _, err := w.s.Answer(ctx(), late, "p1", []byte(`1`), nil); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	expect("no answer, and one at the end", 0)

	chosen := w.submit(NewTask{Needs: []string{"x"}, Type: "echo", Timeout: 30 * time.Second, MaxAttempts: 3}).ID
	if _, err := w.s.propose(ctx(), kindAssign, assign{[]assignment{{Task: chosen, Attempt: 1, Agent: "echo"}}}, nil); err != nil {
		t.Fatal(err)
	}
	w.handOver()
	pass(10 * time.Second)
	expect("a tenth of a minute to begin", 0)
	if got := w.get(chosen); got.Agent != "" {
		t.Errorf("another cannot have it: %+v", got)
	}

	dead := func(d time.Duration) {
		t.Helper()
		id := ask(3 * time.Minute)
		w.handOver()
		w.now = w.now.Add(d)
		if _, err := w.s.propose(ctx(), kindLost, lostList{[]lost{{id, 1, "it came back"}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	dead(time.Second)
	expect("given back", 1)

	ask(time.Minute)
	w.handOver()
	report(ask(time.Minute), Working)
	pass(time.Minute)
	expect("a minute for two", 3)
	old := store{c: consensus.Command{Level: LevelFair - 1}}
	if !old.hadTime(&record{}, false) || old.ownTask(&record{}) {
		t.Error("commands of an older level have another effect")
	}
	audit(t, w.state)
}

// Tasks that the owner of an agent asks it for, and grades, made it an expert, and
// its votes heavier.
func TestNobodyMakesAnExpertOfItsOwnAgent(t *testing.T) {
	w := newWorld(t)
	part, boxes := NewPart(), inbox.NewPart()
	w.state = consensustest.New(part, boxes)
	w.state.Now = func() time.Time { return w.now }
	w.s = NewService(Config{State: w.state, Part: part})
	names := inbox.NewService(inbox.Config{State: w.state, Part: boxes, Now: func() time.Time { return w.now }})
	defer names.Close()
	if got, err := names.Claim(ctx(), []inbox.Claim{{Agent: "echo", Principal: "p1"}}); err != nil || got[0].Owner != "p1" {
		t.Fatal(got, err)
	}
	do := func(principal string) Score {
		t.Helper()
		n := toEcho()
		n.Requester = Party{Principal: principal}
		for _, s := range []State{Completed, Failed} {
			if _, _, err := w.s.Report(ctx(), Report{Task: w.submit(n).ID, Agent: "echo", State: s}); err != nil {
				t.Fatal(err)
			}
		}
		return w.scored("echo", "echo")
	}
	if got := do("p1"); got.Tasks != 0 {
		t.Errorf("its owner's tasks count: %+v", got)
	}
	if got := do("p2"); got.Tasks != 2 || got.Won != 1 {
		t.Errorf("another's do not: %+v", got)
	}
}
