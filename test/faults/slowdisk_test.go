//go:build linux

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meshd/meshd/test/realmesh"
)

// The requests that stop and go on with all writing to a file system: whoever
// writes or syncs waits (ioctl_fifreeze).
const (
	fsFreeze = 0xc0045877
	fsThaw   = 0xc0045878
)

// heldDisk is a file system of its own that can be held: each write and fsync
// takes until it is let go.
type heldDisk struct {
	t    testing.TB
	dir  string
	root *os.File
	mu   sync.Mutex
	held bool
}

func newHeldDisk(t testing.TB) *heldDisk {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 256<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("there is no mkfs.ext4: %v: %s", err, out)
	}
	dir := mount(t, "-o", "loop,noatime", image)
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return &heldDisk{t: t, dir: dir, root: root}
}

func (d *heldDisk) set(held bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == held {
		return
	}
	request := uint(fsThaw)
	if held {
		request = fsFreeze
	}
	if err := unix.IoctlSetInt(int(d.root.Fd()), request, 0); err != nil {
		d.t.Skipf("this file system cannot be held: %v", err)
	}
	d.held = held
}

// holds has every fsync of a node's whole directory take so long, again and
// again, until the function that it returns is called.
func (d *heldDisk) holds(each time.Duration) (end func()) {
	d.set(true)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-time.After(each):
			case <-stop:
				d.set(false)
				return
			}
			d.set(false)
			time.Sleep(20 * time.Millisecond) // one that waited comes to its end
			select {
			case <-stop:
				return
			default:
				d.set(true)
			}
		}
	}()
	return func() { close(stop); <-done }
}

// figure reads one of /proc/PID/status in kB.
func figure(n *realmesh.Node, name string) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
			k, _ := strconv.Atoi(f[1])
			return k
		}
	}
	return 0
}

func openFiles(n *realmesh.Node) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.PID()))
	if err != nil {
		return 0
	}
	return len(list)
}

// acknowledges waits for so many more writes.
func (r *register) acknowledges(writes int64) {
	r.t.Helper()
	want := r.writes.Load() + writes
	realmesh.Eventually(r.t, 90*time.Second, "writes are acknowledged", func() error {
		if got := r.writes.Load(); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

// slowLeader has the leader's disk take so long for each fsync, for as long as
// during runs, which works at the others.
func slowLeader(t *testing.T, each time.Duration, during func(r *register, rest []*realmesh.Node)) {
	disk := newHeldDisk(t)
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	victim, rest := nodes[0], nodes[1:]
	victim.Data = filepath.Join(disk.dir, "data")
	victim.Found()
	t.Cleanup(victim.Kill)
	t.Cleanup(func() { disk.set(false) }) // who waits for a disk cannot be killed
	for _, n := range rest {
		n.Join(victim)
	}
	realmesh.Formed(t, 30*time.Second, nodes...)
	threeVoters(t, rest[0])
	r := newRegister(t, nodes...)
	r.start(rest, rest)
	r.more(20)
	pid, memory, files := victim.PID(), figure(victim, "RssAnon"), openFiles(victim)

	end := disk.holds(each)
	begun := time.Now()
	during(r, rest)
	after, open := figure(victim, "RssAnon"), openFiles(victim)
	t.Logf("for %s: RssAnon %d to %d kB, %d to %d open files, %d threads", time.Since(begun).Round(time.Millisecond), memory, after, files, open, figure(victim, "Threads"))
	end()
	if after > memory+(128<<10) || open > files+200 {
		t.Errorf("things pile up: RssAnon %d to %d kB, %d to %d open files", memory, after, files, open)
	}
	if !victim.Running() || victim.PID() != pid {
		t.Error("it was not to end")
	}
	r.end() // one writes at a time
	r.mustWrite(victim)
	r.finish(nodes...)
}

// Each fsync of the leader takes a second, which is as long as an election: the
// mesh takes writes all the same, and the slow one is one of it afterwards (F8).
func TestF8EachFsyncOfTheLeaderTakesASecond(t *testing.T) {
	t.Parallel()
	slowLeader(t, time.Second, func(r *register, _ []*realmesh.Node) {
		for range 4 {
			r.acknowledges(5)
		}
	})
}

// An fsync of the leader takes a minute. Another leads, and goes on (F8).
func TestF8AnFsyncOfTheLeaderTakesAMinute(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("MESHD_TEST_LONG is not set: it takes more than a minute")
	}
	t.Parallel()
	slowLeader(t, time.Minute, func(r *register, rest []*realmesh.Node) {
		begun := time.Now()
		realmesh.Leader(t, rest...)
		t.Logf("another leads after %s", time.Since(begun).Round(time.Millisecond))
		for time.Since(begun) < 65*time.Second {
			r.acknowledges(50)
		}
	})
}
