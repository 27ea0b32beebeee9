package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// Inboxes is what the routes of durable messages and of agents' records ask.
// *inbox.Service implements it.
type Inboxes interface {
	Accept(ctx context.Context, m inbox.Outgoing) (inbox.Accepted, error)
	Acknowledge(ctx context.Context, agent string, seqs []uint64) (int, error)
	AcknowledgeIDs(ctx context.Context, agent string, ids []string) (int, error)
	Return(ctx context.Context, agent string, items []inbox.Returned) (int, error)
	LeaseOf(ctx context.Context, agent string, max int, d time.Duration, pass func(*inbox.Stored) bool) ([]inbox.Stored, error)
	List(ctx context.Context, agent string, o inbox.ListOptions) (inbox.Page, error)
	Get(ctx context.Context, agent string, seqs []uint64, bodies bool) ([]inbox.Stored, error)
	Pending(ctx context.Context, agent string, o inbox.PendingOptions) (inbox.Batch, error)
	Body(ctx context.Context, agent string, seq uint64) ([]byte, error)
	Redrive(ctx context.Context, agent string, seqs []uint64) (int, error)
	DropDead(ctx context.Context, agent string, seqs []uint64) (int, error)
	Purge(ctx context.Context, agent string) (int, error)

	Subscribe(ctx context.Context, agent, pattern string) error
	Unsubscribe(ctx context.Context, agent, pattern string) error
	Subscriptions(ctx context.Context, agent string) ([]inbox.Subscription, error)

	Claim(ctx context.Context, claims []inbox.Claim) ([]inbox.ClaimResult, error)
	Release(ctx context.Context, agent string, letters inbox.Letters) error
	OwnerChanges() uint64
	PublishKey(ctx context.Context, agent, recipient string) (inbox.Key, error)
	Key(ctx context.Context, agent string) (inbox.Key, error)
	Agent(ctx context.Context, name string) (inbox.AgentInfo, bool, error)
	Agents(ctx context.Context, after string, limit int) ([]inbox.AgentInfo, error)

	Watch(fn func(agents []string)) (cancel func())
}

var _ Inboxes = (*inbox.Service)(nil)

// AgentRef names an agent in the path.
type AgentRef struct {
	Agent string `path:"agent" maxLength:"63" doc:"the agent's name"`
}

// InboxMessage is a message of an inbox. The fields that older instances know
// come first.
type InboxMessage struct {
	MessageID      string          `json:"message_id"`
	SourceInstance string          `json:"source_instance" doc:"the agent that sent it, or the credential where it was none"`
	TargetInstance string          `json:"target_instance" doc:"whose inbox it is in"`
	MessageType    messageType     `json:"message_type"`
	Payload        json.RawMessage `json:"payload" doc:"the body; null where it was not asked for, or is over 1 MiB: GET /messages/{agent}/{seq}/body has it"`
	CorrelationID  *string         `json:"correlation_id" doc:"the sender's own, or null"`
	CreatedAt      time.Time       `json:"created_at" doc:"when it was accepted"`

	Seq          uint64         `json:"seq" doc:"its number, by which it is acknowledged, returned and read"`
	From         message.Sender `json:"from"`
	Node         string         `json:"node,omitempty" doc:"the id of the node whose instance alone it is for"`
	Topic        string         `json:"topic,omitempty" doc:"the topic that it came by"`
	Conversation string         `json:"conversation,omitempty"`
	Priority     string         `json:"priority" enum:"low,normal,high,critical"`
	Size         int64          `json:"size" doc:"of the body, in bytes"`
	Sealed       bool           `json:"sealed,omitempty" doc:"the payload is {\"age\":BASE64}, for the agent's key only"`
	Key          string         `json:"key,omitempty" doc:"the hash of the key that it is sealed to"`
	Attempts     int            `json:"attempts" doc:"how often it was handed out and not acknowledged"`
	MaxAttempts  int            `json:"max_attempts" doc:"how often it may be, before it is a dead letter"`
	ExpiresAt    time.Time      `json:"expires_at"`
	NotBefore    *time.Time     `json:"not_before,omitempty" doc:"it is not handed out before"`
	LeaseUntil   *time.Time     `json:"lease_until,omitempty" doc:"somebody has it until then"`
	Reason       string         `json:"reason,omitempty" doc:"what the last return said"`
	Death        string         `json:"death,omitempty" enum:"expired,attempts,returned,purged" doc:"why it is a dead letter"`
	DiedAt       *time.Time     `json:"died_at,omitempty"`
	TraceParent  string         `json:"traceparent,omitempty"`
	RequestID    string         `json:"request_id,omitempty" doc:"of the request that sent it"`
}

func inboxMessage(s *inbox.Stored) InboxMessage {
	m := InboxMessage{
		MessageID: s.ID, SourceInstance: s.From.Agent, TargetInstance: s.Agent, MessageType: messageType(s.Type), Payload: s.Body,
		CreatedAt: s.AcceptedAt.UTC(), Seq: s.Seq, From: s.From, Node: s.Node, Topic: s.Topic, Conversation: s.Conversation,
		Priority: s.Priority.String(), Size: s.Size, Sealed: s.Sealed, Key: s.Key, Attempts: s.Attempts, MaxAttempts: s.MaxAttempts,
		ExpiresAt: s.ExpiresAt.UTC(), NotBefore: timeOrNil(s.NotBefore), LeaseUntil: timeOrNil(s.LeaseUntil), Reason: s.Reason,
		Death: string(s.Death), DiedAt: timeOrNil(s.DiedAt), TraceParent: s.TraceParent, RequestID: s.RequestID,
	}
	if m.SourceInstance == "" {
		m.SourceInstance = s.From.Principal
	}
	if s.CorrelationID != "" {
		m.CorrelationID = &s.CorrelationID
	}
	return m
}

func inboxMessages(list []inbox.Stored) []InboxMessage {
	out := make([]InboxMessage, 0, len(list))
	for i := range list {
		out = append(out, inboxMessage(&list[i]))
	}
	return out
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// settled waits until a read of inboxes and agents is as fresh as was asked for,
// and makes the headers of its answer.
func (a *API) settled(ctx context.Context, in ReadInput) (ReadOutput, error) {
	o, err := in.Options()
	if err != nil || a.cfg.Settle == nil {
		return ReadOutput{}, err
	}
	info, err := a.cfg.Settle(ctx, o)
	return Read(info), err
}

// written makes the headers of a write of inboxes and agents: this node has
// applied it, so its revision includes the write.
func (a *API) written(ctx context.Context) WriteOutput {
	if a.cfg.Settle == nil {
		return WriteOutput{}
	}
	info, err := a.cfg.Settle(ctx, consensus.ReadOptions{})
	if err != nil {
		return WriteOutput{} // the write took effect all the same
	}
	return WriteOutput{Revision: info.Revision}
}

// writtenOutput answers a write that has nothing to tell.
type writtenOutput struct{ WriteOutput }

// done is that answer, or the write's error.
func (a *API) done(ctx context.Context, err error) (*writtenOutput, error) {
	if err != nil {
		return nil, err
	}
	return &writtenOutput{a.written(ctx)}, nil
}

// lengthOf reads a length of time in a request; "" is 0.
func lengthOf(field, text string, most time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > most {
		return 0, invalid(field, field[strings.LastIndexByte(field, '.')+1:]+" is a duration above zero and up to "+most.String()+", such as 30s")
	}
	return d, nil
}
