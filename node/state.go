package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
)

// replica is the node's share of the replicated state across the faults of its
// disk. It forwards to the consensus.Group in force, and when that has failed
// it closes it and opens another in the running process: after a moment, or
// when there is room on the disk again, or under a new raft id where the old
// one must not vote again. Until the swap the old one goes on with stale reads.
type replica struct {
	n     *Node
	parts []consensus.Part
	pace  pace

	mu      sync.RWMutex
	group   *consensus.Group
	id      string
	why     error  // set while no Group is open
	floor   uint64 // revision that was served before: reads do not go back
	closed  bool
	swapped chan struct{} // closed at the next swap

	fresh atomic.Pointer[consensus.Group] // the Group that has caught up (current.go)
}

var _ consensus.State = (*replica)(nil)

// openReplica opens the share of the state that the data directory holds. A
// damaged one is set aside for a new seat where the mesh can do without it.
func (n *Node) openReplica(parts ...consensus.Part) (*replica, error) {
	r := &replica{n: n, parts: parts, pace: normalPace, swapped: make(chan struct{})}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *replica) open() error {
	err := r.tryOpen()
	if consensus.FaultOf(err) != consensus.FaultDamaged {
		return err
	}
	if err := r.reseat(err); err != nil {
		return err
	}
	return r.tryOpen()
}

func (r *replica) tryOpen() error {
	n := r.n
	if _, err := os.Stat(n.raftPath()); errors.Is(err, fs.ErrNotExist) && len(n.trust.Roster().Members) == 1 {
		return fmt.Errorf("%s is gone, and as the only node of its mesh this one has nobody to fetch the state from: put it back or restore a backup; `meshd reset` gives the mesh up", n.raftPath())
	}
	id, fresh, err := consensus.EnsureID(n.raftPath())
	if err != nil {
		return err
	}
	if me, ok := n.trust.Roster().ByID(n.id.ID()); fresh && ok && me.RaftID != "" {
		n.log.Warn("this node takes a new seat and fetches the state from its peers", "old", me.RaftID, "new", id)
	}
	g, err := consensus.Open(consensus.Config{
		Dir:        n.raftPath(),
		Parts:      r.parts,
		Listener:   n.port.RaftListener(),
		Dial:       n.dialReplica,
		Peers:      raftPeers{n},
		Replicas:   func() []consensus.Replica { return n.trust.Roster().Replicas() },
		WantVoters: n.cfg.WantVoters,
		Level:      func() uint32 { return n.trust.Roster().Level(Level) },
		// A lease of half the time: a leader that is cut off stops before another
		// can be elected.
		HeartbeatTimeout:   n.cfg.LeaderTimeout,
		ElectionTimeout:    n.cfg.LeaderTimeout,
		LeaderLeaseTimeout: n.cfg.LeaderTimeout / 2,
		ClockOffset:        n.port.ClockOffset,
		Floor:              r.known(),
		Logger:             n.log.With("part", "consensus"),
		Registerer:         n.registry,
	})
	if err != nil {
		return fmt.Errorf("opening the replicated state: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.Join(consensus.ErrClosed, g.Close())
	}
	r.group, r.id, r.why = g, id, nil
	close(r.swapped)
	r.swapped = make(chan struct{})
	go r.fetch(g)
	return nil
}

// current is the Group in force with a channel that closes when it is replaced.
func (r *replica) current() (*consensus.Group, <-chan struct{}) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.group, r.swapped
}

// raftID is the seat this node has now.
func (r *replica) raftID() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.id
}

// known is the revision that this node has served.
func (r *replica) known() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.floor
}

// seat is the raft id of this node: that of its replica, and before there is
// one that which founding or joining made.
func (n *Node) seat() string {
	if n.group != nil {
		return n.group.raftID()
	}
	return n.raftID
}

// again says whether what a Group answered is only that it is being replaced,
// after the replacement is there; otherwise it gives the error to return.
func (r *replica) again(ctx context.Context, swapped <-chan struct{}, err error) (bool, error) {
	r.mu.RLock()
	why := r.why
	r.mu.RUnlock()
	if !errors.Is(err, consensus.ErrClosed) || errors.Is(err, consensus.ErrUnknown) {
		return false, err
	}
	select {
	case <-swapped:
		return true, nil
	default:
	}
	if why == nil {
		return false, err // closed for good
	}
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	select {
	case <-swapped:
		return true, nil
	case <-patience.C:
		return false, fmt.Errorf("%w: %w", consensus.ErrStateFault, why)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Propose implements consensus.State.
func (r *replica) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	for {
		g, swapped := r.current()
		out, err := g.Propose(ctx, p)
		if err == nil {
			return out, nil
		}
		if again, err := r.again(ctx, swapped, err); !again {
			return out, err
		}
	}
}

// View implements consensus.State. It never shows an older state than this
// node has shown before: one that is being rebuilt waits, or is ErrBehind.
func (r *replica) View(ctx context.Context, o consensus.ReadOptions, fn func(consensus.Reader) error) (consensus.ReadInfo, error) {
	for {
		g, swapped := r.current()
		o.MinRevision = max(o.MinRevision, r.known())
		info, err := g.View(ctx, o, fn)
		if err == nil {
			return info, nil
		}
		if again, err := r.again(ctx, swapped, err); !again {
			return info, err
		}
	}
}

// Changed implements consensus.State. It may close early, when the state was
// replaced.
func (r *replica) Changed(ctx context.Context, rev uint64) <-chan struct{} {
	g, _ := r.current()
	return g.Changed(ctx, rev)
}

// Attend implements consensus.Attender, at each Group that comes to be in force.
func (r *replica) Attend(ctx context.Context) {
	for ctx.Err() == nil {
		g, swapped := r.current()
		in, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.Attend(in)
		}()
		select {
		case <-swapped:
		case <-ctx.Done():
		}
		cancel()
		<-done
	}
}

// Status is the Group's, with the reason where there is none open.
func (r *replica) Status() consensus.Status {
	g, _ := r.current()
	st := g.Status()
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.why != nil {
		st.State, st.Fault, st.LeaderID = "fault", strings.TrimSpace(r.why.Error()), ""
	}
	return st
}

// ClockAhead is the Group's.
func (r *replica) ClockAhead() time.Duration {
	g, _ := r.current()
	return g.ClockAhead()
}

// HandleCall answers a call of another replica.
func (r *replica) HandleCall(ctx context.Context, from, method string, body []byte) ([]byte, error) {
	g, _ := r.current()
	return g.HandleCall(ctx, from, method, body)
}

// Kick tells the leader's loop that the roster has changed.
func (r *replica) Kick() {
	g, _ := r.current()
	g.Kick()
}

// Scrub compares the state with the other replicas'.
func (r *replica) Scrub(ctx context.Context) (consensus.ScrubReport, error) {
	g, _ := r.current()
	return g.Scrub(ctx)
}

// Close closes the Group in force; one that is being opened closes by itself.
func (r *replica) Close() error {
	r.mu.Lock()
	r.closed = true
	g := r.group
	r.mu.Unlock()
	return g.Close()
}
