package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// NameRef names an agent in the path of its own routes.
type NameRef struct {
	Name string `path:"name" maxLength:"63" doc:"the agent's name"`
}

// nameRead names an agent to be read of.
type nameRead struct {
	NameRef
	ReadInput
}

// AgentRecord is all that is known of an agent: where it can be reached now,
// and what the mesh keeps for it.
type AgentRecord struct {
	Name         string           `json:"name"`
	Description  string           `json:"description,omitempty"`
	Kind         string           `json:"kind,omitempty"`
	Capabilities []string         `json:"capabilities,omitempty"`
	Hosts        []node.AgentHost `json:"hosts" nullable:"false" doc:"where it can be reached now"`

	Known bool         `json:"known" doc:"it has attached or registered before"`
	Owner string       `json:"owner,omitempty" doc:"the credential that speaks for it"`
	Since *time.Time   `json:"since,omitempty" doc:"when it was first heard of"`
	Key   string       `json:"key,omitempty" doc:"the hash of the key that messages to it are sealed to"`
	Inbox *InboxFigure `json:"inbox,omitempty"`
}

// InboxFigure is how an inbox stands.
type InboxFigure struct {
	Node          string     `json:"node,omitempty" doc:"the id of the node that pushes it to the agent's sessions"`
	Messages      int        `json:"messages" doc:"that wait"`
	Bytes         int64      `json:"bytes"`
	Oldest        *time.Time `json:"oldest,omitempty" doc:"when the first of them was accepted"`
	Dead          int        `json:"dead" doc:"dead letters that are kept"`
	Dropped       uint64     `json:"dropped" doc:"dead letters that were not kept"`
	Accepted      uint64     `json:"accepted" doc:"messages of ever; so are the next three"`
	Acknowledged  uint64     `json:"acknowledged"`
	Returned      uint64     `json:"returned"`
	Refused       uint64     `json:"refused" doc:"because the inbox was full"`
	Subscriptions int        `json:"subscriptions"`
}

type agentOutput struct {
	ReadOutput
	Body AgentRecord
}

// agent tells of one agent what anybody may know who may be one: what is in its
// inbox is for who may act as it.
func (a *API) agent(ctx context.Context, in *nameRead) (*agentOutput, error) {
	if err := message.CheckName(in.Name); err != nil {
		return nil, err
	}
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	out := &agentOutput{read, AgentRecord{Name: in.Name, Hosts: []node.AgentHost{}}}
	b := &out.Body
	found := false
	for _, live := range a.cfg.Messages.Agents() {
		if live.Name == in.Name {
			found = true
			b.Description, b.Kind, b.Capabilities, b.Hosts = live.Description, live.Kind, live.Capabilities, live.Hosts
		}
	}
	if a.cfg.Inboxes != nil {
		info, known, err := a.cfg.Inboxes.Agent(ctx, in.Name)
		if err != nil {
			return nil, err
		}
		if known {
			found = true
			b.Known, b.Owner, b.Since, b.Key = info.Known, info.Owner, timeOrNil(info.Since), info.KeyHash
			b.Inbox = &InboxFigure{
				Node: info.Node, Messages: info.Messages, Bytes: info.Bytes, Oldest: timeOrNil(info.Oldest), Dead: info.Dead, Dropped: info.Dropped,
				Accepted: info.Accepted, Acknowledged: info.Acknowledged, Returned: info.Returned, Refused: info.Refused, Subscriptions: info.Subscriptions,
			}
		}
	}
	if !found {
		return nil, Fail(message.CodeUnknownAddress, "no agent named %s is known in this mesh", in.Name)
	}
	return out, nil
}

// AgentKey is what messages to an agent are sealed to.
type AgentKey struct {
	Agent      string    `json:"agent"`
	Recipient  string    `json:"recipient" doc:"the public half, age1pq1…"`
	Key        string    `json:"key" doc:"its hash, sha256:… and 64 hex digits"`
	Since      time.Time `json:"since"`
	Generation uint64    `json:"generation" doc:"counts the keys the agent has had, from 1"`
	MeshID     string    `json:"mesh_id,omitempty"`
	Unowned    bool      `json:"unowned,omitempty" doc:"true, where it was written for a name that belongs to nobody: it will belong to the credential that uses the name first. PUT /agents/{name}/owner reserves it for one"`
}

type agentKeyOutput struct {
	ReadOutput
	Body AgentKey
}

func (a *API) agentKey(k inbox.Key, read ReadOutput) *agentKeyOutput {
	return &agentKeyOutput{read, AgentKey{k.Agent, k.Recipient, k.Hash, k.Since.UTC(), k.Generation, a.cfg.MeshID, false}}
}

// key tells an agent's key to whoever wants to seal a message to it.
func (a *API) key(ctx context.Context, in *nameRead) (*agentKeyOutput, error) {
	if err := message.CheckName(in.Name); err != nil {
		return nil, err
	}
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	k, err := a.cfg.Inboxes.Key(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return a.agentKey(k, read), nil
}

type publishInput struct {
	NameRef
	Body struct {
		Recipient string `json:"recipient" maxLength:"4096" doc:"the public half of the agent's new key, age1pq1…"`
	}
}

// publishKey gives the agent a key. Senders who knew another are told.
func (a *API) publishKey(ctx context.Context, in *publishInput) (*agentKeyOutput, error) {
	if err := seal.CheckRecipient(in.Body.Recipient); err != nil {
		return nil, invalid("body.recipient", err.Error())
	}
	if err := a.actingAs(ctx, in.Name); err != nil {
		return nil, err
	}
	k, err := a.cfg.Inboxes.PublishKey(ctx, in.Name, in.Body.Recipient)
	if err != nil {
		return nil, err
	}
	if a.cfg.KeyChanged != nil {
		a.cfg.KeyChanged(in.Name, k.Hash)
	}
	read, err := a.settled(ctx, ReadInput{})
	if err != nil {
		return nil, err
	}
	out := a.agentKey(k, read)
	out.Body.Unowned, err = a.unowned(ctx, in.Name)
	return out, err
}

// SubscriptionBody is a durable subscription.
type SubscriptionBody struct {
	Topic string    `json:"topic" doc:"the pattern: * is one segment, > at the end one or more"`
	Since time.Time `json:"since"`
}

type subscriptionsOutput struct {
	ReadOutput
	Body struct {
		Subscriptions []SubscriptionBody `json:"subscriptions" nullable:"false"`
		Unowned       bool               `json:"unowned,omitempty" doc:"true, where it was written for a name that belongs to nobody: it will belong to the credential that uses the name first. PUT /agents/{name}/owner reserves it for one"`
	}
}

// subscriptions lists what topics an agent takes durably.
func (a *API) subscriptions(ctx context.Context, in *nameRead) (*subscriptionsOutput, error) {
	if _, err := a.reading(ctx, in.Name); err != nil {
		return nil, err
	}
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Inboxes.Subscriptions(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := &subscriptionsOutput{ReadOutput: read}
	out.Body.Subscriptions = make([]SubscriptionBody, 0, len(list))
	for _, s := range list {
		out.Body.Subscriptions = append(out.Body.Subscriptions, SubscriptionBody{s.Pattern, s.Since.UTC()})
	}
	return out, nil
}

type subscribeInput struct {
	NameRef
	Body struct {
		Topics []string `json:"topics" minItems:"1" maxItems:"64" doc:"patterns of topics, with or without topic/ before them"`
	}
}

// subscribe takes the messages to topics into the agent's inbox from now on.
func (a *API) subscribe(ctx context.Context, in *subscribeInput) (*subscriptionsOutput, error) {
	patterns := make([]string, 0, len(in.Body.Topics))
	for _, topic := range in.Body.Topics {
		p, err := message.ParsePattern(topic)
		if err != nil {
			return nil, named(ctx, err, "body")
		}
		patterns = append(patterns, p.String())
	}
	if err := a.actingAs(ctx, in.Name); err != nil {
		return nil, err
	}
	for _, p := range patterns {
		if err := a.cfg.Inboxes.Subscribe(ctx, in.Name, p); err != nil {
			return nil, err
		}
	}
	out, err := a.subscriptions(ctx, &nameRead{NameRef: in.NameRef})
	if err != nil {
		return nil, err
	}
	out.Body.Unowned, err = a.unowned(ctx, in.Name)
	return out, err
}

type unsubscribeInput struct {
	NameRef
	Topic string `query:"topic" required:"true" maxLength:"512" doc:"the pattern, as it was subscribed to"`
}

// unsubscribe ends a durable subscription. What the inbox holds stays.
func (a *API) unsubscribe(ctx context.Context, in *unsubscribeInput) (*writtenOutput, error) {
	p, err := message.ParsePattern(in.Topic)
	if err != nil {
		return nil, invalid("query.topic", sentenceOf(err))
	}
	if err := a.actingAs(ctx, in.Name); err != nil {
		return nil, err
	}
	return a.done(ctx, a.cfg.Inboxes.Unsubscribe(ctx, in.Name, p.String()))
}
