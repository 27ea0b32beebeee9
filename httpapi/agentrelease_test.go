package httpapi

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/task"
)

// inboxPost brings the letters of tasks to inboxes, as a node does.
type inboxPost struct {
	task.Post
	inboxes *inbox.Service
}

func (p inboxPost) Send(ctx context.Context, l task.Letter) error {
	_, err := p.inboxes.Accept(ctx, inbox.Outgoing{From: message.Sender{Principal: "mesh"}, ID: l.ID, To: []inbox.Recipient{{Agent: l.To}}, Type: l.Type, Body: l.Body, TTL: l.TTL})
	return err
}

func (p inboxPost) Withdraw(ctx context.Context, agent string, ids []string) error {
	_, err := p.inboxes.AcknowledgeFrom(ctx, agent, "mesh", ids)
	return err
}

func (inboxPost) Dead(context.Context, string) (map[string]string, error) { return nil, nil }

func (inboxPost) Waiting(context.Context, string, []string) (map[string]bool, error) { return nil, nil }

// Whoever claimed a name that was released saw the bodies and results of its former
// owner's tasks, and could lease those that were under way.
func TestTheNextOwnerOfANameHasNoTasksUnseen(t *testing.T) {
	const nextKey, thirdKey = "mk_next_s3cretnexts3cret", "mk_third_s3cretthirds3cret"
	taskPart, inboxPart := task.NewPart(), inbox.NewPart()
	state := consensustest.New(taskPart, inboxPart)
	var commands atomic.Int64
	began := time.Now()
	state.Now = func() time.Time { return began.Add(time.Duration(commands.Add(1)) * time.Millisecond) }
	inboxes := inbox.NewService(inbox.Config{State: state, Part: inboxPart})
	t.Cleanup(inboxes.Close)
	tasks := task.NewService(task.Config{State: state, Part: taskPart})
	var spare atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	led := make(chan struct{})
	go func() {
		defer close(led)
		tasks.Lead(ctx, task.Leading{Post: inboxPost{inboxes: inboxes}, Leads: func() bool { return true }, Agents: func() []task.Candidate {
			list := []task.Candidate{{Agent: "helper", Capabilities: []string{"ocr"}, Instances: 1}}
			if spare.Load() {
				list = append(list, task.Candidate{Agent: "spare", Capabilities: []string{"ocr"}, Instances: 1})
			}
			return list
		}})
	}()
	t.Cleanup(func() { cancel(); <-led })
	a, _ := messageAPI(t, func(c *Config) {
		c.Tasks, c.Inboxes = tasks, inboxes
		c.Settle = func(ctx context.Context, o consensus.ReadOptions) (consensus.ReadInfo, error) {
			return state.View(ctx, o, func(consensus.Reader) error { return nil })
		}
		c.Auth = keys{
			adminKey: testKeys[adminKey], workerKey: {ID: "worker-key", Role: access.RoleAgent},
			nextKey: {ID: "next-key", Role: access.RoleAgent}, thirdKey: {ID: "third-key", Role: access.RoleAgent},
		}
	})
	admin, worker, next, third := "X-API-Key: "+adminKey, "X-API-Key: "+workerKey, "X-API-Key: "+nextKey, "X-API-Key: "+thirdKey
	claim := func(who string) {
		t.Helper()
		call(t, a, 200, "PUT", "/agents/helper/subscriptions", `{"topics":["builds"]}`, who)
		call(t, a, 204, "DELETE", "/agents/helper/subscriptions?topic=builds", "", who)
	}
	give := func(body string, who string) {
		t.Helper()
		call(t, a, 201, "POST", "/tasks", body, who)
	}
	until := func(id int, state, agent string) {
		t.Helper()
		limit := time.Now().Add(time.Minute)
		for got := (answer{}); time.Now().Before(limit); {
			if got = call(t, a, 200, "GET", fmt.Sprintf("/tasks/%d", id), "", admin); got.body["state"] == state && got.body["agent"] == agent {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatalf("task %d is not %s with %s", id, state, agent)
	}
	claim(worker)
	give(`{"agent":"helper","body":"secret"}`, admin) // 1
	call(t, a, 200, "POST", "/tasks/1/status", `{"state":"completed","result":"secret too"}`, worker)
	give(`{"agent":"other","body":"asked","from":"helper"}`, worker) // 2
	give(`{"agent":"helper","body":"given"}`, admin)                 // 3
	give(`{"needs":["ocr"],"body":"chosen"}`, admin)                 // 4
	until(4, "submitted", "helper")
	spare.Store(true)
	call(t, a, 200, "POST", "/tasks/3/status", `{"state":"failed","retryable":true}`, worker) // between two attempts

	for _, how := range []string{"", "?inbox=drop"} {
		no := call(t, a, 409, "DELETE", "/agents/helper/owner"+how, "", worker)
		if d := no.body["details"].(map[string]any); no.body["code"] != "TASKS_UNDER_WAY" || fmt.Sprint(d["tasks"]) != "3" {
			t.Error(no.text)
		}
	}
	call(t, a, 403, "DELETE", "/agents/helper/owner?inbox=drop&tasks=cancel", "", next)
	call(t, a, 204, "DELETE", "/agents/helper/owner?inbox=drop&tasks=cancel", "", worker)
	until(2, "cancelled", "other")
	until(3, "cancelled", "helper")
	until(4, "submitted", "spare")
	claim(next)
	if got := call(t, a, 200, "GET", "/tasks", "", next); len(got.body["tasks"].([]any)) != 0 {
		t.Errorf("the next owner sees %s", got.text)
	}
	for id := 1; id <= 4; id++ {
		call(t, a, 404, "GET", fmt.Sprintf("/tasks/%d", id), "", next)
		call(t, a, 404, "GET", fmt.Sprintf("/tasks/%d/events", id), "", next)
	}
	if got := call(t, a, 200, "GET", "/messages/helper", "", next); len(got.body["messages"].([]any)) != 0 {
		t.Errorf("the next owner has %s", got.text)
	}
	call(t, a, 200, "GET", "/tasks/2", "", worker) // who asked is told of it still

	give(`{"agent":"helper","body":"handed on"}`, admin) // 5
	call(t, a, 204, "DELETE", "/agents/helper/owner?inbox=keep", "", next)
	claim(third)
	call(t, a, 200, "GET", "/tasks/5", "", third)
}
