package program

import (
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roles are what else this test's program can be.
var roles = map[string]func(){
	// middle starts one that makes a session of its own and ignores what asks
	// programs to end, and goes: nobody is its parent then.
	"middle": func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TEST_CHILD=stayer")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			panic(err)
		}
	},
	// stayer holds a connection for as long as it lives.
	"stayer": func() {
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		c, err := net.Dial("unix", os.Getenv("TEST_SOCKET"))
		if err != nil {
			panic(err)
		}
		_, _ = c.Write([]byte("x"))
		_, _ = c.Read(make([]byte, 1))
	},
	// runner has a stayer for its child.
	"runner": func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "TEST_CHILD=stayer")
		inGroup(cmd)
		if err := newFamily().start(cmd); err != nil {
			panic(err)
		}
		_ = cmd.Wait()
	},
}

// stayers is where stayers hold their connections.
func stayers(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	t.Setenv("TEST_SOCKET", ln.Addr().String())
	return ln
}

// next is the next stayer's connection.
func next(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	_ = ln.(*net.UnixListener).SetDeadline(time.Now().Add(time.Minute))
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return c
}

// lives says whether the stayer is there.
func lives(t *testing.T, c net.Conn) bool {
	t.Helper()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	_ = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ended = n == 0 && err == nil
		return true
	})
	return !ended
}

// ended waits for the end of a stayer.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Fatalf("it lives on: %v", err)
	}
}

// What a child leaves behind lives as long as the child does, whatever it has
// done to be nobody's: started again or stopped, the child leaves nothing.
func TestLeavesNoProcessBehind(t *testing.T) {
	ln := stayers(t)
	m := run(t, func(c *Config) { c.Instances = 2 })
	m.attached(2)
	if got := m.ask("daemon"); !strings.Contains(got, "it is there") {
		t.Fatal(got)
	}
	first := next(t, ln)
	if got := m.ask("daemon"); !strings.Contains(got, "it is there") {
		t.Fatal(got)
	}
	second := next(t, ln)
	if !lives(t, first) || !lives(t, second) {
		t.Fatal("it was ended while its program runs")
	}
	m.end(nil)
	ended(t, first)
	ended(t, second)
	m.logged("left processes behind")
	if left := processesBelow(os.Getpid()); left > 0 {
		t.Errorf("%d processes are left", left)
	}
}

// Who is asked to end twice does not wait, and leaves nothing behind either.
func TestAskedTwiceItLeavesNoProcessBehind(t *testing.T) {
	ln := stayers(t)
	now := make(chan struct{})
	m := run(t, func(c *Config) { c.Grace, c.term, c.Now = time.Hour, time.Hour, now })
	m.attached(1)
	m.ask("daemon")
	c := next(t, ln)
	if got := m.ask("stubborn"); got != `"I stay"` {
		t.Fatal(got)
	}
	close(now)
	m.end(ErrKilled)
	ended(t, c)
}

func TestACrashLeavesNoProcessBehind(t *testing.T) {
	ln := stayers(t)
	m := run(t, nil)
	m.attached(1)
	m.ask("daemon")
	c := next(t, ln)
	m.ask("die")
	m.saw("a restart", func(e Event) bool { return e.Event == "ended" && *e.Code == 7 && e.RestartIn == "1ms" })
	ended(t, c)
	m.end(nil)
}

// A program whose runner is killed has nobody to speak to the mesh for it, and
// its messages go to another: it is killed too.
func TestChildDiesWithItsRunner(t *testing.T) {
	ln := stayers(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_CHILD=runner")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := next(t, ln)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ended(t, c)
}

func processesBelow(pid int) (n int) {
	for _, p := range processes() {
		if p.parent == pid {
			n++
		}
	}
	return n
}
