package message

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Bounds of subscriptions.
const (
	// maxPatterns bounds the patterns of one session, maxAllPatterns those of
	// all sessions of a node.
	maxPatterns    = 1024
	maxAllPatterns = 1 << 18
	// maxOwnPatterns bounds those of all sessions of one credential, so that it
	// leaves some to the others.
	maxOwnPatterns = maxAllPatterns / 4 * 3
	// maxMatches bounds the topics whose subscribers are kept at hand, and
	// maxMatched those subscribers, of all these topics.
	maxMatches = 1024
	maxMatched = 1 << 20
	// publishWait is how long a publication waits for its subscribers: who has
	// not taken it by then is counted as unknown, so that one who is slow does
	// not keep the publisher from going on. It gets it nevertheless, until the
	// deadline.
	publishWait = time.Second
	// subscribeWait is how long Subscribe waits for nodes that say nothing.
	subscribeWait = time.Second
)

// topics knows who subscribes to what: sessions here, and other nodes by what
// they have said. Its lock is taken alone.
type topics struct {
	mu   sync.Mutex
	trie trie[subscriber]
	// here counts the sessions of each pattern, all the subscriptions.
	here map[Pattern]int
	all  int
	// owned counts the subscriptions of each principal.
	owned map[string]int
	// matches keeps the subscribers of topics; it is emptied at each change.
	// matched is how many there are in it.
	matches map[string]*matched
	matched int
}

// unmatch forgets who subscribes to which topic. It needs the lock.
func (t *topics) unmatch() {
	clear(t.matches)
	t.matched = 0
}

// subscriber is a session here or another node.
type subscriber interface{ subscribes() }

func (*Session) subscribes() {}

// matched are the subscribers of one topic, each once. It is not changed.
type matched struct {
	sessions []*Session
	nodes    []string
}

// Subscribe asks for the live messages to every topic that the pattern
// matches; each comes once, however many patterns match. It returns when the
// living nodes know, after a second at the latest, or with ctx. A pattern
// subscribed to already is no error. Errors are *consensus.Refusal
// (CodeInvalid, CodeOverloaded), ctx's or consensus.ErrClosed.
func (s *Session) Subscribe(ctx context.Context, pattern string) error {
	known, err := s.BeginSubscribe(pattern)
	if err != nil {
		return err
	}
	return known(ctx)
}

// BeginSubscribe is Subscribe for who must not wait: the subscription stands
// when it returns, in the order of the calls, and known returns when Subscribe
// would.
func (s *Session) BeginSubscribe(pattern string) (known func(ctx context.Context) error, err error) {
	p, err := ParsePattern(pattern)
	if err != nil {
		return nil, err
	}
	r := s.router
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, consensus.ErrClosed
	}
	if err := r.topics.add(s, p); err != nil {
		return nil, err
	}
	version := r.interest.changed(p, true)
	s.mu.Lock()
	closed = s.closed
	s.mu.Unlock()
	if closed { // perhaps before it could have taken this one back
		r.unsubscribeAll(s)
		return nil, consensus.ErrClosed
	}
	until := time.Now().Add(subscribeWait)
	return func(ctx context.Context) error { return r.interest.wait(ctx, version, until) }, nil
}

// Unsubscribe takes a subscription back.
func (s *Session) Unsubscribe(pattern string) {
	p, err := ParsePattern(pattern)
	if err == nil && s.router.topics.remove(s, p) {
		s.router.interest.changed(p, false)
	}
}

// Subscriptions lists the session's patterns.
func (s *Session) Subscriptions() []string {
	t := &s.router.topics
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, 0, len(s.patterns))
	for p := range s.patterns {
		out = append(out, p.text)
	}
	slices.Sort(out)
	return out
}

func (r *Router) unsubscribeAll(s *Session) {
	for _, pattern := range s.Subscriptions() {
		s.Unsubscribe(pattern)
	}
}

func (t *topics) add(s *Session, p Pattern) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, has := s.patterns[p]; has {
		return nil
	}
	switch {
	case len(s.patterns) >= maxPatterns:
		return consensus.Refuse(CodeOverloaded, "a session subscribes to at most 1024 patterns; use wildcards")
	case t.all >= maxAllPatterns:
		return consensus.Refuse(CodeOverloaded, "this node has too many subscriptions")
	case t.owned[s.principal] >= maxOwnPatterns:
		return consensus.Refuse(CodeOverloaded, "this credential has too many subscriptions at this node")
	}
	if s.patterns == nil {
		s.patterns = map[Pattern]struct{}{}
	}
	s.patterns[p] = struct{}{}
	t.trie.add(p, s)
	t.here[p]++
	t.all++
	if t.owned == nil {
		t.owned = map[string]int{}
	}
	t.owned[s.principal]++
	t.unmatch()
	return nil
}

// remove reports whether the session had subscribed.
func (t *topics) remove(s *Session, p Pattern) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, has := s.patterns[p]; !has {
		return false
	}
	delete(s.patterns, p)
	t.trie.remove(p, s)
	if t.here[p]--; t.here[p] == 0 {
		delete(t.here, p)
	}
	t.all--
	if t.owned[s.principal]--; t.owned[s.principal] == 0 {
		delete(t.owned, s.principal)
	}
	t.unmatch()
	return true
}

// wanted says whether any session here subscribes to the pattern.
func (t *topics) wanted(p Pattern) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.here[p] > 0
}

// subscribers returns who gets what is published to a topic.
func (r *Router) subscribers(topic string) *matched {
	t := &r.topics
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.matches[topic]; m != nil {
		return m
	}
	m := &matched{}
	seen := map[subscriber]bool{}
	t.trie.match(topic, func(who subscriber) {
		if seen[who] {
			return
		}
		seen[who] = true
		switch who := who.(type) {
		case *Session:
			m.sessions = append(m.sessions, who)
		case *heard:
			m.nodes = append(m.nodes, who.node)
		}
	})
	slices.SortFunc(m.sessions, func(a, b *Session) int { return cmp.Compare(a.seat.key, b.seat.key) })
	slices.Sort(m.nodes)
	size := len(m.sessions) + len(m.nodes)
	if len(t.matches) >= maxMatches || t.matched+size > maxMatched {
		t.unmatch()
	}
	t.matches[topic] = m
	t.matched += size
	return m
}

// publish sends a message to every subscription of its topic, on every living
// node.
func (r *Router) publish(c *call, now time.Time) {
	m := r.subscribers(c.addr.Topic)
	nodes := make([]string, 0, len(m.nodes))
	living := r.cfg.Peers()
	for _, node := range m.nodes {
		if slices.Contains(living, node) {
			nodes = append(nodes, node)
		}
	}
	if len(nodes)+len(m.sessions) == 0 {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, noSubscribers(c.addr))
		return
	}
	g := newGather(len(nodes)+len(m.sessions), topicCall{c}, 0, 0)
	g.lost, c.parts = c.lost, g
	if !r.wheel.add(&c.timed, c, publishUntil(&c.m, now).Add(grace)) {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, consensus.ErrClosed)
		return
	}
	for _, node := range nodes {
		r.lane(node).message(&c.m, envelope{}, part{g, node}, now)
	}
	r.deliverAll(m.sessions, &c.m, g)
}

// publishUntil is when the receipt of a publication is due.
func publishUntil(m *Message, now time.Time) time.Time {
	if until := now.Add(publishWait); until.Before(m.Deadline) {
		return until
	}
	return m.Deadline
}

// publishHere gives a publication of another node to the subscribers here.
func (r *Router) publishHere(s *Strand, number uint64, m *Message, now time.Time) {
	list := r.subscribers(m.To[len(topicPrefix):]).sessions
	if len(list) == 0 {
		s.settled(number, len(m.Body), outcome{Status: Refused, Counts: &Counts{}})
		return
	}
	g := newGather(len(list), s, number, len(m.Body))
	g.wheel = r.wheel
	g.wheel.add(&g.timed, g, publishUntil(m, now))
	r.deliverAll(list, m, g)
}

// topicCall ends a publication.
type topicCall struct{ *call }

func (c topicCall) settled(_ uint64, _ int, o outcome) {
	if o.Counts != nil && *o.Counts == (Counts{}) {
		o = refusedBy(noSubscribers(c.addr))
	}
	c.outcome(o)
}

func noSubscribers(a Address) error {
	return &consensus.Refusal{
		Code: CodeNoSubscribers, Sentence: "nobody subscribes to " + a.String() + " now",
		Details: map[string]string{"to": a.String()},
	}
}
