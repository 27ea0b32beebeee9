package program

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// inGroup gives a child a process group of its own: the terminal's Ctrl-C is for
// this program, which then stops the child.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// terminate asks a child and what it started to end, as far as Windows can: with
// Ctrl-Break.
func terminate(cmd *exec.Cmd) {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(cmd.Process.Pid))
}

// kill ends a child.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// signalOf is empty: Windows has no signals.
func signalOf(*exec.Cmd) string { return "" }
