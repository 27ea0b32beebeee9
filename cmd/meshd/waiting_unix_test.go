//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"
)

const patience = time.Minute

// inScratch is meshd as a process of its own, with dir as its world.
func inScratch(t *testing.T, dir, program string, args ...string) (cmd *exec.Cmd, errOut *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd, errOut = exec.CommandContext(ctx, program, args...), new(bytes.Buffer)
	cmd.Dir, cmd.Stderr = dir, errOut
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "MESHD_DATA="+filepath.Join(dir, "data"))
	return cmd, errOut
}

// opened waits until somebody has opened the pipe for reading, and is its other
// side.
func opened(t *testing.T, path string) *os.File {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			f := os.NewFile(uintptr(fd), path)
			t.Cleanup(func() { f.Close() })
			return f
		}
		if !errors.Is(err, unix.ENXIO) || time.Now().After(end) {
			t.Fatal("nobody has opened the pipe: ", err)
		}
	}
}

// sealedFile writes text sealed with a passphrase into dir.
func sealedFile(t *testing.T, dir, text string) {
	t.Helper()
	r, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(4)
	f, err := os.Create(filepath.Join(dir, "sealed"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := age.Encrypt(f, r)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}

// heard skips a test whose signal is ignored from above, as by nohup: the verb
// ignores it then as well.
func heard(t *testing.T, s os.Signal) {
	t.Helper()
	if signal.Ignored(s) {
		t.Skip(s, "is ignored here")
	}
}

// Nobody writes into a pipe that a verb reads: a signal ends the verb all the
// same, silently.
func TestInterruptedAtAPipe(t *testing.T) {
	tests := []struct {
		signal syscall.Signal
		args   string
	}{
		{syscall.SIGINT, "restore sealed --check --passphrase-file pipe"},
		{syscall.SIGTERM, "restore sealed --identity pipe"},
		{syscall.SIGHUP, "restore pipe --check"},
		{syscall.SIGINT, "backup new --passphrase-file pipe"},
		{syscall.SIGTERM, "status --node https://127.0.0.1:1 --key-file pipe"},
		{syscall.SIGINT, "join --token-file pipe --listen 127.0.0.1:0"},
		{syscall.SIGHUP, "serve --config pipe"},
		{syscall.SIGTERM, "graph import pipe"},
		{syscall.SIGINT, "send somebody @pipe"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			heard(t, tt.signal)
			dir := t.TempDir()
			sealedFile(t, dir, "no backup")
			pipe := filepath.Join(dir, "pipe")
			if err := unix.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(tt.args)
			if args[0] == "graph" { // it asks the node at the same time
				args = append(args, "--data", newStandIn(t, nil).data)
			}
			cmd, errOut := inScratch(t, dir, "meshd", args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			opened(t, pipe)
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 || errOut.Len() > 0 {
				t.Errorf("exit %d (%s), said %q", code, cmd.ProcessState, errOut)
			}
		})
	}
}

// Opening a pipe waits for its other side.
func TestInterruptedBeforeAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := open(ctx, "the key", pipe); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	opened(t, pipe) // lets go of what was left behind
}

// A backup from standard input leaves nothing behind, however the process ends.
func TestRestoreFromStandardInputLeavesNothing(t *testing.T) {
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGKILL} {
		if signal.Ignored(sent) {
			continue // as by nohup
		}
		dir := t.TempDir()
		cmd, errOut := inScratch(t, dir, "meshd", "restore", "-", "--check")
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stdin.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds: it is being read
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); sent != syscall.SIGKILL && code != 130 || errOut.Len() > 0 {
			t.Errorf("%s: exit %d (%s), said %q", sent, code, cmd.ProcessState, errOut)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v %v", sent, left, err)
		}
	}
}

// Who started meshd with nohup wants it to outlive the terminal.
func TestHangupIgnored(t *testing.T) {
	dir := t.TempDir()
	sealedFile(t, dir, "no backup")
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, errOut := inScratch(t, dir, "sh", "-c", `trap "" HUP; exec meshd restore sealed --check --passphrase-file pipe`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	other := opened(t, pipe)
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(other, "correct horse"); err != nil {
		t.Fatal(err)
	}
	other.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(errOut.String(), "sealed is ") {
		t.Errorf("exit %d (%s), said %q", code, cmd.ProcessState, errOut)
	}
}

// A backup may come through a named pipe, as from <(…) of a shell.
func TestRestoreFromAPipe(t *testing.T) {
	dir := t.TempDir()
	sealedFile(t, dir, "no backup")
	if err := os.WriteFile(filepath.Join(dir, "words"), []byte("correct horse"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, errOut := inScratch(t, dir, "sh", "-c", `cat sealed | meshd restore /dev/stdin --check --passphrase-file words`)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 4 || !strings.Contains(errOut.String(), "/dev/stdin is damaged or cut short") {
		t.Errorf("%v, said %q", err, errOut)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
