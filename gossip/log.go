package gossip

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// logBridge turns the lines of memberlist's logger into structured ones with a
// level. What memberlist calls an error is a peer that did not answer or broke
// the protocol: a warning here. Refused hearsay repeats with every round of
// gossip until the roster has caught up, so it is for debugging.
type logBridge struct{ log *slog.Logger }

func newMemberlistLogger(l *slog.Logger) *log.Logger { return log.New(logBridge{l}, "", 0) }

var logPrefixes = []struct {
	prefix string
	level  slog.Level
}{
	{"[DEBUG] ", slog.LevelDebug},
	{"[INFO] ", slog.LevelInfo},
	{"[WARN] ", slog.LevelWarn},
	{"[ERR] ", slog.LevelWarn},
	{"[ERROR] ", slog.LevelWarn},
}

var quietLines = [][]byte{
	[]byte("ignoring alive message"),
	[]byte("Refuting a"),
	[]byte("failed to receive"),
	[]byte("Push/Pull with"),
}

// Write implements io.Writer: one call a line.
func (b logBridge) Write(line []byte) (int, error) {
	text, level := bytes.TrimSpace(line), slog.LevelDebug
	for _, p := range logPrefixes {
		if rest, ok := bytes.CutPrefix(text, []byte(p.prefix)); ok {
			text, level = rest, p.level
			break
		}
	}
	text = bytes.TrimPrefix(text, []byte("memberlist: "))
	for _, quiet := range quietLines {
		if bytes.HasPrefix(text, quiet) {
			level = slog.LevelDebug
		}
	}
	if ctx := context.Background(); b.log.Enabled(ctx, level) {
		b.log.Log(ctx, level, "memberlist", "line", string(text))
	}
	return len(line), nil
}
