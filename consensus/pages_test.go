package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// randomState writes and deletes at random, in tables of all sizes, and calls
// look between the transactions.
func randomState(t testing.TB, rng *rand.Rand, rounds int, look func(f *stateFile)) *stateFile {
	t.Helper()
	names := []Table{"a/one", "a/some", "a/many", "b/long", "b/none"}
	f, err := openStateFile(filepath.Join(t.TempDir(), "state-1.db"), append(names, sysTables...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	var cur meta
	for range rounds {
		cur.Applied++
		if err := f.db.Update(func(tx *bbolt.Tx) error {
			ts := tablesOf(tx, &cur.Content)
			for range 1 + rng.IntN(200) {
				name := names[rng.IntN(4)]
				var key, value []byte
				switch name {
				case "a/one":
					key = []byte("the only")
				case "a/some":
					key = fmt.Appendf(nil, "%d", rng.IntN(12))
				case "b/long":
					key = fmt.Appendf(nil, "%0*d", 1+rng.IntN(3000), rng.IntN(1000))
				default:
					key = fmt.Appendf(nil, "%d", rng.IntN(5000))
				}
				if rng.IntN(3) == 0 {
					if err := ts.table(name).delete(key); err != nil {
						return err
					}
					continue
				}
				value = make([]byte, rng.IntN(300))
				if rng.IntN(50) == 0 {
					value = make([]byte, rng.IntN(20_000))
				}
				for i := range value {
					value[i] = byte(rng.Uint32())
				}
				if err := ts.table(name).put(key, value); err != nil {
					return err
				}
			}
			return ts.table(tableMeta).put(keyMeta, Encode(cur))
		}); err != nil {
			t.Fatal(err)
		}
		if look != nil {
			look(f)
		}
	}
	return f
}

// What bbolt writes is what the check takes for whole, closed and open.
func TestPagesOfAWholeState(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := randomState(t, rng, 100, func(f *stateFile) {
			if rng.IntN(4) > 0 {
				return
			}
			tx, err := f.db.Begin(false)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if err := checkView(tx, nil); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		})
		want, err := f.meta()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.db.Close(); err != nil {
			t.Fatal(err)
		}
		if own, err := checkFile(f.path); err != nil || own != want {
			t.Fatalf("seed %d: %+v, want %+v, %v", seed, own, want, err)
		}
	}
}

// dumpFile is everything that searches and scans find in a state file.
func dumpFile(t testing.TB, path string) (out string) {
	t.Helper()
	f, err := openStateFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.db.Close()
	if err := f.db.View(func(tx *bbolt.Tx) error {
		ts := tablesOf(tx, nil)
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			out += string(name) + ":"
			return ts.table(Table(name)).all(func(k, v []byte, sum uint32) error {
				if string(ts.table(Table(name)).get(k)) != string(v) {
					return fmt.Errorf("a scan finds %q, a search does not", k)
				}
				out += fmt.Sprintf("%d/%x,", len(k), sum)
				return nil
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// A flipped bit, wherever it is in a closed state file, is either found or in a
// place that says nothing: then everything is there, by search and by scan.
func TestF6FlippedBitsInAStateFileAreFound(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	rng := rand.New(rand.NewPCG(5, 5))
	f := randomState(t, rng, 25, nil)
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	want := dumpFile(t, f.path)
	data, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	const flips = 3000
	found, whole := 0, 0
	for range flips {
		// Half of them where pages keep their structure.
		at := rng.IntN(len(data))
		if rng.IntN(2) == 0 {
			at = at/size*size + rng.IntN(96)
		}
		bit := byte(1) << rng.IntN(8)
		data[at] ^= bit
		_, err := checkState(bytes.NewReader(data), int64(len(data)))
		if whole++; err == nil && whole%15 == 0 {
			if err := os.WriteFile(f.path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := dumpFile(t, f.path); got != want {
				t.Fatalf("byte %d, bit %#x: not found, and the content is another", at, bit)
			}
		}
		data[at] ^= bit
		if err != nil {
			if !errors.Is(err, errPages) {
				t.Fatalf("byte %d: %v", at, err)
			}
			found++
		}
	}
	t.Logf("%d of %d found, the others say nothing", found, flips)
	if found < flips/4 {
		t.Fatal("hardly any was found")
	}
}

// Nothing that lies in a file makes the check panic or run on.
func FuzzPages(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 7))
	s := randomState(f, rng, 2, nil)
	if err := s.db.Close(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(4096), byte(1), data)
	f.Fuzz(func(t *testing.T, at uint16, b byte, data []byte) {
		data = bytes.Clone(data)
		if int(at) < len(data) {
			data[at] ^= b
		}
		if _, err := checkState(bytes.NewReader(data), int64(len(data))); err != nil && !errors.Is(err, errPages) {
			t.Fatal(err)
		}
	})
}

func (s *stateFile) meta() (m meta, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		m, err = readMeta(tablesOf(tx, nil))
		return err
	})
	return m, err
}
