package consensus

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// contents are the files of a directory that carry what a node has; whose
// locks and temporary names come and go does not matter.
func contents(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	out := make(map[string][32]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == nameLock {
			return err
		}
		data, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func removed(patterns ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, pattern := range patterns {
			list, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(list) == 0 {
				t.Fatalf("%s: %v, %v", pattern, list, err)
			}
			for _, path := range list {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// What is whole in a damaged directory is kept, the damaged one is not
// changed, and where nothing is whole there is nothing new either.
func TestRecoverOfADamagedSurvivor(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	net := newTestNet()
	first := filepath.Join(t.TempDir(), "raft")
	if err := Bootstrap(first); err != nil {
		t.Fatal(err)
	}
	x := net.add(t, first, nil)
	eventually(t, 30*time.Second, "it leads", x.ready)
	count(t, x, 5)
	snapshot(t, x)
	count(t, x, 2)
	snapshot(t, x)
	if err := x.log.wal.DeleteRange(1, x.snapshots.floor()); err != nil { // as trailing logs go
		t.Fatal(err)
	}
	count(t, x, 2) // 9
	x.stop()
	flip := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			list, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, path := range list {
				rewritten(func(b []byte) []byte {
					if strings.HasSuffix(path, ".db") { // a bit may be of a page that is free
						return b[:len(b)/2]
					}
					b[used(b)/2] ^= 4
					return b
				})(t, path)
			}
		}
	}
	both := func(fns ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, fn := range fns {
				fn(t, dir)
			}
		}
	}
	for _, c := range []struct {
		name   string
		damage func(*testing.T, string)
		n      int // what is kept of 9; 0: nothing is whole
		whole  bool
	}{
		{"nothing", func(*testing.T, string) {}, 9, true},
		{"no state file", removed("state-*.db"), 9, true},
		{"no index", removed("log/index"), 9, false},
		{"a damaged index", flip("log/index"), 9, false},
		{"no segments", removed("log/*.wal"), 9, false},
		{"no log", removed("log"), 9, false},
		{"a damaged log", flip("log/*.wal"), 9, false},
		{"no contents of snapshots", removed("snapshots/*/state.bin"), 9, false},
		{"no snapshots", removed("snapshots/*"), 9, false},
		{"no snapshots and no mark", removed("snapshots/*", "CURRENT"), 9, false},
		{"no index and no state", removed("log/index", "state-*.db"), 9, false},
		{"no index and a damaged state", both(removed("log/index"), flip("state-*.db")), 9, false},
		{"no index, no snapshots", removed("log/index", "snapshots/*"), 9, false},
		{"no snapshots and no state", removed("snapshots/*", "state-*.db"), 0, false},
		{"nothing but the log's end", removed("snapshots/*", "state-*.db", "CURRENT"), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, first)
			c.damage(t, dir)
			before := contents(t, dir)
			to := filepath.Join(t.TempDir(), "new")
			info, err := Inspect(dir)
			if c.whole {
				if err != nil || info.Damaged != "" {
					t.Fatalf("%+v, %v", info, err)
				}
				if _, err := Recover(dir); err != nil {
					t.Fatal(err)
				}
				to = dir
			} else {
				if _, err := Recover(dir); err == nil {
					t.Fatal("a damaged directory was recovered in place")
				}
				into, errInto := RecoverInto(dir, to)
				if after := contents(t, dir); len(after) != len(before) {
					t.Fatalf("there were %d files and are %d", len(before), len(after))
				} else {
					for name, sum := range before {
						if after[name] != sum {
							t.Errorf("%s was changed", name)
						}
					}
				}
				if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".recover-*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				if c.n == 0 {
					if _, statErr := os.Stat(to); !errors.Is(err, ErrNothingWhole) || !errors.Is(errInto, ErrNothingWhole) || statErr == nil {
						t.Fatalf("%v, %v, %v", err, errInto, statErr)
					}
					return
				}
				if err != nil || errInto != nil {
					t.Fatal(err, errInto)
				}
				t.Logf("%s | kept: %s | lost: %s", info.Damaged, info.Kept, info.Lost)
				if info.Damaged == "" || info.Kept == "" || info.Lost == "" || info.LastEntry.IsZero() || into.RaftID != x.id {
					t.Errorf("%+v, %+v", info, into)
				}
			}
			y := newTestNet().add(t, to, nil)
			eventually(t, 30*time.Second, "it leads", y.ready)
			out := y.do(t, "add n")
			if int(out.Result[7]) != c.n+1 || out.Revision != uint64(c.n)+1+revisionJump {
				t.Fatalf("%d at revision %d, want %d", out.Result[7], out.Revision, c.n+1)
			}
			y.stop()
			y.open()
			eventually(t, 30*time.Second, "it leads again", y.ready)
			if got := y.get(t, ReadOptions{}, "n"); int(got[7]) != c.n+1 {
				t.Fatalf("opened again it has %d", got[7])
			}
			y.stop()
		})
	}
}
