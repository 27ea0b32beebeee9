package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a node was given once is found by a start that is given nothing.
func TestKeptIsFoundAgain(t *testing.T) {
	sys, dir := system(t, "MESHD_NAME=bo\"x é"), t.TempDir()
	given := map[string]any{"data": dir, "listen": "127.0.0.1:7444", "advertise": []string{"a.lan", "[::1]:1"}, "socket_group": "wheel"}
	c := load(t, Options{System: sys, Flags: given})
	if line, want := c.ServeLine(sys, "listen", "advertise", "name"), "meshd serve --data "+dir+" --listen 127.0.0.1:7444 --advertise 'a.lan,[::1]:1' --name 'bo\"x é'"; line != want {
		t.Errorf("before: %s, want %s", line, want)
	}
	path, text, err := c.Kept("listen", "advertise", "name")
	if err != nil || path != filepath.Join(dir, "meshd.toml") || strings.Contains(text, "wheel") {
		t.Fatalf("%s %v: %s", path, err, text)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if line := c.ServeLine(sys, "listen", "advertise", "name"); line != "meshd serve --data "+dir {
		t.Errorf("after: %s", line)
	}
	again := load(t, Options{System: system(t), Flags: map[string]any{"data": dir}})
	if again.Listen != c.Listen || strings.Join(again.Advertise, " ") != "a.lan [::1]:1" || again.Name != c.Name || again.sources["listen"].String() != "file "+path {
		t.Errorf("found again: %+v from %s", again, again.sources["listen"])
	}

	// The file is its user's from now on, and what is given otherwise is said.
	c = load(t, Options{System: system(t), Flags: map[string]any{"data": dir, "listen": ":1"}})
	if _, text, err := c.Kept("listen"); text != "" || err != nil {
		t.Errorf("a file that is there: %q, %v", text, err)
	}
	if line := c.ServeLine(sys, "listen", "name"); line != "meshd serve --data "+dir+" --listen :1" {
		t.Errorf("given otherwise: %s", line)
	}
}

// A node that was told nothing, or by a named file, has nothing to keep.
func TestNothingToKeep(t *testing.T) {
	sys := system(t)
	c := load(t, Options{System: sys})
	if _, text, err := c.Kept("listen", "name"); text != "" || err != nil {
		t.Errorf("defaults: %q, %v", text, err)
	}
	if line := c.ServeLine(sys, "listen", "name"); line != "meshd serve" {
		t.Error(line)
	}
	named := file(t, `listen = ":2"`)
	c = load(t, Options{System: sys, File: named, Flags: map[string]any{"listen": ":2", "name": "b"}})
	if _, text, err := c.Kept("listen", "name"); text != "" || err != nil {
		t.Errorf("a named file: %q, %v", text, err)
	}
	if line := c.ServeLine(sys, "listen", "name"); line != "meshd serve --config "+named+" --name b" {
		t.Error(line)
	}
}
