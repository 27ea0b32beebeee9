package e2e_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/meshd/meshd/test/realmesh"
)

// backupInfo is the part of `backup --json` and `restore --check --json` that
// tests look at.
type backupInfo struct {
	MeshID   string `json:"mesh_id"`
	Node     string `json:"node"`
	Revision uint64 `json:"revision"`
	Bytes    int64  `json:"bytes"`
	Hash     string `json:"logical_hash"`
}

// ageKey makes a key that is safe from quantum computers, and the file it is in.
func ageKey(t testing.TB) (recipient, file string) {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), file
}

// A backup is taken at a follower while all nodes are written to; what was
// acknowledged before it began is in it. The mesh that is made of it and the old
// one never meet, even at each other's addresses.
func TestF26RestoredMeshNeverMergesWithTheOld(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	follower := others(nodes, leader)[0]
	recipient, key := ageKey(t)
	file := filepath.Join(t.TempDir(), "mesh.backup")
	l := newLedger(t, "f26", nodes...)
	l.start(2, 26)
	l.more(40, 20*time.Second)

	l.mu.Lock()
	before := maps.Clone(l.acked)
	l.mu.Unlock()
	var taken backupInfo
	follower.JSON(&taken, "backup", file, "--recipient", recipient)
	l.more(10, 20*time.Second)
	if info, err := os.Stat(file); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) || info.Size() != taken.Bytes {
		t.Errorf("the file is %v, %v", info, err)
	}
	if rest, err := filepath.Glob(filepath.Join(follower.Data, "backup.spool", "*")); err != nil || len(rest) > 0 {
		t.Errorf("the node keeps %v, %v", rest, err)
	}
	l.finish(nodes...)

	omega := realmesh.New(t, "omega")
	omega.Start("restore", file, "--identity", key)
	omega.WaitServing()
	old, now := mustStatus(t, nodes[0]), mustStatus(t, omega)
	if taken.MeshID != old.MeshID || taken.Node != follower.Name || now.MeshID == old.MeshID || now.Revision <= taken.Revision+1<<32 {
		t.Errorf("a backup of %+v is restored as %+v", taken, now)
	}
	there := map[string]bool{}
	for _, label := range omega.Labels("f26") {
		there[label] = true
		if !l.tried[label] {
			t.Errorf("%s was never written", label)
		}
	}
	for label := range before {
		if !there[label] {
			t.Errorf("%s was acknowledged before the backup and is not in it", label)
		}
	}
	t.Logf("%d writes before the backup, %d in it, %d after all; %d bytes", len(before), len(there), len(l.acked), taken.Bytes)
	if alone, err := omega.Members(); err != nil || len(alone) != 1 {
		t.Fatalf("the restored mesh begins with %d members, %v", len(alone), err)
	}
	// The keys of the old mesh open the new one.
	omega.Client(l.key).Want(200, nil, "GET", "/graph/nodes?session_id=f26&limit=1", nil)

	// An old node does not get in by a token, and neither by coming where it is
	// expected; nor does the new node into the old mesh.
	gamma := nodes[2]
	token, oldToken := omega.Token(), nodes[0].Token()
	stop(t, gamma)
	gamma.Start("join", token)
	ends(t, gamma, refused, "already belongs to mesh")
	stop(t, omega)
	omega.Start("join", oldToken)
	ends(t, omega, refused, "already belongs to mesh")
	stranger := realmesh.New(t, "stranger")
	omega.Address, gamma.Address = gamma.Address, omega.Address
	omega.Start("serve", "--peer", nodes[0].Address)
	omega.WaitServing()
	gamma.Start("serve", "--peer", omega.Address)
	gamma.WaitServing()
	realmesh.Formed(t, 60*time.Second, nodes...)
	if alone, err := omega.Members(); err != nil || len(alone) != 1 {
		t.Errorf("the restored mesh has %d members, %v", len(alone), err)
	}
	if s := mustStatus(t, gamma); s.MeshID != old.MeshID {
		t.Errorf("an old node belongs to %s", s.MeshID)
	}

	// Nodes that are new, or were reset, are welcome.
	stranger.Join(omega)
	stop(t, gamma)
	gamma.Must("reset", "--yes")
	gamma.Start("join", omega.Token())
	gamma.WaitServing()
	realmesh.Formed(t, 60*time.Second, omega, stranger, gamma)
	stranger.Must("graph", "add", "node", "note", "after", "key=after")
	realmesh.Formed(t, 20*time.Second, omega, stranger, gamma)
	var again backupInfo
	wantExit(t, gamma.Run("backup", file, "--recipient", recipient), refused, "is there already", "--force")
	gamma.JSON(&again, "backup", file, "--recipient", recipient, "--force")
	if again.MeshID != now.MeshID {
		t.Errorf("a backup of the new mesh says %+v", again)
	}

	// Of the old mesh one is left: it cannot prove that it has everything, and
	// says how to take what it has.
	nodes[1].Kill()
	wantExit(t, nodes[0].Run("backup", file, "--recipient", recipient, "--force"), failed, "--stale")
	nodes[0].JSON(&again, "backup", file, "--recipient", recipient, "--stale", "--force")
	if again.MeshID != old.MeshID || again.Revision < taken.Revision {
		t.Errorf("what is left of the old mesh says %+v", again)
	}
}

// What a state at rest is restored to is the same, pair by pair.
func TestRestoredGraphIsTheSame(t *testing.T) {
	t.Parallel()
	n, copied := realmesh.New(t, "alpha"), realmesh.New(t, "omega")
	n.Found()
	for _, k := range []string{"ada", "bob", "cyd"} {
		n.Must("graph", "add", "node", "person", "the "+k, "key="+k, "born=1815")
	}
	n.Must("graph", "add", "edge", "ada", "KNOWS", "bob")
	n.Must("graph", "add", "edge", "bob", "KNOWS", "cyd")
	n.Env = []string{"MESHD_BACKUP_PASSPHRASE=correct horse battery"}
	file := filepath.Join(t.TempDir(), "mesh.backup")
	run := func(input string, args ...string) realmesh.Result {
		return realmesh.CommandEnv(t, n.Env, input, args...)
	}
	if r := run("", "backup", file, "--data", n.Data); r.Code != done {
		t.Fatal(r)
	}
	var first, second backupInfo
	decode(t, run("", "restore", file, "--check", "--json").Stdout, &first)
	copied.Env = n.Env
	copied.Start("restore", file)
	copied.WaitServing()
	for _, args := range [][]string{{"graph", "export"}, {"graph", "neighbors", "ada"}, {"apikey", "list", "--json"}} {
		if was, is := n.Must(args...), copied.Must(args...); was != is {
			t.Errorf("%v says\n%s\nand said\n%s", args, is, was)
		}
	}

	// Over HTTPS, with a key, from standard output to standard input.
	r := run("", "backup", "-", "--node", copied.Address, "--pin", copied.Pin(), "--key", n.AdminKey())
	if r.Code != done {
		t.Fatal(r.Stderr)
	}
	decode(t, run(r.Stdout, "restore", "-", "--check", "--json").Stdout, &second)
	if first.Hash == "" || second.Revision <= first.Revision+1<<32 {
		t.Errorf("%+v, then %+v", first, second)
	}
	_, user := copied.APIKey("user")
	wantExit(t, run("", "backup", file, "--force", "--node", copied.Address, "--pin", copied.Pin(), "--key", user), refused, "needs the role admin")
}

// Whatever is wrong with a file or a directory is one sentence, and nothing is
// touched.
func TestRestoreRefusals(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "alpha")
	n.Found()
	recipient, key := ageKey(t)
	_, otherKey := ageKey(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "mesh.backup")
	wantExit(t, n.Run("backup", file), usage, "never written unencrypted", "--recipient")
	n.Must("backup", file, "--recipient", recipient)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)-100] ^= 1
	data := filepath.Join(dir, "data")
	for _, c := range []struct {
		what string
		code int
		says string
		args []string
	}{
		{"cut", refused, "damaged or cut short", []string{write("cut", whole[:len(whole)-1]), "--identity", key}},
		{"flipped", refused, "damaged or cut short", []string{write("flipped", flipped), "--identity", key}},
		{"beginning", refused, "no backup of meshd", []string{write("beginning", whole[:50]), "--identity", key}},
		{"other", refused, "no backup of meshd", []string{write("other", []byte("hello")), "--identity", key}},
		{"another key", refused, "none of the keys opens", []string{file, "--identity", otherKey}},
		{"no key", usage, "sealed to recipients", []string{file}},
		{"a key that is none", usage, "holds no keys", []string{file, "--identity", file}},
		{"no file", usage, "cannot be read", []string{filepath.Join(dir, "missing"), "--identity", key}},
		{"a directory in use", refused, "is not empty", []string{file, "--identity", key, "--data", n.Data}},
	} {
		args := append([]string{"restore", "--no-serve", "--listen", "127.0.0.1:0"}, c.args...)
		if c.what != "a directory in use" {
			args = append(args, "--data", data)
		}
		r := realmesh.Command(t, "", args...)
		wantExit(t, r, c.code, c.says)
		if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: the directory was made", c.what)
		}
	}
	mustStatus(t, n)
}

// A restore that is killed is no node; the same line begins again.
func TestKilledRestoreIsBegunAgain(t *testing.T) {
	t.Parallel()
	n, omega := realmesh.New(t, "alpha"), realmesh.New(t, "omega")
	n.Found()
	n.Must("graph", "add", "node", "note", "kept", "key=kept")
	recipient, key := ageKey(t)
	file := filepath.Join(t.TempDir(), "mesh.backup")
	n.Must("backup", file, "--recipient", recipient)
	mark := filepath.Join(omega.Data, "unfinished")
	cut := false
	for attempt := 0; attempt < 5 && !cut; attempt++ {
		omega.Start("restore", file, "--identity", key)
		begun := time.Now()
		for tick := time.NewTicker(time.Millisecond); ; <-tick.C { // it takes some hundred
			if _, err := os.Stat(mark); err == nil || strings.Contains(omega.LastLog(), `"msg":"serving"`) {
				break
			}
			if time.Since(begun) > time.Minute {
				t.Fatal("the restore does not begin: ", omega.LastLog())
			}
		}
		omega.Kill()
		if _, err := os.Stat(mark); err == nil {
			cut = true
		} else if err := os.RemoveAll(omega.Data); err != nil { // it was faster
			t.Fatal(err)
		}
	}
	if !cut {
		t.Skip("the restore was faster than the kill, five times")
	}
	omega.Start("serve")
	ends(t, omega, refused, "was cut short", "meshd restore")
	omega.Start("restore", file, "--identity", key)
	omega.WaitServing()
	says(t, omega.Must("graph", "get", "kept"), "kept")
	omega.Kill()
	omega.Start("serve")
	omega.WaitServing()
	says(t, omega.Must("graph", "get", "kept"), "kept")
}
