package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/test/realmesh"
)

// worker attaches an agent that adds what its tasks give it. It may attach at
// any of the nodes, and reports to whichever takes the report.
func worker(t *testing.T, name, key string, refuse func(attempt int) bool, nodes ...*realmesh.Node) {
	t.Helper()
	cfg := client.Config{Key: key}
	for _, n := range nodes {
		cfg.Nodes = append(cfg.Nodes, client.Node{URL: "https://" + n.Address, Pin: n.Pin()})
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Attach(t.Context(), client.AgentConfig{Name: name, Capabilities: []string{"adding"}, Handler: func(ctx context.Context, m *client.Message) error {
		given := m.Task()
		if given == nil {
			return nil
		}
		var xs []int
		if err := json.Unmarshal(given.Body, &xs); err != nil {
			return err
		}
		if refuse(given.Attempt) {
			return errors.New("not today") // failed, and may be tried again
		}
		err := given.Complete(ctx, xs[0]+xs[1])
		var gone *client.Error
		if errors.As(err, &gone) {
			return nil // refused for good: another has it
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
}

// Tasks are given and done while the leader is killed: each is done once, its
// requester is told once, and one whose agent fails goes to another.
func TestTasksSurviveTheLeader(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	leader := leaderOf(t, nodes...)
	left := others(nodes, leader)
	// The one that is moody gives its first attempts back.
	worker(t, "steady", key, func(int) bool { return false }, left[0], left[1])
	worker(t, "moody", key, func(attempt int) bool { return attempt == 1 }, left[1], left[0])
	for _, n := range nodes {
		knows(t, n, "steady")
		knows(t, n, "moody")
	}

	const count = 16
	ids := make([]task.ID, count)
	for i := range count {
		if i == count/2 {
			leader.Kill()
		}
		at := left[i%2].Client(key)
		request := map[string]any{"needs": []string{"adding"}, "type": "sum", "body": []int{i, i}, "from": "boss", "deadline": "2m", "max_attempts": 5}
		realmesh.Eventually(t, 30*time.Second, "a task is taken", func() error {
			answer, err := at.Ask(http.MethodPost, "/tasks", request, "Idempotency-Key", fmt.Sprintf("sum-%d", i))
			if err == nil && answer.Status != http.StatusCreated {
				err = fmt.Errorf("%s", answer)
			}
			if err == nil {
				var made task.Task
				decode(t, string(answer.Body), &made)
				ids[i] = made.ID
			}
			return err
		})
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != count {
		t.Fatalf("%d tasks were made of %d: %v", n, count, ids)
	}
	at := left[0].Client(key)
	for i, id := range ids {
		realmesh.Eventually(t, 60*time.Second, "task "+id.String()+" is done", func() error {
			answer, err := at.Ask(http.MethodGet, "/tasks/"+id.String()+"?wait=5s&consistency=leader", nil)
			if err != nil {
				return err
			}
			var done task.Task
			if answer.Status == http.StatusOK {
				decode(t, string(answer.Body), &done)
			}
			if done.State == task.Completed && string(done.Result) == fmt.Sprint(2*i) {
				return nil
			}
			return fmt.Errorf("%s", answer)
		})
		history := left[1].Must("tasks", "watch", id.String())
		if n := strings.Count(history, "completed"); n != 1 || !strings.Contains(history, "assigned") {
			t.Errorf("task %s was completed %d times:\n%s", id, n, history)
		}
	}
	realmesh.Eventually(t, 20*time.Second, "the requester is told of each", func() error {
		var inbox struct {
			Messages []struct {
				ID   string `json:"message_id"`
				From string `json:"source_instance"`
			}
		}
		at.Want(http.StatusOK, &inbox, http.MethodGet, "/messages/boss?limit=1000", nil)
		told := map[string]int{}
		for _, m := range inbox.Messages {
			told[m.ID]++
		}
		for _, id := range ids {
			if told["task-"+id.String()+"-result"] != 1 {
				return fmt.Errorf("of task %s it is told %d times, of all: %v", id, told["task-"+id.String()+"-result"], told)
			}
		}
		return nil
	})

	// Who was killed comes back and says the same.
	leader.Start("serve")
	leader.WaitServing()
	realmesh.Eventually(t, 30*time.Second, "the node that was killed knows it all", func() error {
		var list []task.Task
		r := leader.Run("tasks", "--state", "completed", "--requester", "boss", "--json")
		if r.Code != done {
			return fmt.Errorf("%s", r.Stderr)
		}
		decode(t, r.Stdout, &list)
		if len(list) != count {
			return fmt.Errorf("%d tasks", len(list))
		}
		return nil
	})

	// What is decided together is decided at every node.
	left[0].Must("proposals", "submit", "policy_change", "add twice", "--electors", "steady,moody")
	left[1].Must("proposals", "vote", "1", "approve", "--as", "steady")
	if said := left[0].Must("proposals", "vote", "1", "approve", "--as", "moody"); !strings.Contains(said, "approved") {
		t.Errorf("voted: %s", said)
	}
	wantExit(t, leader.Run("proposals", "vote", "1", "reject", "--as", "moody"), refused, "votes change nothing now")
}
