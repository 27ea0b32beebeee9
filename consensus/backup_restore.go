package consensus

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/hashicorp/raft"
)

// Restore makes a directory, which must not hold a log, the beginning of a new
// mesh with the state of a backup: its server is the only voter, and the
// revision is 2^32 above the backup's, so that no revision given out since can
// be mistaken. The directory's raft id is new.
//
// The stream is proven as it is read and nothing of it is in force before its
// end: check it first with CheckBackup, since after an error the directory must
// be thrown away.
func Restore(dir string, in io.Reader, parts []Part) (info BackupInfo, err error) {
	if _, err := os.Stat(dir); err == nil {
		return info, fmt.Errorf("%s is there already: %w", dir, ErrNotEmpty)
	}
	d, err := openDirectory(dir)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	log, err := d.openLog(nil, library)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	// The log begins behind the snapshot, in the same term.
	if err := log.SetUint64(keyCurrentTerm, 1); err != nil {
		return info, fmt.Errorf("writing the term: %w", err)
	}
	snaps, err := openSnapshots(d.path, library, nil)
	if err != nil {
		return info, err
	}
	alone := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: raft.ServerID(d.id), Address: raft.ServerAddress(d.id),
	}}}
	_, nowhere := raft.NewInmemTransport("") // it spells addresses for programs of long ago
	sink, err := snaps.Create(raft.SnapshotVersionMax, 1, 1, alone, 1, nowhere)
	if err != nil {
		return info, fmt.Errorf("making the snapshot: %w", err)
	}
	if c, ok := sink.(*checkedSink); ok {
		c.own = true
	}
	if info, err = transcribe(newBackupReader(in, parts), sink); err != nil {
		return info, errors.Join(err, sink.Cancel())
	}
	if err := sink.Close(); err != nil {
		return info, fmt.Errorf("writing the snapshot: %w", err)
	}
	return info, nil
}

// transcribedFormat is of a snapshot whose head says nothing of the content
// behind it: that is known at the end only.
const transcribedFormat = 1

// transcribe makes the snapshot of entry 1 from a backup.
func transcribe(r *backupReader, out io.Writer) (BackupInfo, error) {
	head, err := r.head()
	if err != nil {
		return BackupInfo{}, err
	}
	w := hashWriter{bufio.NewWriterSize(out, 256<<10), sha256.New()}
	cur := meta{
		Format: transcribedFormat, Applied: 1, Term: 1, Revision: head.Revision + revisionJump, Time: head.Time,
		Level: head.Level, Hash: head.Rolling, IdemNext: head.IdemNext, IdemLow: head.IdemLow,
	}
	if _, err := w.Write(appendBytes([]byte(snapshotMagic), Encode(cur))); err != nil {
		return BackupInfo{}, err
	}
	tail, err := r.pairs(func(record []byte) error {
		_, err := w.Write(record)
		return err
	})
	if err != nil {
		return BackupInfo{}, err
	}
	if _, err := w.Write([]byte{'E'}); err != nil {
		return BackupInfo{}, err
	}
	if _, err := w.w.Write(w.h.Sum(nil)); err != nil {
		return BackupInfo{}, err
	}
	return head.info(tail), w.w.Flush()
}
