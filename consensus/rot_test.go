package consensus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// rot flips a bit of the state file under a running node, at the place of text
// if there is one.
func (x *node) rot(t *testing.T, text string) {
	t.Helper()
	if err := x.machine.settle(); err != nil { // what is still in a transaction is not in the file
		t.Fatal(err)
	}
	data, err := os.ReadFile(x.machine.file.path)
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(text))
		if i < 0 {
			break
		}
		at += i
		flip(t, x.machine.file.path, int64(at)) // old copies of the page as well
		hits++
		at++
	}
	if hits == 0 {
		t.Fatalf("the state has no %q", text)
	}
}

// mended closes a node with a fault of its state and opens it again.
func (x *node) mended(t *testing.T) {
	t.Helper()
	select {
	case <-x.Failed():
	case <-time.After(time.Minute):
		t.Fatal("the node has no fault")
	}
	if k := FaultOf(x.Fault()); k != FaultState {
		t.Fatalf("%v is fault %d", x.Fault(), k)
	}
	x.stop()
	x.open()
	eventually(t, 10*time.Second, "it has applied its log", func() bool { return x.machine.state().Marker == x.raft.CurrentTerm() })
}

// A value that the disk gives back changed is no answer: the node says so, and
// makes its state anew from its log (F6).
func TestF6FlippedValueIsNoAnswer(t *testing.T) {
	x := one(t, nil)
	for i := range 50 {
		x.do(t, fmt.Sprintf("set k%d value-%d-", i, i))
	}
	x.rot(t, "value-17-")
	if got := x.get(t, ReadOptions{}, "k16"); got != "value-16-" {
		t.Fatalf("another value: %q", got)
	}
	if v, err := x.read(ReadOptions{}, "k17"); !errors.Is(err, ErrStateFault) {
		t.Fatalf("it answered %q, %v", v, err)
	}
	if got := x.get(t, ReadOptions{}, "k16"); got != "value-16-" {
		t.Fatalf("stale reads of what is whole go on: %q", got)
	}
	x.mended(t)
	if got := x.get(t, ReadOptions{}, "k17"); got != "value-17-" {
		t.Fatalf("after it: %q", got)
	}
}

// A command that would read it is not applied, so that nothing is made of it:
// by scan, by search, by what it overwrites.
func TestF6FlippedValueIsNotBuiltOn(t *testing.T) {
	for _, body := range []string{"read k17", "scan", "cat k17"} {
		t.Run(body, func(t *testing.T) {
			x := one(t, nil)
			for i := range 30 {
				x.do(t, fmt.Sprintf("set k%d value-%d-", i, i))
			}
			want := x.machine.state()
			x.rot(t, "value-17-")
			if out, err := x.try(body); !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrStateFault) {
				t.Fatalf("it answered %+v, %v", out, err)
			}
			if now := x.machine.state(); now != want {
				t.Fatalf("the state went on to %+v", now)
			}
			x.mended(t)
			if got := x.get(t, ReadOptions{}, "k17"); !strings.HasPrefix(got, "value-17-") {
				t.Fatalf("after it: %q", got)
			}
			x.do(t, "add n")
		})
	}
}

// No snapshot is made of a damaged state.
func TestSnapshotIsVerifiedWhenWritten(t *testing.T) {
	x := one(t, nil)
	for i := range 30 {
		x.do(t, fmt.Sprintf("set k%d value-%d-", i, i))
	}
	x.rot(t, "value-17-")
	if err := x.raft.Snapshot().Error(); err == nil {
		t.Fatal("a snapshot was made")
	}
	if index, _ := x.snapshots.newest(); index != 0 {
		t.Fatalf("there is a snapshot of %d", index)
	}
	x.mended(t)
	if err := x.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	// And one that is not what was written is found when it is read back,
	// before Raft may rely on it.
	x.snapshots.step = func(point string) error {
		if point == atSnapshotNamed {
			flip(t, newestOf(t, x.dir, nameSnapshots+"/*/state.bin"), 200)
		}
		return nil
	}
	x.do(t, "add n")
	before, _ := x.snapshots.newest()
	if err := x.raft.Snapshot().Error(); err == nil {
		t.Fatal("a damaged snapshot was taken for whole")
	}
	x.snapshots.step = noStep
	if now, _ := x.snapshots.newest(); now != before {
		t.Fatalf("the newest is %d, it was %d", now, before)
	}
	x.kill()
	x.open()
	if out := x.do(t, "add n"); out.Result[7] != 2 {
		t.Fatalf("%+v", out)
	}
}

// A key that a flipped bit hides is found by a scrub, without any other
// replica.
func TestScrubOfOneFindsHiddenKeys(t *testing.T) {
	x := one(t, nil)
	for i := range 40 {
		x.do(t, fmt.Sprintf("set k%d value-%d-", i, i))
	}
	if r, err := x.Scrub(context.Background()); err != nil || !r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	// One bit less in the number of pairs of each leaf that has the last.
	path := x.machine.file.path
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := 2 * size; at < len(data); at += size {
		page := data[at : at+size]
		n := native.Uint16(page[10:])
		if native.Uint16(page[8:]) != leafPage || !bytes.Contains(page, []byte("value-39-")) {
			continue
		}
		native.PutUint16(page[10:], n&(n-1))
		if _, err := f.WriteAt(page[10:12], int64(at+10)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := x.Scrub(context.Background())
	if err != nil || len(r.Damaged) != 1 || r.Damaged[0] != x.id || r.OK() {
		t.Fatalf("%+v, %v; fault %v", r, err, x.Fault())
	}
	x.mended(t)
	if r, err := x.Scrub(context.Background()); err != nil || !r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := x.get(t, ReadOptions{}, "k39"); got != "value-39-" {
		t.Fatalf("%q", got)
	}
}

// Bits flip anywhere in the state file of a running node, alone or one of
// three, while it reads and writes: no wrong value is answered, and in the end
// everything is there and the same (F6).
func TestF6BitsFlipUnderARunningNode(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n, " nodes"), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 9))
			var nodes []*node
			if n == 1 {
				nodes = []*node{one(t, nil)}
			} else {
				_, _, nodes = mesh(t, n, nil)
			}
			for i := range 120 {
				nodes[0].do(t, fmt.Sprintf("set k%d value-%d-%s", i, i, strings.Repeat("x", 60)))
			}
			adds, failed, found := 0, 0, 0
			for range 40 {
				x := nodes[rng.IntN(n)]
				path := x.machine.file.path
				fi, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				at := rng.Int64N(min(fi.Size(), 96<<10))
				if rng.IntN(2) == 0 {
					at = at/4096*4096 + rng.Int64N(64)
				}
				flip(t, path, at)
				for range 3 {
					if _, err := x.try("add n"); err == nil {
						adds++
					} else {
						failed++
					}
					i := rng.IntN(120)
					if v, err := x.read(ReadOptions{}, fmt.Sprint("k", i)); err == nil && v != "" && !strings.HasPrefix(v, fmt.Sprintf("value-%d-x", i)) {
						t.Fatalf("byte %d: k%d is %q", at, i, v)
					}
				}
				if x.machine.broken() == nil {
					ctx, cancel := contextFor(3 * time.Second)
					_, _ = x.Scrub(ctx)
					cancel()
				}
				if x.machine.broken() != nil {
					found++
					if k := FaultOf(x.Fault()); k != FaultState {
						t.Fatalf("byte %d: %v is fault %d", at, x.Fault(), k)
					}
					x.stop()
					x.open()
					leaderOf(t, nodes)
					continue
				}
				// Nobody was hurt: it was no page in use.
			}
			t.Logf("%d faults, %d counted, %d failed or unknown", found, adds, failed)
			out := nodes[0].do(t, "read n")
			if have := int(binary.BigEndian.Uint64(append(out.Result, make([]byte, 8)...))); have < adds || have > adds+failed {
				t.Errorf("%d were acknowledged, %d unknown, the state has %d", adds, failed, have)
			}
			for i := range 120 {
				if v := nodes[n-1].get(t, ReadOptions{Consistency: Linearizable}, fmt.Sprint("k", i)); !strings.HasPrefix(v, fmt.Sprintf("value-%d-x", i)) {
					t.Errorf("k%d is %q", i, v)
				}
			}
			same(t, nodes)
		})
	}
}
