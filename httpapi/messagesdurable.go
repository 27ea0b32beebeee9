package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// CodeKeyChanged says that the agent has another key than the sender means.
const CodeKeyChanged = "KEY_CHANGED"

// sendDurable makes a message durable and answers when it is.
func (a *API) sendDurable(ctx context.Context, in *sendInput, m message.Message) (*sendOutput, error) {
	b := &in.Body
	switch {
	case a.cfg.Inboxes == nil:
		return nil, Fail("UNSUPPORTED", "this node keeps no durable messages; leave durable out")
	case b.Wait != nil && *b.Wait || b.Timeout != "":
		return nil, invalid("body.wait", "a durable message is not waited for: the agent answers by a message of its own. Leave wait and timeout out, or durable")
	}
	out := inbox.Outgoing{
		ID: m.ID, From: m.From, Type: m.Type, Conversation: m.Conversation, Sticky: m.Sticky, Body: m.Body, Sealed: m.Sealed, Key: m.Key,
		Plain: plain(b), Priority: inbox.Priority(m.Priority), MaxAttempts: b.MaxAttempts, TraceParent: m.TraceParent, RequestID: m.RequestID,
	}
	for _, d := range []struct {
		field, text string
		to          *time.Duration
		most        time.Duration
	}{
		{"body.ttl", b.TTL, &out.TTL, inbox.MaxTTL}, {"body.delay", b.Delay, &out.Delay, inbox.MaxDelay},
		{"body.redelivery", b.Redelivery, &out.Redelivery, inbox.MaxRedelivery},
	} {
		var err error
		if *d.to, err = lengthOf(d.field, d.text, d.most); err != nil {
			return nil, err
		}
	}
	if err := a.addressed(&out, m.To); err != nil {
		return nil, err
	}
	accepted, err := a.accept(ctx, out, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	receipt := message.Receipt{ID: accepted.ID, Status: message.Accepted, Known: &accepted.Known, Duplicate: accepted.Duplicate}
	if out.Everywhere && !accepted.Duplicate {
		accepted.Recipients = a.cfg.Messages.InboxNames(out.To)
	}
	if out.Topic != "" || out.Everywhere {
		receipt.Recipients = accepted.Recipients
		receipt.Counts = &message.Counts{Delivered: accepted.Count, Refused: accepted.Full}
	}
	if b.Seal {
		receipt.Key = m.Key
	}
	return &sendOutput{accepted.Revision, replayed(accepted), receipt}, nil
}

// plain is the body before this node sealed it.
func plain(b *SendBody) json.RawMessage {
	if !b.Seal {
		return nil
	}
	return b.Body
}

// addressed says whose inboxes an address means.
func (a *API) addressed(out *inbox.Outgoing, to string) error {
	address, err := message.ParseAddress(to)
	switch {
	case err != nil:
		return err
	case address.Topic != "":
		out.Topic = address.Topic
	case address.All:
		return out.ToEverywhere(address.Agent, a.cfg.Messages.InboxHosts(address.Agent))
	default:
		r := inbox.Recipient{Agent: address.Agent}
		if address.Node != "" {
			if r.Node, err = a.cfg.Messages.ResolveNode(address.Node); err != nil {
				return Fail(message.CodeUnknownAddress, "no node of this mesh is called %s", clip(address.Node, 80)).With("next", "`meshd members` lists them")
			}
		}
		out.To = []inbox.Recipient{r}
	}
	return nil
}

// accept hands a message to the inboxes. An idempotency key becomes the id of
// one that has none, in a scope of the caller's own: the inboxes know it again
// at whatever node it comes in, and know another message under it.
func (a *API) accept(ctx context.Context, out inbox.Outgoing, key string) (inbox.Accepted, error) {
	x := exchangeOf(ctx)
	if len(x.keys) > 0 && !oneKey(x.keys) {
		return inbox.Accepted{}, invalid("header.Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters, and is given once")
	}
	keyed := out.ID == "" && key != ""
	if keyed {
		sum := sha256.Sum256([]byte(x.path + " " + key))
		out.ID = "key-" + hex.EncodeToString(sum[:16])
	}
	out.From.Node = a.cfg.NodeID
	accepted, err := a.cfg.Inboxes.Accept(ctx, out)
	var no *consensus.Refusal
	if keyed && errors.As(err, &no) && no.Code == inbox.CodeOtherMessage {
		differs := strings.ReplaceAll(no.Details["differs"], ",", ", ")
		return accepted, Fail("IDEMPOTENCY_MISMATCH", "the idempotency key was used with another message, which was accepted: they differ in %s", differs).
			With("differs", no.Details["differs"])
	}
	return accepted, err
}

func replayed(accepted inbox.Accepted) string {
	if accepted.Duplicate {
		return "true"
	}
	return ""
}

// sealed seals m's body where the sender asks for it, and holds the key the
// sender means to the one the agent has.
func (a *API) sealed(ctx context.Context, b *SendBody, m *message.Message) error {
	switch {
	case !b.Seal && b.Key == "":
		return nil
	case !b.Seal && !b.Sealed:
		return invalid("body.key", "key goes with seal or sealed")
	case b.Seal && b.Sealed:
		return invalid("body.seal", "the body is sealed already: leave seal or sealed out")
	case a.cfg.Inboxes == nil:
		return Fail("UNSUPPORTED", "this node knows no agents' keys; leave seal and key out")
	}
	address, err := message.ParseAddress(b.To)
	if err != nil {
		return err
	}
	if address.Topic != "" {
		return invalid("body.to", "a topic has no key: seal for one agent at a time")
	}
	key, err := a.cfg.Inboxes.Key(ctx, address.Agent)
	if err != nil {
		return err
	}
	if b.Key != "" && b.Key != key.Hash {
		return Fail(CodeKeyChanged, "the agent %s has another key since %s", address.Agent, key.Since.UTC().Format(time.RFC3339)).
			With("agent", address.Agent).With("key", key.Hash).With("since", key.Since.UTC())
	}
	m.Sealed, m.Key = true, key.Hash
	if !b.Seal {
		return nil
	}
	m.Body, err = seal.Seal(key.Recipient, b.Body)
	if errors.Is(err, seal.ErrTooLarge) {
		return Fail(CodeTooLarge, "%s", err.Error())
	}
	return err
}

// sentenceOf is what a refusal says.
func sentenceOf(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Sentence
	}
	return err.Error()
}
