package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A newcomer gave up on a large state after a minute, while it was arriving.
func TestJoinWaitsForAStateThatIsArriving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		look := func(until time.Duration, then bool) func() (int, bool) {
			return func() (int, bool) {
				since := time.Since(begun)
				return int(min(since, until) / (50 * time.Second)), then && since >= until
			}
		}
		if err := waitWhile(t.Context(), 20*time.Millisecond, time.Minute, look(time.Hour, true)); err != nil || time.Since(begun) < time.Hour {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		begun = time.Now()
		if err := waitWhile(t.Context(), 20*time.Millisecond, time.Minute, look(10*time.Minute, false)); !errors.Is(err, errStill) || time.Since(begun).Round(time.Second) != 11*time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := waitWhile(ctx, 20*time.Millisecond, time.Minute, look(0, false)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestBytesUnder(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"x": 3, "a/y": 5, "a/b/z": 7} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := bytesUnder(dir); got != 15 || bytesUnder(filepath.Join(dir, "none")) != 0 {
		t.Error(got)
	}
}
