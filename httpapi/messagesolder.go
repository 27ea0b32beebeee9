package httpapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

type olderSendInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"sent again with it within 24 hours, it is the same message; another message under it is refused with IDEMPOTENCY_MISMATCH"`
	TraceParent    string `header:"traceparent" maxLength:"256" doc:"the W3C trace context that the message belongs to"`
	Source         string `path:"source" maxLength:"63" doc:"the agent that sends, which the caller must be allowed to speak for"`
	Body           struct {
		TargetInstance *string         `json:"target_instance,omitempty" nullable:"true" maxLength:"63" doc:"an agent; null or left out: every known agent but the sender"`
		MessageType    messageType     `json:"message_type"`
		Payload        json.RawMessage `json:"payload" doc:"any JSON value"`
		CorrelationID  *string         `json:"correlation_id,omitempty" nullable:"true" maxLength:"256"`
	}
}

type olderSendOutput struct {
	Revision uint64 `header:"X-Mesh-Revision" doc:"the revision that holds the message"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" where it had been accepted before"`
	Body     struct {
		MessageID   string   `json:"message_id"`
		Status      string   `json:"status" enum:"queued"`
		DeliveredTo []string `json:"delivered_to" nullable:"false" doc:"the agents in whose inboxes it is; of many, the first 256. Of a message to every agent none where nobody else is known: nothing was kept"`
		Known       bool     `json:"known" doc:"false: no such agent was ever seen; a message to one waits for it all the same"`
	}
}

// sendOlder makes a durable message of one in the shape of older instances.
func (a *API) sendOlder(ctx context.Context, in *olderSendInput) (*olderSendOutput, error) {
	b := &in.Body
	if b.MessageType == "" {
		return nil, invalid("body.message_type", `a message_type is a name, or {"Custom": name}`)
	}
	caller, _ := Principal(ctx)
	if err := a.mayActAs(ctx, caller, in.Source); err != nil {
		return nil, err
	}
	out := inbox.Outgoing{
		From: message.Sender{Agent: in.Source, Principal: caller.ID}, Type: string(b.MessageType), Body: b.Payload,
		TraceParent: in.TraceParent, RequestID: RequestID(ctx), Broadcast: b.TargetInstance == nil,
	}
	if b.TargetInstance != nil {
		if err := message.CheckName(*b.TargetInstance); err != nil {
			return nil, invalid("body.target_instance", sentenceOf(err))
		}
		out.To = []inbox.Recipient{{Agent: *b.TargetInstance}}
	}
	if b.CorrelationID != nil {
		out.CorrelationID = *b.CorrelationID
	}
	accepted, err := a.accept(ctx, out, in.IdempotencyKey)
	var no *consensus.Refusal
	if out.Broadcast && errors.As(err, &no) && no.Code == inbox.CodeNoSubscribers {
		// To older instances a broadcast that nobody is there for is no error.
		id, failed := uuid.NewV7()
		accepted, err = inbox.Accepted{ID: id.String(), Revision: a.written(ctx).Revision}, failed
	}
	if err != nil {
		return nil, err
	}
	o := &olderSendOutput{Revision: accepted.Revision, Replayed: replayed(accepted)}
	o.Body.MessageID, o.Body.Status, o.Body.Known, o.Body.DeliveredTo = accepted.ID, "queued", accepted.Known, orEmpty(accepted.Recipients)
	if b.TargetInstance != nil {
		o.Body.DeliveredTo = []string{*b.TargetInstance}
	}
	return o, nil
}
