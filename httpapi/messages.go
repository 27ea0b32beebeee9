package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// Messages is what the message and agent routes ask. *node.Node implements it.
type Messages interface {
	// Send is message.Router.Send.
	Send(ctx context.Context, m message.Message, wantReply bool) (message.Receipt, error)
	// Attach is message.Router.Attach.
	Attach(ctx context.Context, name, principal string, p message.Profile, r message.Receiver) (*message.Session, error)
	// Agents lists the agents that can be reached now.
	Agents() []node.Agent
	// ResolveNode finds the id of the node that a name, an id or the beginning
	// of one means.
	ResolveNode(ref string) (string, error)
	// InboxHosts lists the nodes, by id, where an agent takes messages of its
	// inbox now; InboxNames are recipients there as addresses.
	InboxHosts(agent string) []string
	InboxNames(to []inbox.Recipient) []string
}

const (
	// maxMessageBody is a request with the largest message in it.
	maxMessageBody = inbox.MaxBody + 64<<10
	// maxReplyWait bounds how long a request waits for an agent's answer.
	maxReplyWait = 10 * time.Minute
)

// SendBody is a message to be sent.
type SendBody struct {
	ID           string          `json:"id,omitempty" maxLength:"128" doc:"the sender's own; of a durable message, the same id within 24 hours is the same message, and MESSAGE_ID_REUSED where whom it is for, its type, conversation or body differ. Made where it is left out"`
	To           string          `json:"to" minLength:"1" maxLength:"512" doc:"agent, agent@node, agent@* or topic/a/b. A durable message to agent@* is a copy for the agent at each node where it takes messages of its inbox now, each acknowledged by itself; AGENT_GONE where there is none"`
	Type         string          `json:"type,omitempty" maxLength:"256"`
	Body         json.RawMessage `json:"body" doc:"any JSON value: at most 1 MiB, 16 MiB where it is durable"`
	Durable      bool            `json:"durable,omitempty" doc:"into the agent's inbox: answered once a majority of the voters has it on disk, delivered at least once, whether the agent is there now or later"`
	Wait         *bool           `json:"wait,omitempty" doc:"wait for the agent's answer; true where a timeout is given. Not with durable"`
	Timeout      string          `json:"timeout,omitempty" maxLength:"32" doc:"how long to wait for the answer, for example 5s; 30s by default. Not with durable"`
	Conversation string          `json:"conversation,omitempty" maxLength:"256" doc:"groups messages"`
	Sticky       bool            `json:"sticky,omitempty" doc:"messages of one conversation to one instance of the agent, as long as it is there"`
	Seal         bool            `json:"seal,omitempty" doc:"this node seals the body to the agent's key, so that the nodes behind it carry ciphertext only. A sender that can should seal by itself: sealed"`
	Sealed       bool            `json:"sealed,omitempty" doc:"the body is sealed already: {\"age\":BASE64}"`
	Key          string          `json:"key,omitempty" maxLength:"128" doc:"with seal or sealed: the hash of the key that is meant; refused with KEY_CHANGED where the agent has another"`
	Priority     string          `json:"priority,omitempty" enum:"low,normal,high,critical" doc:"orders the inbox; normal by default"`
	From         string          `json:"from,omitempty" maxLength:"63" doc:"the agent that sends, which the caller must be allowed to speak for"`

	TTL         string `json:"ttl,omitempty" maxLength:"32" doc:"durable: how long it waits before it is a dead letter; 7 days by default, at most 720h"`
	Delay       string `json:"delay,omitempty" maxLength:"32" doc:"durable: not delivered before; shorter than the ttl"`
	Redelivery  string `json:"redelivery,omitempty" maxLength:"32" doc:"durable: how long a delivery waits for its acknowledgement; 30s by default"`
	MaxAttempts int    `json:"max_attempts,omitempty" minimum:"1" maximum:"255" doc:"durable: deliveries before it is a dead letter; 5 by default"`
}

type sendInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"of a durable message without an id: sent again with it within 24 hours, it is the same message, and the answer says duplicate; another message under it is refused with IDEMPOTENCY_MISMATCH"`
	TraceParent    string `header:"traceparent" maxLength:"256" doc:"the W3C trace context that the message belongs to"`
	Body           SendBody
}

type sendOutput struct {
	Revision uint64 `header:"X-Mesh-Revision" doc:"of a durable message: the revision that holds it"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" where it had been accepted before"`
	Body     message.Receipt
}

// send delivers a live message, or makes a durable one. Without wait it answers
// with the receipt; with it, with the agent's answer as well.
func (a *API) send(ctx context.Context, in *sendInput) (*sendOutput, error) {
	b := &in.Body
	caller, _ := Principal(ctx)
	m := message.Message{
		ID: b.ID, To: b.To, Type: b.Type, Body: b.Body, Conversation: b.Conversation, Sticky: b.Sticky, Sealed: b.Sealed, Key: b.Key,
		From: message.Sender{Agent: b.From, Principal: caller.ID}, RequestID: RequestID(ctx), TraceParent: in.TraceParent,
	}
	priority, err := inbox.ParsePriority(b.Priority)
	if err != nil {
		return nil, err
	}
	m.Priority = uint8(priority)
	if b.From != "" {
		if err := a.mayActAs(ctx, caller, b.From); err != nil {
			return nil, err
		}
	}
	if err := a.sealed(ctx, b, &m); err != nil {
		return nil, err
	}
	if b.Durable {
		return a.sendDurable(ctx, in, m)
	}
	if b.TTL != "" || b.Delay != "" || b.Redelivery != "" || b.MaxAttempts != 0 {
		return nil, invalid("body.durable", "ttl, delay, redelivery and max_attempts are for durable messages: set durable, or leave them out")
	}
	return a.sendLive(ctx, b, m)
}

func (a *API) sendLive(ctx context.Context, b *SendBody, m message.Message) (*sendOutput, error) {
	wait := b.Timeout != ""
	if b.Wait != nil {
		wait = *b.Wait
	}
	timeout, err := waitFor(b.Timeout)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	receipt, err := a.cfg.Messages.Send(ctx, m, wait)
	if err != nil {
		return nil, err
	}
	if b.Seal {
		receipt.Key = m.Key
	}
	return &sendOutput{Body: receipt}, nil
}

func waitFor(text string) (time.Duration, error) {
	if text == "" {
		return 30 * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxReplyWait {
		return 0, invalid("body.timeout", "timeout is a duration above zero and up to 10m, such as 5s")
	}
	return d, nil
}

type queryInput struct {
	Body struct {
		Message     string  `json:"message" minLength:"1" maxLength:"65536"`
		SessionID   string  `json:"session_id,omitempty" maxLength:"128" doc:"the conversation; made where it is left out"`
		Agent       string  `json:"agent,omitempty" maxLength:"256" default:"librarian" doc:"agent or agent@node"`
		Stream      bool    `json:"stream,omitempty" doc:"not here: streams are at /stream"`
		Temperature float64 `json:"temperature,omitempty"`
		MaxTokens   int     `json:"max_tokens,omitempty"`
	}
}

// QueryBody is an agent's answer to a question.
type QueryBody struct {
	Response  string          `json:"response" doc:"the answer's text"`
	Answer    json.RawMessage `json:"answer" doc:"the answer as the agent gave it"`
	SessionID string          `json:"session_id"`
	Agent     string          `json:"agent"`
	Metadata  struct {
		Timestamp        time.Time `json:"timestamp"`
		ProcessingTimeMs int64     `json:"processing_time_ms"`
		RunID            string    `json:"run_id" doc:"the message's id"`
	} `json:"metadata"`
}

type queryOutput struct{ Body QueryBody }

// query asks an agent a question in words and waits for the answer.
func (a *API) query(ctx context.Context, in *queryInput) (*queryOutput, error) {
	b := &in.Body
	if b.Stream {
		return nil, invalid("body.stream", "an answer is streamed by POST /stream, not here")
	}
	if b.Agent == "" {
		b.Agent = "librarian"
	}
	begun := a.cfg.Now()
	question, err := json.Marshal(b.Message)
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	receipt, err := a.cfg.Messages.Send(ctx, message.Message{
		To: b.Agent, Type: "query", Body: question, Conversation: b.SessionID,
		From: message.Sender{Principal: caller.ID}, RequestID: RequestID(ctx),
	}, true)
	if err != nil {
		return nil, err
	}
	out := &queryOutput{QueryBody{Response: textOf(receipt.Reply), Answer: receipt.Reply, SessionID: b.SessionID, Agent: b.Agent}}
	if out.Body.SessionID == "" {
		out.Body.SessionID = receipt.ID
	}
	out.Body.Metadata.Timestamp = begun.UTC()
	out.Body.Metadata.ProcessingTimeMs = a.cfg.Now().Sub(begun).Milliseconds()
	out.Body.Metadata.RunID = receipt.ID
	return out, nil
}

// textOf is what a person reads of an answer: a string, the field "text" of an
// object, or the JSON itself.
func textOf(reply json.RawMessage) string {
	var s string
	if json.Unmarshal(reply, &s) == nil {
		return s
	}
	var o struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(reply, &o) == nil && o.Text != "" {
		return o.Text
	}
	return string(reply)
}
