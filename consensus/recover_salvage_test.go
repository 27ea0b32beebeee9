package consensus

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A log of several segments lost its index: every entry that is whole is found,
// those that were overwritten are not, and a damaged one is a gap.
func TestSegmentsWithoutTheirIndexAreRead(t *testing.T) {
	dir := t.TempDir()
	log, err := openRaftLog(dir, nil, newLibraryLog(slog.New(slog.DiscardHandler), "raft"))
	if err != nil {
		t.Fatal(err)
	}
	store := func(from, to, term uint64) {
		t.Helper()
		for i := from; i <= to; i++ {
			data := bytes.Repeat([]byte{byte(i), byte(term), 'x'}, 400<<10)
			if err := log.StoreLogs([]*raft.Log{{Index: i, Term: term, Type: raft.LogCommand, Data: data, AppendedAt: time.Now()}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	store(1, 30, 1)
	if err := log.DeleteRange(25, 30); err != nil { // another leader's entries come in their place
		t.Fatal(err)
	}
	store(25, 27, 2)
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	segments, _ := filepath.Glob(filepath.Join(dir, "*.wal"))
	if len(segments) < 3 {
		t.Fatalf("only %v: the test wants several", segments)
	}
	slices.Sort(segments)
	rewritten(func(b []byte) []byte {
		at := bytes.Index(b, bytes.Repeat([]byte{5, 1, 'x'}, 100))
		b[at+1000] ^= 1
		return b
	})(t, segments[0])
	if err := os.Remove(filepath.Join(dir, nameIndex)); err != nil {
		t.Fatal(err)
	}
	found, err := salvageLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := found.span(); first != 1 || last != 27 {
		t.Errorf("it goes from %d to %d", first, last)
	}
	for i := uint64(1); i <= 27; i++ {
		l, err := found.entry(i)
		term := uint64(1)
		if i >= 25 {
			term = 2
		}
		switch {
		case i == 5:
			if !errors.Is(err, ErrLogDamaged) {
				t.Errorf("the damaged one: %v", err)
			}
		case err != nil || l.Index != i || l.Term != term || l.Data[0] != byte(i) || l.Data[1] != byte(term):
			t.Errorf("entry %d is %d of term %d: %v", i, l.Index, l.Term, err)
		}
	}
}

// A young log has neither snapshot nor a state that is believed, and then its
// index is gone too: its entries alone are the mesh.
func TestRecoverFromSegmentsAlone(t *testing.T) {
	manyOpens(t)
	dir := filepath.Join(t.TempDir(), "raft")
	if err := Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	x := newTestNet().add(t, dir, nil)
	eventually(t, 30*time.Second, "it leads", x.ready)
	count(t, x, 7)
	x.stop()
	removed("log/index", "state-*.db", "CURRENT")(t, dir)
	to := filepath.Join(t.TempDir(), "new")
	info, err := RecoverInto(dir, to)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(info.Damaged, "index") || !strings.Contains(info.Kept, "the log up to entry") || !strings.Contains(info.Lost, "behind entry") {
		t.Errorf("%+v", info)
	}
	y := newTestNet().add(t, to, nil)
	eventually(t, 30*time.Second, "it leads", y.ready)
	if out := y.do(t, "add n"); out.Result[7] != 8 || out.Revision != 8+revisionJump {
		t.Errorf("%d at revision %d", out.Result[7], out.Revision)
	}
	y.stop()
}
