package deploy

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

func list(env map[string]string) []string {
	var out []string
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// runMeshd runs a verb with this environment and no other, as a container
// without a home does.
func runMeshd(t testing.TB, env []string, args ...string) realmesh.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, realmesh.Binary(t), args...)
	cmd.Env = env
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("meshd %q: %v", args, err)
	}
	return realmesh.Result{Stdout: out.String(), Stderr: errOut.String(), Code: cmd.ProcessState.ExitCode()}
}

// container is one service whose process is started again by the same line.
type container struct {
	t    testing.TB
	name string
	env  []string

	cmd  *exec.Cmd
	log  *journal
	done chan struct{}
}

// journal keeps what a process prints, bounded.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.buf.Len() < 1<<20 {
		j.buf.Write(p)
	}
	return len(p), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func newContainer(t testing.TB, name string, env []string) *container {
	c := &container{t: t, name: name, env: env, log: &journal{}}
	t.Cleanup(func() {
		if c.running() {
			_ = c.cmd.Process.Kill()
			<-c.done
		}
		if t.Failed() {
			t.Logf("--- log of %s\n%s", name, c.log)
		}
	})
	return c
}

func (c *container) running() bool {
	if c.cmd == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *container) start(args ...string) {
	c.t.Helper()
	cmd := exec.Command(realmesh.Binary(c.t), args...)
	cmd.Env = c.env
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	done := make(chan struct{})
	c.cmd, c.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
}

// exec runs a verb in the container's environment.
func (c *container) exec(args ...string) realmesh.Result {
	c.t.Helper()
	return runMeshd(c.t, c.env, args...)
}

func (c *container) terminate() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
}

// exit waits for the process to end and returns its exit code.
func (c *container) exit(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.done:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(max(within, time.Minute)):
		c.t.Fatalf("%s did not end within a minute", c.name)
		return -1
	}
}
