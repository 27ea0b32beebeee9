package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// dirLock keeps a second process away from a data directory.
type dirLock struct{ f *os.File }

// lockDir makes the directory, private to its owner, and locks it.
func lockDir(dir string) (*dirLock, error) {
	if dir == "" {
		return nil, errors.New("no data directory: name one with --data")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data directory: %w; choose another with --data", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot use the data directory %s: %w; check its owner, or choose another with --data", dir, err)
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use: a meshd already runs on it; stop that one, or choose another directory with --data", dir)
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() error { return errors.Join(funlock(l.f), l.f.Close()) }
