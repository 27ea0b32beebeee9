package consensus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// An error of writing the state back is heard by the sync beside the hot path,
// and only once: the page cache forgets the page. The file is not synced again
// and not believed again, and the state is made anew (F7).
func TestF7StateThatCannotBeSynced(t *testing.T) {
	x := one(t, nil)
	x.do(t, "add n")
	old := filepath.Base(x.machine.file.path)
	x.machine.failSync = func() error { return syscall.EIO }
	err := x.machine.sync()
	if !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(x.dir, nameCurrent)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the file is still in force: %v", err)
	}
	x.machine.fail(err) // as syncLoop does
	if k := FaultOf(x.Fault()); k != FaultState {
		t.Fatalf("%v is fault %d", x.Fault(), k)
	}
	if got := x.get(t, ReadOptions{}, "n"); got[7] != 1 {
		t.Fatalf("a stale read: %x", got)
	}
	if _, err := x.try("add n"); !errors.Is(err, ErrStateFault) {
		t.Fatalf("a write: %v", err)
	}
	x.stop()
	x.open()
	if now := filepath.Base(x.machine.file.path); now == old {
		t.Fatalf("%s is in use again", old)
	}
	if out := x.do(t, "add n"); out.Result[7] != 2 {
		t.Fatalf("%+v", out)
	}
}

// A snapshot that has no room, or whose disk fails, is no fault: the log is
// kept, and the next one is taken (F7).
func TestF7NoRoomForASnapshot(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
		x := one(t, nil)
		x.do(t, "add n")
		x.snapshots.step = func(point string) error {
			if point == atSnapshotWritten {
				return cause
			}
			return nil
		}
		if err := x.raft.Snapshot().Error(); err == nil {
			t.Fatal("a snapshot was made")
		}
		x.do(t, "add n")
		if list, _ := filepath.Glob(filepath.Join(x.dir, nameSnapshots, "*")); len(list) != 0 {
			t.Fatalf("left behind: %v", list)
		}
		x.snapshots.step = noStep
		if err := x.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		x.kill()
		x.open()
		if out := x.do(t, "add n"); out.Result[7] != 3 {
			t.Fatalf("%+v", out)
		}
	}
}

// A leader whose disk hangs in an fsync, for as long as many elections take,
// does not hold the others up, nothing piles up in it, and it is one of them
// again afterwards (F8).
func TestF8HangingDisk(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "add n")
	disks[leader].dawdle(4 * time.Second)
	hung := make(chan error, 1)
	go func() {
		_, err := leader.try("add m")
		hung <- err
	}()
	start := time.Now()
	eventually(t, 10*time.Second, "the others write", func() bool {
		_, err := others(nodes, leader)[0].try("add n")
		return err == nil
	})
	t.Logf("after %s", time.Since(start))
	disks[leader].dawdle(0)
	if err := <-hung; err != nil {
		t.Logf("the write in the hanging log: %v", err)
	}
	eventually(t, 10*time.Second, "it writes again", func() bool {
		_, err := leader.try("add n")
		return err == nil
	})
	eventually(t, 5*time.Second, "nothing waits", func() bool { return leader.outbox.size()+leader.coalescer.size() == 0 })
	same(t, nodes)
}

// A leader whose disk hangs and does not come back leads no longer, for as long
// as that may be: its heartbeats need no disk (F8).
func TestF8ALeaderWhoseDiskHangsIsReplaced(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "add n")
	release := disks[leader].hang()
	t.Cleanup(release)
	hung := make(chan error, 1)
	go func() {
		_, err := leader.try("add m")
		hung <- err
	}()
	eventually(t, 60*time.Second, "the others write", func() bool {
		_, err := others(nodes, leader)[0].try("add n")
		return err == nil
	})
	// On a busy machine it may have lost them for another reason before.
	eventually(t, hangPatience+time.Second, "it is silent, or leads no longer", func() bool {
		return leader.transport.silent.Load() || !leader.leading()
	})
	release()
	if err := <-hung; err != nil {
		t.Logf("the write in the hanging log: %v", err)
	}
	eventually(t, 30*time.Second, "it writes again", func() bool {
		_, err := leader.try("add n")
		return err == nil
	})
	same(t, nodes)
}
