package client

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/meshd/meshd/node/message"
)

// Subscription is an interest in topics, which outlives connections.
type Subscription struct {
	agent   *Agent
	id      string // of its frame
	pattern string
	durable bool
	handler Handler
}

// Subscribe has messages to topics come to the Agent: "news/weather", "news/*"
// (one segment) or "news/>" (one or more). h takes them; nil: as other messages.
// Where several patterns match, the message comes once, to the first of them.
// It returns when the nodes know; after a lost connection it is renewed.
func (a *Agent) Subscribe(ctx context.Context, pattern string, h Handler) (*Subscription, error) {
	return a.subscribe(ctx, &Subscription{agent: a, pattern: pattern, handler: h})
}

// SubscribeDurable has what is published durably to matching topics put into
// the agent's inbox, whether it is attached or not, until Unsubscribe.
func (a *Agent) SubscribeDurable(ctx context.Context, pattern string, h Handler) (*Subscription, error) {
	if a.cfg.Name == "" {
		return nil, errors.New("a durable subscription is an agent's: attach with a name")
	}
	return a.subscribe(ctx, &Subscription{agent: a, pattern: pattern, handler: h, durable: true})
}

func (a *Agent) subscribe(ctx context.Context, s *Subscription) (*Subscription, error) {
	if _, err := message.ParsePattern(s.pattern); err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.nextAsk++
	s.id = "s" + strconv.FormatUint(a.nextAsk, 10)
	a.subs = append(a.subs, s)
	a.mu.Unlock()
	if err := a.ask(ctx, s.id, s.frame()); err != nil {
		a.forget(s)
		return nil, err
	}
	return s, nil
}

// frame asks for the subscription.
func (s *Subscription) frame() []byte {
	b := appendString(append(make([]byte, 0, 96), `{"type":"subscribe","id":`...), s.id)
	b = appendString(append(b, `,"topics":[`...), s.pattern)
	b = append(b, ']')
	if s.durable {
		b = append(b, `,"durable":true`...)
	}
	return append(b, '}')
}

// Pattern is what it was made with.
func (s *Subscription) Pattern() string { return s.pattern }

// Unsubscribe ends it; messages on their way may still come, to the Agent's own
// handler.
func (s *Subscription) Unsubscribe(ctx context.Context) error {
	a := s.agent
	if !a.forget(s) {
		return nil
	}
	a.mu.Lock()
	shared := slices.ContainsFunc(a.subs, func(o *Subscription) bool { return o.pattern == s.pattern && o.durable == s.durable })
	a.nextAsk++
	id := "s" + strconv.FormatUint(a.nextAsk, 10)
	a.mu.Unlock()
	if shared {
		return nil
	}
	b := appendString(append(make([]byte, 0, 96), `{"type":"unsubscribe","id":`...), id)
	b = append(appendString(append(b, `,"topics":[`...), s.pattern), ']')
	if s.durable {
		b = append(b, `,"durable":true`...)
	}
	return a.ask(ctx, id, append(b, '}'))
}

func (a *Agent) forget(s *Subscription) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.subs, s)
	if i >= 0 {
		a.subs = slices.Delete(a.subs, i, i+1)
	}
	return i >= 0
}

// subscription is that whose frame has an id. It needs the lock.
func (a *Agent) subscription(id string) (*Subscription, bool) {
	i := slices.IndexFunc(a.subs, func(s *Subscription) bool { return s.id == id })
	if i < 0 {
		return nil, false
	}
	return a.subs[i], true
}

// handlerOf is the handler of the first subscription that matches, nil where
// there is none.
func (a *Agent) handlerOf(topic string) Handler {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.subs {
		if p, err := message.ParsePattern(s.pattern); err == nil && p.Matches(topic) {
			return s.handler
		}
	}
	return nil
}

// asking is a frame whose answer somebody waits for.
type asking struct {
	data   []byte
	answer chan error
}

// ask writes a frame and waits for the answer with its id. It is asked again
// over a new connection.
func (a *Agent) ask(ctx context.Context, id string, data []byte) error {
	q := &asking{data, make(chan error, 1)}
	a.mu.Lock()
	if a.asks == nil {
		a.asks = map[string]*asking{}
	}
	a.asks[id] = q
	if a.session != nil && !a.session.over { // a new one asks by itself
		a.queue(frameOut{data: data})
	}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.asks, id)
		a.mu.Unlock()
	}()
	select {
	case err := <-q.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return ErrClosed
	}
}

// answered tells who asked, and says whether anybody did.
func (a *Agent) answered(f *frameIn) bool {
	a.mu.Lock()
	q := a.asks[f.ID]
	a.mu.Unlock()
	if q == nil {
		return false
	}
	var err error
	if f.Type == "error" {
		err = f.refusal()
	}
	select {
	case q.answer <- err:
	default: // told already
	}
	return true
}
