package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Keys of Raft's stable store (hashicorp/raft, raft.go).
var (
	keyCurrentTerm  = []byte("CurrentTerm")
	keyLastVoteTerm = []byte("LastVoteTerm")
	keyLastVoteCand = []byte("LastVoteCand")
)

// RecoverInfo says what a directory holds and what a recovery keeps of it.
type RecoverInfo struct {
	RaftID string
	// LastIndex and Term are of the last entry that is kept, in the log or in
	// the state.
	LastIndex, Term uint64
	// Revision is that of the state that is kept; entries of the log that it
	// has not applied come on top.
	Revision, AppliedIndex uint64
	// LastEntry is when the leader appended the last entry, by its clock, or
	// the mesh time of the state where that is newer than the log.
	LastEntry time.Time
	// Voters are those of the latest configuration; empty where that is gone.
	Voters []string
	// Damaged is a sentence when the directory has lost entries it once held.
	// Then it is not recovered in place (RecoverInto).
	Damaged string
	// Kept names what the state comes from, and Lost what of this node's own
	// is lost; both only where it is damaged.
	Kept, Lost string
}

// ErrNothingWhole says that a directory has no state, snapshot or log that a
// recovery could go on from.
var ErrNothingWhole = errors.New("there is nothing whole to recover")

// Inspect says what a recovery would keep. The Group must be closed.
func Inspect(dir string) (RecoverInfo, error) {
	r, err := examine(dir)
	if err != nil {
		return r.info, err
	}
	return r.info, r.close()
}

// Recover makes the server of a directory the only voter of its mesh, for a
// single survivor: it appends a configuration of itself alone, in a new term,
// and a command that adds 2^32 to the revision, so that no revision of the lost
// mesh can be mistaken. Every entry in the log is kept, also those that no
// majority had. Writes that only the lost nodes have are lost. The others must
// never run again; they would be another mesh of the same name. A directory that
// has lost entries is refused as ErrLogDamaged and left as it is: RecoverInto
// makes another of what is whole in it. The Group must be closed.
func Recover(dir string) (RecoverInfo, error) {
	r, err := examine(dir)
	if err != nil {
		return r.info, err
	}
	if r.info.Damaged != "" {
		return r.info, errors.Join(fmt.Errorf("%s: %w", r.info.Damaged, ErrLogDamaged), r.close())
	}
	return r.info, errors.Join(r.info.alone(r.log), r.close())
}

// alone ends a log with the entries that make its server the only voter.
func (info *RecoverInfo) alone(log *raftLog) error {
	current, err := log.GetUint64(keyCurrentTerm)
	if err != nil {
		return fmt.Errorf("reading the term: %w", err)
	}
	term := max(current, info.Term) + 1
	now := time.Now()
	if err := log.SetUint64(keyCurrentTerm, term); err != nil {
		return fmt.Errorf("writing the term: %w", err)
	}
	if err := errors.Join(log.SetUint64(keyLastVoteTerm, term), log.Set(keyLastVoteCand, []byte(info.RaftID))); err != nil {
		return fmt.Errorf("writing the vote: %w", err)
	}
	err = log.StoreLogs([]*raft.Log{
		{Index: info.LastIndex + 1, Term: term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(onlyVoter(info.RaftID)), AppendedAt: now},
		{Index: info.LastIndex + 2, Term: term, Type: raft.LogCommand, Data: systemEntry(firstLevel, now.UnixMilli(), systemCommand(sysJump, revisionJump)), AppendedAt: now},
	})
	if err != nil {
		return fmt.Errorf("appending the new configuration: %w", err)
	}
	info.LastIndex, info.Term, info.LastEntry = info.LastIndex+2, term, now
	info.Voters = []string{info.RaftID}
	return nil
}

func onlyVoter(id string) raft.Configuration {
	return raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: raft.ServerID(id), Address: raft.ServerAddress(id),
	}}}
}

func votersOf(c raft.Configuration) (out []string) {
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			out = append(out, string(s.ID))
		}
	}
	return out
}
