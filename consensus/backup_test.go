package consensus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var testLabel = BackupLabel{MeshID: "m1", MeshName: "home", Node: "alpha", Version: "test"}

// begins is the first command of a restored state.
var begins = Proposal{Part: "kv", Body: []byte("set zz mesh")}

func backupOf(t testing.TB, x *node, o ReadOptions) (BackupInfo, []byte) {
	t.Helper()
	var b bytes.Buffer
	info, err := x.Backup(t.Context(), o, testLabel, &b)
	if err != nil {
		t.Fatal(err)
	}
	return info, b.Bytes()
}

func restored(t testing.TB, nw *testNet, data []byte, cfg func(*Config)) *node {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "raft")
	if _, err := Restore(dir, bytes.NewReader(data), []Part{&kv{}}, begins); err != nil {
		t.Fatal(err)
	}
	return nw.add(t, dir, cfg)
}

// A follower's backup has every write that was acknowledged anywhere before,
// and is the beginning of another mesh that goes on from there.
func TestBackupOfAFollowerBecomesAnotherMesh(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, nil)
	leader := leaderOf(t, nodes)
	key := &IdempotencyKey{Scope: "s", Key: "k"}
	first, err := leader.Propose(t.Context(), Proposal{Part: "kv", Body: []byte("add once"), Idempotency: key})
	if err != nil {
		t.Fatal(err)
	}
	var follower *node
	for _, x := range nodes {
		if x != leader {
			follower = x
		}
	}
	for i := range 200 {
		leader.do(t, fmt.Sprintf("set k%03d %d", i, i))
	}
	info, data := backupOf(t, follower, ReadOptions{Consistency: Linearizable})
	if info.Revision != 201 || info.BackupLabel != testLabel || info.Created.IsZero() {
		t.Fatalf("%+v", info)
	}
	same(t, nodes)
	for _, x := range nodes {
		tx, err := x.machine.begin()
		if err != nil {
			t.Fatal(err)
		}
		sum, err := x.machine.hashAll(tx)
		if err != nil || sum != info.Hash {
			t.Fatalf("the backup's hash is %x, a scrub's %x (%v)", info.Hash, sum, err)
		}
	}
	if again, err := CheckBackup(bytes.NewReader(data), []Part{&kv{}}); err != nil || again != info {
		t.Fatalf("read back: %+v, %v", again, err)
	}

	r := &roster{}
	nw := newTestNet()
	with := func(c *Config) { c.Replicas = r.get }
	n := restored(t, nw, data, with)
	for _, x := range nodes {
		if x.id == n.id {
			t.Fatal("the raft id is that of the old mesh")
		}
	}
	if got, want := dump(t, n), dump(t, follower)+fmt.Sprintf("zz=%x;", "mesh"); got != want {
		t.Fatalf("restored %q, want %q", got, want)
	}
	if s := n.Status(); s.Revision != info.Revision+revisionJump+1 {
		t.Fatalf("the new mesh begins at revision %d", s.Revision)
	}
	n.do(t, "del zz")
	if again, _ := backupOf(t, n, ReadOptions{}); again.Hash != info.Hash {
		t.Error("the restored state has another logical hash")
	}
	if out := n.do(t, "set after 1"); out.Revision != info.Revision+revisionJump+3 {
		t.Fatalf("the first revision of the new mesh is %d", out.Revision)
	}
	// A client that repeats a request of before is answered as the first time.
	out, err := n.Propose(t.Context(), Proposal{Part: "kv", Body: []byte("add once"), Idempotency: key})
	if err != nil || !out.Replayed || out.Revision != first.Revision {
		t.Fatalf("repeated: %+v, %v", out, err)
	}
	n.stop()
	n.open()
	if got := n.get(t, ReadOptions{Consistency: Linearizable}, "after"); got != "1" {
		t.Fatalf("after a restart: %q", got)
	}
	n.kill()
	n.open()
	// Another node gets all of it, though the log does not go back so far.
	second := nw.add(t, t.TempDir(), with)
	r.set(Replica{RaftID: n.id}, Replica{RaftID: second.id})
	n.Kick()
	n.do(t, "set last 1")
	same(t, []*node{n, second})
	if got := second.get(t, ReadOptions{}, "k199"); got != "199" {
		t.Fatalf("the second node has %q", got)
	}
}

func TestBackupWhileWritesGoOn(t *testing.T) {
	x := one(t, nil)
	for i := range 400 {
		x.do(t, fmt.Sprintf("set k%d %s", i, strings.Repeat("v", 2000)))
	}
	// Writes happen between any two parts of the stream, and none is in it.
	var b bytes.Buffer
	info, err := x.Backup(t.Context(), ReadOptions{}, testLabel, writerFunc(func(p []byte) (int, error) {
		x.do(t, "add during")
		return b.Write(p)
	}))
	if err != nil {
		t.Fatal(err)
	}
	n := restored(t, newTestNet(), b.Bytes(), nil)
	if got := n.get(t, ReadOptions{}, "during"); got != "" || info.Revision != 400 {
		t.Fatalf("a backup of revision %d has %x", info.Revision, got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestBackupEnds(t *testing.T) {
	x := one(t, nil)
	for i := range 20 {
		x.do(t, fmt.Sprintf("set k%d %s", i, strings.Repeat("v", 100_000)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Backup(ctx, ReadOptions{}, testLabel, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	full := errors.New("no room")
	if _, err := x.Backup(t.Context(), ReadOptions{}, testLabel, writerFunc(func([]byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("full: %v", err)
	}
	g := x.Group
	x.stop()
	if _, err := g.Backup(t.Context(), ReadOptions{}, testLabel, io.Discard); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	x.open()
}

// Each byte counts: no truncation and no flipped bit passes, and none panics.
func TestDamagedBackupsAreRefused(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set a 1")
	x.do(t, "set b 2")
	_, whole := backupOf(t, x, ReadOptions{})
	parts := []Part{&kv{}}
	for n := range whole {
		if _, err := CheckBackup(bytes.NewReader(whole[:n]), parts); !errors.Is(err, ErrBackupDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		bad := bytes.Clone(whole)
		bad[n] ^= 0x20
		if _, err := CheckBackup(bytes.NewReader(bad), parts); !errors.Is(err, ErrBackupDamaged) && !errors.Is(err, ErrNewer) {
			t.Fatalf("bit flipped in %d: %v", n, err)
		}
	}
	if _, err := CheckBackup(bytes.NewReader(append(bytes.Clone(whole), 0)), parts); !errors.Is(err, ErrBackupDamaged) {
		t.Errorf("a byte behind its end: %v", err)
	}
	newer := bytes.Clone(whole)
	binary.BigEndian.PutUint32(newer[len(backupMagic):], backupFormat+1)
	if _, err := CheckBackup(bytes.NewReader(newer[:20]), parts); !errors.Is(err, ErrNewer) {
		t.Errorf("newer: %v", err)
	}
	if _, err := CheckBackup(bytes.NewReader(whole), []Part{}); !errors.Is(err, ErrNewer) {
		t.Errorf("a table nobody knows: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "raft")
	if _, err := Restore(dir, bytes.NewReader(whole[:len(whole)-1]), parts, begins); !errors.Is(err, ErrBackupDamaged) {
		t.Errorf("restored from a cut one: %v", err)
	}
	if _, err := Restore(dir, bytes.NewReader(whole), parts, begins); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("restored into a directory that is there: %v", err)
	}
	if _, err := Restore(filepath.Join(t.TempDir(), "raft"), bytes.NewReader(whole), parts, Proposal{Part: "kv", Body: []byte("no k")}); err == nil {
		t.Error("the first command was refused and nobody says so")
	}
	if list, err := os.ReadDir(filepath.Join(dir, nameSnapshots)); len(list) != 0 {
		t.Errorf("a restore that failed left %v, %v", list, err)
	}
}

// streamOf makes a backup of records by hand, with a true end.
func streamOf(head backupHead, records ...string) []byte {
	b := appendBytes(backupStart(backupFormat), Encode(head))
	tail := backupTail{}
	h := sha256.New()
	for _, r := range records {
		b = append(b, r...)
		h.Write([]byte(r))
		if r[0] == 'K' {
			tail.Pairs++
		}
	}
	h.Sum(tail.Hash[:0])
	b = appendBytes(append(b, 'E'), Encode(tail))
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func TestBackupsThatNobodyMakes(t *testing.T) {
	table := func(n string) string { return string(appendBytes([]byte{'T'}, n)) }
	pair := func(k, v string) string { return string(appendBytes(appendBytes([]byte{'K'}, k), v)) }
	good := backupHead{StateFormat: 1, Level: 1, Revision: 7}
	for name, c := range map[string]struct {
		head    backupHead
		records []string
		want    error
	}{
		"plain":                {good, []string{table("kv/t"), pair("a", "1"), pair("b", "")}, nil},
		"no tables":            {good, nil, nil},
		"a key before a table": {good, []string{pair("a", "1")}, ErrBackupDamaged},
		"an empty key":         {good, []string{table("kv/t"), pair("", "1")}, ErrBackupDamaged},
		"keys out of order":    {good, []string{table("kv/t"), pair("b", "1"), pair("a", "1")}, ErrBackupDamaged},
		"a key twice":          {good, []string{table("kv/t"), pair("a", "1"), pair("a", "2")}, ErrBackupDamaged},
		"a table twice":        {good, []string{table("kv/t"), table("kv/t")}, ErrBackupDamaged},
		"the state's own":      {good, []string{table("sys/meta"), pair("m", "x")}, ErrNewer},
		"a newer state":        {backupHead{StateFormat: stateFormat + 1, Level: 1}, nil, ErrNewer},
		"a newer level":        {backupHead{StateFormat: 1, Level: Level + 1}, nil, ErrNewer},
		"the end of numbers":   {backupHead{StateFormat: 1, Level: 1, Revision: 1 << 63}, nil, ErrBackupDamaged},
		"a time before time":   {backupHead{StateFormat: 1, Level: 1, Time: -1}, nil, ErrBackupDamaged},
	} {
		_, err := CheckBackup(bytes.NewReader(streamOf(c.head, c.records...)), []Part{&kv{}})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzReadBackup(f *testing.F) {
	head := backupHead{StateFormat: 1, Level: 1, Revision: 7, Label: testLabel}
	table, pair := string(appendBytes([]byte{'T'}, "kv/t")), string(appendBytes(appendBytes([]byte{'K'}, "a"), "1"))
	f.Add(streamOf(head, table, pair))
	f.Add(streamOf(head))
	f.Add(backupStart(2))
	f.Add(append(appendBytes(backupStart(1), Encode(head)), 'K', 0xff, 0xff, 0xff, 0xff, 0x0f))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := CheckBackup(bytes.NewReader(data), []Part{&kv{}})
		if err != nil {
			if !errors.Is(err, ErrBackupDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		// What is taken for whole is a snapshot that is whole.
		var b bytes.Buffer
		if got, err := transcribe(newBackupReader(bytes.NewReader(data), []Part{&kv{}}), &b); err != nil || got != info {
			t.Fatalf("%+v, %v; want %+v", got, err, info)
		}
		cur, err := readSnapshot(&b, nil)
		if err != nil || cur.Revision != info.Revision+revisionJump {
			t.Fatalf("%+v, %v", cur, err)
		}
	})
}
