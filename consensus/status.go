package consensus

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Status is what a node knows of its share of the state.
type Status struct {
	RaftID   string
	LeaderID string // "" where none is known
	State    string // leader, follower, candidate, shutdown, fault
	Term, CommitIndex, AppliedIndex,
	LastLogIndex, Revision uint64
	Level             uint32 // command level in force
	Hash              string // rolling hash of all write sets, hex
	Voters, Nonvoters []string
	LastContact       time.Duration // with the leader; 0 on it, -1: never
	Fault             string
	SnapshotIndex     uint64
	LogBytes          int64 // on disk
	StateBytes        int64
	FreeBytes         uint64
	Full              bool      // below the watermark: no writes are taken here
	Time              time.Time // mesh time of the last entry
	UnreachableVoters []string  // as the leader sees it
	VotersAlive       int       // as the leader sees it, itself included
	Ready             bool      // the leader's state has all of earlier terms
	// LeaderTimeout is how long a leader is silent before this replica stands
	// for election; the leader sees which replicas have another.
	LeaderTimeout time.Duration
	OtherTimeouts []string
}

// Status tells how this node is. It never blocks on the state.
func (g *Group) Status() Status {
	m := g.machine.state()
	s := Status{
		RaftID: g.dir.id, LeaderID: g.leaderID(), State: strings.ToLower(g.raft.State().String()),
		Term: g.raft.CurrentTerm(), CommitIndex: g.raft.CommitIndex(), AppliedIndex: m.Applied,
		LastLogIndex: g.raft.LastIndex(), Revision: m.Revision, Level: m.Level, Hash: hex.EncodeToString(m.Hash[:]),
		LogBytes: dirSize(g.dir.file(nameLog)), Time: time.UnixMilli(m.Time).UTC(), Ready: g.ready(),
		LeaderTimeout: g.raft.ReloadableConfig().HeartbeatTimeout,
	}
	g.machine.mu.RLock()
	s.StateBytes = g.machine.file.size()
	g.machine.mu.RUnlock()
	s.SnapshotIndex, _ = g.snapshots.newest()
	s.FreeBytes, _ = diskSpace(g.dir.path)
	s.Full = g.diskLow.Load()
	for _, v := range g.configuration() {
		if v.Suffrage == raft.Voter {
			s.Voters = append(s.Voters, string(v.ID))
		} else {
			s.Nonvoters = append(s.Nonvoters, string(v.ID))
		}
	}
	switch last := g.raft.LastContact(); {
	case s.State == "leader":
		s.UnreachableVoters = g.seats.silent(s.Voters)
		s.VotersAlive = len(s.Voters) - len(s.UnreachableVoters)
		s.OtherTimeouts = g.seats.otherwise(s.LeaderTimeout)
	case last.IsZero():
		s.LastContact = -1
	default:
		s.LastContact = time.Since(last)
	}
	if err := g.machine.broken(); err != nil {
		s.State, s.Fault = "fault", err.Error()
	}
	return s
}

func dirSize(dir string) (total int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if fi, err := os.Stat(filepath.Join(dir, e.Name())); err == nil {
			total += fi.Size()
		}
	}
	return total
}

// ReplicaState is how a replica stands in the Raft configuration, as this node
// knows it.
type ReplicaState struct {
	Present, Voter, Leader bool
}

// WaitReplica waits until ok agrees with how the replica stands in this node's
// latest Raft configuration, or until ctx ends.
func (g *Group) WaitReplica(ctx context.Context, raftID string, ok func(ReplicaState) bool) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		var s ReplicaState
		for _, v := range g.configuration() {
			if string(v.ID) == raftID {
				s.Present, s.Voter = true, v.Suffrage == raft.Voter
			}
		}
		s.Leader = g.leaderID() == raftID
		if ok(s) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.ctx.Done():
			return ErrClosed
		}
	}
}
