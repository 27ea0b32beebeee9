package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/meshd/meshd/consensus"
)

// spoolDir is where backups lie while clients take them.
const spoolDir = "backup.spool"

// maxBackups bounds how many lie there at once: each is as large as the state.
const maxBackups = 2

// Backup is a whole backup in a file of this node, to be read once. Closing it
// deletes the file. It is not encrypted.
type Backup struct {
	io.ReadCloser
	consensus.BackupInfo
	// Size is how many bytes there are to read.
	Size int64
}

// spooled is a file that goes when it is closed.
type spooled struct {
	*os.File
	close func() error
}

func (s spooled) Close() error { return s.close() }

// spool holds the backups under way.
type spool struct {
	mu sync.Mutex
	n  int
	// room is a test's way to a full disk.
	room func(dir string) uint64
}

func (s *spool) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == maxBackups {
		return false
	}
	s.n++
	return true
}

func (s *spool) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n--
}

// Backup writes the state as of now, after what o asks for, into a file of its
// own and returns it. However slow its reader is, the state and its writers
// never wait for it. Two may be open at once.
func (n *Node) Backup(ctx context.Context, o consensus.ReadOptions) (_ *Backup, err error) {
	if !n.spool.enter() {
		return nil, consensus.Refuse("OVERLOADED", fmt.Sprintf("%d backups are being taken from this node, which is as many as it makes at once", maxBackups))
	}
	defer func() {
		if err != nil {
			n.spool.leave()
		}
	}()
	dir := filepath.Join(n.cfg.Data, spoolDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making room for a backup: %w", err)
	}
	f, err := os.CreateTemp(dir, "backup-*")
	if err != nil {
		return nil, fmt.Errorf("making room for a backup: %w", err)
	}
	remove := func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	b := &Backup{ReadCloser: spooled{f, sync.OnceValue(func() error {
		n.spool.leave()
		return remove()
	})}}
	if b.BackupInfo, err = n.writeBackup(ctx, o, f); err == nil {
		b.Size, err = f.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return b, nil
}

// writeBackup fills f, from the beginning again where the state is opened anew
// meanwhile.
func (n *Node) writeBackup(ctx context.Context, o consensus.ReadOptions, f *os.File) (consensus.BackupInfo, error) {
	r := n.trust.Roster()
	label := consensus.BackupLabel{MeshID: r.MeshID, MeshName: r.MeshName, Node: n.Name(), Version: n.cfg.Version}
	room := n.spool.room
	if room == nil {
		room = consensus.Room
	}
	for {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return consensus.BackupInfo{}, err
		}
		if err := f.Truncate(0); err != nil {
			return consensus.BackupInfo{}, err
		}
		g, swapped := n.group.current()
		o.MinRevision = max(o.MinRevision, n.group.known())
		info, err := g.Backup(ctx, o, label, &frugal{file: f, room: room})
		if err == nil {
			return info, nil
		}
		if again, err := n.group.again(ctx, swapped, err); !again {
			return info, err
		}
	}
}

// frugal writes as long as the disk has room above the watermark.
type frugal struct {
	file *os.File
	room func(dir string) uint64
	left int64 // until it looks again
}

const lookEvery = 8 << 20

// Write implements io.Writer.
func (w *frugal) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		w.left = lookEvery
		if w.room(filepath.Dir(w.file.Name())) < lookEvery {
			return 0, consensus.Refuse("DISK_FULL", "this node has no room on its disk for the file of a backup, which is as large as the state; make room, or take it from another node")
		}
	}
	return w.file.Write(p)
}

// clearSpool deletes what a process that was killed left.
func clearSpool(dir string) error { return os.RemoveAll(filepath.Join(dir, spoolDir)) }
