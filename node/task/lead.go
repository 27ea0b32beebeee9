package task

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// ErrUndeliverable says that a letter can never be sent.
var ErrUndeliverable = errors.New("the message can never be delivered")

// Leading is what the leader's loop needs. Post, Agents and Leads are required.
type Leading struct {
	Post Post
	// Agents are those that can be reached now, without scores and tasks, and,
	// without instances, those that were at nodes that are gone.
	Agents func() []Candidate
	// Leads says that this node leads. What two that believe so do is done
	// once.
	Leads   func() bool
	Chooser Chooser          // nil: ByMerit
	Now     func() time.Time // nil: time.Now
}

// How the leader's loop goes about its work.
const (
	leadEvery = time.Second
	lookEvery = 2 * time.Second
	// sendAtOnce letters are under way, of rowsRead rows of the outbox.
	sendAtOnce = 32
	rowsRead   = 512
	// placedAtOnce tasks go in one command, of placesRead that wait.
	placedAtOnce = 64
	placesRead   = 1024
	// lookedAt tasks that were handed over are checked in one look.
	lookedAt = 2000
	// absence is how long an agent that was chosen may be away before a task
	// it has not begun goes to another.
	absence = 15 * time.Second
	// grace is for how long nothing may be heard of a task at work whose worker
	// has lost its session, which itself outlives a broken connection by so long.
	grace = time.Minute
	// sendTimeout bounds one letter; who cannot be written to is left alone for
	// sendPause.
	sendTimeout = 10 * time.Second
	sendPause   = 5 * time.Second
)

// leader is the loop with what it remembers. All of it may be lost.
type leader struct {
	s *Service
	Leading
	looked time.Time
	look   map[State]ID         // where the next look begins
	place  []byte               // where the next placing begins
	away   map[string]time.Time // agents with tasks that are away, since when
	seen   map[string]bool      // agents with tasks that were attached
	mu     sync.Mutex
	closed map[string]time.Time // inboxes that take nothing, until when
}

func newLeader(s *Service, l Leading) *leader {
	return &leader{s: s, Leading: l, look: map[State]ID{}, away: map[string]time.Time{}, seen: map[string]bool{}, closed: map[string]time.Time{}}
}

// Lead hands tasks over, tells of them and minds their time while this node
// leads, until ctx ends.
func (s *Service) Lead(ctx context.Context, l Leading) {
	if l.Chooser == nil {
		l.Chooser = ByMerit{}
	}
	if l.Now == nil {
		l.Now = time.Now
	}
	ld := newLeader(s, l)
	every := time.NewTicker(leadEvery)
	defer every.Stop()
	for {
		changed, give := s.Changed(0)
		if l.Leads() && s.level() >= Level {
			ld.round(ctx)
		} else {
			clear(ld.away)
			clear(ld.seen)
			ld.looked = time.Time{}
		}
		select {
		case <-changed:
		case <-every.C:
			give()
		case <-ctx.Done():
			give()
			return
		}
	}
}

// round does all there is to do once.
func (l *leader) round(ctx context.Context) {
	for _, step := range []func(context.Context) error{l.mind, l.assign, l.send, l.check} {
		if err := step(ctx); err != nil && ctx.Err() == nil {
			l.s.log.Warn("tasks are behind", "error", err)
		}
	}
}

func (l *leader) view(ctx context.Context, fn func(consensus.Reader) error) error {
	_, err := l.s.state.View(ctx, consensus.ReadOptions{}, fn)
	return err
}

func (l *leader) propose(ctx context.Context, k numbered.Kind, body any) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := l.s.propose(ctx, k, body, nil)
	return err
}

// mind proposes what time has made due.
func (l *leader) mind(ctx context.Context) error {
	for range 16 {
		due := false
		if err := l.view(ctx, func(r consensus.Reader) error {
			due = pending(r, l.now(r))
			return nil
		}); err != nil || !due {
			return err
		}
		if err := l.propose(ctx, kindTick, tick{}); err != nil {
			return err
		}
	}
	return nil
}

// now is the time that the next command will have, or a little earlier.
func (l *leader) now(r consensus.Reader) time.Time {
	if now := l.Now(); now.After(r.Time()) {
		return now
	}
	return r.Time()
}
