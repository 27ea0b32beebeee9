package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Keys of Raft's stable store (hashicorp/raft, raft.go).
var (
	keyCurrentTerm  = []byte("CurrentTerm")
	keyLastVoteTerm = []byte("LastVoteTerm")
	keyLastVoteCand = []byte("LastVoteCand")
)

// RecoverInfo says what a directory holds.
type RecoverInfo struct {
	RaftID string
	// LastIndex and Term are of the last entry in the log, or of the newest
	// snapshot where the log is empty.
	LastIndex, Term uint64
	// Revision is that of the state on disk; entries of the log that it has
	// not applied come on top.
	Revision, AppliedIndex uint64
	// LastEntry is when the leader appended the last entry, by its clock; zero
	// where the log is empty.
	LastEntry time.Time
	// Voters are those of the latest configuration.
	Voters []string
	// Damaged is a sentence when the log has lost entries; what is left is
	// kept.
	Damaged string
}

// Inspect says what Recover would keep. The Group must be closed.
func Inspect(dir string) (RecoverInfo, error) { return offline(dir, nil) }

// Recover makes the server of a directory the only voter of its mesh, for a
// single survivor: it appends a configuration of itself alone, in a new term,
// and a command that adds 2^32 to the revision, so that no revision of the lost
// mesh can be mistaken. Every entry in the log is kept, also those that no
// majority had. Writes that only the lost nodes have are lost. The others must
// never run again; they would be another mesh of the same name. The Group must
// be closed.
func Recover(dir string) (RecoverInfo, error) {
	return offline(dir, func(d *directory, log *raftLog, info *RecoverInfo) error {
		current, err := log.GetUint64(keyCurrentTerm)
		if err != nil {
			return fmt.Errorf("reading the term: %w", err)
		}
		term := max(current, info.Term) + 1
		alone := raft.Configuration{Servers: []raft.Server{{
			Suffrage: raft.Voter, ID: raft.ServerID(d.id), Address: raft.ServerAddress(d.id),
		}}}
		now := time.Now()
		if err := log.SetUint64(keyCurrentTerm, term); err != nil {
			return fmt.Errorf("writing the term: %w", err)
		}
		if err := errors.Join(log.SetUint64(keyLastVoteTerm, term), log.Set(keyLastVoteCand, []byte(d.id))); err != nil {
			return fmt.Errorf("writing the vote: %w", err)
		}
		err = log.StoreLogs([]*raft.Log{
			{Index: info.LastIndex + 1, Term: term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(alone), AppendedAt: now},
			{Index: info.LastIndex + 2, Term: term, Type: raft.LogCommand, Data: systemEntry(sysJump, revisionJump, now.UnixMilli()), AppendedAt: now},
		})
		if err != nil {
			return fmt.Errorf("appending the new configuration: %w", err)
		}
		info.LastIndex, info.Term, info.LastEntry = info.LastIndex+2, term, now
		info.Voters = []string{d.id}
		return nil
	})
}

func offline(dir string, change func(*directory, *raftLog, *RecoverInfo) error) (info RecoverInfo, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("there is no raft directory at %s: %w", dir, err)
	}
	d, err := openDirectory(dir)
	if err != nil {
		return info, err
	}
	defer d.close()
	info.RaftID = d.id
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	lost, err := inspectLog(d.file(nameLog))
	if err != nil {
		return info, err
	}
	if lost != "" && change != nil {
		if err := forsake(d.file(nameLog)); err != nil {
			return info, err
		}
	}
	if d.lostLog() {
		if change == nil {
			return info, info.withoutLog(d, library)
		}
		d.used = false // an empty one takes its place
	}
	log, err := d.openLog(nil, library)
	if err != nil {
		return info, err
	}
	defer func() {
		if cerr := log.close(); err == nil {
			err = cerr
		}
	}()
	info.Damaged = lost
	snaps, err := openSnapshots(d.path, library, nil)
	if err != nil {
		return info, err
	}
	snap, own, bad, err := snaps.verified()
	if err == nil && change != nil {
		err = snaps.setAside(bad...)
	}
	if err != nil {
		return info, err
	}
	if snap != nil {
		info.LastIndex, info.Term = snap.Index, snap.Term
		info.Revision, info.AppliedIndex = own.Revision, own.Applied
		info.Voters = votersOf(snap.Configuration)
	}
	if m, ok := stateMeta(dir); ok && m.Applied > info.AppliedIndex {
		info.Revision, info.AppliedIndex = m.Revision, m.Applied
	}
	if err := walkLog(log, &info); err != nil {
		info.Damaged = err.Error()
	}
	if info.LastIndex == 0 {
		return info, fmt.Errorf("%s has neither a log nor a snapshot: there is nothing to recover", dir)
	}
	if change != nil {
		if err := trimLog(log, info.LastIndex); err != nil {
			return info, err
		}
		if info.Damaged != "" {
			// The state may have entries that the log has lost: rebuild it.
			if err := os.Remove(d.file(nameCurrent)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return info, fmt.Errorf("setting the state aside: %w", err)
			}
		}
		return info, change(d, log, &info)
	}
	return info, nil
}

// withoutLog tells what the snapshots say where the log is gone.
func (info *RecoverInfo) withoutLog(d *directory, library hclog.Logger) error {
	info.Damaged = "the log of this server, or its index, is gone"
	snaps, err := openSnapshots(d.path, library, nil)
	if err != nil {
		return err
	}
	snap, own, _, err := snaps.verified()
	if snap != nil {
		info.LastIndex, info.Term = snap.Index, snap.Term
		info.Revision, info.AppliedIndex = own.Revision, own.Applied
		info.Voters = votersOf(snap.Configuration)
	}
	return err
}

// walkLog finds the last whole entry and the latest configuration.
func walkLog(log *raftLog, info *RecoverInfo) error {
	first, err := log.FirstIndex()
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	last, err := log.LastIndex()
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	for i := first; i <= last && last > 0; i++ {
		var l raft.Log
		err := log.wal.GetLog(i, &l)
		if err == nil {
			err = verifySum(&l)
		}
		if err != nil {
			return fmt.Errorf("reading entry %d of %d: %w", i, last, err)
		}
		info.LastIndex, info.Term, info.LastEntry = max(info.LastIndex, l.Index), l.Term, l.AppendedAt
		if l.Type == raft.LogConfiguration {
			info.Voters = votersOf(raft.DecodeConfiguration(l.Data))
		}
	}
	return nil
}

// trimLog makes the log end at last, or makes it empty where it ends earlier:
// the next entry must follow.
func trimLog(log *raftLog, last uint64) error {
	first, err := log.wal.FirstIndex()
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	end, err := log.wal.LastIndex()
	switch {
	case err != nil:
		return fmt.Errorf("reading the log: %w", err)
	case end == 0 || end == last:
		return nil
	case end > last && first <= last:
		first = last + 1
	}
	if err := log.wal.DeleteRange(first, end); err != nil {
		return fmt.Errorf("cutting the log behind the last whole entry: %w", err)
	}
	return nil
}

func votersOf(c raft.Configuration) (out []string) {
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			out = append(out, string(s.ID))
		}
	}
	return out
}

// stateMeta reads the state's own record where the file may be believed.
func stateMeta(dir string) (meta, bool) {
	cur, err := readCurrent(dir)
	if err != nil || (cur.mark != markClean && (cur.boot == "" || cur.boot != bootID())) {
		return meta{}, false
	}
	m, err := checkFile(filepath.Join(dir, cur.name))
	return m, err == nil
}
