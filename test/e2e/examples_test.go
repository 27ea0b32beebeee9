package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/test/realmesh"
)

const examples = "../../httpapi/client/examples"

// needs skips a test that needs a program which this machine does not have.
func needs(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s on this machine, which runs the example", name)
	}
	return path
}

// The agent in Python, run as its first lines say.
func TestThePythonExample(t *testing.T) {
	python := needs(t, "python3")
	t.Parallel()
	anExample(t, python, filepath.Join(examples, "python", "agent.py"))
}

// The agent in TypeScript, built and run as its first lines say.
func TestTheTypeScriptExample(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("it installs a compiler from the package registry: set MESHD_TEST_LONG=1")
	}
	node, npm := needs(t, "node"), needs(t, "npm")
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "typescript")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(examples, "typescript"))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ci", "--no-audit", "--no-fund"}, {"run", "build"}} {
		cmd := exec.CommandContext(t.Context(), npm, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	anExample(t, node, filepath.Join(dir, "dist", "agent.js"))
}

// anExample has an example do all that it can, before and after the node is killed
// that it is at.
func anExample(t *testing.T, command ...string) {
	nodes := realmesh.Three(t)
	a, b, c := nodes[0], nodes[1], nodes[2]
	_, key := a.APIKey("agent")
	env := []string{"MESHD_NODE=https://" + b.Address + ",https://" + c.Address, "MESHD_PIN=" + b.Pin() + "," + c.Pin(), "MESHD_KEY=" + key}
	p := begin(t, env, command[0], append(command[1:], "adder")...)
	for round, at := range []*realmesh.Node{b, c} {
		p.says(t, "adder is attached")
		realmesh.Eventually(t, 20*time.Second, "it is reached at "+at.Name, func() error {
			r := a.Run("send", "adder", "[2,3]", "--wait")
			if r.Code == refused { // not delivered: the news of where it is has not come
				return fmt.Errorf("%s", r.Stderr)
			}
			if strings.TrimSpace(r.Stdout) != "5" {
				t.Errorf("at %s it answers %q, %s", at.Name, r.Stdout, r.Stderr)
			}
			return nil
		})
		wantExit(t, a.Run("send", "adder", `"two"`, "--wait"), failed)
		a.Must("send", "adder", fmt.Sprintf(`"order %d"`, round), "--durable")
		p.says(t, "durable", fmt.Sprintf("order %d", round))
		var done task.Task
		a.Client(a.AdminKey()).Want(http.StatusCreated, &done, http.MethodPost, "/tasks?wait=30s", map[string]any{"agent": "adder", "body": []int{20, 22}, "max_attempts": 1})
		if done.State != task.Completed || string(done.Result) != "42" {
			t.Errorf("at %s the task is %s: %s %+v", at.Name, done.State, done.Result, done.Error)
		}
		a.Client(a.AdminKey()).Want(http.StatusCreated, &done, http.MethodPost, "/tasks?wait=30s", map[string]any{"agent": "adder", "body": "two", "max_attempts": 1})
		if done.State != task.Failed || done.Error == nil || done.Error.Text == "" {
			t.Errorf("at %s a task that it cannot do is %s: %+v", at.Name, done.State, done.Error)
		}
		realmesh.Eventually(t, 20*time.Second, "its inbox is empty", func() error {
			var left []struct{ Seq uint64 }
			a.JSON(&left, "inbox", "adder")
			if len(left) > 0 {
				return fmt.Errorf("%d messages are left", len(left))
			}
			return nil
		})
		if round == 0 {
			b.Kill()
		}
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.ends(t)
	if err := p.Wait(); err != nil {
		t.Errorf("on Ctrl-C it ends with %v", err)
	}
}
