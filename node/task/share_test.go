package task

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
)

func (w *world) try(n NewTask) *consensus.Refusal {
	w.t.Helper()
	_, _, err := w.s.Submit(ctx(), n)
	var no *consensus.Refusal
	if err != nil && !errors.As(err, &no) {
		w.t.Fatal(err)
	}
	return no
}

// A credential that asks without end is refused at its share, until tasks of it
// end; others, administrators and tasks of before shares are not touched by it.
func TestOneCredentialDoesNotTakeAllTasks(t *testing.T) {
	live, size := shareLive, shareBytes
	shareLive, shareBytes = 3, 1000
	defer func() { shareLive, shareBytes = live, size }()
	w := newWorld(t)
	level := uint32(Level)
	w.s.level = func() uint32 { return level }
	w.s.whole = func(principal string) bool { return principal == "admin" }
	by := func(principal, body string) NewTask {
		return NewTask{Requester: Party{Principal: principal}, Agent: "a", Body: []byte(body)}
	}
	old := w.submit(by("flood", "1"))
	level = LevelShare
	var ids []ID
	for range 3 {
		ids = append(ids, w.submit(by("flood", "1")).ID)
	}
	no := w.try(by("flood", "1"))
	if no == nil || no.Code != CodeFull || no.Details["share"] != "credential" || no.Details["live"] != "3" || no.Details["limit"] != "3" || !strings.Contains(no.Sentence, "this credential") {
		t.Fatalf("%+v", no)
	}
	for range 5 {
		w.submit(by("admin", "1"))
	}
	w.submit(by("other", "1"))
	// What was not counted makes no room when it ends, what was does.
	for i, id := range []ID{old.ID, ids[0]} {
		if _, _, err := w.s.Cancel(ctx(), id, "", "flood", nil); err != nil {
			t.Fatal(err)
		}
		if no := w.try(by("flood", "1")); (no == nil) != (i == 1) {
			t.Errorf("after the end of %s: %+v", id, no)
		}
	}
	audit(t, w.state)
	// Bodies are counted, and questions of agents.
	large := `"` + strings.Repeat("x", 600) + `"`
	task := w.submit(by("bodies", large))
	if no := w.try(by("bodies", large)); no == nil || no.Code != CodeFull || no.Details["limit_bytes"] != "1000" {
		t.Errorf("%+v", no)
	}
	_, _, err := w.s.Report(ctx(), Report{Task: task.ID, Agent: "a", State: InputRequired, Question: []byte(large)})
	var full *consensus.Refusal
	if !errors.As(err, &full) || full.Code != CodeFull {
		t.Errorf("%v", err)
	}
	if _, _, err := w.s.Report(ctx(), Report{Task: task.ID, Agent: "a", State: Completed, Result: []byte(large)}); err != nil {
		t.Errorf("the result of a task that ends: %v", err)
	}
	if no := w.try(by("bodies", large)); no != nil {
		t.Errorf("%+v", no)
	}
	audit(t, w.state)
}
