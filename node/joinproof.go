package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
)

const (
	// seenPatience is how long a newcomer waits to be seen alive, and
	// stillPatience how long for its state while nothing of it arrives. How large
	// the state is, and so how long it takes, nobody knows.
	seenPatience  = time.Minute
	stillPatience = time.Minute
	// arrivalEvery is how often a newcomer tells how much has arrived.
	arrivalEvery = 5 * time.Second
)

// proveJoined waits for what makes a newcomer a member in fact.
func (n *Node) proveJoined(ctx context.Context, admission uint64, o JoinOptions) error {
	var witness string
	proving, cancel := context.WithTimeout(ctx, seenPatience)
	defer cancel()
	err := waitFor(proving, 100*time.Millisecond, func() bool {
		witness = n.seenBy(proving)
		return witness != ""
	})
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("admitted, but no other node has seen this one alive within a minute: can they dial %s? (firewall, or --advertise)", strings.Join(n.addresses(), ", "))
	}
	o.Progress(StepSeen, witness+" has seen this node alive")
	if err := n.awaitState(ctx, admission, o.Progress); err != nil {
		return err
	}
	o.Progress(StepCaughtUp, fmt.Sprintf("caught up to revision %d", n.group.Status().Revision))
	o.Progress(StepVoter, n.awaitSeat(ctx))
	o.Progress(StepJoined, fmt.Sprintf("joined mesh %s as %s", n.MeshName(), n.Name()))
	return nil
}

// arrival is how much of the state has come.
type arrival struct {
	applied, held uint64 // entries
	bytes         int64  // on disk, of what is still on its way too
}

// awaitState waits until the state has reached a revision, for as long as more of
// it arrives.
func (n *Node) awaitState(ctx context.Context, admission uint64, progress func(step, text string)) error {
	told := time.Now()
	err := waitWhile(ctx, 50*time.Millisecond, stillPatience, func() (arrival, bool) {
		st := n.group.Status()
		if st.Revision >= admission {
			return arrival{}, true
		}
		a := arrival{st.AppliedIndex, st.LastLogIndex, bytesUnder(n.raftPath())}
		if time.Since(told) >= arrivalEvery {
			told = time.Now()
			progress(StepArriving, fmt.Sprintf("the state is arriving: %d MiB, revision %d of %d", a.bytes>>20, st.Revision, admission))
		}
		return a, false
	})
	if errors.Is(err, errStill) {
		return fmt.Errorf("admitted, but nothing more of the state arrived for a minute (at revision %d of %d): can the leader dial %s? This node is a member: `meshd serve` goes on", n.group.Status().Revision, admission, strings.Join(n.addresses(), ", "))
	}
	return err
}

var errStill = errors.New("nothing has moved for too long")

// waitWhile polls until look says that it is done, or what it returns has stayed
// the same for as long as patience (errStill), or ctx ends.
func waitWhile[T comparable](ctx context.Context, every, patience time.Duration, look func() (T, bool)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	last, done := look()
	for moved := time.Now(); !done; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		var now T
		if now, done = look(); now != last {
			last, moved = now, time.Now()
		} else if !done && time.Since(moved) >= patience {
			return errStill
		}
	}
	return nil
}

// bytesUnder is how much the files in a directory hold. A file that goes
// meanwhile holds nothing.
func bytesUnder(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // it is gone
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// seenBy asks the other members whether they see this node alive, and names
// the first that does.
func (n *Node) seenBy(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, m := range n.trust.Roster().Members {
		if m.ID == n.id.ID() {
			continue
		}
		body, err := n.port.Call(ctx, m.ID, callAlive, consensus.Encode(string(n.id.ID())))
		var a aliveAnswer
		if err == nil && consensus.Decode(body, &a) == nil && a.Alive {
			return m.Name
		}
	}
	return ""
}

// awaitSeat gives the mesh some seconds to make this node a voter where it may
// become one, and says how it came out and why.
func (n *Node) awaitSeat(ctx context.Context) string {
	may := 0
	for _, m := range n.trust.Roster().Members {
		if !m.NoVote && !m.Leaving {
			may++
		}
	}
	me, _ := n.trust.Roster().ByID(n.id.ID())
	switch {
	case me.NoVote:
		return "not a voter, as asked (--no-vote): it holds a copy and forwards writes"
	case may < 3:
		return "not a voter: a mesh of two keeps one, so each write is acknowledged from one disk and writes stop when that node stops; a third node makes three voters"
	}
	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = waitFor(waiting, 100*time.Millisecond, func() bool {
		return slices.Contains(n.group.Status().Voters, n.seat()) || len(n.group.Status().Voters) >= 3
	})
	voters := n.group.Status().Voters
	if slices.Contains(voters, n.seat()) {
		return fmt.Sprintf("voter: one of %d, the mesh tolerates the loss of %d", len(voters), (len(voters)-1)/2)
	}
	if len(voters) >= 3 {
		return fmt.Sprintf("not a voter: the mesh has its %d, this node is their spare", len(voters))
	}
	return "not a voter yet: it becomes one when it has kept up for a while"
}
