package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/roster"
)

func testConfig(t *testing.T, name string) Config {
	t.Helper()
	return Config{Data: filepath.Join(t.TempDir(), name), Listen: "127.0.0.1:0", Name: name, Version: "test", Logger: slog.New(slog.DiscardHandler)}
}

// closing closes a node once, at the latest with the test.
func closing(t *testing.T, n *Node) func() {
	t.Helper()
	var done bool
	end := func() {
		if done {
			return
		}
		done = true
		if err := n.Close(); err != nil {
			t.Errorf("closing %s: %v", n.cfg.Name, err)
		}
	}
	t.Cleanup(end)
	return end
}

func takeBackup(t *testing.T, n *Node) (consensus.BackupInfo, []byte) {
	t.Helper()
	b, err := n.Backup(t.Context(), consensus.ReadOptions{Consistency: consensus.Linearizable})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(b)
	if err != nil || int64(len(data)) != b.Size {
		t.Fatalf("%d of %d bytes, %v", len(data), b.Size, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return b.BackupInfo, data
}

func from(data []byte) RestoreOptions {
	return RestoreOptions{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// tree is everything in a directory but the lock.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[path] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

func label(t *testing.T, n *Node, key string) string {
	t.Helper()
	got, _, err := n.Graph().GetNodeByKey(t.Context(), consensus.ReadOptions{}, "default", key)
	if err != nil {
		t.Fatal(err)
	}
	return got.Label
}

func addNode(t *testing.T, n *Node, key string) {
	t.Helper()
	if _, _, err := n.Graph().CreateNode(t.Context(), graphsync.WriteOptions{}, graphsync.NewNode{SessionID: "default", NodeType: "note", Label: "of " + key, Key: key}); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreMakesAnotherMesh(t *testing.T) {
	old, made, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, old)
	addNode(t, old, "ada")
	info, data := takeBackup(t, old)
	if info.MeshID != old.trust.MeshID() || info.MeshName != "home" || info.Node != "alpha" {
		t.Fatalf("%+v", info)
	}

	cfg := testConfig(t, "omega")
	n, done, err := Restore(t.Context(), cfg, from(data))
	if err != nil {
		t.Fatal(err)
	}
	end := closing(t, n)
	if n.trust.MeshID() == old.trust.MeshID() || n.trust.MeshID() != done.MeshID || n.MeshName() != "home" || n.id.ID() == old.id.ID() || n.raftID == old.raftID {
		t.Errorf("the new mesh is %s %q, its node %s with raft id %s", n.trust.MeshID(), n.MeshName(), n.id.ID(), n.raftID)
	}
	if done.Backup != info || done.Keys != 1 {
		t.Errorf("%+v", done)
	}
	if r := n.trust.Roster(); len(r.Members) != 1 || r.Members[0].Name != "omega" || r.Revision <= 1<<32 {
		t.Errorf("the roster is %+v", r)
	}
	if tokens, _, err := n.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("tokens of the old mesh: %v, %v", tokens, err)
	}
	if p, err := n.Keys().Authenticate(made.APIKey); err != nil || p.Name != "admin" {
		t.Errorf("the old administrator's key: %+v, %v", p, err)
	}
	if got := label(t, n, "ada"); got != "of ada" {
		t.Errorf("the graph has %q", got)
	}
	addNode(t, n, "bob")
	if st := n.group.Status(); st.Revision <= info.Revision+1<<32 {
		t.Errorf("the revision is %d after %d", st.Revision, info.Revision)
	}
	end()
	again, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, again)
	if got := label(t, again, "bob"); got != "of bob" {
		t.Errorf("after a restart the graph has %q", got)
	}
	// A token of the old mesh is no way in.
	if _, err := Join(t.Context(), cfg, JoinOptions{Token: made.Token.String()}); err == nil {
		t.Error("the restored node joins the old mesh")
	}
}

// Whatever is wrong is said before anything is touched.
func TestRestoreRefusesBeforeItTouches(t *testing.T) {
	old, _, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	end := closing(t, old)
	_, data := takeBackup(t, old)
	end()
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"cut":     {data[:len(data)-10], consensus.ErrBackupDamaged},
		"empty":   {nil, consensus.ErrBackupDamaged},
		"damaged": {flipped, consensus.ErrBackupDamaged},
		"newer":   {append([]byte("meshdbak\x00\x00\x00\x02"), 1), consensus.ErrNewer},
	} {
		cfg := testConfig(t, "omega")
		if _, _, err := Restore(t.Context(), cfg, from(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(cfg.Data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the directory was made", name)
		}
	}
	before := tree(t, old.cfg.Data)
	_, _, err = Restore(t.Context(), old.cfg, from(data))
	if !isRefusal(err, "NOT_EMPTY") {
		t.Errorf("into a directory in use: %v", err)
	}
	after := tree(t, old.cfg.Data)
	if len(before) != len(after) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
	for path, was := range before {
		if after[path] != was {
			t.Errorf("%s was changed", path)
		}
	}
	cfg := testConfig(t, "omega")
	if err := os.Mkdir(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, "meshd.toml"), []byte("name = \"omega\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	calls := 0
	changing := from(data)
	open := changing.Open
	changing.Open = func() (io.ReadCloser, error) {
		if calls++; calls == 2 {
			return io.NopCloser(bytes.NewReader(flipped)), nil
		}
		return open()
	}
	if _, _, err := Restore(t.Context(), cfg, changing); !errors.Is(err, consensus.ErrBackupDamaged) {
		t.Errorf("a file that changes: %v", err)
	}
	for path := range tree(t, cfg.Data) {
		if base := filepath.Base(path); base != "meshd.toml" && base != "LOCK" {
			t.Errorf("a restore that failed has left %s", path)
		}
	}
}

// A restore that is killed leaves no node, says so, and can be begun again.
func TestRestoreCutShort(t *testing.T) {
	old, _, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	end := closing(t, old)
	addNode(t, old, "ada")
	_, data := takeBackup(t, old)
	end()
	for _, at := range []string{"marked", "prepared", "state", "trusted"} {
		cfg := testConfig(t, "omega")
		o := from(data)
		o.step = func(name string) error {
			if name == at {
				return errStep
			}
			return nil
		}
		if _, _, err := Restore(t.Context(), cfg, o); !errors.Is(err, errStep) {
			t.Fatalf("%s: %v", at, err)
		}
		if _, err := Open(t.Context(), cfg); !isRefusal(err, "UNFINISHED") || !strings.Contains(err.Error(), "meshd restore") {
			t.Errorf("%s: serving: %v", at, err)
		}
		if _, _, err := Found(t.Context(), cfg, "other"); !isRefusal(err, "UNFINISHED") {
			t.Errorf("%s: founding: %v", at, err)
		}
		if _, err := Recover(t.Context(), cfg); !isRefusal(err, "UNFINISHED") {
			t.Errorf("%s: recovering: %v", at, err)
		}
		n, _, err := Restore(t.Context(), cfg, from(data))
		if err != nil {
			t.Fatalf("%s: again: %v", at, err)
		}
		if got := label(t, n, "ada"); got != "of ada" {
			t.Errorf("%s: the graph has %q", at, got)
		}
		closing(t, n)()
	}
}

// A recovery that is killed between its steps goes on where it was.
func TestRecoveryCutShort(t *testing.T) {
	cfg := testConfig(t, "alpha")
	old, _, err := Found(t.Context(), cfg, "home")
	if err != nil {
		t.Fatal(err)
	}
	addNode(t, old, "ada")
	oldMesh := old.trust.MeshID()
	closing(t, old)()

	u := unfinished{Verb: verbRecover, MeshID: roster.NewMeshID(), OldMeshID: oldMesh}
	if err := u.rewrite(t.Context(), cfg, old.id.ID(), true); err != nil { // and nothing after it
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), cfg); !isRefusal(err, "UNFINISHED") || !strings.Contains(err.Error(), "meshd recover") {
		t.Fatalf("serving: %v", err)
	}
	if _, _, err := Restore(t.Context(), cfg, from(nil)); !isRefusal(err, "UNFINISHED") {
		t.Fatalf("restoring: %v", err)
	}
	if _, err := PlanRecovery(cfg.Data); err != nil {
		t.Fatal(err)
	}
	// Cut again, before the trust file says what the state says.
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Recover(cancelled, cfg); err == nil {
		t.Fatal("a recovery that could not ask is done")
	}
	done, err := Recover(t.Context(), cfg)
	if err != nil || done.MeshID != u.MeshID || done.OldMeshID != oldMesh {
		t.Fatalf("%+v, %v", done, err)
	}
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)
	if n.trust.MeshID() != u.MeshID || label(t, n, "ada") != "of ada" {
		t.Errorf("it is of mesh %s, want %s", n.trust.MeshID(), u.MeshID)
	}
}

func TestBackupsAreBoundedAndDeleted(t *testing.T) {
	n, _, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)
	files := func() int {
		list, err := os.ReadDir(filepath.Join(n.cfg.Data, spoolDir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return len(list)
	}
	var open []*Backup
	for range maxBackups {
		b, err := n.Backup(t.Context(), consensus.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, b)
	}
	if _, err := n.Backup(t.Context(), consensus.ReadOptions{}); !isRefusal(err, "OVERLOADED") || files() != maxBackups {
		t.Errorf("one more: %v, %d files", err, files())
	}
	for _, b := range open {
		if err := errors.Join(b.Close(), b.Close()); err != nil || b.Size == 0 {
			t.Error(err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Backup(cancelled, consensus.ReadOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	n.spool.room = func(string) uint64 { return 0 }
	if _, err := n.Backup(t.Context(), consensus.ReadOptions{}); !isRefusal(err, "DISK_FULL") {
		t.Errorf("on a full disk: %v", err)
	}
	n.spool.room = nil
	if got := files(); got != 0 {
		t.Errorf("%d files are left", got)
	}
	if b, err := n.Backup(t.Context(), consensus.ReadOptions{}); err != nil || b.Close() != nil {
		t.Errorf("after all that: %v", err)
	}
}

// Who joins a recovered mesh replays the log of the one before: its roster is
// history and ends nothing. A newer roster of another mesh does.
func TestRosterOfTheMeshBefore(t *testing.T) {
	n, _, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)
	old := *n.trust.Roster()
	old.MeshID, old.Revision = roster.NewMeshID(), 0
	n.rosterChanged(&old)
	if err := n.Err(); err != nil {
		t.Fatal(err)
	}
	old.Revision = n.trust.Revision() + 1
	n.rosterChanged(&old)
	if n.Err() == nil {
		t.Fatal("the roster of another mesh was taken")
	}
}
