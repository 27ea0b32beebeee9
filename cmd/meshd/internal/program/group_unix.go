//go:build !windows

package program

import (
	"os/exec"
	"syscall"
)

// inGroup gives a child a process group of its own: the terminal's Ctrl-C is for
// this program, which then stops the child, and all that the child started ends
// with it.
func inGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminate asks a child and what it started to end.
func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// kill ends a child and what it started.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// signalOf names the signal that ended a child, empty where none did.
func signalOf(cmd *exec.Cmd) string {
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal().String()
	}
	return ""
}
