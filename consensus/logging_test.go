package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// What belongs to a join or to a leader's removal is a detail; the same words
// with another reason are news.
func TestOrdinaryEventsAreDetails(t *testing.T) {
	var out bytes.Buffer
	l := newLibraryLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), "raft")
	for _, c := range []struct {
		msg, level string
		err        error
	}{
		{"failed to get previous log", "DEBUG", fmt.Errorf("reading: %w", raft.ErrLogNotFound)},
		{"failed to get previous log", "INFO", errors.New("disk")},
		{"failed to get log", "INFO", raft.ErrLogNotFound},
	} {
		out.Reset()
		l.Warn(c.msg, "previous-index", 7, "error", c.err)
		if !strings.Contains(out.String(), "level="+c.level+" ") {
			t.Errorf("%s, %v: %s, want %s", c.msg, c.err, out.String(), c.level)
		}
	}
	if unseated(raft.ErrNotLeader) != slog.LevelDebug || unseated(raft.ErrLeadershipLost) != slog.LevelWarn || unseated(errNotSafe) != slog.LevelWarn {
		t.Error("a step that failed has another level")
	}
}
