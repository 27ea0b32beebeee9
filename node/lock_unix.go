//go:build !windows

package node

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

func isAddrInUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
