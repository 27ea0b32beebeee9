package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// pace is how long a replica waits before it tries again.
type pace struct {
	first, most time.Duration // after a fault, doubled up to the most
	room        time.Duration // between two looks at a full disk
	enough      uint64        // bytes free that make trying worth while
	calm        time.Duration // a Group that lived so long had no lasting fault
}

var normalPace = pace{first: 100 * time.Millisecond, most: 30 * time.Second, room: 5 * time.Second, enough: 24 << 20, calm: time.Minute}

// keep mends what fails until ctx ends, or ends the node where nothing mends it.
func (r *replica) keep(ctx context.Context) {
	wait, opened := r.pace.first, time.Now()
	for {
		g, _ := r.current()
		select {
		case <-g.Failed():
		case <-ctx.Done():
			return
		}
		if time.Since(opened) > r.pace.calm {
			wait = r.pace.first
		}
		if err := r.mend(ctx, g, &wait); err != nil {
			if ctx.Err() == nil {
				r.n.log.Error("this node stops", "error", err)
				r.n.stop(err)
			}
			return
		}
		opened = time.Now()
		if ctx.Err() != nil {
			return
		}
	}
}

// mend replaces a Group that has failed; its error is the node's end.
func (r *replica) mend(ctx context.Context, g *consensus.Group, wait *time.Duration) error {
	cause, closed := g.Fault(), false
	for {
		pause := *wait
		switch consensus.FaultOf(cause) {
		case consensus.FaultDisk:
			return fmt.Errorf("the disk under %s fails, and what of the last writes is on it cannot be known: %w; replace the disk, then start the node: it takes a new seat", r.n.raftPath(), cause)
		case consensus.FaultNewer:
			if closed {
				return cause
			}
			r.n.log.Error("this node must be upgraded: it serves what it has and takes no part until then", "error", cause)
			<-ctx.Done()
			return nil
		case consensus.FaultFull:
			r.n.log.Error("the disk is full: this node takes no writes until there is room", "error", cause)
			if err := r.awaitRoom(ctx, g); err != nil {
				return nil
			}
			pause = 0
		case consensus.FaultState, consensus.FaultDamaged:
			r.n.log.Error("the state is opened anew", "error", cause, "in", pause)
			*wait = min(*wait*2, r.pace.most)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		if !closed {
			r.mu.Lock()
			r.why = cause
			r.mu.Unlock()
			// Where nothing can be written, opening would fail, and what still
			// reads would be closed for nothing.
			if err := consensus.TryWriting(r.n.raftPath()); err != nil {
				if consensus.FaultOf(err) != consensus.FaultFull {
					cause = err
				}
				*wait = min(*wait, r.pace.room)
				continue
			}
			// A damaged file may not close; what is locked is found at the open.
			if err := g.Close(); err != nil {
				r.n.log.Warn("closing the failed state", "error", err)
			}
			r.mu.Lock()
			r.floor = max(r.floor, g.Status().Revision)
			r.mu.Unlock()
			closed = true
		}
		var err error
		if consensus.FaultOf(cause) == consensus.FaultDamaged {
			if err = r.reseat(cause); err != nil {
				return err
			}
			err = r.tryOpen()
		} else {
			err = r.open()
		}
		switch {
		case err == nil:
			r.n.log.Info("the state is open again", "raft_id", r.raftID())
			return nil
		case errors.Is(err, consensus.ErrLocked), consensus.FaultOf(err) == consensus.FaultDamaged:
			return err
		}
		cause = err
		r.mu.Lock()
		r.why = cause
		r.mu.Unlock()
	}
}

// awaitRoom waits until the disk has some.
func (r *replica) awaitRoom(ctx context.Context, g *consensus.Group) error {
	for {
		select {
		case <-time.After(r.pace.room):
		case <-ctx.Done():
			return ctx.Err()
		}
		if g.Status().FreeBytes >= r.pace.enough {
			return nil
		}
	}
}
