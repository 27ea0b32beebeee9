package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
)

// framesOf are the frames of a connection with a credential, attached as an
// agent or as none.
func framesOf(a *API, key, agent string) *socketFrames {
	caller, _ := a.cfg.Auth.Authenticate(key)
	return &socketFrames{api: a, caller: caller, credential: key, agent: agent}
}

func sayTask(t testing.TB, s *socketFrames, frame string) (string, error) {
	t.Helper()
	_, r, err := s.Begin("task", []byte(frame))
	if err != nil {
		return "", err
	}
	if !r.Waits() {
		t.Error("a frame of tasks does not wait")
	}
	out, err := r.Answer(t.Context())
	return string(out), err
}

// Who may do what to whose task by a frame: by role, by who owns the agents, and
// by what the connection is attached as. It is the table of the routes again,
// with what being attached adds.
func TestWhoMayDoWhatToATaskByFrame(t *testing.T) {
	const ok = ""
	who := []struct{ name, key, agent string }{
		{"admin", adminKey, ""}, {"requester", userKey, ""}, {"boss", userKey, "boss"}, {"worker's owner", workerKey, ""}, {"worker", workerKey, "worker"},
		{"stranger", agentKey, ""}, {"echo", echoKey, "echo"}, {"viewer", viewerKey, ""}, {"scoped", scopedKey, ""},
		{"stranger as worker", agentKey, "worker"}, {"echo as worker", echoKey, "worker"}, // let in before the mesh knew whose it is
	}
	const forbidden, none, notYours, notAgent, notAssigned = CodeForbidden, "TASK_UNKNOWN", "NOT_YOUR_TASK", "NOT_YOUR_AGENT", "NOT_ASSIGNED"
	a := taskAPI(t)
	boss, worker := framesOf(a, userKey, "boss"), framesOf(a, workerKey, "worker")
	must := func(s *socketFrames, frame string, args ...any) {
		t.Helper()
		if _, err := sayTask(t, s, fmt.Sprintf(`{"type":"task","id":"f",`+frame+`}`, args...)); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	for op, want := range map[string][]string{
		// in the order of who; the task is boss's, with worker
		`"op":"get","task":"TASK"`:                                       {ok, ok, ok, ok, ok, none, none, forbidden, forbidden, none, none},
		`"op":"submit","agent":"x","body":1`:                             {ok, ok, ok, ok, ok, ok, ok, forbidden, forbidden, notAgent, notAgent},
		`"op":"submit","agent":"x","body":1,"from":"boss"`:               {ok, ok, ok, notAgent, notAgent, notAgent, notAgent, forbidden, forbidden, notAgent, notAgent},
		`"op":"submit","agent":"x","body":1,"parent":"TASK"`:             {ok, ok, ok, ok, ok, none, none, forbidden, forbidden, notAgent, notAgent},
		`"op":"report","task":"TASK","state":"working"`:                  {ok, notAgent, notAssigned, ok, ok, none, notAssigned, forbidden, forbidden, notAgent, notAgent},
		`"op":"report","task":"TASK","state":"working","agent":"worker"`: {ok, notAgent, notAgent, ok, ok, notAgent, notAgent, forbidden, forbidden, notAgent, notAgent},
		`"op":"input","task":"TASK","input":1`:                           {ok, ok, ok, notYours, notYours, none, none, forbidden, forbidden, none, none},
		`"op":"cancel","task":"TASK"`:                                    {ok, ok, ok, notYours, notYours, none, none, forbidden, forbidden, none, none},
	} {
		for i, w := range who {
			must(boss, `"op":"submit","agent":"worker","body":1`)
			made++
			must(worker, `"op":"report","task":"%d","state":"working"`, made)
			if strings.Contains(op, `"op":"input"`) {
				must(worker, `"op":"report","task":"%d","state":"input_required","input":"?"`, made)
			}
			id := strconv.Itoa(made)
			_, err := sayTask(t, framesOf(a, w.key, w.agent), `{"type":"task","id":"f",`+strings.ReplaceAll(op, "TASK", id)+`}`)
			if err == nil && strings.Contains(op, `"submit"`) {
				made++
			}
			var r *consensus.Refusal
			if want[i] == ok && err != nil || want[i] != ok && (!errors.As(err, &r) || r.Code != want[i]) {
				t.Errorf("%s by %s: %v, want %q", op, w.name, err, want[i])
			}
		}
	}
}

// A refused task frame names its field as the frame has it.
func TestTaskFramesNameTheirField(t *testing.T) {
	a := taskAPI(t)
	boss := framesOf(a, userKey, "boss")
	for frame, want := range map[string]string{
		`"op":"dance"`:                                                          "op",
		`"op":"get","task":"x"`:                                                 "task",
		`"op":"get","task":7`:                                                   "task",
		`"op":"get","task":"1","colour":1`:                                      "colour",
		`"op":"submit","agent":"w","priority":"soon"`:                           "priority",
		`"op":"submit","agent":"w","deadline":"soon"`:                           "deadline",
		`"op":"submit","agent":"w","parent":"x"`:                                "parent",
		`"op":"submit","agent":"w","body":1,"task_type":"\u0001"`:               "task_type",
		`"op":"submit","agent":"W","body":1`:                                    "agent",
		`"op":"submit","agent":"w","body":1,"max_attempts":99`:                  "max_attempts",
		`"op":"submit","agent":"w","needs":[1]`:                                 "needs[0]",
		`"op":"report","task":"1","state":"well"`:                               "state",
		`"op":"report","task":"1","state":"working","result":1`:                 "result",
		`"op":"report","task":"1","state":"working","progress":{"percent":"x"}`: "progress.percent",
	} {
		_, err := sayTask(t, boss, `{"type":"task","id":"f",`+frame+`}`)
		var r *consensus.Refusal
		if !errors.As(err, &r) || r.Code != CodeInvalid || r.Details["field"] != want {
			t.Errorf("%s: %v %v, want %s", frame, err, r, want)
		}
	}
}

func TestTasksByWebSocket(t *testing.T) {
	a := taskAPI(t)
	boss, worker := framesOf(a, userKey, "boss"), framesOf(a, workerKey, "worker")
	say := func(s *socketFrames, frame string) (string, error) { return sayTask(t, s, frame) }
	got, err := say(boss, `{"type":"task","id":"f1","op":"submit","agent":"worker","task_type":"sum","body":[1],"idempotency_key":"k"}`)
	if err != nil || !strings.HasPrefix(got, `{"type":"result","id":"f1","revision":1,"task":{"id":"1","state":"submitted","type":"sum","requester":{"agent":"boss"`) || !json.Valid([]byte(got)) {
		t.Fatalf("%s, %v", got, err)
	}
	if got, err := say(boss, `{"type":"task","id":"f2","op":"submit","agent":"worker","task_type":"sum","body":[1],"idempotency_key":"k"}`); err != nil || !strings.Contains(got, `"replayed":true,"task":{"id":"1"`) {
		t.Errorf("again: %s, %v", got, err)
	}
	if got, err := say(worker, `{"type":"task","id":"f","op":"report","task":"1","state":"completed","result":{"n":1}}`); err != nil || !strings.Contains(got, `"state":"completed"`) {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := say(boss, `{"type":"task","id":"f","op":"get","task":"1"}`); err != nil || !strings.Contains(got, `"result":{"n":1}`) {
		t.Errorf("%s, %v", got, err)
	}
	for frame, want := range map[string]string{
		`{"type":"task","id":"f","op":"cancel","task":"1"}`:                                    "TASK_ENDED",
		`{"type":"task","id":"f","op":"input","task":"1","input":1}`:                           "TASK_ENDED",
		`{"type":"task","id":"f","op":"cancel","task":"x"}`:                                    "INVALID",
		`{"type":"task","id":"f","op":"dance"}`:                                                "INVALID",
		`{"type":"task","id":"","op":"get","task":"1"}`:                                        "INVALID",
		`{"type":"task","id":"f","op":"get","task":"1","colour":1}`:                            "INVALID",
		`{"type":"task","id":"f","op":"submit","agent":"worker","deadline":"soon"}`:            "INVALID",
		`{"type":"task","id":"f","op":"submit","agent":"boss","body":1}`:                       "TASK_LOOP",
		`{"type":"task","id":"f","op":"submit","agent":"a","body":1,"from":"worker"}`:          "NOT_YOUR_AGENT",
		`{"type":"task","id":"f","op":"report","task":"1","state":"working","agent":"worker"}`: "NOT_YOUR_AGENT",
	} {
		_, err := say(boss, frame)
		var r *consensus.Refusal
		if !errors.As(err, &r) || r.Code != want {
			t.Errorf("%s: %v, want %s", frame, err, want)
		}
	}
}

func FuzzTaskFrame(f *testing.F) {
	a := taskAPI(f)
	f.Add([]byte(`{"type":"task","id":"f1","op":"submit","agent":"worker","body":[1]}`))
	f.Add([]byte(`{"type":"task","id":"f1","op":"report","task":"1","state":"working","progress":{"percent":1}}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := &socketFrames{api: a, caller: access.Operator(), agent: "boss"}
		_, r, err := s.Begin("task", frame)
		if err != nil {
			return
		}
		if out, err := r.Answer(context.Background()); err == nil && !json.Valid(out) {
			t.Errorf("answered %q", out)
		}
	})
}
