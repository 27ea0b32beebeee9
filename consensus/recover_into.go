package consensus

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// RecoverInto makes a new directory of what is whole in a damaged one: the
// newest whole state as its first snapshot, the entries of the log that go on
// from it, and behind them what Recover appends. The raft id stays. The old
// directory is not changed; after an error the new one is not there. The Group
// must be closed.
func RecoverInto(dir, to string) (info RecoverInfo, err error) {
	if _, err := os.Lstat(to); err == nil {
		return info, fmt.Errorf("%s is there: %w", to, ErrNotEmpty)
	}
	r, err := examine(dir)
	if err != nil {
		return r.info, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.into(to); err != nil {
		return r.info, errors.Join(err, os.RemoveAll(to))
	}
	return r.info, nil
}

func (r *remains) into(to string) (err error) {
	if err := makeDir(to); err != nil {
		return fmt.Errorf("making the new raft directory: %w", err)
	}
	if err := (badge{r.info.RaftID, lifeNew}).write(to); err != nil {
		return err
	}
	d, err := openDirectory(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	log, err := d.openLog(nil, library)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	if r.log != nil {
		// Its index may be whole where its entries are not.
		term, err := r.log.GetUint64(keyCurrentTerm)
		if err != nil {
			return fmt.Errorf("reading the term: %w", err)
		}
		if err := log.SetUint64(keyCurrentTerm, term); err != nil {
			return fmt.Errorf("writing the term: %w", err)
		}
	}
	if r.best.index > 0 {
		snaps, err := openSnapshots(to, library, nil)
		if err != nil {
			return err
		}
		if err := r.firstSnapshot(snaps); err != nil {
			return fmt.Errorf("writing the first snapshot: %w", err)
		}
	}
	for i := r.best.index + 1; i <= r.info.LastIndex; {
		var batch []*raft.Log
		for size := 0; i <= r.info.LastIndex && size < restoreBytes; i++ {
			l, err := r.entry(i)
			if err != nil {
				return fmt.Errorf("reading the damaged log: %w", err)
			}
			batch, size = append(batch, &l), size+len(l.Data)+64
		}
		if err := log.StoreLogs(batch); err != nil {
			return fmt.Errorf("copying the log: %w", err)
		}
	}
	return r.info.alone(log)
}

// firstSnapshot makes a snapshot of the base; it is read back as it is closed.
func (r *remains) firstSnapshot(snaps *snapshots) error {
	_, nowhere := raft.NewInmemTransport("")
	sink, err := snaps.Create(raft.SnapshotVersionMax, r.best.index, r.best.term, onlyVoter(r.info.RaftID), r.best.index, nowhere)
	if err != nil {
		return err
	}
	if c, ok := sink.(*checkedSink); ok {
		c.own = true
	}
	if r.best.snapshot != nil {
		err = r.copySnapshot(sink)
	} else {
		err = dumpState(r.best.file, sink)
	}
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (r *remains) copySnapshot(out io.Writer) error {
	_, in, err := r.snaps.Open(r.best.snapshot.ID)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

// dumpState writes a state file, which checkFile has found whole, as a
// snapshot. The file is not written to.
func dumpState(path string, out io.Writer) error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return decodeSafely(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
		if err != nil {
			return fmt.Errorf("opening %s: %w", filepath.Base(path), err)
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error { return writeSnapshot(out, tx) })
	})
}
