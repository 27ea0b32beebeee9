//go:build !windows

package node

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// funlock gives the lock up at once. Closing is not enough: a child between its
// fork and its exec has the same open file, and the lock with it.
func funlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

func isAddrInUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
