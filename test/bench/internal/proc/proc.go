// Package proc starts the servers of a benchmark as processes, ends them, and
// reads what Linux says they used.
package proc

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// endGrace is how long a server may take to end by itself.
const endGrace = 15 * time.Second

// Process is one server. It belongs to one goroutine.
type Process struct {
	Name, Address string // Address is where its clients go
	Log           string // the file that its output is added to
	// Start returns the command to run next.
	Start func() *exec.Cmd

	cmd  *exec.Cmd
	done chan struct{}
}

// Run starts the server.
func (p *Process) Run() error {
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := p.Start()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func(done chan struct{}) { _ = cmd.Wait(); close(done) }(p.done)
	return nil
}

// End signals the server and waits for its end, which comes within some
// seconds. It does nothing to one that does not run.
func (p *Process) End(s syscall.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.done:
	case <-time.After(endGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd = nil
}

// Runs says that the server was started and not ended.
func (p *Process) Runs() bool { return p.cmd != nil }

// PID is the running server's.
func (p *Process) PID() int { return p.cmd.Process.Pid }
