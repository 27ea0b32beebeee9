package consensus

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

func openLog(t testing.TB, dir string, vfs types.VFS) *raftLog {
	t.Helper()
	l, err := openRaftLog(dir, vfs, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fill(t testing.TB, l *raftLog, from, to uint64) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := l.StoreLog(&raft.Log{Index: i, Term: 1, Data: []byte(fmt.Sprintf("command-%06d", i))}); err != nil {
			t.Fatal(err)
		}
	}
}

// failingFS fails writes while it is told to.
type failingFS struct {
	types.VFS
	fail error
}

type failingFile struct {
	types.WritableFile
	fs *failingFS
}

func (f *failingFS) Create(dir, name string, size uint64) (types.WritableFile, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	w, err := f.VFS.Create(dir, name, size)
	return &failingFile{w, f}, err
}

func (f *failingFS) OpenWriter(dir, name string) (types.WritableFile, error) {
	w, err := f.VFS.OpenWriter(dir, name)
	return &failingFile{w, f}, err
}

func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	if f.fs.fail != nil {
		return 0, f.fs.fail
	}
	return f.WritableFile.WriteAt(p, off)
}

func TestLogErrorEndsTheInstanceUntilReopened(t *testing.T) {
	dir := t.TempDir()
	vfs := &failingFS{VFS: walfs.New()}
	l := openLog(t, dir, vfs)
	fill(t, l, 1, 10)
	vfs.fail = errors.New("no space left on device")
	if err := l.StoreLog(&raft.Log{Index: 11, Term: 1}); err == nil {
		t.Fatal("a write without room succeeded")
	}
	vfs.fail = nil
	select {
	case <-l.failed:
	default:
		t.Fatal("the failure was not reported")
	}
	if err := l.StoreLog(&raft.Log{Index: 11, Term: 1}); err == nil {
		t.Fatal("a failed log went on")
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, vfs)
	defer l.close()
	fill(t, l, 11, 12)
	if last, _ := l.LastIndex(); last != 12 || l.lost != "" {
		t.Fatalf("last %d, lost %q", last, l.lost)
	}
}

func TestCorruptEntryIsNeitherStoredNorSent(t *testing.T) {
	l := openLog(t, t.TempDir(), nil)
	defer l.close()
	entry := raft.Log{Index: 1, Term: 1, Data: []byte("content")}
	seal(&entry)
	bad := entry
	bad.Data = []byte("contenu")
	if err := l.StoreLog(&bad); !errors.Is(err, errChecksum) {
		t.Fatalf("stored what is corrupt: %v", err)
	}
	if l.broken() != nil {
		t.Fatal("the sender's fault ended this log")
	}
	for _, change := range []func(*raft.Log){
		func(l *raft.Log) { l.Term++ }, func(l *raft.Log) { l.Index++ }, func(l *raft.Log) { l.Type = raft.LogNoop },
		func(l *raft.Log) { l.Extensions = l.Extensions[:4] },
	} {
		bad := entry
		change(&bad)
		if verifySum(&bad) == nil {
			t.Errorf("the checksum holds for %+v", bad)
		}
	}
	if err := l.StoreLog(&entry); err != nil {
		t.Fatal(err)
	}
	// Written past the wrapper: read back as corrupt, and that ends it.
	if err := l.wal.StoreLog(&raft.Log{Index: 2, Term: 1, Data: []byte("x"), Extensions: make([]byte, sumSize)}); err != nil {
		t.Fatal(err)
	}
	var out raft.Log
	if err := l.GetLog(2, &out); !errors.Is(err, errChecksum) || l.broken() == nil {
		t.Fatalf("read what is corrupt: %v", err)
	}
}

func TestLogReachesBackToTheFloor(t *testing.T) {
	l := openLog(t, t.TempDir(), nil)
	defer l.close()
	fill(t, l, 1, 100)
	floor := uint64(0)
	l.floor = func() uint64 { return floor }
	first := func() uint64 {
		i, err := l.FirstIndex()
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	del := func(lo, hi uint64) {
		t.Helper()
		if err := l.DeleteRange(lo, hi); err != nil {
			t.Fatal(err)
		}
	}
	if del(1, 50); first() != 1 {
		t.Fatalf("deleted to %d before there were two snapshots", first())
	}
	floor = 30
	if del(1, 50); first() != 31 {
		t.Fatalf("first is %d", first())
	}
	var out raft.Log
	if err := l.GetLog(30, &out); !errors.Is(err, raft.ErrLogNotFound) {
		t.Fatalf("a deleted entry: %v", err)
	}
	if err := l.GetLog(31, &out); err != nil || string(out.Data) != "command-000031" {
		t.Fatalf("entry 31: %q, %v", out.Data, err)
	}
	del(90, 100) // a suffix, for a new leader's entries
	if last, _ := l.LastIndex(); last != 89 {
		t.Fatalf("last is %d", last)
	}
	if l.cache.get(95, &out) {
		t.Fatal("the cache has what was deleted")
	}
	fill(t, l, 90, 92)
	del(31, 92) // all of it, after an installed snapshot
	if last, _ := l.LastIndex(); last != 0 {
		t.Fatalf("last is %d", last)
	}
	fill(t, l, 200, 210)
	if first() != 200 {
		t.Fatalf("first is %d", first())
	}
}

// A suffix is cut off where a new leader has another one; what is left must be
// readable after the next open as well, and after one more cut.
func TestLogIsReadableAfterASuffixWasCut(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, nil)
	fill(t, l, 1, 100)
	for _, from := range []uint64{80, 70} {
		last, err := l.LastIndex()
		if err != nil {
			t.Fatal(err)
		}
		if err := l.DeleteRange(from, last); err != nil {
			t.Fatal(err)
		}
		fill(t, l, from, from+30)
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, dir, nil)
		if l.lost != "" {
			t.Fatal(l.lost)
		}
		for i := uint64(1); i <= from+30; i++ {
			if err := l.readWhole(i); err != nil {
				t.Fatalf("after a cut at %d: %v", from, err)
			}
		}
	}
	// Cut twice without an open in between.
	for _, from := range []uint64{60, 50} {
		last, _ := l.LastIndex()
		if err := l.DeleteRange(from, last); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, l, 50, 55)
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, nil)
	defer l.close()
	for i := uint64(1); i <= 55; i++ {
		if err := l.readWhole(i); err != nil {
			t.Fatal(err)
		}
	}
}

// Entries below a whole snapshot that have become unreadable are dropped, not
// mourned.
func TestDamageBelowTheSnapshotIsDropped(t *testing.T) {
	l := openLog(t, t.TempDir(), nil)
	defer l.close()
	fill(t, l, 1, 20)
	if err := l.wal.StoreLog(&raft.Log{Index: 21, Term: 1, Extensions: make([]byte, sumSize)}); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 22, 30)
	if _, err := l.mend(1, 20); !errors.Is(err, errChecksum) {
		t.Fatalf("damage above the snapshot: %v", err)
	}
	if first, err := l.mend(1, 25); err != nil || first != 22 {
		t.Fatalf("first is %d, %v", first, err)
	}
	if first, _ := l.FirstIndex(); first != 22 {
		t.Fatalf("first is %d", first)
	}
}

func TestLogCacheIsBoundedInBytes(t *testing.T) {
	c := newLogCache(10_000)
	for i := uint64(1); i <= 100; i++ {
		c.put([]*raft.Log{{Index: i, Data: make([]byte, 1000)}})
	}
	var out raft.Log
	if c.size > 10_000 || len(c.logs) > 10 || !c.get(100, &out) || c.get(50, &out) {
		t.Fatalf("%d bytes in %d entries", c.size, len(c.logs))
	}
	c.put([]*raft.Log{{Index: 101, Data: make([]byte, 20_000)}})
	if c.size != 0 {
		t.Fatalf("an entry over the limit is kept: %d bytes", c.size)
	}
	c.put([]*raft.Log{{Index: 102}, {Index: 103}, {Index: 104}})
	c.remove(1, 102)
	if c.get(102, &out) || !c.get(103, &out) {
		t.Fatal("the prefix was not removed")
	}
	c.put([]*raft.Log{{Index: 300}})
	if c.get(104, &out) || !c.get(300, &out) {
		t.Fatal("a gap must start anew")
	}
}

func BenchmarkLogAppend(b *testing.B) {
	l := openLog(b, b.TempDir(), nil)
	defer l.close()
	data := make([]byte, 256)
	for i := 0; b.Loop(); i++ {
		if err := l.StoreLog(&raft.Log{Index: uint64(i + 1), Term: 1, Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}
