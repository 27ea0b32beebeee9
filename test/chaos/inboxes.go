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

// Inboxes that all clients send to and take from.
var (
	boxes = []string{"box-1", "box-2", "box-3", "box-4"}
	// Those of news subscribe to it durably; a message to it goes to each.
	newsBoxes = boxes[:3]
)

const (
	newsTopic = "topic/chaos/news"
	// leaseTime is short enough that what a client took and lost sight of comes
	// back while the run lasts.
	leaseTime   = 8 * time.Second
	takenAtOnce = 20
)

// subscribe makes the durable subscriptions that the run needs, however long it
// takes.
func (c *client) subscribe(ctx context.Context) {
	for _, box := range newsBoxes {
		for ctx.Err() == nil {
			a := c.ask(http.MethodPut, "/agents/"+box+"/subscriptions", map[string]any{"topics": []string{newsTopic}})
			if a.outcome == check.OK {
				break
			}
			c.move()
		}
	}
	c.run.board.mu.Lock()
	c.run.board.news = true
	c.run.board.mu.Unlock()
}

// sendDurable sends one message to an inbox, or to the topic; three in four
// insist, under the same id.
func (c *client) sendDurable(ctx context.Context, i int) bool {
	label := "m/" + c.value(i)
	to, into := "", []string{boxes[c.rng.IntN(len(boxes))]}
	c.run.board.mu.Lock()
	news := c.run.board.news
	c.run.board.mu.Unlock()
	if to = into[0]; news && c.rng.IntN(4) == 0 {
		to, into = newsTopic, newsBoxes
	}
	body := map[string]any{"id": label, "to": to, "body": map[string]any{"label": label}, "durable": true}
	var a answer
	if insist := c.rng.IntN(4) > 0; insist {
		a = c.repeat(ctx, http.MethodPost, "/messages", body, "")
	} else {
		a = c.ask(http.MethodPost, "/messages", body)
	}
	op := c.op(check.Send, label, a)
	op.To, op.Version = into, 0
	c.done(op)
	return a.outcome == check.OK
}

// takeSome leases messages of an inbox, and acknowledges most of them.
func (c *client) takeSome() bool {
	box := boxes[c.rng.IntN(len(boxes))]
	a := c.ask(http.MethodGet, fmt.Sprintf("/messages/%s?lease=%s&limit=%d", box, leaseTime, takenAtOnce), nil)
	op := c.op(check.Take, box, a)
	op.Lease, op.Version = int64(leaseTime), 0
	var seqs []uint64
	if a.outcome == check.OK {
		var page messagePage
		if !c.decode(a, &page) {
			return false
		}
		op.Keys, seqs = page.labels(), page.seqs()
	}
	c.done(op)
	if len(seqs) == 0 || c.rng.IntN(5) == 0 {
		return a.outcome == check.OK
	}
	n := 1 + c.rng.IntN(len(seqs))
	if c.rng.IntN(3) == 0 {
		c.move()
	}
	done := c.ask(http.MethodPost, "/messages/"+box+"/ack", map[string]any{"seqs": seqs[:n]})
	ack := c.op(check.Ack, box, done)
	ack.Keys, ack.Version = op.Keys[:n], 0
	c.done(ack)
	return done.outcome == check.OK
}

// messagePage is a page of an inbox as the route shows it.
type messagePage struct {
	Messages []struct {
		Seq     uint64 `json:"seq"`
		Payload struct {
			Label string `json:"label"`
		} `json:"payload"`
	} `json:"messages"`
	Next string `json:"next"`
}

func (p *messagePage) labels() []string {
	var out []string
	for _, m := range p.Messages {
		out = append(out, m.Payload.Label)
	}
	return out
}

func (p *messagePage) seqs() []uint64 {
	var out []uint64
	for _, m := range p.Messages {
		out = append(out, m.Seq)
	}
	return out
}

// inboxes is all that a node holds of the inboxes.
func (c *client) inboxes(n *node) []check.Inbox {
	var all []check.Inbox
	for _, box := range boxes {
		all = append(all, check.Inbox{
			Node: n.Name(), Name: box,
			Waiting: c.labels(n, "/messages/"+box), Dead: c.labels(n, "/messages/"+box+"/dead"),
		})
	}
	return all
}

// labels reads a list of messages to its end.
func (c *client) labels(n *node, path string) []string {
	var out []string
	for cursor := ""; ; {
		var page messagePage
		if err := eventually(context.Background(), 20*time.Second, func() error {
			return c.get(n, path+"?limit=500&cursor="+url.QueryEscape(cursor), &page)
		}); err != nil {
			c.run.problem("stuck", "listing %s at %s: %v", path, n.Name(), err)
			return out
		}
		out = append(out, page.labels()...)
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}
