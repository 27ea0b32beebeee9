package consensus

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
)

// Restore makes a directory, which must not have held a log, the beginning of a
// new mesh with the state of a backup: its server is the only voter, and the
// revision is 2^32 above the backup's, so that no revision given out since can
// be mistaken. The first command, which makes the state that of another mesh, is
// in the first snapshot already: no server ever sees the state without it. The
// parts are those of the state; what they observe is the state as restored.
//
// The stream is proven as it is read and nothing of it is in force before its
// end: check it first with CheckBackup, since after an error the directory must
// be thrown away.
func Restore(dir string, in io.Reader, parts []Part, first Proposal) (info BackupInfo, err error) {
	d, err := openDirectory(dir)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.used {
		return info, fmt.Errorf("%s has held a log: %w", dir, ErrNotEmpty)
	}
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	log, err := d.openLog(nil, library)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	// The log begins behind the snapshot, in the same term.
	if err := log.SetUint64(keyCurrentTerm, restoredTerm); err != nil {
		return info, fmt.Errorf("writing the term: %w", err)
	}
	m, err := newMachine(d.path, parts, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return info, err
	}
	if info, err = m.refill(in, parts); err != nil {
		return info, err
	}
	if err = m.begun(first); err == nil {
		err = m.firstSnapshot(d, library)
	}
	return info, errors.Join(err, m.close(err == nil))
}

// The state of a backup is what entry 1 of the new log would have made of it,
// the first command is entry 2, and the log goes on from there.
const (
	restoredTerm  = 1
	entryRestored = 1
	entryFirst    = 2
)

// refill makes the state file of a backup.
func (m *machine) refill(in io.Reader, parts []Part) (info BackupInfo, err error) {
	from, to := io.Pipe()
	done := make(chan error, 1)
	go func() {
		var err error
		info, err = transcribe(newBackupReader(in, parts), to)
		to.CloseWithError(err)
		done <- err
	}()
	f, err := m.build(from)
	from.CloseWithError(err) // the writer ends where the reader has
	if told := <-done; told != nil && (err == nil || !errors.Is(told, io.ErrClosedPipe)) {
		err = told
	}
	if err != nil {
		closeFile(f)
		return info, err
	}
	if err := m.use(f); err != nil {
		closeFile(f)
		return info, err
	}
	return info, nil
}

// begun applies the first command.
func (m *machine) begun(first Proposal) error {
	var refused error
	m.resolve = func(_ origin, _ uint64, out outcome) bool {
		if out.Refusal != nil {
			refused = out.Refusal
		}
		return false
	}
	env := envelope{seq: 1, part: first.Part, body: first.Body}
	rand.Read(env.origin[:])
	e := entry{stamp: time.Now().UnixMilli(), level: m.cur.Level, envelopes: [][]byte{env.encode()}}
	m.prompt = true // the file is closed as it is
	m.ApplyBatch([]*raft.Log{{Index: entryFirst, Term: restoredTerm, Type: raft.LogCommand, Data: e.encode()}})
	return errors.Join(refused, m.broken())
}

func (m *machine) firstSnapshot(d *directory, library *libraryLog) error {
	snaps, err := openSnapshots(d.path, library, nil)
	if err != nil {
		return err
	}
	alone := onlyVoter(d.id)
	_, nowhere := raft.NewInmemTransport("") // it spells addresses for programs of long ago
	sink, err := snaps.Create(raft.SnapshotVersionMax, entryFirst, restoredTerm, alone, entryRestored, nowhere)
	if err != nil {
		return fmt.Errorf("making the first snapshot: %w", err)
	}
	view, err := m.Snapshot()
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	defer view.Release()
	if err := view.Persist(sink); err != nil {
		return fmt.Errorf("writing the first snapshot: %w", err)
	}
	return nil
}

// transcribedFormat is of a snapshot whose head says nothing of the content
// behind it: that is known at the end only.
const transcribedFormat = 1

// transcribe makes a snapshot of a backup.
func transcribe(r *backupReader, out io.Writer) (BackupInfo, error) {
	head, err := r.head()
	if err != nil {
		return BackupInfo{}, err
	}
	w := hashWriter{bufio.NewWriterSize(out, 256<<10), sha256.New()}
	cur := meta{
		Format: transcribedFormat, Applied: entryRestored, Term: restoredTerm, Revision: head.Revision + revisionJump, Time: head.Time,
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
