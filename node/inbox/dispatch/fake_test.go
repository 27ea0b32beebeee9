package dispatch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

var errNoLeader = errors.New("no leader")

// shelves is the inboxes of a mesh, as all of its nodes see them at once.
type shelves struct {
	mu       sync.Mutex
	seq      uint64
	messages map[string][]*inbox.Stored
	agents   map[string]*inbox.AgentInfo
	watchers map[int]func([]string)
	claims   int           // commands
	headless bool          // there is no leader
	asked    int           // how often somebody read
	read     chan struct{} // closed when that is at readAt
	readAt   int
}

func newShelves() *shelves {
	return &shelves{messages: map[string][]*inbox.Stored{}, agents: map[string]*inbox.AgentInfo{}, watchers: map[int]func([]string){}}
}

// whenRead is closed once inboxes were read so many times.
func (s *shelves) whenRead(times int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read, s.readAt = make(chan struct{}), times
	return s.read
}

func (s *shelves) tell(agents ...string) {
	s.mu.Lock()
	all := make([]func([]string), 0, len(s.watchers))
	for _, fn := range s.watchers {
		all = append(all, fn)
	}
	s.mu.Unlock()
	for _, fn := range all {
		fn(agents)
	}
}

func (s *shelves) accept(agent, sender string, size int64) uint64 {
	s.mu.Lock()
	s.seq++
	m := &inbox.Stored{
		Seq: s.seq, ID: "m", Agent: agent, From: message.Sender{Agent: sender}, Size: size,
		Redelivery: 30 * time.Second, MaxAttempts: 5, Body: []byte("1"),
	}
	s.messages[agent] = append(s.messages[agent], m)
	s.mu.Unlock()
	s.tell(agent)
	return m.Seq
}

func (s *shelves) left(agent string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages[agent])
}

func (s *shelves) Pending(_ context.Context, agent string, o inbox.PendingOptions) (inbox.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.asked == s.readAt {
		close(s.read)
	}
	var b inbox.Batch
	if a := s.agents[agent]; a != nil {
		b.Node, b.Epoch = a.Node, a.Epoch
	}
	now := time.Now()
	waits, bytes := map[string]bool{}, 0
	for _, m := range s.messages[agent] {
		if now.Before(m.NotBefore) {
			waits[m.From.Agent] = waits[m.From.Agent] || m.Attempts > 0
			if b.Next.IsZero() || m.NotBefore.Before(b.Next) {
				b.Next = m.NotBefore
			}
			continue
		}
		due := inbox.Due{Seq: m.Seq, Sender: inbox.HashNode(m.From.Agent), Priority: m.Priority, Attempts: m.Attempts, Size: m.Size, Node: inbox.HashNode(m.Node)}
		if waits[m.From.Agent] || o.Skip(due) {
			continue
		}
		if bytes += int(m.Size); len(b.Messages) == o.Max || len(b.Messages) > 0 && bytes > o.MaxBytes {
			b.More = true
			break
		}
		b.Messages = append(b.Messages, *m)
	}
	return b, nil
}

func (s *shelves) SubmitAck(agent string, seqs []uint64, done func(int, error)) {
	s.mu.Lock()
	var err error
	switch {
	case len(seqs) > 1024:
		err = errors.New("too many at once")
	case s.headless:
		err = errNoLeader
	default:
		s.messages[agent] = slices.DeleteFunc(s.messages[agent], func(m *inbox.Stored) bool { return slices.Contains(seqs, m.Seq) })
	}
	s.mu.Unlock()
	go func() {
		time.Sleep(time.Millisecond) // a commit
		done(len(seqs), err)
		if err == nil {
			s.tell(agent)
		}
	}()
}

func (s *shelves) Return(_ context.Context, agent string, items []inbox.Returned) (int, error) {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	if s.headless {
		s.mu.Unlock()
		return 0, errNoLeader
	}
	for _, it := range items {
		i := slices.IndexFunc(s.messages[agent], func(m *inbox.Stored) bool { return m.Seq == it.Seq })
		if i < 0 {
			continue
		}
		m := s.messages[agent][i]
		if m.Attempts+1 != it.Attempt {
			continue
		}
		if m.Attempts++; m.Attempts == m.MaxAttempts {
			s.messages[agent] = slices.Delete(s.messages[agent], i, i+1)
			continue
		}
		m.NotBefore, m.Reason = time.Now().Add(it.Delay), it.Reason
	}
	s.mu.Unlock()
	s.tell(agent)
	return len(items), nil
}

func (s *shelves) Claim(_ context.Context, claims []inbox.Claim) (out []inbox.ClaimResult, err error) {
	time.Sleep(5 * time.Millisecond)
	s.mu.Lock()
	if s.headless {
		s.mu.Unlock()
		return nil, errNoLeader
	}
	s.claims++
	var told []string
	for _, c := range claims {
		a := s.agents[c.Agent]
		if a == nil {
			a = &inbox.AgentInfo{Name: c.Agent}
			s.agents[c.Agent] = a
		}
		r := inbox.ClaimResult{Agent: c.Agent}
		if c.Principal != "" && a.Owner != "" && a.Owner != c.Principal {
			r.Owner, r.Node, r.Epoch, r.Code = a.Owner, a.Node, a.Epoch, inbox.CodeNotYourAgent
			out = append(out, r)
			continue
		}
		a.Owner = cmp.Or(a.Owner, c.Principal)
		if c.Node != "" && c.Node != a.Node && (a.Node == "" || c.Take && c.Epoch == a.Epoch) {
			a.Node = c.Node
			a.Epoch++
			told = append(told, c.Agent)
		}
		r.Owner, r.Node, r.Epoch = a.Owner, a.Node, a.Epoch
		out = append(out, r)
	}
	s.mu.Unlock()
	s.tell(told...)
	return out, nil
}

func (s *shelves) Agent(_ context.Context, name string) (inbox.AgentInfo, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[name]; a != nil {
		return *a, true, nil
	}
	return inbox.AgentInfo{}, false, nil
}

// Fresh is of a state that has everything, where there is somebody to say so.
func (s *shelves) Fresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headless {
		return errNoLeader
	}
	return ctx.Err()
}

func (s *shelves) Place(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[name]; a != nil {
		return a.Node
	}
	return ""
}

func (s *shelves) Watch(fn func([]string)) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.watchers)
	s.watchers[n] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, n)
	}
}

func (s *shelves) setHeadless(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headless = is
}

// town is where agents live, and what they do with their messages.
type town struct {
	mu     sync.Mutex
	hosts  map[string][]string
	dead   map[string]bool
	taken  map[string][]message.Message // by agent, in order
	answer func(m message.Message, done func(message.Receipt, error))
}

func newTown() *town {
	return &town{hosts: map[string][]string{}, dead: map[string]bool{}, taken: map[string][]message.Message{}, answer: ack}
}

func ack(_ message.Message, done func(message.Receipt, error)) {
	done(message.Receipt{Status: message.Delivered}, nil)
}

func silence(message.Message, func(message.Receipt, error)) {}

func (t *town) Hosts() map[string][]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string][]string{}
	for a, nodes := range t.hosts {
		for _, n := range nodes {
			if !t.dead[n] {
				out[a] = append(out[a], n)
			}
		}
	}
	return out
}

func (t *town) Alive(node string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.dead[node]
}

// Forward is the router of one node.
func (t *town) Forward(_ context.Context, m message.Message, done func(message.Receipt, error)) {
	agent := cmp.Or(m.Stored.Inbox, m.To)
	t.mu.Lock()
	here := len(t.hosts[agent]) > 0
	if here {
		t.taken[agent] = append(t.taken[agent], m)
	}
	answer := t.answer
	t.mu.Unlock()
	if !here {
		done(message.Receipt{Status: message.Refused}, consensus.Refuse(message.CodeAgentGone, "it is gone"))
		return
	}
	answer(m, done)
}

func (t *town) set(agent string, nodes ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if nodes == nil {
		delete(t.hosts, agent)
		return
	}
	t.hosts[agent] = nodes
}

func (t *town) seqs(agent string) (out []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.taken[agent] {
		out = append(out, m.Stored.Seq)
	}
	return out
}

func (t *town) act(fn func(m message.Message, done func(message.Receipt, error))) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer = fn
}

func (t *town) kill(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dead[node] = true
}
