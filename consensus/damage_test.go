package consensus

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// moment is a time in the life of a directory at which its disk fails.
type moment struct {
	name string
	// lost: the state file is not believed afterwards.
	lost bool
	// make fills the directory of a sole voter and ends it.
	make func(t *testing.T, x *node)
}

func count(t *testing.T, x *node, n int) {
	t.Helper()
	for range n {
		x.do(t, "add n")
	}
}

func snapshot(t *testing.T, x *node) {
	t.Helper()
	if err := x.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
}

var moments = []moment{
	{"before the first snapshot, closed", false, func(t *testing.T, x *node) { count(t, x, 9); x.stop() }},
	{"before the first snapshot, killed", false, func(t *testing.T, x *node) { count(t, x, 9); x.kill() }},
	{"before the first snapshot, power lost", true, func(t *testing.T, x *node) { count(t, x, 9); x.kill() }},
	{"after a snapshot, closed", false, func(t *testing.T, x *node) { count(t, x, 5); snapshot(t, x); count(t, x, 4); x.stop() }},
	{"after two snapshots, killed", false, func(t *testing.T, x *node) {
		count(t, x, 3)
		snapshot(t, x)
		count(t, x, 3)
		snapshot(t, x)
		count(t, x, 3)
		x.kill()
	}},
}

// disorder is what a lost or mangled write makes of one file or directory.
type disorder struct {
	name string
	do   func(t *testing.T, path string)
}

func rewritten(fn func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fn(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// used is how much of a file is not the zeros it was made longer by.
func used(data []byte) int { return len(bytes.TrimRight(data, "\x00")) }

var disorders = []disorder{
	{"gone", func(t *testing.T, path string) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}},
	{"empty", rewritten(func([]byte) []byte { return nil })},
	{"half", rewritten(func(b []byte) []byte { return b[:used(b)/2] })},
	{"a byte short", rewritten(func(b []byte) []byte { return b[:max(used(b)-1, 0)] })},
	{"zeros", rewritten(func(b []byte) []byte { return make([]byte, len(b)) })},
	{"a page of zeros", rewritten(func(b []byte) []byte {
		at := used(b) / 2 / 4096 * 4096
		clear(b[at:min(at+4096, len(b))])
		return b
	})},
	{"a flipped bit", rewritten(func(b []byte) []byte { b[used(b)/3] ^= 4; return b })},
	{"noise", rewritten(func(b []byte) []byte {
		for i := range used(b) {
			b[i] = byte(i*131 + i>>7)
		}
		return b
	})},
}

// harmed are the files of a raft directory, by pattern; the newest is taken.
// What must come of it: the state whole, or a refusal that stays one.
var harmed = []struct {
	pattern string
	// never is the refusal that must not come: the file can be done without.
	never bool
	// always says that without the file as it was nothing can be promised.
	always bool
}{
	{pattern: nameVersion},
	{pattern: nameRaftID, never: true}, // the log has a copy
	{pattern: nameCurrent, never: true},
	{pattern: "state-*.db", never: true},
	{pattern: nameLog, always: true},
	{pattern: nameLog + "/" + nameIndex, always: true},
	{pattern: nameLog + "/*.wal"},
	{pattern: nameSnapshots},
	{pattern: nameSnapshots + "/*"},
	{pattern: nameSnapshots + "/*/meta.json"},
	{pattern: nameSnapshots + "/*/state.bin"},
}

// One file of a sole voter's directory is damaged in one way at one moment: the
// node has its whole state again, or refuses with a sentence each time it is
// started, and never comes up empty, short of what it acknowledged, or with
// another vote (F4, F5, F6).
func TestF6EachFileDamagedOnce(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	for i, m := range moments {
		// Each moment has all files; two of them have all disorders as well.
		few := i != 2 && i != 4
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			x := one(t, func(c *Config) { c.hooks.otherBoot = m.lost })
			m.make(t, x)
			kept := copyDir(t, x.dir)
			term, vote := voteOf(t, kept)
			for _, h := range harmed {
				for _, d := range disorders {
					list, err := filepath.Glob(filepath.Join(kept, h.pattern))
					if err != nil {
						t.Fatal(err)
					}
					if len(list) == 0 {
						continue
					}
					fi, err := os.Stat(list[len(list)-1])
					if err != nil {
						t.Fatal(err)
					}
					if fi.IsDir() && d.name != "gone" {
						continue
					}
					if few && !slices.Contains([]string{"gone", "half", "a flipped bit"}, d.name) {
						continue
					}
					name := fmt.Sprintf("%s %s", h.pattern, d.name)
					resetDir(t, kept, x.dir)
					list, _ = filepath.Glob(filepath.Join(x.dir, h.pattern))
					d.do(t, list[len(list)-1])
					first := judge(t, name, x, term, vote)
					switch {
					case first == nil && h.always:
						t.Errorf("%s: it started", name)
					case first != nil && h.never:
						t.Errorf("%s: %v", name, first)
					case first != nil:
						again := judge(t, name+", again", x, term, vote)
						if again == nil {
							t.Errorf("%s: refused with %q and then started", name, first)
						}
					}
				}
			}
		})
	}
}

func newestOf(t *testing.T, dir, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	list = slices.DeleteFunc(list, func(path string) bool { return strings.Contains(path, ".tmp") }) // one that is being made
	if err != nil || len(list) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	// In their names are numbers: 100 is behind 99.
	return slices.MaxFunc(list, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
}

// resetDir makes to what from is.
func resetDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// voteOf reads term and vote of a closed directory.
func voteOf(t *testing.T, dir string) (term uint64, vote string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, nameLog, nameIndex))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parseIndex(data)
	if err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint64(k.Stable[string(keyCurrentTerm)]), string(k.Stable[string(keyLastVoteCand)])
}

// judge starts a damaged sole voter that had counted to nine. It returns why it
// refused, or nil when it is whole.
func judge(t *testing.T, name string, x *node, term uint64, vote string) error {
	t.Helper()
	err := x.tryOpen()
	if err != nil {
		if len(err.Error()) < 20 || errors.Is(err, ErrNewer) && !strings.HasPrefix(name, nameVersion) {
			t.Errorf("%s: it says only %q", name, err)
		}
		return err
	}
	defer x.kill()
	if x.raft.CurrentTerm() < term {
		t.Errorf("%s: the term went back to %d from %d", name, x.raft.CurrentTerm(), term)
	}
	if got, err := x.log.Get(keyLastVoteCand); err != nil || vote != "" && len(got) == 0 {
		t.Errorf("%s: the vote is gone", name)
	}
	deadline := time.Now().Add(time.Minute)
	for x.machine.state().Revision < 9 && time.Now().Before(deadline) {
		<-time.After(2 * time.Millisecond)
	}
	if out := x.do(t, "read n"); binary.BigEndian.Uint64(append(out.Result, make([]byte, 8)...)) != 9 {
		t.Errorf("%s: it started with %x, revision %d", name, out.Result, out.Revision)
	}
	return nil
}

// The same on one of three, whose two others know better: the node comes up
// with what they have, or refuses, and no state differs.
func TestF6EachFileDamagedOnOneOfThree(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	_, _, nodes := mesh(t, 3, nil)
	leader := leaderOf(t, nodes)
	count(t, leader, 4)
	same(t, nodes)
	x := others(nodes, leader)[0]
	snapshot(t, x)
	count(t, leader, 4)
	same(t, nodes)
	x.kill()
	kept := copyDir(t, x.dir)
	count(t, leader, 1)
	for _, h := range harmed {
		for _, d := range disorders {
			if h.pattern == nameVersion || slices.Contains([]string{"half", "a byte short", "noise", "empty", "zeros"}, d.name) {
				continue
			}
			resetDir(t, kept, x.dir)
			list, _ := filepath.Glob(filepath.Join(x.dir, h.pattern))
			if len(list) == 0 {
				t.Fatalf("%s is not there", h.pattern)
			}
			path := list[len(list)-1]
			if fi, err := os.Stat(path); err != nil || fi.IsDir() && d.name != "gone" {
				continue
			}
			d.do(t, path)
			err := x.tryOpen()
			if err != nil {
				if h.never || !errors.Is(err, ErrLogDamaged) {
					t.Errorf("%s %s: %v", h.pattern, d.name, err)
				}
				continue
			}
			if h.always {
				t.Errorf("%s %s: it started", h.pattern, d.name)
			}
			same(t, nodes)
			x.kill()
		}
	}
	resetDir(t, kept, x.dir)
	x.open()
	same(t, nodes)
}

// Every file of all three is damaged alike: each has its state again, or none
// starts.
func TestF6EachFileDamagedOnAllThree(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	for _, snap := range []bool{false, true} {
		t.Run(fmt.Sprint("snapshot ", snap), func(t *testing.T) {
			t.Parallel()
			_, _, nodes := mesh(t, 3, nil)
			count(t, nodes[0], 5)
			if snap {
				for _, x := range nodes {
					snapshot(t, x)
				}
			}
			count(t, nodes[1], 4)
			same(t, nodes)
			var kept []string
			for _, x := range nodes {
				x.kill()
				kept = append(kept, copyDir(t, x.dir))
			}
			for _, pattern := range []string{nameCurrent, "state-*.db", nameRaftID, nameSnapshots + "/*/state.bin"} {
				for _, d := range disorders {
					if d.name == "noise" || d.name == "a byte short" || d.name == "zeros" {
						continue
					}
					if pattern != nameCurrent && pattern != "state-*.db" && d.name != "half" {
						continue
					}
					opened := 0
					for i, x := range nodes {
						resetDir(t, kept[i], x.dir)
						list, _ := filepath.Glob(filepath.Join(x.dir, pattern))
						if len(list) == 0 {
							continue
						}
						d.do(t, list[len(list)-1])
					}
					for _, x := range nodes {
						if err := x.tryOpen(); err == nil {
							opened++
						} else {
							t.Errorf("%s %s: %v", pattern, d.name, err)
						}
					}
					if opened == 3 {
						if out := nodes[2].do(t, "read n"); binary.BigEndian.Uint64(append(out.Result, make([]byte, 8)...)) != 9 {
							t.Errorf("%s %s: %x", pattern, d.name, out.Result)
						}
						same(t, nodes)
					}
					for _, x := range nodes {
						if x.Group != nil {
							x.kill()
						}
					}
				}
			}
		})
	}
}

// What a crash leaves of an unfinished snapshot, rotation or replacement is no
// damage: temporary names with anything in them.
func TestLeftoversOfACrashAreNoDamage(t *testing.T) {
	manyOpens(t)
	x := one(t, nil)
	moments[3].make(t, x)
	leftovers := map[string]string{
		nameCurrent + ".tmp":                           "state-",
		nameRaftID + ".tmp":                            "r",
		nameVersion + ".tmp":                           "",
		nameLog + "/" + nameIndex + ".tmp":             "meshdlx1\x00",
		"state-99.db":                                  "nonsense",
		nameSnapshots + "/9-99-1.tmp/meta.json":        "{",
		nameSnapshots + "/9-99-1.tmp/state.bin":        "meshdsn1",
		nameSnapshots + "/9-98-1.tmp/" + nameInstalled: "",
	}
	for name, text := range leftovers {
		path := filepath.Join(x.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := judge(t, "leftovers", x, 1, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(x.dir, "state-99.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an abandoned state file stays: %v", err)
	}
}
