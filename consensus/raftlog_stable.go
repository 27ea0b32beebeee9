package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	wal "github.com/hashicorp/raft-wal"
)

// Set implements raft.StableStore.
func (l *raftLog) Set(key, val []byte) error {
	err := l.ahead.drain()
	if err == nil {
		err = l.writing.around(func() error { return l.wal.Set(key, val) })
	}
	if err == nil {
		return nil
	}
	err = l.fail(fmt.Errorf("writing %s: %w", key, err))
	if l.raft.Load() && string(key) == string(keyCurrentTerm) {
		// hashicorp/raft panics when its term cannot be kept, and with it would
		// go the process. Its goroutine ends here instead, with its deferred
		// work done; watchFaults stops the rest.
		runtime.Goexit()
	}
	return err
}

// Get implements raft.StableStore.
func (l *raftLog) Get(key []byte) ([]byte, error) { return l.wal.Get(key) }

// SetUint64 implements raft.StableStore.
func (l *raftLog) SetUint64(key []byte, val uint64) error {
	if old, err := l.GetUint64(key); err == nil && old == val {
		return nil // Raft sets the term it has just read
	}
	return l.Set(key, binary.BigEndian.AppendUint64(nil, val))
}

// GetUint64 implements raft.StableStore; an absent key is 0.
func (l *raftLog) GetUint64(key []byte) (uint64, error) {
	raw, err := l.wal.Get(key)
	if err != nil || len(raw) == 0 {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, fmt.Errorf("%s has %d bytes: %w", key, len(raw), ErrLogDamaged)
	}
	return binary.BigEndian.Uint64(raw), nil
}

// errBroken is a panic of a library over what it read.
var errBroken = errors.New("the file is broken")

// decodeSafely runs fn and makes an error of a panic: raft-wal takes what it
// reads for granted.
func decodeSafely(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errBroken, v)
		}
	}()
	return fn()
}

// asDamage adds ErrLogDamaged to what says that the log's files are not what
// was written.
func asDamage(err error) error {
	for _, known := range []error{wal.ErrCorrupt, errBroken, fs.ErrNotExist} {
		if errors.Is(err, known) {
			return fmt.Errorf("%w: %w", ErrLogDamaged, err)
		}
	}
	return err
}
