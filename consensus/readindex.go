package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/hashicorp/raft"
)

// readIndex finds the index that a linearizable read must include: Raft's
// thesis, section 6.4, with the voters asked for their term instead of a
// heartbeat, since the heartbeats of hashicorp/raft count non-voters. All
// readers that arrive while a round is out share the next one.
//
// Why it holds: a write that the index misses was acknowledged by a leader of a
// higher term before the read began. A majority had set its term to that one
// before it voted; that majority meets ours in a voter, which would have
// answered with the higher term.
type readIndex struct {
	g    *Group
	mu   sync.Mutex
	next []chan readAnswer
	wake chan struct{}
}

type readAnswer struct {
	index uint64
	err   error
}

func newReadIndex(g *Group) *readIndex {
	return &readIndex{g: g, wake: make(chan struct{}, 1)}
}

func (r *readIndex) index(ctx context.Context) (uint64, error) {
	ch := make(chan readAnswer, 1)
	r.mu.Lock()
	r.next = append(r.next, ch)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	select {
	case a := <-ch:
		return a.index, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.g.ctx.Done():
		return 0, ErrClosed
	}
}

func (r *readIndex) run() {
	for {
		select {
		case <-r.wake:
		case <-r.g.ctx.Done():
			return
		}
		r.mu.Lock()
		readers := r.next
		r.next = nil
		r.mu.Unlock()
		if len(readers) == 0 {
			continue
		}
		index, err := r.round()
		for _, ch := range readers {
			ch <- readAnswer{index, err}
		}
	}
}

func (r *readIndex) pause(step int) {
	if fn := r.g.cfg.hooks.beforeRead; fn != nil {
		fn(step)
	}
}

func (r *readIndex) round() (uint64, error) {
	g := r.g
	if !g.leading() {
		return 0, errNotLeader
	}
	term := g.raft.CurrentTerm()
	if g.machine.state().Marker != term { // (1)
		return 0, errNotReady
	}
	r.pause(1)
	index := g.raft.CommitIndex() // (2)
	r.pause(2)
	if err := r.majority(term); err != nil { // (3)
		return 0, err
	}
	r.pause(3)
	if !g.leading() || g.raft.CurrentTerm() != term { // (4)
		return 0, errNotLeader
	}
	return index, nil
}

var errNoMajority = errors.New("no majority of voters confirmed the leader")

// majority asks the voters of the latest configuration for their term.
func (r *readIndex) majority(term uint64) error {
	g := r.g
	voters, have := 0, 0
	var others []string
	for _, s := range g.configuration() {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		if string(s.ID) == g.dir.id {
			have++
		} else {
			others = append(others, string(s.ID))
		}
	}
	need := voters/2 + 1
	if voters == 0 {
		return errNotLeader
	}
	if have >= need {
		return nil
	}
	ctx, cancel := context.WithTimeout(g.ctx, readDeadline)
	defer cancel()
	answers := make(chan uint64, len(others))
	for _, id := range others {
		g.futures.Go(func() {
			answer, err := g.ask(ctx, id, methodTerm, nil)
			t, n := binary.Uvarint(answer)
			if err != nil || n <= 0 {
				t = ^uint64(0) // does not count
			}
			answers <- t
		})
	}
	for range others {
		select {
		case t := <-answers:
			if t <= term {
				have++
			}
		case <-ctx.Done():
			return errNoMajority
		}
		if have >= need {
			return nil
		}
	}
	return errNoMajority
}
