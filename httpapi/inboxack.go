package httpapi

import (
	"context"
	"strconv"

	"github.com/meshd/meshd/node/inbox"
)

type ackInput struct {
	AgentRef
	Body struct {
		MessageIDs []string `json:"message_ids,omitempty" maxItems:"1000" doc:"by the senders' ids; where several senders gave one, each naming of it takes one message, what is leased first"`
		Seqs       []uint64 `json:"seqs,omitempty" maxItems:"1000" doc:"by number, which is quicker"`
	}
}

type ackOutput struct {
	WriteOutput
	Acknowledged string `header:"X-Mesh-Acknowledged" doc:"how many of them were there"`
}

// acknowledge removes messages from the agent's own inbox, and from no other.
func (a *API) acknowledge(ctx context.Context, in *ackInput) (*ackOutput, error) {
	if len(in.Body.MessageIDs) == 0 && len(in.Body.Seqs) == 0 {
		return nil, invalid("body.message_ids", "say which messages: message_ids, or seqs")
	}
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	var n, m int
	var err error
	if len(in.Body.Seqs) > 0 {
		if n, err = a.cfg.Inboxes.Acknowledge(ctx, in.Agent, in.Body.Seqs); err != nil {
			return nil, err
		}
	}
	if len(in.Body.MessageIDs) > 0 {
		if m, err = a.cfg.Inboxes.AcknowledgeIDs(ctx, in.Agent, in.Body.MessageIDs); err != nil {
			return nil, err
		}
	}
	return &ackOutput{a.written(ctx), strconv.Itoa(n + m)}, nil
}

type returnInput struct {
	AgentRef
	Body struct {
		Seqs   []uint64 `json:"seqs" minItems:"1" maxItems:"1000"`
		Delay  string   `json:"delay,omitempty" maxLength:"32" doc:"not handed out again before, such as 10s"`
		Reason string   `json:"reason,omitempty" maxLength:"256" doc:"kept with it, for whoever looks"`
		Final  bool     `json:"final,omitempty" doc:"it will never be taken: it becomes a dead letter at once"`
	}
}

type returnOutput struct {
	WriteOutput
	Returned string `header:"X-Mesh-Returned" doc:"how many of them were there"`
}

// giveBack returns messages that the agent could not deal with.
func (a *API) giveBack(ctx context.Context, in *returnInput) (*returnOutput, error) {
	delay, err := lengthOf("body.delay", in.Body.Delay, inbox.MaxDelay)
	if err != nil {
		return nil, err
	}
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	items := make([]inbox.Returned, 0, len(in.Body.Seqs))
	for _, seq := range in.Body.Seqs {
		// A lease has counted the attempt already.
		items = append(items, inbox.Returned{Seq: seq, Delay: delay, Reason: in.Body.Reason, Final: in.Body.Final})
	}
	n, err := a.cfg.Inboxes.Return(ctx, in.Agent, items)
	if err != nil {
		return nil, err
	}
	return &returnOutput{a.written(ctx), strconv.Itoa(n)}, nil
}

type deadInput struct {
	AgentRef
	ReadInput
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"the most messages, 100 if left out"`
	Cursor string `query:"cursor" maxLength:"256" doc:"the next of the page before"`
	Bodies string `query:"bodies" enum:"true,false" doc:"false leaves the payloads out"`
}

// deadLetters lists what could not be delivered, with the reason.
func (a *API) deadLetters(ctx context.Context, in *deadInput) (*inboxOutput, error) {
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	switch free, err := a.reading(ctx, in.Agent); {
	case err != nil:
		return nil, err
	case free:
		return &inboxOutput{read, InboxBody{Messages: []InboxMessage{}}}, nil
	}
	page, err := a.cfg.Inboxes.List(ctx, in.Agent, inbox.ListOptions{After: inbox.Cursor(in.Cursor), Limit: in.Limit, Bodies: in.Bodies != "false", Dead: true})
	if err != nil {
		return nil, err
	}
	return &inboxOutput{read, InboxBody{inboxMessages(page.Messages), string(page.Next)}}, nil
}

type whichDeadInput struct {
	AgentRef
	Body struct {
		Seqs []uint64 `json:"seqs,omitempty" maxItems:"1000"`
		All  bool     `json:"all,omitempty" doc:"in place of seqs"`
	}
}

func (in *whichDeadInput) which() ([]uint64, error) {
	if in.Body.All == (len(in.Body.Seqs) > 0) {
		return nil, invalid("body.seqs", "say which dead letters: seqs, or all")
	}
	return in.Body.Seqs, nil
}

type redrivenOutput struct {
	WriteOutput
	Body struct {
		Redriven int `json:"redriven" doc:"how many wait in the inbox again"`
	}
}

// redrive gives dead letters another life.
func (a *API) redrive(ctx context.Context, in *whichDeadInput) (*redrivenOutput, error) {
	seqs, err := in.which()
	if err != nil {
		return nil, err
	}
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	n, err := a.cfg.Inboxes.Redrive(ctx, in.Agent, seqs)
	if err != nil {
		return nil, err
	}
	out := &redrivenOutput{WriteOutput: a.written(ctx)}
	out.Body.Redriven = n
	return out, nil
}

type droppedOutput struct {
	WriteOutput
	Body struct {
		Dropped int `json:"dropped"`
	}
}

// dropDead removes dead letters for good.
func (a *API) dropDead(ctx context.Context, in *whichDeadInput) (*droppedOutput, error) {
	seqs, err := in.which()
	if err != nil {
		return nil, err
	}
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	n, err := a.cfg.Inboxes.DropDead(ctx, in.Agent, seqs)
	if err != nil {
		return nil, err
	}
	out := &droppedOutput{WriteOutput: a.written(ctx)}
	out.Body.Dropped = n
	return out, nil
}

type purgedOutput struct {
	WriteOutput
	Body struct {
		Purged int `json:"purged" doc:"how many became dead letters"`
	}
}

// purge empties an inbox. What was in it can be redriven for a while.
func (a *API) purge(ctx context.Context, in *AgentRef) (*purgedOutput, error) {
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	n, err := a.cfg.Inboxes.Purge(ctx, in.Agent)
	if err != nil {
		return nil, err
	}
	out := &purgedOutput{WriteOutput: a.written(ctx)}
	out.Body.Purged = n
	return out, nil
}
