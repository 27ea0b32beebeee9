package main

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// How late the kernel may wake a thread that waits for a time. Go's runtime has
// a thread that looks after the others, every 20 µs while anything runs; with
// Linux' own slack of 50 µs that costs a node with one busy client a quarter of
// its CPU time. No timer of a node is meant to the millisecond.
const (
	slackOfLinux = 50_000 // ns
	slackOfNode  = 1_000_000
)

// slackSet tells the second start of a process from the first.
const slackSet = "_MESHD_TIMER_SLACK=set"

// coarseTimers gives a process that is to run a node more slack. A thread has
// that of the thread which started it, and the one in question is there before
// any code of ours: so the process sets its own and starts itself anew, once,
// with the same number. A slack that somebody chose is left as it is. With one
// processor the runtime's thread must be quick: it frees the processor from who
// waits for the disk.
func coarseTimers(args []string, processors int, exec func(path string, argv, env []string) error) {
	env := os.Environ()
	if slices.Contains(env, slackSet) {
		name, _, _ := strings.Cut(slackSet, "=")
		_ = os.Unsetenv(name)
		return
	}
	if len(args) == 0 || !slices.Contains([]string{"serve", "init", "join", "restore"}, args[0]) || processors < 2 {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || slack != slackOfLinux {
		return
	}
	if unix.Prctl(unix.PR_SET_TIMERSLACK, slackOfNode, 0, 0, 0) != nil {
		return
	}
	// Where it may not start itself, the node runs all the same.
	_ = exec(self, os.Args, append(env, slackSet))
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, slackOfLinux, 0, 0, 0)
}

func init() { prepare = func(args []string) { coarseTimers(args, runtime.NumCPU(), syscall.Exec) } }
