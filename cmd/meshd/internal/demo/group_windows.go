package demo

import "syscall"

// ownGroup keeps the terminal's Ctrl-C from the nodes: the demo stops them.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
