//go:build linux

package faults

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meshd/meshd/test/realmesh"
)

// refuse makes every write of a running process to any file fail with EFBIG, as
// a disk does that takes nothing more, and accept makes them succeed again. What
// is open stays open and can be read.
func refuse(t testing.TB, n *realmesh.Node) { fileLimit(t, n, 0) }

func accept(t testing.TB, n *realmesh.Node) { fileLimit(t, n, unix.RLIM_INFINITY) }

func fileLimit(t testing.TB, n *realmesh.Node, to uint64) {
	t.Helper()
	var is unix.Rlimit
	if err := unix.Prlimit(n.PID(), unix.RLIMIT_FSIZE, nil, &is); err != nil {
		t.Skipf("the limits of another process cannot be set here: %v", err)
	}
	is.Cur = min(to, is.Max)
	if err := unix.Prlimit(n.PID(), unix.RLIMIT_FSIZE, &is, nil); err != nil {
		t.Fatal(err)
	}
}

// The leader's files take nothing more: it neither lies nor hangs, reads go on
// everywhere, another leads, and it takes part again in the same process when
// it can write (F7).
func TestF7FilesThatTakeNothingMore(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	r := newRegister(t, nodes...)
	victim := realmesh.Leader(t, nodes...)
	rest := without(nodes, victim)
	pid := victim.PID()
	r.start(nodes, rest)
	r.more(50)
	refuse(t, victim)
	begun := time.Now()
	realmesh.Leader(t, rest...)
	t.Logf("another leads after %s", time.Since(begun).Round(time.Millisecond))
	r.mustRead(rest[0])
	// Reads of it go on, for longer than it needs to notice.
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, a, err := r.read(victim, ""); err != nil || a.Status != http.StatusOK || age(a) < 0 {
			t.Fatalf("a plain read at it: %v %s", err, a)
		}
	}
	a := r.at(victim).Want(http.StatusServiceUnavailable, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f7", "node_type": "entry", "label": "x"})
	if a.Code() != "STATE_FAULT" {
		t.Errorf("a write at it: %s", a)
	}
	if problems := fmt.Sprint(mustStatus(t, victim).Problems); !strings.Contains(problems, "file too large") {
		t.Errorf("its status says %s", problems)
	}
	accept(t, victim)
	begun = time.Now()
	r.mustRead(victim)
	t.Logf("it reads again after %s", time.Since(begun).Round(time.Millisecond))
	r.finish(nodes...)
	if victim.PID() != pid {
		t.Errorf("it was restarted")
	}
}

func mustStatus(t testing.TB, n *realmesh.Node) realmesh.Status {
	t.Helper()
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mount gives a test a small file system of its own. It needs root, and a
// machine that lets root mount.
func mount(t testing.TB, args ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mountAt(t, dir, args...)
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

func mountAt(t testing.TB, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		t.Skipf("a file system of its own needs root and its leave: %v: %s", err, out)
	}
}

func unmount(t testing.TB, dir string) {
	t.Helper()
	if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Below the watermark a disk is not full yet, and writes are refused all the
// same, with the code for it; reads of every kind go on, and writes when there
// is room, in the same process (F7).
func TestF7UnderTheWatermark(t *testing.T) {
	t.Parallel()
	dir := mount(t, "-t", "tmpfs", "-o", "size=200m", "meshd-test")
	n := realmesh.New(t, "solo")
	n.Data = filepath.Join(dir, "data")
	n.Found()
	t.Cleanup(n.Kill) // before the file system goes
	r := newRegister(t, n)
	pid := n.PID()
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	var fs unix.Statfs_t
	for block := make([]byte, 1<<20); ; { // leaves 3 %; 5 % is the watermark
		if err := unix.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		if fs.Bavail*100 < fs.Blocks*3 {
			break
		}
		if _, err := filler.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	body := map[string]any{"session_id": "f7", "node_type": "entry", "label": "x"}
	realmesh.Eventually(t, 15*time.Second, "writes are refused", func() error {
		a, err := r.at(n).Ask(http.MethodPost, "/graph/nodes", body)
		if err == nil && a.Status == http.StatusCreated {
			return errors.New("not yet")
		}
		if err == nil && (a.Status != http.StatusInsufficientStorage || a.Code() != "DISK_FULL") {
			t.Fatalf("refused with %s", a)
		}
		return err
	})
	for _, query := range []string{"", "?consistency=leader", "?consistency=linearizable", "?max_age=1s"} {
		if _, a, err := r.read(n, query); err != nil || a.Status != http.StatusOK {
			t.Errorf("a read %s: %v %s", query, err, a)
		}
	}
	if problems := fmt.Sprint(mustStatus(t, n).Problems); !strings.Contains(problems, "DISK_FULL") {
		t.Errorf("its status says %s", problems)
	}
	if err := filler.Truncate(0); err != nil {
		t.Fatal(err)
	}
	realmesh.Eventually(t, 15*time.Second, "writes go on", func() error {
		a, err := r.at(n).Ask(http.MethodPost, "/graph/nodes", body)
		if err == nil && a.Status != http.StatusCreated {
			err = fmt.Errorf("%s", a)
		}
		return err
	})
	if n.PID() != pid || !n.Running() {
		t.Error("it was restarted")
	}
	r.finish(n)
}

// The file system of one node breaks for good: every access fails with EIO. What
// it wrote last cannot be known, so it ends with a sentence; the others go on,
// and it comes back on what its disk kept (F7).
func TestF7DeviceThatFails(t *testing.T) {
	t.Parallel()
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(128<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("there is no mkfs.ext4: %v: %s", err, out)
	}
	dir := mount(t, "-o", "loop", image)
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	victim := nodes[0]
	victim.Data = filepath.Join(dir, "data")
	victim.Found()
	t.Cleanup(victim.Kill)
	for _, n := range nodes[1:] {
		n.Join(victim)
	}
	realmesh.Formed(t, 20*time.Second, nodes...)
	threeVoters(t, nodes[1])
	r := newRegister(t, nodes...)
	rest := nodes[1:]
	r.start(nodes, rest)
	r.more(50)
	device, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(device.Fd()), goingDown, goingDownNow)
	device.Close()
	if err != nil {
		t.Skipf("this file system cannot be shut down: %v", err)
	}
	if code := victim.WaitExit(30 * time.Second); code != 1 {
		t.Errorf("it ended with %d", code)
	}
	if said := victim.LastLog(); !strings.Contains(said, "the disk under") || !strings.Contains(said, "input/output error") {
		t.Errorf("its last words: %s", said[max(0, len(said)-600):])
	}
	realmesh.Leader(t, rest...)
	r.mustRead(rest[0])
	unmount(t, dir)
	mountAt(t, dir, "-o", "loop", copied(t, image))
	victim.Start("serve")
	victim.WaitServing()
	r.finish(nodes...)
}

// copied is another disk with what was on the first. The first itself would be
// the broken file system again for as long as any mount namespace, as each
// machine of the chaos tests has one, holds a mount of it.
func copied(t testing.TB, image string) string {
	t.Helper()
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	to := image + ".copy"
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// The request of ioctl_xfs_goingdown(2), which ext4 has as well.
const (
	goingDown    = 0x8004587d
	goingDownNow = 2 // without writing the journal
)
