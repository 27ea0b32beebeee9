package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/message"
)

// Messages is what the message and agent routes ask.
type Messages interface {
	// Send is message.Router.Send.
	Send(ctx context.Context, m message.Message, wantReply bool) (message.Receipt, error)
	// Agents lists the agents that can be reached now.
	Agents() []node.Agent
}

// maxMessageBody is a request with the largest message in it.
const maxMessageBody = message.MaxBody + 64<<10

// maxReplyWait bounds how long a request waits for an agent's answer.
const maxReplyWait = 10 * time.Minute

type sendInput struct {
	Body struct {
		ID           string          `json:"id,omitempty" maxLength:"128"`
		To           string          `json:"to" minLength:"1" maxLength:"256" doc:"agent, agent@node or agent@*"`
		Type         string          `json:"type,omitempty" maxLength:"256"`
		Body         json.RawMessage `json:"body" doc:"any JSON value, at most 1 MiB"`
		Durable      bool            `json:"durable,omitempty" doc:"not supported yet"`
		Wait         *bool           `json:"wait,omitempty" doc:"wait for the agent's answer; true where a timeout is given"`
		Timeout      string          `json:"timeout,omitempty" maxLength:"32" doc:"how long to wait for the answer, for example 5s; 30s by default"`
		Conversation string          `json:"conversation,omitempty" maxLength:"256"`
		Seal         bool            `json:"seal,omitempty" doc:"not supported yet"`
	}
}

type sendOutput struct{ Body message.Receipt }

// send delivers a live message. Without wait it answers with the receipt; with
// it, with the agent's answer as well.
func (a *API) send(ctx context.Context, in *sendInput) (*sendOutput, error) {
	b := &in.Body
	if b.Durable || b.Seal {
		return nil, Fail("UNSUPPORTED", "durable and sealed messages are not supported yet; leave durable and seal out")
	}
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
	caller, _ := Principal(ctx)
	receipt, err := a.cfg.Messages.Send(ctx, message.Message{
		ID: b.ID, To: b.To, Type: b.Type, Body: b.Body, Conversation: b.Conversation,
		From: message.Sender{Principal: caller.ID}, RequestID: RequestID(ctx),
	}, wait)
	if err != nil {
		return nil, err
	}
	return &sendOutput{receipt}, nil
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

type agentsOutput struct {
	Body struct {
		Agents []node.Agent `json:"agents" nullable:"false"`
	}
}

func (a *API) agents(context.Context, *none) (*agentsOutput, error) {
	out := &agentsOutput{}
	out.Body.Agents = a.cfg.Messages.Agents()
	return out, nil
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
