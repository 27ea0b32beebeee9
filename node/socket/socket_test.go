package socket

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// runtimeIn keeps the tests away from the machine's runtime directories.
func runtimeIn(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("RUNTIME_DIRECTORY", filepath.Join(dir, "run"))
	return dir
}

func long(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustListen(t *testing.T, dir, group string) net.Listener {
	t.Helper()
	l, err := Listen(dir, group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func answers(t *testing.T, dir string) {
	t.Helper()
	path, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody answers where Find says: %v", err)
	}
	c.Close()
}

func TestShortPathLiesInTheDataDirectory(t *testing.T) {
	dir := runtimeIn(t)
	if err := os.WriteFile(filepath.Join(dir, pointer), []byte("/old/place\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustListen(t, dir, "")
	answers(t, dir)
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket is %v, %v; want 0600", info, err)
	}
}

func TestLongPathMovesToTheRuntimeDirectory(t *testing.T) {
	run := runtimeIn(t)
	dir := long(t)
	mustListen(t, dir, "")
	path, err := Find(dir)
	if err != nil || !strings.HasPrefix(path, run) || len(path) > longest {
		t.Fatalf("Find = %q, %v; want a short path under %s", path, err, run)
	}
	answers(t, dir)

	// A client with another environment finds it by the pointer.
	t.Setenv("RUNTIME_DIRECTORY", filepath.Join(run, "elsewhere"))
	answers(t, dir)
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir := runtimeIn(t)
	first := mustListen(t, dir, "")
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	first.Close()
	mustListen(t, dir, "")
	answers(t, dir)
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := runtimeIn(t)
	if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dir, ""); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Fatalf("Listen over a file: %v", err)
	}
}

func TestRuntimeDirectoryOfOthersIsRefused(t *testing.T) {
	run := runtimeIn(t)
	if err := os.Mkdir(filepath.Join(run, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(run, "run"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(long(t), ""); err == nil || !strings.Contains(err.Error(), "only this user") {
		t.Fatalf("Listen in a directory anyone can write to: %v", err)
	}
}

func TestGroup(t *testing.T) {
	run := runtimeIn(t)
	dir := t.TempDir()
	mustListen(t, dir, strconv.Itoa(os.Getgid()))
	answers(t, dir)
	path, _ := Find(dir)
	for p, want := range map[string]fs.FileMode{path: 0o660, filepath.Join(run, "run"): 0o710} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s is %v, %v; want %o", p, info, err, want)
		}
	}
	if _, err := Listen(dir, "no-such-group"); err == nil || !strings.Contains(err.Error(), "socket_group") {
		t.Errorf("an unknown group: %v", err)
	}
}
