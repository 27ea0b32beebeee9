//go:build unix

package consensus

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func lockFile(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// unlockFile gives the lock up at once. Closing is not enough: a child between
// its fork and its exec has the same open file, and the lock with it.
func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// diskSpace returns the bytes free to us and in all on the file system of dir.
func diskSpace(dir string) (free, total uint64) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize) //nolint:unconvert // the fields differ between systems
}

// isNoSpace says that err is of a file system without room for us.
func isNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// isDeviceError says that err is of a device that does not do its work.
func isDeviceError(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}

// initialMmap spares running reads from a remap while the state grows: a remap
// waits for every open view.
const initialMmap = 1 << 30
