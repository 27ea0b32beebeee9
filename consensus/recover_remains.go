package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// remains are what a closed directory still has. Looking changes nothing that
// was ever acknowledged: a log that is not whole is read from a copy, since
// raft-wal deletes files its index does not know and makes those that are gone.
type remains struct {
	info RecoverInfo
	dir  *directory
	// log is nil where it cannot be read; scratch is where its copy lies.
	log     *raftLog
	scratch string
	// salvage has the entries where the log's index is lost.
	salvage salvage
	// The entries of the log from first to last are there but for the broken.
	first, last uint64
	broken      []uint64
	configs     map[uint64][]string // voters by the index of the configuration
	snaps       *snapshots
	best        base
}

// base is a whole state that the log may go on from.
type base struct {
	name        string // for people
	index, term uint64
	own         meta
	trusted     bool
	snapshot    *raft.SnapshotMeta // it is this snapshot
	file        string             // or the state file of this path; neither: an empty state
}

// examine finds what a recovery can keep. Without an error the remains must be
// closed.
func examine(dir string) (r *remains, err error) {
	r = &remains{configs: make(map[uint64][]string)}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("there is no raft directory at %s: %w", dir, err)
	}
	if r.dir, err = openDirectory(dir); err != nil {
		return r, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	r.info.RaftID = r.dir.id
	lost, err := r.openLog()
	if err != nil {
		return r, err
	}
	if err := r.walk(); err != nil {
		return r, err
	}
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	if r.snaps, err = openSnapshots(dir, library, nil); err != nil {
		return r, err
	}
	snap, own, bad, err := r.snaps.verified()
	if err != nil {
		return r, err
	}
	states, f, err := wholeStates(dir)
	if err != nil {
		return r, err
	}
	f.snapDamaged, f.logLost = len(bad), lost
	var bases []base
	bases = append(bases, states...)
	if snap != nil {
		f.snapIndex, f.snapApplied, f.snapTerm = snap.Index, own.Applied, snap.Term
		f.snapInstalled = r.snaps.installed(snap.ID)
		r.configs[snap.Index] = votersOf(snap.Configuration)
		bases = append(bases, base{name: fmt.Sprintf("the snapshot of entry %d", snap.Index), index: snap.Index, term: snap.Term, own: own, trusted: true, snapshot: snap})
	}
	bases = append(bases, base{name: "the log", trusted: true})
	f.logFirst, f.logLast, f.logTerm = r.first, r.last, r.termOf
	f.logFirst, f.logLost = r.mended(f)
	d := decide(f)
	if d.wipe {
		d.damaged = "the log ends below a snapshot that came from the leader"
	}
	if d.damaged == "" && r.log == nil && len(bases) > 1 {
		d.damaged = "this server has no log"
	}
	r.info.Damaged = d.damaged
	return r, r.choose(bases)
}

func (r *remains) close() (err error) {
	if r.log != nil {
		err = r.log.close()
	}
	if r.scratch != "" {
		err = errors.Join(err, os.RemoveAll(r.scratch))
	}
	return errors.Join(err, r.dir.close())
}

// openLog opens the log, or a copy of what is left of it; lost says what is
// wrong with it.
func (r *remains) openLog() (lost string, err error) {
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	path := r.dir.file(nameLog)
	if r.dir.lostLog() {
		r.salvage, err = salvageLog(path)
		return "the log of this server, or its index, is gone", err
	}
	if _, err := os.Stat(filepath.Join(path, nameIndex)); errors.Is(err, fs.ErrNotExist) && !r.dir.used {
		return "", nil // none was ever made, nor is one now
	}
	if lost, err = missing(path); err == nil && lost == "" {
		lost, err = inspectLog(path)
	}
	if err == nil && lost == "" {
		r.log, err = r.dir.openLog(nil, library)
	}
	if errors.Is(err, ErrLogDamaged) {
		lost = err.Error()
		r.salvage, err = salvageLog(path)
		return lost, err
	}
	if err != nil || lost == "" {
		return "", err
	}
	if r.scratch, err = os.MkdirTemp(filepath.Dir(r.dir.path), ".recover-*"); err != nil {
		return "", fmt.Errorf("making room for a copy of the log: %w", err)
	}
	scratch := filepath.Join(r.scratch, nameLog)
	if err := os.CopyFS(scratch, os.DirFS(path)); err != nil {
		return "", fmt.Errorf("copying the damaged log: %w", err)
	}
	if r.log, err = openRaftLog(scratch, nil, library); err != nil {
		r.log = nil // not by its index
		r.salvage, err = salvageLog(path)
	}
	return lost, err
}

// walk reads every entry.
func (r *remains) walk() (err error) {
	if r.log == nil && len(r.salvage) == 0 {
		return nil
	}
	if r.log == nil {
		r.first, r.last = r.salvage.span()
	} else if r.first, err = r.log.wal.FirstIndex(); err == nil {
		r.last, err = r.log.wal.LastIndex()
	}
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	for i := r.first; i <= r.last && r.last > 0; i++ {
		l, err := r.entry(i)
		if err != nil {
			r.broken = append(r.broken, i)
		} else if l.Type == raft.LogConfiguration {
			r.configs[i] = votersOf(raft.DecodeConfiguration(l.Data))
		}
	}
	return nil
}

func (r *remains) entry(i uint64) (l raft.Log, err error) {
	if r.log == nil {
		return r.salvage.entry(i)
	}
	if err = r.log.readWhole(i); err == nil {
		err = r.log.wal.GetLog(i, &l)
	}
	return l, err
}

// has says whether the log has an entry whole.
func (r *remains) has(i uint64) bool {
	_, broken := slices.BinarySearch(r.broken, i)
	return r.last > 0 && i >= r.first && i <= r.last && !broken
}

func (r *remains) termOf(i uint64) uint64 {
	if !r.has(i) {
		return 0
	}
	l, err := r.entry(i)
	if err != nil {
		return 0
	}
	return l.Term
}

// mended is what opening would make of broken entries (raftLog.mend).
func (r *remains) mended(f found) (first uint64, lost string) {
	n := len(r.broken)
	if f.logLost != "" || n == 0 {
		return f.logFirst, f.logLost
	}
	if bad := r.broken[n-1]; bad > f.snapIndex || bad == f.logLast {
		return f.logFirst, fmt.Sprintf("entry %d of the log, which ends at %d, cannot be read", r.broken[0], f.logLast)
	}
	return r.broken[n-1] + 1, ""
}

// wholeStates reads the state files. One that opening would not believe is
// still a state that once was, where every page and pair of it is in place.
func wholeStates(dir string) (out []base, f found, err error) {
	cur, err := readCurrent(dir)
	if err != nil {
		return nil, f, err
	}
	f.mark, f.sameBoot = cur.mark, cur.boot != "" && cur.boot == bootID()
	paths, err := filepath.Glob(filepath.Join(dir, "state-*.db"))
	if err != nil {
		return nil, f, err
	}
	for _, path := range paths {
		m, err := checkFile(path)
		if err != nil || m.Applied == 0 {
			continue
		}
		if m.Format > stateFormat {
			return nil, f, fmt.Errorf("the state has format %d, upgrade this node: %w", m.Format, ErrNewer)
		}
		b := base{name: fmt.Sprintf("the state file %s, whole at entry %d", filepath.Base(path), m.Applied), index: m.Applied, term: m.Term, own: m, file: path}
		if filepath.Base(path) == cur.name && (cur.mark == markClean || f.sameBoot) {
			b.trusted, f.stateOpens, f.stateApplied, f.stateTerm = true, true, m.Applied, m.Term
		}
		out = append(out, b)
	}
	slices.SortStableFunc(out, func(a, b base) int { return rank(a) - rank(b) })
	return out, f, nil
}

func rank(b base) int {
	if b.trusted {
		return 0
	}
	return 1
}

// reach is the last entry that there is, without a gap, from a base on.
func (r *remains) reach(b base) uint64 {
	if t := r.termOf(b.index); t != 0 && t != b.term || r.has(b.index+1) && r.termOf(b.index+1) < b.term {
		return b.index // the log is of another history
	}
	end := b.index
	for r.has(end + 1) {
		end++
	}
	return end
}

// choose takes the base that reaches furthest, and of two the one that opening
// would believe.
func (r *remains) choose(bases []base) error {
	slices.SortStableFunc(bases, func(a, b base) int { return rank(a) - rank(b) })
	var end uint64
	for _, b := range bases {
		if to := r.reach(b); to > end {
			r.best, end = b, to
		}
	}
	if end == 0 {
		why := r.info.Damaged
		if why == "" {
			why = "it has neither a state nor a log"
		}
		return fmt.Errorf("%s: %s: %w", r.dir.path, why, ErrNothingWhole)
	}
	info := &r.info
	info.LastIndex, info.Term = end, r.best.term
	if r.best.own.Time > 0 {
		info.LastEntry = time.UnixMilli(r.best.own.Time)
	}
	if r.has(end) {
		l, err := r.entry(end)
		if err != nil {
			return err
		}
		info.Term, info.LastEntry = l.Term, l.AppendedAt
	}
	for _, b := range bases {
		if b.trusted && b.own.Applied <= end && b.own.Applied >= info.AppliedIndex {
			info.Revision, info.AppliedIndex = b.own.Revision, b.own.Applied
		}
	}
	if r.best.own.Applied > info.AppliedIndex {
		info.Revision, info.AppliedIndex = r.best.own.Revision, r.best.own.Applied
	}
	var newest uint64
	for i, voters := range r.configs {
		if i <= end && i >= newest {
			newest, info.Voters = i, voters
		}
	}
	if info.Damaged != "" {
		info.Kept, info.Lost = r.told(end)
	}
	return nil
}

// told says what is kept up to an entry, and what of this node's own is not.
func (r *remains) told(end uint64) (kept, lost string) {
	kept = r.best.name
	if r.best.index == 0 {
		kept = fmt.Sprintf("the log up to entry %d", end)
	} else if end > r.best.index {
		kept += fmt.Sprintf(", and the log from there to entry %d", end)
	}
	switch {
	case r.last > end:
		lost = fmt.Sprintf("what this node itself wrote in entries %d to %d, and whatever came behind them", end+1, r.last)
	case r.last == end && r.scratch == "" && r.log != nil:
		lost = "nothing of this node's own, since its log is whole"
	case r.best.file != "" && r.best.trusted && end == r.best.index:
		lost = fmt.Sprintf("nothing that had taken effect here, since the state has it; entries behind %d that had not, if there were any", end)
	default:
		lost = fmt.Sprintf("whatever this node itself wrote behind entry %d", end)
	}
	return kept, lost
}
