package inbox

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/tracing"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Service needs.
type Config struct {
	State consensus.State
	Part  *Part
	// Level is the command level that the mesh is at; nil: consensus.Level.
	Level func() uint32
	// Leads says that this node leads: it alone proposes what time has brought
	// about (expired messages, parts of bodies nobody names). nil: always.
	Leads func() bool
	// Reserved says that an agent of this name lives in the nodes themselves: it
	// has no inbox and no owner. nil: none does.
	Reserved func(agent string) bool
	// Lend is asked before messages are leased: it returns those of the inbox
	// that are with the agent by push, which are not leased, at least where they
	// are among those named, and keeps the others that were from being pushed
	// until they are. nil: nothing is pushed.
	Lend func(ctx context.Context, agent string, seqs []uint64) (out []uint64)
	// Whole says that messages of a principal may take all of the room that there
	// is, and not its share. nil: none may.
	Whole func(principal string) bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Ahead says how far that clock is ahead of the mesh's time, which messages
	// are delayed, leased and expire by; nil: it is right.
	Ahead func() time.Duration
	// Tracer records the way of messages that are traced; may be nil.
	Tracer     *tracing.Recorder
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service is the inboxes at one node. Safe for concurrent use. Its methods
// return a *consensus.Refusal where the mesh says no, and the errors of
// consensus.State where it could not be asked.
type Service struct {
	cfg   Config
	state consensus.State
	index *index
	life  context.Context
	end   context.CancelFunc
	work  sync.WaitGroup

	batcher
	owned    owned
	maxOwned int
}

// NewService returns a Service; Close ends it.
func NewService(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Level == nil {
		cfg.Level = func() uint32 { return consensus.Level }
	}
	if cfg.Leads == nil {
		cfg.Leads = func() bool { return true }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, state: cfg.State, index: cfg.Part.index, maxOwned: MaxOwned}
	s.life, s.end = context.WithCancel(context.Background())
	s.begin()
	if cfg.Registerer != nil {
		s.register(cfg.Registerer)
	}
	return s
}

// begin makes the batcher's own.
func (s *Service) begin() {
	_, _ = rand.Read(s.source[:])
	s.senders, s.pause = map[uint64]*sender{}, 100*time.Millisecond
	for i := range lanes {
		s.free = append(s.free, byte(i))
	}
}

// Close ends it: what waits is answered with consensus.ErrClosed, what is on
// its way with consensus.ErrUnknown.
func (s *Service) Close() {
	s.end()
	s.closeQueue()
	s.work.Wait()
}

// Watch is Part.Watch.
func (s *Service) Watch(fn func(agents []string)) (cancel func()) { return s.cfg.Part.Watch(fn) }

func (s *Service) ready() error {
	if s.cfg.Level() < Level {
		return olderNodes()
	}
	return nil
}

// Accept makes a message durable and returns when a quorum has it. If ctx ends
// before that, the error wraps consensus.ErrUnknown unless nothing has happened.
func (s *Service) Accept(ctx context.Context, m Outgoing) (Accepted, error) {
	type result struct {
		a   Accepted
		err error
	}
	ch := make(chan result, 1)
	it, err := s.item(ctx, &m, func(a Accepted, err error) { ch <- result{a, err} })
	if err != nil {
		return Accepted{}, err
	}
	s.submit(it)
	select {
	case r := <-ch:
		return r.a, r.err
	case <-ctx.Done():
		return Accepted{}, s.withdraw(it, ctx.Err())
	}
}

// Submit is Accept without waiting: done is called once, from another
// goroutine or before Submit returns, and must not block. Messages of one sender
// (principal and agent) get their numbers in the order of the Submit calls.
// Where ctx ends before the message is on its way, it is not sent.
func (s *Service) Submit(ctx context.Context, m Outgoing, done func(Accepted, error)) {
	it, err := s.item(ctx, &m, done)
	if err != nil {
		done(Accepted{}, err)
		return
	}
	s.submit(it)
}

// Acknowledge removes messages for good and returns how many of them were
// there.
func (s *Service) Acknowledge(ctx context.Context, agent string, seqs []uint64) (int, error) {
	total := 0
	for len(seqs) > 0 {
		n := min(len(seqs), maxItems/4)
		type result struct {
			n   int
			err error
		}
		ch := make(chan result, 1)
		it, err := s.ackItem(agent, seqs[:n], func(n int, err error) { ch <- result{n, err} })
		if err != nil {
			return total, err
		}
		s.submit(it)
		select {
		case r := <-ch:
			total += r.n
			if r.err != nil {
				return total, r.err
			}
		case <-ctx.Done():
			return total, s.withdraw(it, ctx.Err())
		}
		seqs = seqs[n:]
	}
	return total, nil
}

// SubmitAck is Acknowledge of at most 1,024 messages without waiting; done,
// which may be nil, must not block.
func (s *Service) SubmitAck(agent string, seqs []uint64, done func(int, error)) {
	if done == nil {
		done = func(int, error) {}
	}
	it, err := s.ackItem(agent, seqs, done)
	if err != nil {
		done(0, err)
		return
	}
	s.submit(it)
}

// propose executes one of the rare commands.
func (s *Service) propose(ctx context.Context, kind byte, cmd, result any) (uint64, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	out, err := s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: append([]byte{kind}, consensus.Encode(cmd)...)})
	if err != nil {
		return 0, err
	}
	if result != nil {
		err = consensus.Decode(out.Result, result)
	}
	return out.Revision, err
}

// insist is propose for commands that may be repeated: where the outcome is
// unknown, it asks again.
func (s *Service) insist(ctx context.Context, kind byte, cmd, result any) (rev uint64, err error) {
	for range 3 {
		rev, err = s.propose(ctx, kind, cmd, result)
		if !errors.Is(err, consensus.ErrUnknown) || ctx.Err() != nil || s.life.Err() != nil {
			return rev, err
		}
	}
	return rev, err
}

func checkAgent(name string) error { return message.CheckName(name) }

// mayHave says whether an agent may have an inbox.
func (s *Service) mayHave(agent string) error {
	if err := checkAgent(agent); err != nil || s.cfg.Reserved == nil || !s.cfg.Reserved(agent) {
		return err
	}
	return &consensus.Refusal{
		Code: message.CodeNameReserved, Sentence: "the agent " + agent + " lives in the nodes and has no inbox",
		Details: map[string]string{"agent": agent, "next": "send to it without durable"},
	}
}
