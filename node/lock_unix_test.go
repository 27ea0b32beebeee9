//go:build unix

package node

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A child that is forked has the lock file open until it execs.
func TestLockIsFreeAfterReleaseThoughAChildHasTheFile(t *testing.T) {
	dir := t.TempDir()
	l, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(l.f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	if l, err = lockDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
}
