package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// replies are the live messages that were told by streams of this node and
// whose senders wait for an answer. Safe for concurrent use.
type replies struct {
	mu   sync.Mutex
	wait map[string]expected
}

type expected struct {
	of       *inboxFeed
	delivery *message.Delivery
}

func newReplies() *replies { return &replies{wait: map[string]expected{}} }

// expect makes the word that a message is answered by. What has ended is
// forgotten here, since nobody tells when it does.
func (r *replies) expect(f *inboxFeed, d *message.Delivery) string {
	word := rand.Text()
	r.mu.Lock()
	defer r.mu.Unlock()
	looked := 0
	for other, e := range r.wait {
		if e.delivery.Ended() {
			delete(r.wait, other)
		}
		if looked++; looked == 4 {
			break
		}
	}
	r.wait[word] = expected{f, d}
	return word
}

// take returns the message that a word of an agent's is about, once.
func (r *replies) take(agent, word string) (*message.Delivery, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.wait[word]
	if !ok || e.of.q.agent != agent {
		return nil, false
	}
	delete(r.wait, word)
	return e.delivery, true
}

// forget ends what a stream still owed.
func (r *replies) forget(f *inboxFeed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for word, e := range r.wait {
		if e.of == f {
			delete(r.wait, word)
		}
	}
}

type replyInput struct {
	AgentRef
	Body struct {
		ReplyTo string          `json:"reply_to" minLength:"1" maxLength:"64" doc:"as the stream told it"`
		Body    json.RawMessage `json:"body,omitempty" doc:"the answer, any JSON value of at most 1 MiB"`
		Error   string          `json:"error,omitempty" maxLength:"1024" doc:"in place of a body: why there is none, a sentence"`
		Code    string          `json:"code,omitempty" maxLength:"64" pattern:"^[A-Z0-9_]*$" patternDescription:"made of capital letters, digits and _" doc:"the agent's own code for the error"`
	}
}

// reply answers a live message that a stream of this node told.
func (a *API) reply(ctx context.Context, in *replyInput) (*empty, error) {
	b := &in.Body
	if (b.Body == nil) == (b.Error == "") {
		return nil, invalid("body.body", "an answer has either a body or an error")
	}
	if err := a.actingAs(ctx, in.Agent); err != nil {
		return nil, err
	}
	d, ok := a.replies.take(in.Agent, b.ReplyTo)
	if !ok {
		return nil, Fail(message.CodeNotWaiting, "no message told by a stream of this node waits for that answer").
			With("next", "answer once, in time, and at the node that the stream comes from")
	}
	if b.Error != "" {
		return nil, d.Fail(agentError(in.Agent, b.Code, b.Error))
	}
	return nil, d.Reply(b.Body)
}

func agentError(agent, code, sentence string) *consensus.Refusal {
	r := &consensus.Refusal{Code: "AGENT_ERROR", Sentence: sentence, Details: map[string]string{"agent": agent}}
	if code != "" {
		r.Details["agent_code"] = code
	}
	return r
}
