package consensus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// faulty is a disk under the log that fails or dawdles as it is told.
type faulty struct {
	types.VFS
	mu         sync.Mutex
	fail       error
	failCreate error
	delay      time.Duration
	hung       chan struct{}
}

func newFaulty() *faulty { return &faulty{VFS: walfs.New()} }

func (f *faulty) set(fail error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faulty) dawdle(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// hang has every sync, of files and of replaced ones, wait for the release.
func (f *faulty) hang() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hung := make(chan struct{})
	f.hung = hung
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hung = nil
		close(hung)
	})
}

func (f *faulty) wait() {
	f.mu.Lock()
	hung := f.hung
	f.mu.Unlock()
	if hung != nil {
		<-hung
	}
}

func (f *faulty) ask() (error, error, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fail, f.failCreate, f.delay
}

func (f *faulty) Create(dir, name string, size uint64) (types.WritableFile, error) {
	fail, create, _ := f.ask()
	if err := errors.Join(fail, create); err != nil {
		return nil, err
	}
	w, err := f.VFS.Create(dir, name, size)
	return &faultyFile{w, f}, err
}

func (f *faulty) OpenWriter(dir, name string) (types.WritableFile, error) {
	w, err := f.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{w, f}, nil
}

func (f *faulty) Replace(path string, data []byte) error {
	if fail, _, _ := f.ask(); fail != nil {
		return &os.PathError{Op: "write", Path: path, Err: fail}
	}
	f.wait()
	return writeFileSync(path, data)
}

type faultyFile struct {
	types.WritableFile
	f *faulty
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if fail, _, _ := f.f.ask(); fail != nil {
		return 0, fail
	}
	return f.WritableFile.WriteAt(p, off)
}

func (f *faultyFile) Sync() error {
	fail, _, delay := f.f.ask()
	if fail != nil {
		return fail
	}
	if delay > 0 {
		<-time.After(delay)
	}
	f.f.wait()
	return f.WritableFile.Sync()
}

// faultyMesh is a mesh of three, each node on its own faulty disk.
func faultyMesh(t *testing.T, more func(*Config)) ([]*node, map[*node]*faulty) {
	t.Helper()
	byDir := map[string]*faulty{}
	_, _, nodes := mesh(t, 3, func(c *Config) {
		if byDir[c.Dir] == nil {
			byDir[c.Dir] = newFaulty()
		}
		c.hooks.vfs = byDir[c.Dir]
		if more != nil {
			more(c)
		}
	})
	disks := map[*node]*faulty{}
	for _, x := range nodes {
		disks[x] = byDir[x.dir]
	}
	return nodes, disks
}

// A full disk under the log ends the instance; another voter leads, stale reads
// go on, and opening again with room mends it (F7).
func TestF7NoRoomForTheLog(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "add n")
	disks[leader].set(syscall.ENOSPC)
	if _, err := leader.try("add m"); !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrStateFault) {
		t.Fatalf("a write without room: %v", err)
	}
	<-leader.Failed()
	if k := FaultOf(leader.Fault()); k != FaultFull {
		t.Fatalf("%v is fault %d", leader.Fault(), k)
	}
	if got := leader.get(t, ReadOptions{}, "n"); got[7] != 1 {
		t.Fatalf("a stale read: %x", got)
	}
	rest := others(nodes, leader)
	rest[0].do(t, "add n")
	leader.stop()
	disks[leader].set(nil)
	leader.open()
	leader.do(t, "add n")
	same(t, nodes)
}

// The log of a failing device stops the node; a segment that cannot be made is
// told by its cause.
func TestF7KindsOfLogFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		create bool
		want   FaultKind
	}{
		"failing device":           {err: syscall.EIO, want: FaultDisk},
		"read-only":                {err: syscall.EROFS, want: FaultDisk},
		"no room":                  {err: syscall.ENOSPC, want: FaultFull},
		"no room for a new file":   {err: syscall.ENOSPC, create: true, want: FaultFull},
		"no descriptors for files": {err: syscall.EMFILE, create: true, want: FaultState},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newFaulty()
			x := one(t, func(c *Config) { c.hooks.vfs = disk })
			x.do(t, "add n")
			if c.create {
				disk.mu.Lock()
				disk.failCreate = c.err
				disk.mu.Unlock()
				body := strings.Repeat("x", 500<<10)
				for x.machine.broken() == nil { // up to the end of the segment
					_, _ = x.try("big b " + body)
				}
			} else {
				disk.set(c.err)
				if _, err := x.try("add n"); err == nil {
					t.Fatal("acknowledged")
				}
			}
			<-x.Failed()
			if k := FaultOf(x.Fault()); k != c.want {
				t.Fatalf("%v is fault %d, want %d", x.Fault(), k, c.want)
			}
			x.stop()
			disk.mu.Lock()
			disk.fail, disk.failCreate = nil, nil
			disk.mu.Unlock()
			x.open()
			x.do(t, "add n")
		})
	}
}

// hashicorp/raft panics when a new term cannot be written; the node goes into
// fault mode instead, and closes in time.
func TestF7TermThatCannotBeWrittenIsAFault(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	leader := leaderOf(t, nodes)
	rest := others(nodes, leader)
	for _, x := range rest {
		disks[x].set(syscall.ENOSPC)
	}
	leader.stop()
	var failed *node
	eventually(t, 10*time.Second, "one that stood has failed", func() bool {
		for _, x := range rest {
			if x.machine.broken() != nil {
				failed = x
				return true
			}
		}
		return false
	})
	if k := FaultOf(failed.Fault()); k != FaultFull {
		t.Fatalf("%v is fault %d", failed.Fault(), k)
	}
	for _, x := range rest {
		start := time.Now()
		x.stop()
		took(t, 5*time.Second, start, "closing")
		disks[x].set(nil)
		x.open()
	}
	leader.open()
	leader.do(t, "add n")
	same(t, nodes)
}

// Below the watermark the leader refuses before the disk is full and gives
// leadership to a voter with room.
func TestF7WatermarkRefusesAndHandsOver(t *testing.T) {
	var mu sync.Mutex
	low := map[string]bool{}
	nodes, _ := faultyMesh(t, func(c *Config) {
		dir := c.Dir
		c.hooks.space = func() (uint64, uint64) {
			mu.Lock()
			defer mu.Unlock()
			if low[dir] {
				return 1 << 20, 1 << 40
			}
			return 1 << 39, 1 << 40
		}
	})
	set := func(x *node, v bool) {
		mu.Lock()
		defer mu.Unlock()
		low[x.dir] = v
	}
	leader := leaderOf(t, nodes)
	set(leader, true)
	eventually(t, 10*time.Second, "another leads", func() bool {
		for _, x := range others(nodes, leader) {
			if x.ready() {
				return true
			}
		}
		return false
	})
	leader.do(t, "add n") // forwarded
	for _, x := range nodes {
		set(x, true)
	}
	eventually(t, 10*time.Second, "all refuse", func() bool {
		_, err := nodes[0].try("add n")
		return errors.Is(err, ErrDiskFull)
	})
	for _, x := range nodes {
		set(x, false)
	}
	eventually(t, 10*time.Second, "writes go on", func() bool {
		_, err := nodes[1].try("add n")
		return err == nil
	})
	same(t, nodes)
}

// With an fsync that takes longer than three election timeouts, on any node,
// there is a leader again and again, and nothing piles up (F8).
func TestF8SlowDisk(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	for _, slow := range []*node{leaderOf(t, nodes), others(nodes, leaderOf(t, nodes))[0]} {
		disks[slow].dawdle(500 * time.Millisecond)
		begun, wrote := time.Now(), 0
		for time.Since(begun) < 3*time.Second || wrote == 0 && time.Since(begun) < time.Minute {
			ctx, cancel := contextFor(5 * time.Second)
			if _, err := nodes[wrote%3].Propose(ctx, Proposal{Part: "kv", Body: []byte("add n")}); err == nil {
				wrote++
			}
			cancel()
		}
		if wrote == 0 {
			t.Fatal("no write went through")
		}
		t.Logf("%d writes", wrote)
		disks[slow].dawdle(0)
		eventually(t, 10*time.Second, "a write goes through", func() bool {
			_, err := slow.try("add n")
			return err == nil
		})
		eventually(t, 5*time.Second, "nothing waits", func() bool {
			return !slices.ContainsFunc(nodes, func(x *node) bool { return x.outbox.size()+x.coalescer.size() != 0 })
		})
	}
	same(t, nodes)
}

// A page of the state that turned to nonsense is a fault of this node, not an
// answer and not the end of the process; opening again rebuilds it.
func TestBrokenPagesOfTheStateAreRebuilt(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, nil)
	for i := range 200 {
		nodes[0].do(t, fmt.Sprintf("set k%d %s", i, strings.Repeat("v", 200)))
	}
	same(t, nodes)
	x := others(nodes, leaderOf(t, nodes))[0]
	path := x.machine.file.path
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	page := []byte(strings.Repeat("\x5a", 4096))
	for at := int64(2 * 4096); at < fi.Size(); at += 4096 {
		if _, err := f.WriteAt(page, at); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	_, err = x.read(ReadOptions{}, "k17")
	if !errors.Is(err, ErrStateFault) {
		t.Fatalf("a read of nonsense: %v", err)
	}
	<-x.Failed()
	if k := FaultOf(x.Fault()); k != FaultState {
		t.Fatalf("%v is fault %d", x.Fault(), k)
	}
	others(nodes, x)[0].do(t, "add n")
	x.dirty.Store(true)
	x.net.mu.Lock()
	g := x.Group
	x.Group = nil
	delete(x.net.nodes, x.id)
	x.net.mu.Unlock()
	_ = g.Close() // may say that the broken file did not close
	x.open()
	same(t, nodes)
}

// While a state is rebuilt in a running process, what its parts know stays: a
// key that was valid is not unknown for a moment.
func TestObserversDoNotGoBack(t *testing.T) {
	part := &kv{}
	floor := uint64(0)
	x := one(t, func(c *Config) {
		c.Parts, c.Floor = []Part{part}, floor
		c.hooks.otherBoot = floor > 0
	})
	for range 5 {
		x.do(t, "add n")
	}
	x.kill()
	floor = 5
	part.mu.Lock()
	part.resets, part.committed = 0, 0
	part.mu.Unlock()
	x.open()
	eventually(t, 5*time.Second, "the state is back", func() bool { return x.Status().Revision == 5 })
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.resets != 1 || part.committed != 0 || part.last != 5 {
		t.Fatalf("%d resets, %d commits, last revision %d", part.resets, part.committed, part.last)
	}
}

// bbolt may end the process over a state file while it opens it; the next start
// rebuilds the state and does not try again.
func TestDeathWhileOpeningTheStateIsNotRepeated(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set a 1")
	x.stop()
	cur, err := readCurrent(x.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := noteCurrent(x.dir, current{name: cur.name, mark: markOpen, boot: bootTrial}); err != nil {
		t.Fatal(err)
	}
	x.open()
	if now, err := readCurrent(x.dir); err != nil || now.name == cur.name {
		t.Fatalf("the file is used again: %+v, %v", now, err)
	}
	if got := x.get(t, ReadOptions{Consistency: Linearizable}, "a"); got != "1" {
		t.Fatalf("a is %q", got)
	}
}

// A restore that cannot be written is an error; it was the end of the process.
func TestRestoreThatFails(t *testing.T) {
	x := one(t, nil)
	x.do(t, "add n")
	if _, err := x.machine.build(strings.NewReader("meshdsn1 and then nothing")); !errors.Is(err, errSnapshot) {
		t.Fatalf("a broken snapshot: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(x.dir, "state-*.db"))
	if err != nil || len(left) != 1 {
		t.Fatalf("state files %v, %v", left, err)
	}
}

// A view that scans for too long ends: it would keep every page alive that is
// written meanwhile (F30).
func TestF30LongViewEnds(t *testing.T) {
	x := one(t, nil)
	for i := range 300 {
		x.do(t, fmt.Sprintf("set k%d v", i))
	}
	x.machine.viewLimit = time.Nanosecond
	_, err := x.View(context.Background(), ReadOptions{}, func(r Reader) error {
		for range 3 {
			for range r.Scan(kvTable, nil, nil) {
			}
		}
		return nil
	})
	if !errors.Is(err, ErrViewTooLong) {
		t.Fatalf("a view without end: %v", err)
	}
	x.machine.viewLimit = viewLimit
	// While a view is open the file grows; when it ends, its pages are used again.
	release, held := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		_, _ = x.View(context.Background(), ReadOptions{}, func(Reader) error {
			close(held)
			<-release
			return nil
		})
	})
	<-held
	write := func() int64 {
		for range 60 {
			x.do(t, "big b "+strings.Repeat("y", 100<<10))
		}
		return x.machine.file.size()
	}
	pinned := write()
	close(release)
	done.Wait()
	write()
	if size := write(); size > pinned+1<<20 {
		t.Fatalf("the file was %d bytes with a view open and is %d after it", pinned, size)
	}
}

// Closing does not wait for a snapshot that nobody takes or nobody sends (F29).
func TestF29CloseWithAStalledSnapshotStream(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	stalled := false
	stall := make(chan struct{})
	nw, _, nodes := mesh(t, 3, func(c *Config) {
		c.hooks.snapBytes = 64 << 10
		dial := c.Dial
		c.Dial = func(ctx context.Context, id string) (net.Conn, error) {
			conn, err := dial(ctx, id)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			if !stalled {
				return conn, nil
			}
			return &stallingConn{Conn: conn, after: 100 << 10, stalled: stall}, nil
		}
	})
	_ = nw
	leader := leaderOf(t, nodes)
	away := others(nodes, leader)[0]
	last := away.Status().AppliedIndex
	away.kill()
	body := strings.Repeat("x", 16<<10)
	eventually(t, 20*time.Second, "the log no longer reaches back", func() bool {
		for i := range 10 {
			leader.do(t, fmt.Sprintf("big k%d %s", i, body))
		}
		first, err := leader.log.FirstIndex()
		return err == nil && first > last+1
	})
	mu.Lock()
	stalled = true
	mu.Unlock()
	away.open()
	select {
	case <-stall:
	case <-time.After(time.Minute):
		t.Fatal("no snapshot was sent")
	}
	for _, x := range []*node{away, leader} {
		start := time.Now()
		x.stop()
		took(t, 8*time.Second, start, "closing")
	}
}

// stallingConn stops taking bytes after so many, until it is closed.
type stallingConn struct {
	net.Conn
	mu      sync.Mutex
	after   int
	stalled chan struct{}
	once    sync.Once
	closed  chan struct{}
}

func (c *stallingConn) gone() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = make(chan struct{})
	}
	return c.closed
}

func (c *stallingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.after -= len(b)
	over := c.after < 0
	c.mu.Unlock()
	if over {
		gone := c.gone()
		func() {
			defer func() { _ = recover() }() // told by the first of several
			close(c.stalled)
		}()
		<-gone
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *stallingConn) Close() error {
	gone := c.gone()
	c.once.Do(func() { close(gone) })
	return c.Conn.Close()
}
