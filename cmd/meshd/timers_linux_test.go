package main

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestANodeStartsItselfAnewWithCoarseTimers(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slack := func() int {
		t.Helper()
		n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil {
			t.Skip("no timer slack here:", err)
		}
		return n
	}
	if slack() != slackOfLinux {
		t.Skip("this process has a slack of its own")
	}
	var starts []int
	var given []string
	start := func(_ string, argv, env []string) error {
		if !slices.Equal(argv, os.Args) {
			t.Errorf("started as %q", argv)
		}
		starts, given = append(starts, slack()), env
		return unix.EPERM
	}
	coarseTimers([]string{"status"}, 2, start)
	coarseTimers([]string{"serve"}, 1, start)
	if len(starts) > 0 {
		t.Fatalf("started anew without need: %v", starts)
	}
	coarseTimers([]string{"serve", "--data", "x"}, 2, start)
	if !slices.Equal(starts, []int{slackOfNode}) || !slices.Contains(given, slackSet) {
		t.Errorf("started with the slack %v and %q", starts, given)
	}
	if got := slack(); got != slackOfLinux {
		t.Errorf("the slack stays %d after a start that failed", got)
	}
	t.Setenv("_MESHD_TIMER_SLACK", "set")
	coarseTimers([]string{"serve"}, 2, start)
	if _, there := os.LookupEnv("_MESHD_TIMER_SLACK"); there || len(starts) != 1 {
		t.Errorf("%d starts", len(starts))
	}
}
