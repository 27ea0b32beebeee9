package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
)

// reviewer is an agent that is away; note is what it finds when it comes.
const (
	reviewer = "reviewer"
	note     = "please look at the parser"
)

// leaveMessage sends a durable message to an agent that is attached nowhere.
func (d *Demo) leaveMessage(ctx context.Context) error {
	begun := time.Now()
	var receipt struct {
		Status string `json:"status"`
	}
	if err := d.nodes[0].client.Do(ctx, caller.Request{
		Method: http.MethodPost, Path: "/messages",
		Body: map[string]any{"id": "demo-1", "to": reviewer, "body": note, "durable": true},
	}, &receipt); err != nil {
		return err
	}
	if receipt.Status != "accepted" {
		return fmt.Errorf("the message is %s", receipt.Status)
	}
	d.report.AcceptedMs = ms(time.Since(begun))
	d.tell("accepted for %s, on the disks of a majority, after %.1f ms", reviewer, d.report.AcceptedMs)
	return nil
}

// takeMessage reads the agent's inbox at another node, acknowledges what is in
// it, and looks again at a third.
func (d *Demo) takeMessage(ctx context.Context) error {
	var inbox struct {
		Messages []struct {
			Seq     uint64 `json:"seq"`
			Payload string `json:"payload"`
		} `json:"messages"`
	}
	if err := d.nodes[1].client.Do(ctx, caller.Request{
		Method: http.MethodGet, Path: "/messages/" + reviewer, Query: url.Values{"lease": {"30s"}},
	}, &inbox); err != nil {
		return err
	}
	if len(inbox.Messages) != 1 || inbox.Messages[0].Payload != note {
		return fmt.Errorf("the inbox holds %+v", inbox.Messages)
	}
	ack, err := d.nodes[1].client.Open(ctx, caller.Request{
		Method: http.MethodPost, Path: "/messages/" + reviewer + "/ack", Body: map[string]any{"seqs": []uint64{inbox.Messages[0].Seq}},
	})
	if err != nil {
		return err
	}
	defer ack.Body.Close()
	if err := d.nodes[2].client.Do(ctx, caller.Request{
		Method: http.MethodGet, Path: "/messages/" + reviewer, Query: url.Values{"min_revision": {ack.Header.Get("X-Mesh-Revision")}},
	}, &inbox); err != nil {
		return err
	}
	if len(inbox.Messages) != 0 {
		return errors.New("the message is there after it was acknowledged")
	}
	d.tell("%q was read at %s and acknowledged once; at %s the inbox is empty", note, names[1], names[2])
	return nil
}
