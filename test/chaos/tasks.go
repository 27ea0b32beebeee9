//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// Agents whose tasks clients do.
var workers = []string{"worker-1", "worker-2"}

// askTask asks for one task, whose type is its label; three in four insist.
func (c *client) askTask(ctx context.Context, i int) bool {
	label := "t/" + c.value(i)
	body := map[string]any{"agent": workers[c.rng.IntN(len(workers))], "type": label, "body": label, "max_attempts": 16, "deadline": "2h"}
	var a answer
	insist := c.rng.IntN(4) > 0
	if insist {
		a = c.repeat(ctx, http.MethodPost, "/tasks", body, label)
	} else {
		a = c.ask(http.MethodPost, "/tasks", body)
	}
	op := c.op(check.Task, label, a)
	op.Version = 0
	if insist {
		op.Idempotent = label
	}
	var made struct {
		ID uint64 `json:"id,string"`
	}
	if a.outcome == check.OK {
		if !c.decode(a, &made) {
			return false
		}
		op.ID = made.ID
	}
	c.done(op)
	return a.outcome == check.OK
}

// doTasks takes tasks out of a worker's inbox and reports most of them as
// completed, as an agent without a WebSocket would.
func (c *client) doTasks() bool {
	worker := workers[c.rng.IntN(len(workers))]
	a := c.ask(http.MethodGet, fmt.Sprintf("/messages/%s?lease=%s&limit=4", worker, leaseTime), nil)
	var page struct {
		Messages []struct {
			Seq     uint64 `json:"seq"`
			Payload struct {
				Task    string `json:"task"`
				Attempt int    `json:"attempt"`
				Type    string `json:"type"`
			} `json:"payload"`
		} `json:"messages"`
	}
	if a.outcome != check.OK || !c.decode(a, &page) {
		return false
	}
	ok := true
	for _, m := range page.Messages {
		if c.rng.IntN(8) == 0 {
			continue // the agent dies over this one
		}
		done := c.ask(http.MethodPost, "/tasks/"+m.Payload.Task+"/status", map[string]any{"state": "completed", "attempt": m.Payload.Attempt, "result": m.Payload.Type})
		op := c.op(check.Report, m.Payload.Type, done)
		op.Version = uint64(m.Payload.Attempt)
		c.run.record(op)
		if ok = done.outcome == check.OK; ok {
			c.ask(http.MethodPost, "/messages/"+worker+"/ack", map[string]any{"seqs": []uint64{m.Seq}})
		}
	}
	return ok
}

// tasks is all that a node holds of the tasks.
func (c *client) tasks(n *node) check.TaskList {
	l := check.TaskList{Node: n.Name(), States: map[string][]string{}}
	for cursor := ""; ; {
		var page struct {
			Tasks []struct {
				Type  string `json:"type"`
				State string `json:"state"`
			} `json:"tasks"`
			Next string `json:"next"`
		}
		if err := eventually(context.Background(), 20*time.Second, func() error {
			return c.get(n, "/tasks?consistency=linearizable&limit=1000&cursor="+url.QueryEscape(cursor), &page)
		}); err != nil {
			c.run.problem("stuck", "listing the tasks at %s: %v", n.Name(), err)
			return l
		}
		for _, t := range page.Tasks {
			l.States[t.Type] = append(l.States[t.Type], t.State)
		}
		if cursor = page.Next; cursor == "" {
			return l
		}
	}
}
