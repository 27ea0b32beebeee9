package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged returns what one logger writes through fn.
func logged(t *testing.T, o Options, fn func(*slog.Logger)) string {
	t.Helper()
	var b bytes.Buffer
	o.Writer = &b
	l, q := New(o)
	fn(l)
	if err := q.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		format   string
		terminal bool
		want     string
	}{
		{"auto", false, `"msg":"started"`},
		{"auto", true, "msg=started"},
		{"json", true, `"msg":"started"`},
		{"text", false, "msg=started"},
	} {
		got := logged(t, Options{Format: c.format, Terminal: c.terminal}, func(l *slog.Logger) { l.Info("started") })
		if !strings.Contains(got, c.want) {
			t.Errorf("format %s, terminal %v: %q lacks %q", c.format, c.terminal, got, c.want)
		}
	}
}

func TestLevel(t *testing.T) {
	got := logged(t, Options{Level: "warn"}, func(l *slog.Logger) { l.Info("quiet"); l.Warn("loud") })
	if strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Fatalf("level warn logged %q", got)
	}
}

func TestSecretsAreTakenOut(t *testing.T) {
	const key = "mk_ab12_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	got := logged(t, Options{}, func(l *slog.Logger) {
		l.Info("joining with mesh1.SECRET-SECRET", "token", "S-token", "api_key", "S-key", "Authorization", "S-auth",
			"err", errors.New("refused "+key), "header", map[string]string{"X": "Bearer S-bearer"},
			"token_id", "visible-id", "monkey", "visible-animal")
		l.WithGroup("g").With("secret", "S-secret").Info("again", slog.Group("h", "password", "S-password"))
	})
	for _, secret := range []string{"SECRET", "AAAA", "S-token", "S-key", "S-auth", "S-bearer", "S-secret", "S-password"} {
		if strings.Contains(got, secret) {
			t.Errorf("the log shows %q:\n%s", secret, got)
		}
	}
	for _, plain := range []string{"visible-id", "visible-animal", "joining with mesh1."} {
		if !strings.Contains(got, plain) {
			t.Errorf("the log lacks %q:\n%s", plain, got)
		}
	}
}

// TestFullPipe is a reader that stops reading: logging goes on, memory is
// bounded, and when the reader is back it is told how many lines are missing.
func TestFullPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l, q := New(Options{Writer: w, MaxLines: 64, MaxBytes: 16 << 10})

	const lines = 5000 // far beyond a pipe's buffer and the queue
	logging := make(chan struct{})
	go func() {
		defer close(logging)
		for i := range lines {
			l.Info("line", "i", i, "pad", strings.Repeat("x", 100))
		}
	}()
	select {
	case <-logging:
	case <-time.After(time.Minute):
		t.Fatal("logging blocked on a full pipe")
	}
	if q.Dropped() == 0 {
		t.Fatal("nothing was dropped; the pipe was not full")
	}
	if err := q.Close(time.Millisecond); err == nil {
		t.Fatal("Close claims to have written into a full pipe")
	}

	read := make(chan string)
	go func() {
		data, _ := io.ReadAll(r)
		read <- string(data)
	}()
	<-q.done
	w.Close()
	got := <-read
	var told uint64
	for _, line := range strings.Split(got, "\n") {
		if _, after, ok := strings.Cut(line, `"msg":"dropped `); ok {
			var n uint64
			if _, err := fmt.Sscan(after, &n); err != nil {
				t.Fatalf("reading %q: %v", line, err)
			}
			told += n
		}
	}
	if told != q.Dropped() {
		t.Fatalf("the reader was told of %d dropped lines of %d", told, q.Dropped())
	}
	if kept := strings.Count(got, `"msg":"line"`); uint64(kept)+q.Dropped() != lines {
		t.Fatalf("%d lines kept and %d dropped are not %d", kept, q.Dropped(), lines)
	}
}

func TestNothingIsQueuedAfterClose(t *testing.T) {
	var b bytes.Buffer
	l, q := New(Options{Writer: &b})
	l.Info("before")
	if err := q.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	l.Info("after")
	if got := b.String(); !strings.Contains(got, "before") || strings.Contains(got, "after") {
		t.Fatalf("the log is %q", got)
	}
}
