//go:build unix

package consensus

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A child that is forked has the lock file open until it execs.
func TestLockIsFreeAfterCloseThoughAChildHasTheFile(t *testing.T) {
	dir := t.TempDir()
	d, err := openDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(d.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if d, err = openDirectory(dir); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
}
