package consensus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// How the leader's loop looks at the replicas.
const (
	seatInterval = 250 * time.Millisecond
	statsTimeout = time.Second
	// missed is how long without an answer makes a replica silent.
	missed = 1500 * time.Millisecond
	// confirmTimeout is how long a voter may take to show that it is there.
	confirmTimeout = 700 * time.Millisecond
	// lagLimit is how many entries a replica may be short of where the leader
	// was when it asked.
	lagLimit      = 64
	configTimeout = 5 * time.Second
)

// seats makes the Raft configuration follow the roster, one step at a time,
// from the leader. It keeps no memory that a new leader would need: a crash
// between two steps heals.
type seats struct {
	g     *Group
	wake  chan struct{}
	times healthTimes

	mu     sync.Mutex
	health map[string]*observed
	even   time.Time

	move      seatMove // what was asked for last (seatmove.go)
	moveUntil time.Time
}

// observed is what the leader has seen of one replica.
type observed struct {
	vitals
	lastAnswer time.Time
	asking     bool
	stats      replicaStats
}

func newSeats(g *Group) *seats {
	return &seats{
		g: g, wake: make(chan struct{}, 1), health: make(map[string]*observed),
		times: g.cfg.hooks.health.orDefault(),
	}
}

func (s *seats) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Kick tells the leader's loop that the roster has changed.
func (g *Group) Kick() { g.seats.kick() }

func (s *seats) run() {
	tick := time.NewTicker(seatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.wake:
		case <-s.g.ctx.Done():
			return
		}
		if !s.g.ready() {
			s.forget()
			continue
		}
		for s.round() && s.g.ctx.Err() == nil {
		}
	}
}

func (s *seats) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.health)
	s.even, s.moveUntil = time.Time{}, time.Time{}
}

// round makes at most one step and says whether another may follow at once.
func (s *seats) round() bool {
	g := s.g
	g.raise()
	servers := g.configuration()
	g.transport.teller.keep(servers)
	g.log.ahead.wanted.Store(len(servers) > 1)
	now := time.Now()
	s.look(servers, now)
	if g.cfg.Replicas == nil {
		return false
	}
	in := planInput{
		leader: g.dir.id, wanted: g.cfg.Replicas(), voters: g.cfg.WantVoters,
		health: s.vitals(), now: now, times: s.times,
	}
	voters := 0
	for _, v := range servers {
		voting := v.Suffrage == raft.Voter
		in.seats = append(in.seats, seat{string(v.ID), voting})
		if voting {
			voters++
		}
	}
	s.mu.Lock()
	if voters%2 == 1 {
		s.even = time.Time{}
	} else if s.even.IsZero() {
		s.even = now
	}
	in.evenSince = s.even
	if now.Before(s.moveUntil) {
		in.order = s.move
	}
	s.mu.Unlock()
	next := plan(in)
	if next.kind == stepNone {
		return false
	}
	g.logger.Info("changing the raft configuration", "step", string(next.kind), "raft_id", next.id)
	if err := s.take(next); err != nil {
		g.logger.Log(g.ctx, unseated(err), "a change of the raft configuration did not succeed", "step", string(next.kind), "raft_id", next.id, "error", err)
		return false
	}
	return true
}

func (s *seats) take(next step) error {
	g := s.g
	id, addr := raft.ServerID(next.id), raft.ServerAddress(next.id)
	if (next.kind == stepDemote || next.kind == stepRemove) && !s.confirmed(next.id) {
		return errNotSafe
	}
	switch next.kind {
	case stepAdd:
		return g.raft.AddNonvoter(id, addr, 0, configTimeout).Error()
	case stepPromote:
		return g.raft.AddVoter(id, addr, 0, configTimeout).Error()
	case stepDemote:
		return g.raft.DemoteVoter(id, 0, configTimeout).Error()
	case stepRemove:
		return g.raft.RemoveServer(id, 0, configTimeout).Error()
	case stepTransfer:
		return g.transfer(next.id)
	}
	return fmt.Errorf("unknown step %q", next.kind)
}

// errNotSafe puts a step off.
var errNotSafe = errors.New("the voters that would be left do not answer as a majority")

// confirmed asks the voters that would be left without id, now: the figures of
// the last round may be of somebody who died since.
func (s *seats) confirmed(id string) bool {
	g := s.g
	ctx, cancel := context.WithTimeout(g.ctx, confirmTimeout)
	defer cancel()
	voter, left := false, 0
	answers := make(chan bool, 64)
	for _, v := range g.configuration() {
		switch other := string(v.ID); {
		case v.Suffrage != raft.Voter:
		case other == id:
			voter = true
		case other == g.dir.id:
			left++
			answers <- true
		default:
			left++
			g.futures.Go(func() {
				_, err := g.ask(ctx, other, methodStats, nil)
				answers <- err == nil
			})
		}
	}
	if !voter {
		return true
	}
	alive := 0
	for range left {
		if <-answers {
			alive++
		}
	}
	return alive > left/2
}

// look asks every replica for its figures, without waiting for the answers.
func (s *seats) look(servers []raft.Server, now time.Time) {
	g := s.g
	mine := g.raft.LastIndex()
	term := g.raft.CurrentTerm()
	present := make(map[string]bool, len(servers))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range servers {
		id := string(v.ID)
		present[id] = true
		if id == g.dir.id {
			continue
		}
		o := s.health[id]
		if o == nil {
			o = &observed{lastAnswer: now}
			s.health[id] = o
		}
		if now.Sub(o.lastAnswer) > missed {
			o.Well = time.Time{}
			if o.Silent.IsZero() {
				o.Silent = now
			}
		}
		if o.asking {
			continue
		}
		o.asking = true
		g.futures.Go(func() { s.askOne(id, o, term, mine) })
	}
	for id := range s.health {
		if !present[id] {
			delete(s.health, id)
		}
	}
}

func (s *seats) askOne(id string, o *observed, term, mine uint64) {
	ctx, cancel := context.WithTimeout(s.g.ctx, statsTimeout)
	defer cancel()
	answer, err := s.g.ask(ctx, id, methodStats, nil)
	var stats replicaStats
	if err == nil {
		err = Decode(answer, &stats)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.asking = false
	if err != nil {
		return
	}
	now := time.Now()
	o.lastAnswer, o.Silent, o.stats = now, time.Time{}, stats
	caughtUp := stats.Term == term && !stats.Fault && !stats.Full && stats.LastIndex+lagLimit >= mine && stats.Applied+lagLimit >= mine
	switch {
	case !caughtUp:
		o.Well = time.Time{}
	case o.Well.IsZero():
		o.Well = now
	}
}

func (s *seats) vitals() map[string]vitals {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]vitals, len(s.health))
	for id, o := range s.health {
		out[id] = o.vitals
	}
	return out
}

// silent lists who of ids does not answer.
func (s *seats) silent(ids []string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if o := s.health[id]; o != nil && !o.Silent.IsZero() {
			out = append(out, id)
		}
	}
	return out
}

// otherwise lists who of the replicas that answer has another timeout.
func (s *seats) otherwise(timeout time.Duration) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, o := range s.health {
		if o.Silent.IsZero() && o.stats.Timeout > 0 && o.stats.Timeout != timeout.Milliseconds() {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// transfer hands leadership over, to one voter or to whom Raft thinks best.
// Raft forgets the request when it stops in the same moment, so nobody waits
// for it longer than for the Group.
func (g *Group) transfer(id string) error {
	done := make(chan error, 1)
	go func() {
		var f raft.Future
		if id == "" {
			f = g.raft.LeadershipTransfer()
		} else {
			f = g.raft.LeadershipTransferToServer(raft.ServerID(id), raft.ServerAddress(id))
		}
		endWith(f, g.raftEnded)
		done <- f.Error()
	}()
	select {
	case err := <-done:
		return err
	case <-g.ctx.Done():
		return ErrClosed
	}
}

// handOver gives leadership, beside everything else, to a voter that has no
// trouble of its own, if one is known; a node that is only short of room
// keeps it otherwise, since somebody in the same state would only give it back.
func (g *Group) handOver(why string) {
	if !g.leading() {
		return
	}
	to := g.seats.sound(g.configuration())
	if to == "" && g.machine.broken() == nil {
		return
	}
	g.logger.Warn("handing leadership over", "reason", why, "raft_id", to)
	g.futures.Go(func() {
		if err := g.transfer(to); err != nil && g.ctx.Err() == nil {
			g.logger.Warn("handing leadership over did not succeed", "error", err)
		}
	})
}

// sound names the voter that has most of the log of those that answer and can
// write.
func (s *seats) sound(servers []raft.Server) (best string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var most uint64
	for _, v := range servers {
		o := s.health[string(v.ID)]
		if v.Suffrage != raft.Voter || o == nil || !o.Silent.IsZero() || o.stats.Fault || o.stats.Full || o.stats.LastIndex <= most {
			continue
		}
		best, most = string(v.ID), o.stats.LastIndex
	}
	return best
}

// TransferLeadership makes another voter the leader, if this node is; the
// error says why it could not.
func (g *Group) TransferLeadership(ctx context.Context) error {
	if !g.leading() {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- g.transfer("") }() // ends with the Group at the latest
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("handing leadership over: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
