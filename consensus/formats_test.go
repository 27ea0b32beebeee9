package consensus

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A snapshot of a program to come has fields that nobody knows here: it is
// newer, not damaged, and must not be set aside.
func TestSnapshotOfTheFutureIsNewer(t *testing.T) {
	for name, head := range map[string]any{
		"format": struct {
			Format uint32 `cbor:"1,keyasint"`
			Deep   []int  `cbor:"77,keyasint"`
		}{stateFormat + 1, []int{1}},
		"level": struct {
			Format uint32 `cbor:"1,keyasint"`
			Level  uint32 `cbor:"6,keyasint"`
		}{stateFormat, Level + 1},
	} {
		if _, err := readSnapshot(bytes.NewReader(appendBytes([]byte(snapshotMagic), Encode(head))), nil); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindFormats(t *testing.T) {
	empty, err := FindFormats(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range empty {
		if f.Found != 0 || f.Note == "" || !f.Readable() {
			t.Errorf("in an empty directory: %+v", f)
		}
	}
	x := one(t, nil)
	x.do(t, "set a 1")
	if err := x.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	found := func() map[string]FoundFormat {
		t.Helper()
		list, err := FindFormats(x.dir)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]FoundFormat{}
		for _, f := range list {
			out[f.Name] = f
		}
		return out
	}
	for _, name := range []string{"raft directory", "log index", "snapshot", "command level"} {
		if f := found()[name]; f.Found != f.Writes || !f.Readable() {
			t.Errorf("of a running node: %+v", f)
		}
	}
	x.stop()
	snapshots, err := filepath.Glob(filepath.Join(x.dir, nameSnapshots, "*", "state.bin"))
	if err != nil || len(snapshots) != 1 {
		t.Fatal(snapshots, err)
	}
	newer := appendBytes([]byte(snapshotMagic), Encode(meta{Format: stateFormat + 1, Level: 9}))
	for path, data := range map[string][]byte{snapshots[0]: newer, filepath.Join(x.dir, nameVersion): line("2"), filepath.Join(x.dir, nameLog, nameIndex): []byte("meshdlx9")} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"raft directory": 2, "log index": 9, "snapshot": stateFormat + 1, "command level": 9} {
		if f := found()[name]; f.Found != want || f.Readable() {
			t.Errorf("of a newer program: %+v", f)
		}
	}
	if err := os.WriteFile(filepath.Join(x.dir, nameVersion), []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FindFormats(x.dir); err == nil {
		t.Error("a format that is no number")
	}
}
