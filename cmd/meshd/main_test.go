package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"meshd": main}) }

// TestScripts runs testdata/*.txt: what is typed, what is printed, and the
// exit code. The command "exits CODE ARGS…" runs meshd and wants that code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("MESHD_DATA", filepath.Join(e.WorkDir, "data"))
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits checks the code that testscript's exec only knows as failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if want := args[0]; want != strconv.Itoa(got) {
		ts.Fatalf("exit %d, want %s", got, want)
	}
}

// TestEveryVerbIsExplained keeps the promise that each verb has an example.
func TestEveryVerbIsExplained(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || !strings.Contains(c.Example, "meshd") && !strings.Contains(c.Example, "HEALTHCHECK") {
			t.Errorf("%q lacks a line or an example", c.CommandPath())
		}
		if c.HasParent() && !c.Parent().HasParent() && c.GroupID == "" {
			t.Errorf("%q stands in no group of the help page", c.CommandPath())
		}
		if c.RunE == nil {
			t.Errorf("%q does nothing", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&app{sys: config.System{UID: 1, Home: t.TempDir()}}))
}
