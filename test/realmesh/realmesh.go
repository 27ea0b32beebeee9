// Package realmesh runs meshd as its users do, for whole-system tests: the real
// binary, real processes, real TLS and real disks on this machine. It starts,
// kills, pauses and asks nodes; it never reaches into them.
//
// Everything it starts ends with the test, listens on loopback only, and keeps
// its data in the test's own directory.
package realmesh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var build = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("MESHD_TEST_BINARY"); bin != "" {
		return bin, nil
	}
	dir, err := os.MkdirTemp("", "meshd-test-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "meshd")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/meshd/meshd/cmd/meshd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building meshd: %w\n%s", err, out)
	}
	return bin, nil
})

// Binary returns the path of the meshd under test, built once a run.
func Binary(t testing.TB) string {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Node is one meshd on one data directory. Its methods are for one goroutine.
type Node struct {
	t    testing.TB
	Name string
	Data string
	// Address is where it listens, HOST:PORT.
	Address string
	Env     []string
	// Output takes what the next Start prints, in place of the log.
	Output *os.File
	// Input is what the next Start has on its standard input.
	Input string
	// Flags go with every Start.
	Flags []string
	// Program is what Start and the verbs run in place of the meshd under test.
	Program string

	cmd  *exec.Cmd
	log  *output
	born int // where in the log the last life began
	done chan struct{}
	pid  *atomic.Int64 // of the last life, for those who look on
}

// output collects what a process prints, bounded.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const maxOutput = 8 << 20

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() < maxOutput {
		o.buf.Write(p)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// New prepares a node with a directory and an address of its own.
func New(t testing.TB, name string) *Node {
	n := &Node{t: t, Name: name, Data: filepath.Join(t.TempDir(), name), Address: FreeAddress(t), pid: new(atomic.Int64)}
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() && n.log != nil {
			t.Logf("--- log of %s\n%s", name, tail(n.log.String(), 12000))
		}
	})
	return n
}

// On is the node as another test asks it: its failures are that test's. It must
// not start or end the process.
func (n *Node) On(t testing.TB) *Node {
	c := *n
	c.t = t
	return &c
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// Start runs a verb that serves ("init", "join", "serve") with the node's own
// directory, name and address, and returns at once.
func (n *Node) Start(verb string, args ...string) {
	n.t.Helper()
	if n.Running() {
		n.t.Fatalf("%s runs already", n.Name)
	}
	all := append([]string{verb}, args...)
	all = append(all, "--data", n.Data, "--listen", n.Address)
	all = append(all, n.Flags...)
	if verb != "serve" {
		all = append(all, "--name", n.Name)
	}
	cmd := exec.Command(n.program(), all...)
	if n.log == nil {
		n.log = &output{}
	}
	n.born = len(n.log.String())
	cmd.Stdout, cmd.Stderr = n.log, n.log
	if n.Output != nil {
		cmd.Stdout, cmd.Stderr = n.Output, n.Output
	}
	if n.Input != "" {
		cmd.Stdin = strings.NewReader(n.Input)
	}
	cmd.Env = append(cleanEnv(), n.Env...)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	done := make(chan struct{})
	n.cmd, n.done = cmd, done
	n.pid.Store(int64(cmd.Process.Pid))
	go func() { _ = cmd.Wait(); close(done) }()
}

func (n *Node) program() string {
	n.t.Helper()
	if n.Program != "" {
		return n.Program
	}
	return Binary(n.t)
}

// cleanEnv is the environment without what would configure a meshd.
func cleanEnv() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MESHD_") {
			out = append(out, e)
		}
	}
	return out
}

// Running says whether the process is there.
func (n *Node) Running() bool {
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// PID is the process id of the running node.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Log is all that the node has printed in its lives.
func (n *Node) Log() string { return n.log.String() }

// LastLog is what it has printed since it was started last.
func (n *Node) LastLog() string { return n.log.String()[n.born:] }

// Kill ends the node as a power switch would end the process: SIGKILL.
func (n *Node) Kill() {
	if n.Running() {
		_ = n.cmd.Process.Signal(syscall.SIGCONT)
		_ = n.cmd.Process.Kill()
		<-n.done
	}
}

// Pause stops the process as a sleeping laptop would (SIGSTOP); Resume wakes it.
// It returns when every thread stands: on a busy machine others may run on for
// a while after the signal, until the thread that must take it is scheduled.
func (n *Node) Pause() {
	n.t.Helper()
	n.signal(syscall.SIGSTOP)
	Eventually(n.t, 10*time.Second, n.Name+" stands still", func() error {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.PID()))
		if err != nil {
			return err
		}
		for _, task := range tasks { // none where the system has no /proc
			stat, err := os.ReadFile(task)
			if err != nil {
				continue
			}
			if _, state, ok := strings.Cut(string(stat), ") "); ok && !strings.HasPrefix(state, "T") {
				return fmt.Errorf("a thread is in state %.1s", state)
			}
		}
		return nil
	})
}

// Resume wakes a paused node.
func (n *Node) Resume() { n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// Stop asks the node to end (SIGTERM) and returns its exit code.
func (n *Node) Stop() int {
	n.t.Helper()
	n.signal(syscall.SIGTERM)
	return n.WaitExit(15 * time.Second)
}

// WaitExit waits for the process to end by itself and returns its exit code.
func (n *Node) WaitExit(timeout time.Duration) int {
	n.t.Helper()
	select {
	case <-n.done:
		return n.cmd.ProcessState.ExitCode()
	case <-time.After(max(timeout, patience)):
		n.t.Fatalf("%s did not end within %s", n.Name, max(timeout, patience))
		return -1
	}
}

// Result is what a command came to.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a client verb against this node's directory.
func (n *Node) Run(args ...string) Result { return n.RunInput("", args...) }

// RunInput is Run with text on standard input.
func (n *Node) RunInput(input string, args ...string) Result {
	n.t.Helper()
	return run(n.t, n.program(), nil, input, append(args, "--data", n.Data)...)
}

// Command runs meshd with a minute to finish.
func Command(t testing.TB, input string, args ...string) Result {
	t.Helper()
	return CommandEnv(t, nil, input, args...)
}

// CommandEnv is Command with more in the environment.
func CommandEnv(t testing.TB, env []string, input string, args ...string) Result {
	t.Helper()
	return run(t, Binary(t), env, input, args...)
}

func run(t testing.TB, program string, env []string, input string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(cleanEnv(), env...)
	cmd.Stdin = strings.NewReader(input)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("meshd %s: %v", strings.Join(args, " "), err)
	}
	return Result{out.String(), errOut.String(), cmd.ProcessState.ExitCode()}
}

// Must is Run for a verb that has to succeed; it returns standard output.
func (n *Node) Must(args ...string) string {
	n.t.Helper()
	r := n.Run(args...)
	if r.Code != 0 {
		n.t.Fatalf("meshd %s at %s: exit %d\n%s%s", strings.Join(args, " "), n.Name, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// JSON runs a verb with --json and decodes what it prints.
func (n *Node) JSON(v any, args ...string) {
	n.t.Helper()
	out := n.Must(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		n.t.Fatalf("meshd %s printed no JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// patience is what a machine that has much else to do is given at least.
const patience = time.Minute

// Eventually waits until cond says nil. The timeout is what it takes at most on
// a machine at rest: longer is said, and fails with cond's last word after that
// and a minute at least.
func Eventually(t testing.TB, timeout time.Duration, what string, cond func() error) {
	t.Helper()
	begun := time.Now()
	deadline := begun.Add(max(timeout, patience))
	for {
		err := cond()
		if err == nil {
			if took := time.Since(begun); took > timeout {
				t.Logf("%s: after %s only, %s would do at rest", what, took.Round(time.Millisecond), timeout)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, time.Since(begun).Round(time.Second), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Took says what took longer than it does at most on a machine at rest, and fails
// where it was a minute at least.
func Took(t testing.TB, atRest, took time.Duration, what string) {
	t.Helper()
	switch {
	case took > max(atRest, patience):
		t.Errorf("%s took %s", what, took.Round(time.Millisecond))
	case took > atRest:
		t.Logf("%s took %s, %s would do at rest", what, took.Round(time.Millisecond), atRest)
	}
}

// Prompt fails unless one of five tries takes no longer than within: that one was
// slow may be the machine's doing.
func Prompt(t testing.TB, within time.Duration, what string, try func()) {
	t.Helper()
	var took time.Duration
	for range 5 {
		begun := time.Now()
		if try(); time.Since(begun) <= within {
			return
		}
		took = time.Since(begun)
		t.Logf("%s took %s", what, took.Round(time.Millisecond))
	}
	t.Errorf("%s takes more than %s each time, at last %s", what, within, took.Round(time.Millisecond))
}
