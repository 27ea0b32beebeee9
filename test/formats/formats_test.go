package formats

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/test/realmesh"
)

var freeze = flag.Int("freeze", 0, "write testdata/`N` with the program as it is now")

// frozen is what is known of a directory of testdata.
type frozen struct {
	Version  string   `json:"version"`
	Node     string   `json:"node"`
	MeshID   string   `json:"mesh_id"`
	Members  int      `json:"members"`
	Removed  int      `json:"removed"`
	Revision uint64   `json:"revision"`
	Hash     string   `json:"logical_hash"`
	Labels   []string `json:"labels"`
	Key      string   `json:"admin_key"` // opens the API
	Backup   string   `json:"backup_logical_hash"`
	// Messages wait for the agent reviewer; Tasks are all there are. Older
	// testdata has none.
	Messages int `json:"messages,omitempty"`
	Tasks    int `json:"tasks,omitempty"`
	// Snapshot is the entry of the newest one; the log goes on behind it.
	Snapshot uint64 `json:"snapshot_index"`
}

const namespace = "frozen"

// What earlier versions wrote is read whole: as it is, without the state file,
// by a running node, and from the backup.
func TestFrozenFormats(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/frozen.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("nothing is frozen: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		var want frozen
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &want)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Run("as it is", func(t *testing.T) {
				t.Parallel()
				check(t, unpack(t, dir), want)
			})
			t.Run("without its state", func(t *testing.T) {
				t.Parallel()
				data := unpack(t, dir)
				drop(t, data, "raft/CURRENT", "raft/state-*.db")
				check(t, data, want)
			})
			t.Run("served", func(t *testing.T) {
				t.Parallel()
				n := realmesh.New(t, want.Node)
				n.Data = unpack(t, dir)
				n.Start("serve")
				n.WaitServing()
				labels := n.Labels(namespace)
				slices.Sort(labels)
				if !slices.Equal(labels, want.Labels) {
					t.Errorf("the graph has %q, it was %q", labels, want.Labels)
				}
				if a, err := n.Client(want.Key).Ask("GET", "/status", nil); err != nil || a.Status != 200 {
					t.Errorf("its key: %v, %v", a, err)
				}
				n.Must("graph", "add", "node", "note", "written by a newer version", "--namespace", namespace)
			})
			t.Run("backup", func(t *testing.T) {
				t.Parallel()
				in := openBackup(t, dir)
				all, _, _ := parts()
				info, err := consensus.CheckBackup(in, all)
				if got := hex.EncodeToString(info.Hash[:]); err != nil || got != want.Backup {
					t.Errorf("the backup has %s, it was %s; %v", got, want.Backup, err)
				}
			})
		})
	}
}

// counted is how many messages are in the inbox of reviewer, and how many tasks
// there are. It is read from a state that no node serves: one that does would
// end what has expired since.
func counted(ctx context.Context, state consensus.State, in *inbox.Part, of *task.Part) (messages, tasks int, err error) {
	letters, err := inbox.NewService(inbox.Config{State: state, Part: in}).List(ctx, "reviewer", inbox.ListOptions{})
	if err != nil {
		return 0, 0, err
	}
	work, _, err := task.NewService(task.Config{State: state, Part: of}).List(ctx, task.ListOptions{})
	return len(letters.Messages), len(work.Tasks), err
}

func parts() (all []consensus.Part, in *inbox.Part, of *task.Part) {
	in, of = inbox.NewPart(), task.NewPart()
	return []consensus.Part{roster.NewPart(nil), access.NewPart(), graphsync.NewPart(), in, of, proposal.NewPart()}, in, of
}

// check compares everything but the service itself.
func check(t *testing.T, data string, want frozen) {
	t.Helper()
	if got := read(t, data); got.Hash != want.Hash || got.Revision != want.Revision || got.MeshID != want.MeshID ||
		got.Members != want.Members || got.Removed != want.Removed || got.Snapshot != want.Snapshot ||
		got.Messages != want.Messages || got.Tasks != want.Tasks {
		t.Errorf("it has\n%+v\nit was\n%+v", got, want)
	}
}

// read opens trust, identity and replicated state of a stopped node.
func read(t *testing.T, data string) (got frozen) {
	t.Helper()
	trust, err := roster.OpenTrust(data)
	if err != nil {
		t.Fatal(err)
	}
	r := trust.Roster()
	got.MeshID, got.Members, got.Removed = r.MeshID, len(r.Members), len(r.Tombstones)
	id, err := identity.Open(filepath.Join(data, "identity"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.ByID(id.ID()); !ok {
		t.Errorf("the node %s is not in its own roster", id.ID())
	}
	info, err := consensus.Inspect(filepath.Join(data, "raft"))
	if err != nil || info.Damaged != "" {
		t.Fatalf("%+v, %v", info, err)
	}
	all, in, of := parts()
	g, err := consensus.Open(consensus.Config{
		Dir: filepath.Join(data, "raft"), Parts: all, Listener: newSilence(),
		Dial: func(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := g.View(ctx, consensus.ReadOptions{Consistency: consensus.Linearizable}, func(r consensus.Reader) error {
		got.Revision = r.Revision()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	report, err := g.Scrub(ctx)
	if err != nil || !report.OK() || len(report.Hashes) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if got.Messages, got.Tasks, err = counted(ctx, g, in, of); err != nil {
		t.Fatal(err)
	}
	got.Hash, got.Snapshot = report.Hashes[g.Status().RaftID], g.Status().SnapshotIndex
	return got
}

// silence is a network with nobody on it.
type silence struct {
	once   sync.Once
	closed chan struct{}
}

func newSilence() *silence { return &silence{closed: make(chan struct{})} }

func (s *silence) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s *silence) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *silence) Addr() net.Addr { return &net.TCPAddr{} }

func drop(t *testing.T, data string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		list, err := filepath.Glob(filepath.Join(data, p))
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %v", p, err)
		}
		for _, path := range list {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func openBackup(t *testing.T, dir string) io.Reader {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, "age.key"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "mesh.backup"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := age.Decrypt(bytes.NewReader(data), ids...)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// unpack makes a copy of a frozen data directory.
func unpack(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "node.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "node")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%s: %v", h.Name, err)
		}
		path := filepath.Join(root, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if h.FileInfo().IsDir() {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pack(t *testing.T, root, to string) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		fi, err := d.Info()
		if err != nil || !fi.Mode().IsRegular() && !fi.IsDir() || d.Name() == "LOCK" {
			return err
		}
		h, err := tar.FileInfoHeader(fi, "")
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		h.Name, h.Uname, h.Gname, h.Uid, h.Gid = filepath.ToSlash(name), "", "", 0, 0
		if err := w.WriteHeader(h); err != nil || fi.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 300<<10 {
		t.Fatalf("%d bytes are too many to keep", b.Len())
	}
	if err := os.WriteFile(to, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// work leaves something in the tables that the verbs of the graph do not fill:
// what clients did offline, durable messages in each of their states, tasks and
// proposals.
func work(t *testing.T, n *realmesh.Node, key string) {
	t.Helper()
	c := n.Client(key)
	c.Want(200, nil, "POST", "/sync/push", map[string]any{"client_id": "laptop", "session_id": namespace, "base_revision": 1, "mutations": []any{
		map[string]any{"seq": 1, "op": "create_node", "type": "note", "label": "pushed", "key": "pushed"},
	}})
	c.Want(200, nil, "PUT", "/agents/reviewer/subscriptions", map[string]any{"topics": []string{"builds/*"}})
	n.Must("agents", "key", "reviewer", "--generate", filepath.Join(t.TempDir(), "reviewer.key"))
	n.Must("send", "reviewer", "first", "--durable", "--id", "m-1", "--priority", "high", "--conversation", "c", "--ttl", "720h")
	n.Must("send", "reviewer", "later", "--durable", "--delay", "700h", "--ttl", "720h")
	n.Must("send", "reviewer", "a secret", "--durable", "--seal")
	c.Want(200, nil, "POST", "/messages", map[string]any{"to": "reviewer", "body": strings.Repeat("x", 150<<10), "durable": true})
	n.Must("send", "topic/builds/done", "ok", "--durable")
	n.Must("send", "leaver", "given up", "--durable")
	n.Must("inbox", "reviewer", "--lease", "12h", "--limit", "1")
	c.Want(200, nil, "DELETE", "/messages/leaver", nil)
	n.Must("tasks", "run", "reviewer", `{"file":"a.go"}`, "--type", "review", "--deadline", "700h")
	var task struct {
		ID string `json:"id"`
	}
	c.Want(201, &task, "POST", "/tasks", map[string]any{"agent": "reviewer", "type": "review", "body": 1})
	c.Want(200, nil, "POST", "/tasks/"+task.ID+"/status", map[string]any{"state": "completed", "result": "fine"})
	c.Want(201, nil, "POST", "/proposals", map[string]any{"kind": "policy_change", "title": "two eyes", "electors": []string{"reviewer", "writer"}})
	share(n)
}

// share does what is counted to a credential's share, which no administrator's
// is, and gives a message back.
func share(n *realmesh.Node) {
	_, key := n.APIKey("user")
	c := n.Client(key)
	c.Want(200, nil, "POST", "/messages", map[string]any{"to": "archive", "body": "kept", "durable": true, "id": "m-1"})
	c.Want(200, nil, "POST", "/messages", map[string]any{"to": "archive", "body": "given back", "durable": true})
	var leased struct {
		Messages []struct {
			Seq     uint64 `json:"seq"`
			Attempt uint32 `json:"attempt"`
		} `json:"messages"`
	}
	c.Want(200, &leased, "GET", "/messages/archive?lease=1h&limit=1", nil)
	c.Want(204, nil, "POST", "/messages/archive/return", map[string]any{"seqs": []uint64{leased.Messages[0].Seq}, "delay": "700h"})
	c.Want(201, nil, "POST", "/tasks", map[string]any{"agent": "archive", "type": "sort", "body": "all", "deadline": "700h"})
	c.Want(201, nil, "POST", "/proposals", map[string]any{"kind": "policy_change", "title": "keep it", "electors": []string{"archive"}})
}

// TestFreeze writes what the other test reads. A mesh is founded, written to
// and backed up; the node that is frozen is the one restored from it, whose
// state begins as a snapshot, after another member joined it and was removed.
func TestFreeze(t *testing.T) {
	if *freeze == 0 {
		t.Skip("writes testdata with -freeze N")
	}
	dir := filepath.Join("testdata", fmt.Sprint(*freeze))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	key, backup := filepath.Join(dir, "age.key"), filepath.Join(dir, "mesh.backup")
	if err := os.WriteFile(key, []byte(id.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first := realmesh.New(t, "alpha")
	first.Found()
	for i := range 30 {
		first.Must("graph", "add", "node", "thing", fmt.Sprintf("thing %d", i), fmt.Sprintf("key=t%d", i), fmt.Sprintf("size=%d", i*i), `tags=["a","b"]`, "--namespace", namespace)
	}
	for i := range 10 {
		first.Must("graph", "add", "edge", fmt.Sprintf("t%d", i), "NEAR", fmt.Sprintf("t%d", i+1), "--namespace", namespace)
	}
	_, admin := first.APIKey("admin")
	work(t, first, admin)
	first.APIKey("viewer")
	var want frozen
	var taken struct {
		Hash string `json:"logical_hash"`
	}
	first.JSON(&taken, "backup", backup, "--recipient", id.Recipient().String())
	first.Stop()
	n := realmesh.New(t, "beta")
	n.Start("restore", backup, "--identity", key)
	n.WaitServing()
	n.Must("graph", "add", "node", "thing", "after the restore", "--namespace", namespace)
	gone := realmesh.New(t, "gamma")
	gone.Join(n)
	n.Must("token", "create")
	gone.Stop()
	n.Must("remove", "gamma", "--yes")
	want.Labels = n.Labels(namespace)
	slices.Sort(want.Labels)
	realmesh.Eventually(t, 30*time.Second, "it votes alone", func() error { return realmesh.Voters(n, 1) })
	want.Version = strings.Join(strings.Fields(n.Must("version")), " ")
	n.Stop()
	pack(t, n.Data, filepath.Join(dir, "node.tar.gz"))
	got := read(t, unpack(t, dir))
	got.Version, got.Labels, got.Node, got.Key, got.Backup = want.Version, want.Labels, n.Name, admin, taken.Hash
	data, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "frozen.json"), append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got)
}
