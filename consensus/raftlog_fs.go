package consensus

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft-wal/types"
)

// syncingFS is the file system of the log: private files, and a count of how
// often and how long it synced.
type syncingFS struct {
	types.VFS
	syncs   atomic.Uint64
	nanos   atomic.Int64
	observe atomic.Pointer[func(time.Duration)]
	cause   atomic.Pointer[error] // the first error of the file system
}

func (s *syncingFS) note(err error) error {
	if err != nil {
		s.cause.CompareAndSwap(nil, &err)
	}
	return err
}

// replacer is a file system that replaces whole files in its own way.
type replacer interface {
	Replace(path string, data []byte) error
}

// dirSyncer is a file system that wants to hear of synced directories.
type dirSyncer interface{ SyncDir(dir string) error }

func (s *syncingFS) syncDir(dir string) error {
	if d, ok := s.VFS.(dirSyncer); ok {
		return d.SyncDir(dir)
	}
	return syncDir(dir)
}

// setObserver sets what is told of each sync.
func (s *syncingFS) setObserver(fn func(time.Duration)) { s.observe.Store(&fn) }

// Create implements types.VFS.
func (s *syncingFS) Create(dir, name string, size uint64) (types.WritableFile, error) {
	f, err := s.VFS.Create(dir, name, size)
	if err != nil {
		return nil, s.note(err)
	}
	if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
		f.Close()
		return nil, err
	}
	return &syncingFile{WritableFile: f, fs: s}, nil
}

// OpenWriter implements types.VFS.
func (s *syncingFS) OpenWriter(dir, name string) (types.WritableFile, error) {
	f, err := s.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	return &syncingFile{WritableFile: f, fs: s}, nil
}

type syncingFile struct {
	types.WritableFile
	fs *syncingFS
}

// WriteAt implements io.WriterAt.
func (f *syncingFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.WritableFile.WriteAt(p, off)
	return n, f.fs.note(err)
}

// Sync implements types.WritableFile.
func (f *syncingFile) Sync() error {
	start := time.Now()
	err := f.fs.note(f.WritableFile.Sync())
	d := time.Since(start)
	f.fs.syncs.Add(1)
	f.fs.nanos.Add(int64(d))
	if fn := f.fs.observe.Load(); fn != nil {
		(*fn)(d)
	}
	return err
}
