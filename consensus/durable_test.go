package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Replay of entries that the state already has must not apply them again (F23).
func TestF23ReplayAfterRestartAppliesOnce(t *testing.T) {
	t.Parallel()
	for name, otherBoot := range map[string]bool{"killed": false, "power lost": true} {
		t.Run(name, func(t *testing.T) {
			x := one(t, func(c *Config) { c.hooks.otherBoot = otherBoot })
			for range 20 {
				x.do(t, "add n")
			}
			for i := range 3 {
				hash := x.Status().Hash
				x.kill()
				x.open()
				eventually(t, 5*time.Second, "the state is back", func() bool { return x.Status().Hash == hash })
				out := x.do(t, "add n")
				if out.Result[7] != byte(21+i) || out.Revision != uint64(21+i) {
					t.Fatalf("after restart %d: %+v", i, out)
				}
			}
		})
	}
}

// All nodes die before the first snapshot and lose their state files (F14).
func TestF14AllRestartBeforeTheFirstSnapshot(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, func(c *Config) { c.hooks.otherBoot = true })
	for i := range 30 {
		nodes[i%3].do(t, "add n")
	}
	for _, x := range nodes {
		x.kill()
	}
	for _, i := range []int{2, 0, 1} {
		nodes[i].open()
	}
	out := nodes[1].do(t, "add n")
	if out.Result[7] != 31 || out.Revision != 31 {
		t.Fatalf("after the restart of all: %+v", out)
	}
	same(t, nodes)
}

func TestFollowerCatchesUpBySnapshot(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, func(c *Config) { c.hooks.snapBytes = 64 << 10 })
	leader := leaderOf(t, nodes)
	var away *node
	for _, x := range nodes {
		if x != leader {
			away = x
		}
	}
	leader.do(t, "set before 1")
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
	leader.do(t, "add n")
	away.opened = 1 // with its observer
	away.open()
	same(t, nodes)
	eventually(t, time.Second, "the observer hears of the new state", func() bool {
		away.part.mu.Lock()
		defer away.part.mu.Unlock()
		return away.part.resets == 2
	})
	out := away.do(t, "add n")
	if out.Result[7] != 2 {
		t.Fatalf("after the snapshot: %+v", out)
	}
	same(t, nodes)
	// And it opens again from what it got.
	away.kill()
	away.open()
	same(t, nodes)
}

// With the newest snapshot damaged the older one and the log still make the
// whole state.
func TestDamagedSnapshotFallsBackToTheOlder(t *testing.T) {
	x := one(t, func(c *Config) { c.hooks.otherBoot = true })
	for range 2 {
		for range 50 {
			x.do(t, "add n")
		}
		if err := x.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
	}
	x.do(t, "add n")
	hash := x.Status().Hash
	x.kill()
	list, err := filepath.Glob(filepath.Join(x.dir, nameSnapshots, "*", "state.bin"))
	if err != nil || len(list) != 2 {
		t.Fatalf("snapshots %v, %v", list, err)
	}
	flip(t, list[1], 100)
	x.open()
	eventually(t, 5*time.Second, "the state is whole", func() bool { return x.Status().Hash == hash })
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func tailFile(t *testing.T, dir string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, nameLog, "*.wal"))
	if err != nil || len(list) == 0 {
		t.Fatalf("log files %v, %v", list, err)
	}
	return list[len(list)-1]
}

// Each flipped bit in what was acknowledged is found at open.
func TestF6FlippedBitsInTheLogAreFound(t *testing.T) {
	manyOpens(t)
	x := one(t, nil)
	for i := range 20 {
		x.do(t, fmt.Sprintf("set k%d v", i))
	}
	x.kill()
	path := tailFile(t, x.dir)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end, lost := scanSegment(data)
	if lost != "" {
		t.Fatal(lost)
	}
	missed := 0
	data = data[:end+1024] // the rest of the segment is zero
	for at := 0; at < end; at++ {
		for bit := range 8 {
			data[at] ^= 1 << bit
			gotEnd, gotLost := scanSegment(data)
			if gotLost == "" && gotEnd < end {
				missed++
				t.Logf("byte %d bit %d: the log would end at %d of %d", at, bit, gotEnd, end)
			}
			data[at] ^= 1 << bit
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d flipped bits would cut the log unseen", missed, end*8)
	}
	flip(t, path, int64(end/2))
	if err := x.tryOpen(); !errors.Is(err, ErrLogDamaged) {
		t.Fatalf("open said %v", err)
	}
	info, err := Inspect(x.dir)
	if err != nil || info.Damaged == "" {
		t.Fatalf("inspect: %+v, %v", info, err)
	}
	flip(t, path, int64(end/2))
	x.open()
	if got := x.get(t, ReadOptions{}, "k19"); got != "v" {
		t.Fatalf("after repair: %q", got)
	}
}

// A write that the machine's death tore was never acknowledged: the node opens
// and goes on.
func TestTornWriteIsNotDamage(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set a 1")
	x.kill()
	path := tailFile(t, x.dir)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := scanSegment(before)
	x.open()
	x.do(t, "big b "+strings.Repeat("y", 5000))
	x.kill()
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := scanSegment(after)
	after = after[:whole+8192]
	for s := (end/sector + 1) * sector; s < whole; s += sector {
		// The sector at s did not reach the disk, or nothing from it on.
		for _, upTo := range []int{s + sector, len(after)} {
			torn := append([]byte{}, after...)
			clear(torn[s:min(upTo, len(torn))])
			// The marker of the new term and the command are two batches; only
			// the last can be torn.
			got, lost := scanSegment(torn)
			if lost != "" && upTo == len(after) {
				t.Fatalf("nothing from %d on: %s", s, lost)
			}
			if lost == "" && got > whole {
				t.Fatalf("the end is at %d", got)
			}
		}
	}
	torn := append([]byte{}, after...)
	clear(torn[whole-1024:])
	torn = append(torn, make([]byte, segmentSize-len(torn))...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	// The state was never on disk further than the log.
	if err := os.Remove(filepath.Join(x.dir, nameCurrent)); err != nil {
		t.Fatal(err)
	}
	x.open()
	eventually(t, 5*time.Second, "it leads", x.ready)
	if got := x.get(t, ReadOptions{Consistency: Linearizable}, "a"); got != "1" {
		t.Fatalf("a is %q", got)
	}
	x.do(t, "set c 1")
	x.kill()
	x.open()
}

func TestLogBehindTheStateIsRefused(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set a 1")
	x.stop()
	saved := copyDir(t, filepath.Join(x.dir, nameLog))
	x.open()
	for range 5 {
		x.do(t, "add n")
	}
	x.stop()
	if err := os.RemoveAll(filepath.Join(x.dir, nameLog)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(saved, filepath.Join(x.dir, nameLog)); err != nil {
		t.Fatal(err)
	}
	if err := x.tryOpen(); !errors.Is(err, ErrLogDamaged) {
		t.Fatalf("a rolled back log: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(x.dir, nameLog)); err != nil {
		t.Fatal(err)
	}
	if err := x.tryOpen(); !errors.Is(err, ErrLogDamaged) {
		t.Fatalf("a log that is gone: %v", err)
	}
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestRecoverOfASingleSurvivor(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, nil)
	for range 10 {
		nodes[1].do(t, "add n")
	}
	same(t, nodes)
	for _, x := range nodes {
		x.kill()
	}
	x := nodes[2]
	before, err := Inspect(x.dir)
	if err != nil || len(before.Voters) != 3 || before.Revision != 10 || before.LastEntry.IsZero() {
		t.Fatalf("inspect: %+v, %v", before, err)
	}
	info, err := Recover(x.dir)
	if err != nil || len(info.Voters) != 1 || info.Voters[0] != x.id {
		t.Fatalf("recover: %+v, %v", info, err)
	}
	x.cfg = nil
	x.open()
	out := x.do(t, "add n")
	if out.Revision != 11+revisionJump || out.Result[7] != 11 {
		t.Fatalf("after recover: %+v", out)
	}
	if s := x.Status(); len(s.Voters) != 1 {
		t.Fatalf("voters %v", s.Voters)
	}
}

func TestF7FailedCommitIsAFault(t *testing.T) {
	fail := make(chan struct{})
	x := one(t, func(c *Config) {
		c.hooks.failCommit = func() error {
			select {
			case <-fail:
				return errors.New("input/output error")
			default:
				return nil
			}
		}
	})
	eventually(t, 5*time.Second, "its marker is applied", x.ready)
	x.do(t, "set a 1")
	close(fail)
	if _, err := x.try("set b 1"); !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrStateFault) {
		t.Fatalf("the first: %v", err)
	}
	if _, err := x.try("set c 1"); !errors.Is(err, ErrStateFault) {
		t.Fatalf("the next: %v", err)
	}
	if got := x.get(t, ReadOptions{}, "a"); got != "1" {
		t.Fatalf("stale read: %q", got)
	}
	if s := x.Status(); s.State != "fault" || !strings.Contains(s.Fault, "input/output") {
		t.Fatalf("status %+v", s)
	}
	if _, err := x.machine.Snapshot(); !errors.Is(err, ErrStateFault) {
		t.Fatalf("a snapshot of a frozen state: %v", err)
	}
	x.kill()
	x.cfg = nil
	x.open()
	x.do(t, "set d 1")
	if got := x.get(t, ReadOptions{}, "b"); got != "1" {
		t.Fatalf("the log had b, the state has %q", got)
	}
}

func TestSecondProcessGetsASentence(t *testing.T) {
	x := one(t, nil)
	_, err := Open(Config{Dir: x.dir})
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("a second open: %v", err)
	}
	if err := Bootstrap(x.dir); !errors.Is(err, ErrLocked) {
		t.Fatalf("bootstrap of an open directory: %v", err)
	}
	x.stop()
	if err := Bootstrap(x.dir); !errors.Is(err, ErrNotEmpty) {
		t.Fatalf("bootstrap of a used directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(x.dir, nameVersion), line("99"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(x.dir); !errors.Is(err, ErrNewer) {
		t.Fatalf("a newer directory: %v", err)
	}
	os.WriteFile(filepath.Join(x.dir, nameVersion), line("1"), 0o600)
	err = filepath.Walk(x.dir, func(path string, fi os.FileInfo, err error) error {
		if err == nil && fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	x.open()
}

func TestIdempotency(t *testing.T) {
	_, _, nodes := mesh(t, 3, nil)
	key := func(k, body string) *IdempotencyKey {
		i := &IdempotencyKey{Scope: "s", Key: k}
		copy(i.BodyHash[:], body)
		return i
	}
	propose := func(x *node, k string, body string) (Outcome, error) {
		return x.Propose(context.Background(), Proposal{Part: "kv", Body: []byte(body), Idempotency: key(k, body)})
	}
	first, err := propose(nodes[0], "one", "add n")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range nodes {
		again, err := propose(x, "one", "add n")
		if err != nil || !again.Replayed || again.Revision != first.Revision || string(again.Result) != string(first.Result) {
			t.Fatalf("again: %+v, %v", again, err)
		}
	}
	var r *Refusal
	if _, err := propose(nodes[1], "one", "add m"); !errors.As(err, &r) || r.Code != CodeIdempotencyMismatch {
		t.Fatalf("another body: %v", err)
	}
	if out, err := propose(nodes[2], "two", "add n"); err != nil || out.Replayed || out.Revision != 2 {
		t.Fatalf("another key: %+v, %v", out, err)
	}
	same(t, nodes)
}
