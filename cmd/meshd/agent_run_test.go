//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestAgentScripts runs testdata/agent/*.txt, which have a node: "node" starts
// it and sets NODE, PIN and KEY, "listed NAME" waits until an agent is there,
// "emptied NAME" until its inbox is. EXAMPLES is where the examples are.
func TestAgentScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/agent",
		Setup: func(e *testscript.Env) error {
			data, err := os.MkdirTemp("", "ma") // the path of its socket has to be short
			if err != nil {
				return err
			}
			e.Defer(func() { _ = os.RemoveAll(data) })
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("MESHD_DATA", data)
			examples, err := filepath.Abs("../../httpapi/client/examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("npm_config_cache", filepath.Join(os.TempDir(), "meshd-test-npm"))
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "node": startNode, "listed": listed, "emptied": emptied},
		Condition: func(name string) (bool, error) {
			if name != "long" {
				return false, fmt.Errorf("the condition %q is not known", name)
			}
			return os.Getenv("MESHD_TEST_LONG") != "", nil
		},
	})
}

// within repeats what may not be so yet.
func within(ts *testscript.TestScript, what string, ok func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not within 30 s", what)
		}
	}
}

func startNode(ts *testscript.TestScript, _ bool, _ []string) {
	data := ts.Getenv("MESHD_DATA")
	bin, err := exec.LookPath("meshd")
	ts.Check(err)
	cmd := exec.Command(bin, "init", "--name", "n1", "--listen", "127.0.0.1:0", "--data", data)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MESHD_") })
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	within(ts, "the node serves", func() bool { return ts.Exec("meshd", "status") == nil })
	var c struct {
		Pin string `json:"spki_sha256"`
	}
	ts.Check(ts.Exec("meshd", "cert", "--json"))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &c))
	var s struct {
		Node struct {
			Address string `json:"address"`
		} `json:"node"`
	}
	ts.Check(ts.Exec("meshd", "status", "--json"))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &s))
	key, err := os.ReadFile(filepath.Join(data, "admin.key"))
	ts.Check(err)
	_, port, _ := strings.Cut(s.Node.Address, ":")
	ts.Setenv("NODE", "https://127.0.0.1:"+port)
	ts.Setenv("PIN", c.Pin)
	ts.Setenv("KEY", strings.TrimSpace(string(key)))
}

func listed(ts *testscript.TestScript, _ bool, args []string) {
	within(ts, args[0]+" is listed", func() bool {
		return ts.Exec("meshd", "agents") == nil && strings.Contains("\n"+ts.ReadFile("stdout"), "\n"+args[0]+" ")
	})
}

func emptied(ts *testscript.TestScript, _ bool, args []string) {
	within(ts, "the inbox of "+args[0]+" is empty", func() bool {
		return ts.Exec("meshd", "inbox", args[0], "--json") == nil && strings.TrimSpace(ts.ReadFile("stdout")) == "[]"
	})
}
