package consensus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/hashicorp/raft"
)

// openState gathers what the directory holds, decides (decide.go) and puts the
// state in force.
func openState(dir string, m *machine, log *raftLog, snaps *snapshots, otherBoot bool) error {
	f, file, snap, bad, err := look(dir, m, log, snaps, otherBoot)
	if err != nil {
		return err
	}
	d := decide(f)
	if d.damaged != "" {
		closeFile(file)
		return fmt.Errorf("%s, so entries that this node has acknowledged may be gone and it must not vote under its raft id again: %w", d.damaged, ErrLogDamaged)
	}
	if len(bad) > 0 {
		m.logger.Error("damaged snapshots are set aside", "names", bad)
	}
	if err := snaps.setAside(bad...); err != nil {
		closeFile(file)
		return err
	}
	if d.wipe {
		if err := log.wipe(); err != nil {
			closeFile(file)
			return fmt.Errorf("emptying the log below the installed snapshot: %w", err)
		}
	}
	if d.source != fromFile {
		m.rebuilt = true
		closeFile(file)
		if file, err = rebuild(m, snaps, snap, d.source); err != nil {
			return err
		}
	} else if err := writeCurrent(dir, current{name: nameOf(file), mark: markOpen, boot: bootID()}); err != nil {
		closeFile(file)
		return err
	}
	removeStatesBut(dir, nameOf(file))
	if err := m.use(file); err != nil {
		closeFile(file)
		return err
	}
	return nil
}

func closeFile(f *stateFile) {
	if f != nil {
		f.db.Close()
	}
}

func look(dir string, m *machine, log *raftLog, snaps *snapshots, otherBoot bool) (f found, file *stateFile, snap *raft.SnapshotMeta, bad []string, err error) {
	cur, err := readCurrent(dir)
	if err != nil {
		return f, nil, nil, nil, err
	}
	boot := bootID()
	f.mark, f.sameBoot = cur.mark, boot != "" && cur.boot == boot && !otherBoot
	// A file that may be torn is not even opened: bbolt asserts on nonsense.
	if cur.mark == markClean || f.sameBoot {
		// bbolt reads the whole file at its open and ends the process over what
		// it does not like, on a goroutine of its own. Then the next start must
		// not try again. Only this boot needs to know, so nothing is synced.
		if err := noteCurrent(dir, current{name: cur.name, mark: markOpen, boot: bootTrial}); err != nil {
			return f, nil, nil, nil, err
		}
		own, err := checkFile(filepath.Join(dir, cur.name))
		switch {
		case err != nil:
			m.logger.Error("the state file cannot be used, the state is rebuilt from snapshot and log", "file", cur.name, "error", err)
		case own.Format > stateFormat:
			return f, nil, nil, nil, errors.Join(fmt.Errorf("the state has format %d, upgrade this node: %w", own.Format, ErrNewer), noteCurrent(dir, cur))
		default:
			if file = tryState(filepath.Join(dir, cur.name), m.tables); file == nil {
				m.logger.Error("the state file cannot be opened, the state is rebuilt from snapshot and log", "file", cur.name)
			}
			if f.stateOpens = file != nil; f.stateOpens {
				if err := noteCurrent(dir, cur); err != nil {
					closeFile(file)
					return f, nil, nil, nil, err
				}
			}
			f.stateApplied, f.stateTerm = own.Applied, own.Term
		}
	}
	snap, own, bad, err := snaps.verified()
	if err != nil {
		closeFile(file)
		return f, nil, nil, nil, err
	}
	f.snapDamaged = len(bad)
	if snap != nil {
		f.snapIndex, f.snapApplied, f.snapTerm = snap.Index, own.Applied, snap.Term
		f.snapInstalled = snaps.installed(snap.ID)
	}
	if f.logFirst, err = log.FirstIndex(); err == nil {
		f.logLast, err = log.LastIndex()
	}
	if err != nil {
		closeFile(file)
		return f, nil, nil, nil, fmt.Errorf("reading the log: %w", err)
	}
	f.logTerm = func(index uint64) uint64 {
		if index < f.logFirst || index > f.logLast || f.logLast == 0 {
			return 0
		}
		var l raft.Log
		if err := log.GetLog(index, &l); err != nil {
			return 0
		}
		return l.Term
	}
	f.logLost = log.lost
	if f.logLost == "" && f.logLast > 0 {
		if f.logFirst, err = log.mend(f.logFirst, f.snapIndex); err != nil {
			f.logLost = err.Error()
		}
	}
	return f, file, snap, bad, nil
}

// tryState opens a state file, or returns nil where it is not one.
func tryState(path string, tables []Table) (f *stateFile) {
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil { // bbolt asserts
			f = nil
		}
	}()
	f, err := openStateFile(path, tables)
	if err != nil {
		return nil
	}
	return f
}

func rebuild(m *machine, snaps *snapshots, snap *raft.SnapshotMeta, s source) (*stateFile, error) {
	if s == fromNothing {
		return m.build(nil)
	}
	_, r, err := snaps.Open(snap.ID)
	if err != nil {
		return nil, fmt.Errorf("opening the snapshot: %w", err)
	}
	defer r.Close()
	f, err := m.build(r)
	if err != nil {
		return nil, fmt.Errorf("rebuilding the state: %w", err)
	}
	return f, nil
}

// close ends the state file. Clean means that the file may be believed without
// the log's help at the next open.
func (m *machine) close(clean bool) error {
	clean = clean && m.broken() == nil
	if err := m.drop(clean); err != nil {
		m.logger.Error("the state could not be written to its end", "error", err)
		clean = false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stuck.Load() {
		return nil // it was distrusted and is left as it is
	}
	if clean {
		if err := m.file.db.Sync(); err != nil {
			clean = false
		}
	}
	done := make(chan error, 1)
	db := m.file.db
	go func() { done <- db.Close() }() // waits for views that are open
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("closing the state: %w", err)
		}
	case <-time.After(time.Second):
		return fmt.Errorf("closing the state: a view is still open")
	}
	if clean {
		return writeCurrent(m.dir, current{name: nameOf(m.file), mark: markClean, boot: bootID()})
	}
	return nil
}
