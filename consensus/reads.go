package consensus

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
)

// Deadlines of reads.
const (
	readDeadline   = 2 * time.Second
	behindDeadline = 5 * time.Second
)

// View implements State. A stale read is never older than what this node has
// shown before, also under another process: while a state is built anew after a
// power loss or under a new seat, it is as hard to have as a linearizable one.
// The error is ErrNoLeader where the asked-for
// consistency could not be had in 2 s, ErrBehind where this node has not
// reached the revision asked for in 5 s, ErrAhead where the leader has not
// either; an error of fn is returned as it is.
func (g *Group) View(ctx context.Context, o ReadOptions, fn func(Reader) error) (ReadInfo, error) {
	if g.ctx.Err() != nil {
		return ReadInfo{}, ErrClosed
	}
	switch o.Consistency {
	case Stale:
		g.afterOpen(ctx)
		if o.MaxAge > 0 && g.age() > o.MaxAge {
			return ReadInfo{}, fmt.Errorf("the leader was last heard %s ago: %w", g.age().Round(time.Millisecond), ErrBehind)
		}
		// What is being rebuilt may be older than what this node has shown.
		// A leader whose marker is in its state has all there was.
		if g.machine.rebuilt && !g.proven.Load() && !g.ready() {
			if err := g.catchUp(ctx, Linearizable); err != nil {
				return ReadInfo{}, fmt.Errorf("this node builds its state anew and cannot tell how far it was: %w", err)
			}
		}
	case Leader, Linearizable:
		if err := g.catchUp(ctx, o.Consistency); err != nil {
			return ReadInfo{}, err
		}
	default:
		return ReadInfo{}, fmt.Errorf("unknown consistency %d", o.Consistency)
	}
	if o.MinRevision > g.machine.state().Revision {
		if err := g.waitRevision(ctx, o.MinRevision); err != nil {
			return ReadInfo{}, err
		}
	}
	if o.Consistency != Stale || o.MinRevision > 0 {
		fn = g.notBelow(g.machine.state().Revision, fn)
	}
	m, err := g.machine.view(fn)
	return ReadInfo{Revision: m.Revision, Age: g.age()}, err
}

// notBelow refuses a view of less than was waited for: what had been applied is
// gone again where the transaction that had it could not be committed.
func (g *Group) notBelow(rev uint64, fn func(Reader) error) func(Reader) error {
	return func(r Reader) error {
		if have := r.Revision(); have < rev {
			return fmt.Errorf("%w: revision %d could not be written, %d is there", ErrStateFault, rev, have)
		}
		return fn(r)
	}
}

// prove asks until a leader has said how far the mesh is and the state, which
// was built anew, has that too.
func (g *Group) prove() {
	for g.catchUp(g.ctx, Linearizable) != nil {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-g.machine.faulted:
			return
		case <-g.ctx.Done():
			return
		}
	}
}

// openingWait is how long after an opening stale reads wait for the log.
const openingWait = time.Second

// opening is the time in which a Group whose process was killed has not yet
// applied what its log holds, and so may lack what it has answered.
type opening struct {
	under atomic.Bool
	last  uint64 // of the log when it was opened
	until time.Time
}

func (o *opening) holds(applied, last uint64) {
	o.last, o.until = last, time.Now().Add(openingWait)
	o.under.Store(applied < last)
}

// afterOpen makes a stale read wait for the log after a kill, for a moment only:
// without a leader nobody knows what of it is committed, and stale reads are
// there to be had without one.
func (g *Group) afterOpen(ctx context.Context) {
	o := &g.opening
	if !o.under.Load() {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, o.until)
	defer cancel()
	if err := g.waitApplied(ctx, o.last); err == nil || !time.Now().Before(o.until) {
		o.under.Store(false)
	}
}

// age is how long ago this node last heard from the leader.
func (g *Group) age() time.Duration {
	if g.leading() {
		return 0
	}
	last := g.raft.LastContact()
	if last.IsZero() {
		return time.Duration(1<<63 - 1)
	}
	return time.Since(last)
}

// catchUp waits until this node's state has what the leader says it must.
func (g *Group) catchUp(ctx context.Context, c Consistency) error {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	for {
		index, err := g.askReadIndex(ctx, c)
		if err == nil {
			if err = g.waitApplied(ctx, index); err == nil && c == Linearizable {
				g.proven.Store(true)
			}
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: no read index in %s: %w", ErrNoLeader, readDeadline, err)
		}
		// No leader yet, or one that is not ready: soon again.
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		case <-g.ctx.Done():
			return ErrClosed
		}
	}
}

func (g *Group) askReadIndex(ctx context.Context, c Consistency) (uint64, error) {
	leader := g.leaderID()
	if leader == "" {
		return 0, ErrNoLeader
	}
	if leader == g.dir.id {
		if c == Leader {
			return g.leaderIndex()
		}
		return g.reads.index(ctx)
	}
	call, cancel := context.WithTimeout(g.reign.context(), readDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	answer, err := g.ask(call, leader, methodReadIndex, []byte{byte(c)})
	if err != nil {
		return 0, err
	}
	index, n := binary.Uvarint(answer)
	if n <= 0 {
		return 0, errBadCall
	}
	return index, nil
}

func (g *Group) answerReadIndex(ctx context.Context, body []byte) ([]byte, error) {
	if len(body) != 1 {
		return nil, errBadCall
	}
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	var index uint64
	var err error
	switch Consistency(body[0]) {
	case Leader:
		index, err = g.leaderIndex()
	case Linearizable:
		index, err = g.reads.index(ctx)
	default:
		return nil, errBadCall
	}
	if err != nil {
		return nil, err
	}
	return binary.AppendUvarint(nil, index), nil
}

// leaderIndex is what this node has applied, if it leads.
func (g *Group) leaderIndex() (uint64, error) {
	if !g.leading() {
		return 0, errNotLeader
	}
	if !g.ready() {
		return 0, errNotReady
	}
	return g.machine.state().Applied, nil
}

// waitApplied waits until the state has the entry at index. Read indexes are
// always of entries that reach the state: the leader's own term marker comes
// after the one entry of a term that does not.
func (g *Group) waitApplied(ctx context.Context, index uint64) error {
	for {
		moved := g.machine.moved.wait()
		if g.machine.state().Applied >= index {
			return nil
		}
		select {
		case <-moved:
		case <-g.machine.faulted:
			return fmt.Errorf("%w: %w", ErrStateFault, g.machine.fault)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrBehind, ctx.Err())
		case <-g.ctx.Done():
			return ErrClosed
		}
	}
}

// waitRevision waits until the state has reached a revision. The leader is
// asked whether there is such a revision at all, so that a made-up number does
// not hold a request for long.
func (g *Group) waitRevision(ctx context.Context, rev uint64) error {
	ctx, cancel := context.WithTimeout(ctx, behindDeadline)
	defer cancel()
	asked := time.After(100 * time.Millisecond)
	for {
		changed := g.machine.changed.wait()
		if g.machine.state().Revision >= rev {
			return nil
		}
		select {
		case <-changed:
		case <-asked:
			high, err := g.leaderRevision(ctx)
			if err == nil && rev > high {
				return fmt.Errorf("%w: %d, the leader has %d", ErrAhead, rev, high)
			}
			if err != nil {
				asked = time.After(200 * time.Millisecond)
			}
		case <-g.machine.faulted:
			return fmt.Errorf("%w: %w", ErrStateFault, g.machine.fault)
		case <-ctx.Done():
			return fmt.Errorf("%w: at %d, asked for %d", ErrBehind, g.machine.state().Revision, rev)
		case <-g.ctx.Done():
			return ErrClosed
		}
	}
}

func (g *Group) leaderRevision(ctx context.Context) (uint64, error) {
	leader := g.leaderID()
	var answer []byte
	var err error
	switch leader {
	case "":
		return 0, ErrNoLeader
	case g.dir.id:
		answer, err = g.answerRevision(ctx)
	default:
		answer, err = g.ask(ctx, leader, methodRevision, nil)
	}
	if err != nil {
		return 0, err
	}
	rev, n := binary.Uvarint(answer)
	if n <= 0 {
		return 0, errBadCall
	}
	return rev, nil
}

// answerRevision says the leader's revision with everything committed so far:
// a follower may have applied an entry a moment before the leader has. It is
// found as a linearizable read is: who was deposed in its sleep and does not
// know yet must not say that a revision does not exist.
func (g *Group) answerRevision(ctx context.Context) ([]byte, error) {
	if !g.leading() {
		return nil, errNotLeader
	}
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	index, err := g.reads.index(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.waitApplied(ctx, index); err != nil {
		return nil, errNotReady
	}
	return binary.AppendUvarint(nil, g.machine.state().Revision), nil
}

// Changed implements State.
func (g *Group) Changed(ctx context.Context, rev uint64) <-chan struct{} {
	ch := g.machine.changed.wait()
	out := make(chan struct{})
	if g.machine.state().Revision > rev {
		close(out)
		return out
	}
	// One wake may not be enough: that of a change which is in the state
	// already comes a moment after it. Wait on until the revision is there.
	go func() {
		defer close(out)
		for g.machine.state().Revision <= rev {
			select {
			case <-ch:
			case <-ctx.Done():
				return
			case <-g.ctx.Done():
				return
			}
			ch = g.machine.changed.wait()
		}
	}()
	return out
}
