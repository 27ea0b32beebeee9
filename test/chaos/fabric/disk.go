//go:build linux

package fabric

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	bootID = "/proc/sys/kernel/random/boot_id"
	// The ioctl that ends a file system as a power cut does, and its flag: what
	// is in the journal's memory is lost as well (ext4 and xfs, for crash tests).
	goDown  = 0x8004587d
	noFlush = 2
)

// Disk is an ext4 file system of a host's own, on an image file. It is mounted
// in the host's namespace only, so that it ends with the host. Its methods must
// not run at the same time; the host's other ones may.
type Disk struct {
	host            *Host
	image, at, boot string
	mu              sync.Mutex // of filler
	filler          string
}

// Disk gives the host a disk of size bytes, mounted at the directory at. There
// is one for a host; ErrUnsupported says what this machine lacks.
func (h *Host) Disk(image, at string, size int64) (*Disk, error) {
	d := &Disk{host: h, image: image, at: at, boot: image + ".boot"}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(image, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size), f.Close(), d.reboot()); err != nil {
		return nil, err
	}
	if err := run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", image); err != nil {
		return nil, fmt.Errorf("%w: no disks: %w", ErrUnsupported, err)
	}
	if err := d.inside(func() error {
		if err := d.mount(); err != nil {
			return fmt.Errorf("%w: no disks: %w", ErrUnsupported, err)
		}
		return unix.Mount(d.boot, bootID, "", unix.MS_BIND, "")
	}); err != nil {
		return nil, err
	}
	h.disk = d
	return d, nil
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (d *Disk) inside(job func() error) error {
	var err error
	if e := d.host.do(func() { err = job() }); e != nil {
		return e
	}
	return err
}

func (d *Disk) mount() error { return run("mount", "-o", "loop,noatime", d.image, d.at) }

// reboot gives the host another boot id, which a machine has after it was
// without power; processes that run keep what they have read.
func (d *Disk) reboot() error {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return os.WriteFile(d.boot, fmt.Appendf(nil, "%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), 0o600)
}

// Outside is the path by which this process sees a file of the host.
func (h *Host) Outside(path string) string {
	return "/proc/self/task/" + strconv.Itoa(h.tid) + "/root" + path
}

// Cut takes the power away from the disk and gives it back: what was written
// and neither synced nor brought to disk by the kernel's own doing is gone, the
// journal is replayed, the boot is another one. The host's processes must have
// ended.
func (d *Disk) Cut() error {
	return d.inside(func() error {
		root, err := os.Open(d.at)
		if err != nil {
			return err
		}
		err = unix.IoctlSetPointerInt(int(root.Fd()), goDown, noFlush)
		root.Close()
		if err != nil {
			return fmt.Errorf("taking the power away: %w", err)
		}
		// A reader of this process may still have a file open.
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if err = unix.Unmount(d.at, 0); !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("unmounting: %w", err)
		}
		return errors.Join(d.reboot(), d.mount())
	})
}

// Free is the room on the disk in bytes.
func (d *Disk) Free() (int64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(d.host.Outside(d.at), &s)
	return int64(s.Bavail) * s.Bsize, err
}

// Fill takes room away until only about leave bytes are free.
func (d *Disk) Fill(leave int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filler = d.host.Outside(filepath.Join(d.at, "filler"))
	f, err := os.OpenFile(d.filler, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	// What the file system needs for itself is not known beforehand.
	for at, step := fi.Size(), int64(0); ; at += step {
		free, err := d.Free()
		if err != nil || free <= leave {
			return err
		}
		step = free - leave
		for err = unix.Fallocate(int(f.Fd()), 0, at, step); errors.Is(err, unix.ENOSPC) && step > 4096; {
			step /= 2
			err = unix.Fallocate(int(f.Fd()), 0, at, step)
		}
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Empty gives back what Fill has taken.
func (d *Disk) Empty() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.filler == "" {
		return nil
	}
	err := os.Remove(d.filler)
	if errors.Is(err, os.ErrNotExist) {
		err = nil // the power took it
	}
	d.filler = ""
	return err
}
