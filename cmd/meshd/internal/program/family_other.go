//go:build !linux

package program

import "os/exec"

// family is all that runs because of this program. Only Linux gives a program
// what its children have left behind: elsewhere what has left the process group
// of its child goes on.
type family struct{}

func newFamily() *family { return &family{} }

// start starts a child.
func (*family) start(cmd *exec.Cmd) error { return cmd.Start() }

// gone would end what an instance has left behind.
func (*family) gone(pid, instance int) int { return 0 }

// close would end whatever is left.
func (*family) close() int { return 0 }
