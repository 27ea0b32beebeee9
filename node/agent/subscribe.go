package agent

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// Bounds of the subscriptions of one session.
const (
	maxPatterns   = 256
	maxEventTypes = 32
	// maxTurn bounds the changes of subscriptions that wait for their turn.
	maxTurn = 1024
)

// subscriptions are what a session hears of. The client's mu guards them.
type subscriptions struct {
	patterns map[string]struct{}
	events   []string          // in the order of their listeners
	cancels  map[string]func() // of the listeners, one a type
	turn     []func()          // changes under way, in the order of their frames; the first is at work
}

func (s *subscriptions) takeEvents() []func() {
	var out []func()
	for _, cancel := range s.cancels {
		out = append(out, cancel)
	}
	s.events, s.cancels = nil, nil
	return out
}

// subscribe begins or ends subscriptions, in the order of the frames. What
// other nodes must hear of takes its time, so that is waited for beside the
// frames that follow.
func (c *client) subscribe(f *inbound) {
	id, topics, durable, begin := f.ID, f.Topics, f.Durable, f.Type == "subscribe"
	if len(topics) > 0 && c.who.Requests != nil {
		if err := c.who.Requests.Listen(); err != nil {
			c.tell(errorFrame(id, err))
			return
		}
	}
	if begin && len(f.Events) > 0 {
		if err := c.mayFollow(); err != nil {
			c.tell(errorFrame(id, err))
			return
		}
	}
	since, _ := parseNumber(f.Since)
	events := f.Events
	answer := func(missed bool) { c.tell(outbound{Type: "result", ID: id, Missed: missed}) }
	c.mu.Lock()
	waiting := len(c.subs.turn)
	c.mu.Unlock()
	switch {
	case waiting >= maxTurn:
		c.tell(errorFrame(id, consensus.Refuse(message.CodeOverloaded, "too many changes of this connection's subscriptions are under way")))
		return
	case waiting == 0 && len(topics) == 0:
		c.followed(id, events, since, begin, answer)
		return
	}
	var known func(context.Context) error
	var err error
	if !durable {
		known, err = c.topics(topics, begin)
	}
	c.inTurn(func() {
		switch {
		case err != nil:
		case durable && len(topics) > 0:
			err = c.durableTopics(topics, begin)
		case known != nil:
			err = known(c.ctx)
		}
		if err != nil {
			c.tell(errorFrame(id, c.refusal(err)))
			return
		}
		c.followed(id, events, since, begin, answer)
	})
}

// mayFollow says whether the client may follow events.
func (c *client) mayFollow() error {
	if c.who.Requests == nil {
		return nil
	}
	return c.who.Requests.Follow()
}

// inTurn runs fn after those that were given before. Only take calls it.
func (c *client) inTurn(fn func()) {
	c.mu.Lock()
	c.subs.turn = append(c.subs.turn, fn)
	first := len(c.subs.turn) == 1
	c.mu.Unlock()
	if !first {
		return
	}
	c.jobs.Add(1)
	c.server.crew.do(task(func() {
		defer c.jobs.Done()
		for fn := fn; fn != nil; {
			fn()
			c.mu.Lock()
			if c.subs.turn[0] = nil; len(c.subs.turn) > 1 {
				fn, c.subs.turn = c.subs.turn[1], c.subs.turn[1:]
			} else {
				fn, c.subs.turn = nil, nil
			}
			c.mu.Unlock()
		}
	}))
}

// followed changes the subscriptions to events and answers.
func (c *client) followed(id string, events []string, since uint64, begin bool, answer func(missed bool)) {
	if !begin {
		c.unfollow(events)
		answer(false)
		return
	}
	if len(events) == 0 {
		answer(false)
		return
	}
	if err := c.follow(events, since, answer); err != nil {
		c.tell(errorFrame(id, err))
	}
}

// topics begins or ends subscriptions to topics at once; known, if it is not
// nil, returns when other nodes know of them. Where one cannot begin none does.
func (c *client) topics(patterns []string, begin bool) (known func(context.Context) error, err error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	session, err := c.listener(begin)
	if err != nil || session == nil {
		return nil, err
	}
	var begun []string
	defer func() {
		if err == nil {
			return
		}
		for _, p := range begun {
			c.mu.Lock()
			delete(c.subs.patterns, p)
			c.mu.Unlock()
			session.Unsubscribe(p)
		}
	}()
	for _, text := range patterns {
		pattern, err := message.ParsePattern(text)
		if err != nil {
			return nil, err
		}
		p := pattern.String() // one name, however it is written
		c.mu.Lock()
		_, had := c.subs.patterns[p]
		full := begin && !had && len(c.subs.patterns) >= maxPatterns
		if begin && !full {
			if c.subs.patterns == nil {
				c.subs.patterns = map[string]struct{}{}
			}
			c.subs.patterns[p] = struct{}{}
		} else if !begin {
			delete(c.subs.patterns, p)
		}
		c.mu.Unlock()
		switch {
		case full:
			return nil, consensus.Refuse(message.CodeOverloaded, fmt.Sprintf("this connection has %d subscriptions, which is as many as it may have", maxPatterns))
		case !begin && had:
			session.Unsubscribe(p)
		case begin && !had:
			if known, err = session.BeginSubscribe(p); err != nil {
				c.mu.Lock()
				delete(c.subs.patterns, p)
				c.mu.Unlock()
				return nil, err
			}
			begun = append(begun, p)
		}
	}
	return known, nil // the last to be known of is known of last
}

func (c *client) durableTopics(patterns []string, begin bool) error {
	d := c.server.cfg.Durable
	switch {
	case d == nil:
		return consensus.Refuse(message.CodeUnsupported, "this node keeps no inboxes")
	case c.who.Name == "":
		return badFrame("durable", "a durable subscription belongs to an agent, and this connection has attached none")
	}
	change := d.Unsubscribe
	if begin {
		change = d.Subscribe
	}
	for _, text := range patterns {
		pattern, err := message.ParsePattern(text)
		if err == nil {
			err = change(c.ctx, c.who.Name, pattern.String())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listener is the session that hears topics: the agent's, or one without a
// name, which is made when it is needed first.
func (c *client) listener(begin bool) (*message.Session, error) {
	c.listening.Lock()
	defer c.listening.Unlock()
	if s := c.router(); s != nil || !begin {
		return s, nil
	}
	s, err := c.server.cfg.Router.Listen(context.WithoutCancel(c.ctx), c.who.Principal, c)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.session = s
	gone := c.ended
	c.mu.Unlock()
	if gone {
		s.Close()
	}
	return s, nil
}

// follow subscribes to events. answer, if there is one, is called before the
// first of them is told.
func (c *client) follow(types []string, since uint64, answer func(missed bool)) error {
	hub := c.server.cfg.Events
	if hub == nil {
		return consensus.Refuse(message.CodeUnsupported, "this node tells no events")
	}
	var fresh []string
	c.mu.Lock()
	for _, t := range types {
		if !slices.Contains(c.subs.events, t) {
			fresh = append(fresh, t)
			c.subs.events = append(c.subs.events, t)
		}
	}
	over := len(c.subs.events) > maxEventTypes || c.ended
	if over {
		c.subs.events = c.subs.events[:len(c.subs.events)-len(fresh)]
	}
	if c.subs.cancels == nil {
		c.subs.cancels = map[string]func(){}
	}
	c.mu.Unlock()
	if over {
		return consensus.Refuse(message.CodeOverloaded, fmt.Sprintf("this connection follows %d types of events, which is as many as it may", maxEventTypes))
	}
	missed := false
	if since > 0 {
		whole, cancel := hub.SubscribeAfter(nil, since, func(event.Event) {})
		cancel()
		missed = !whole
	}
	if answer != nil {
		answer(missed)
	}
	for _, t := range fresh {
		after := since
		if since == 0 {
			after = hub.Last()
		}
		_, cancel := hub.SubscribeAfter([]string{t}, after, func(e event.Event) { c.happened(t, e) })
		c.mu.Lock()
		gone := c.ended || c.subs.cancels == nil || !slices.Contains(c.subs.events, t)
		if !gone {
			c.subs.cancels[t] = cancel
		}
		c.mu.Unlock()
		if gone {
			cancel()
		}
	}
	return nil
}

func (c *client) unfollow(types []string) {
	var cancels []func()
	c.mu.Lock()
	for _, t := range types {
		if cancel := c.subs.cancels[t]; cancel != nil {
			cancels = append(cancels, cancel)
			delete(c.subs.cancels, t)
		}
		if i := slices.Index(c.subs.events, t); i >= 0 {
			c.subs.events = slices.Delete(c.subs.events, i, i+1)
		}
	}
	c.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
}

// happened tells an event, once for all types that it falls under. A client
// that reads too slowly loses it and is told so.
func (c *client) happened(by string, e event.Event) {
	if e.For != nil && c.who.Hears != nil && !c.who.Hears(e.For) {
		return
	}
	f := outbound{Type: "event", Event: e.Type, At: strconv.FormatUint(e.ID, 10), Time: e.Time, Data: e.Data}
	c.mu.Lock()
	for _, t := range c.subs.events {
		if event.Matches(t, e.Type) {
			if t != by {
				c.mu.Unlock()
				return // told by the listener of t
			}
			break
		}
	}
	if !c.ended {
		if c.queue.events() {
			c.put(&f)
		} else {
			c.queue.dropped++
		}
	}
	c.mu.Unlock()
	c.wake()
}
