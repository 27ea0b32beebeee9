package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// How often one sentence of a library is let through.
const (
	repeatWindow = 10 * time.Second
	repeatLimit  = 3
	repeatTable  = 256
)

// libraryLog hands what the libraries say to slog, one level down (their
// warnings are news to us, their news are details), and holds back what repeats.
type libraryLog struct {
	to   *slog.Logger
	name string
	args []any
	seen *repeats
}

var _ hclog.Logger = (*libraryLog)(nil)

type repeats struct {
	mu    sync.Mutex
	since time.Time
	count map[string]int
}

func newLibraryLog(to *slog.Logger, name string) *libraryLog {
	return &libraryLog{to: to, name: name, seen: &repeats{count: make(map[string]int)}}
}

func (r *repeats) allow(msg string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.since) > repeatWindow || len(r.count) > repeatTable {
		r.since = now
		clear(r.count)
	}
	r.count[msg]++
	return r.count[msg] <= repeatLimit
}

// Log implements hclog.Logger.
func (l *libraryLog) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case hclog.Warn:
		if to = slog.LevelInfo; trailing(msg, args) {
			to = slog.LevelDebug
		}
	case hclog.Error:
		if to = slog.LevelWarn; slices.ContainsFunc(args, closing) {
			to = slog.LevelDebug
		}
	case hclog.Trace, hclog.NoLevel, hclog.Off:
		return
	}
	if !l.to.Enabled(context.Background(), to) || (to > slog.LevelDebug && !l.seen.allow(msg)) {
		return
	}
	attrs := make([]any, 0, len(l.args)+len(args)+2)
	attrs = append(attrs, "from", l.name)
	attrs = append(attrs, l.args...)
	for _, a := range args {
		switch v := a.(type) {
		case hclog.Format:
			if len(v) > 0 {
				a = fmt.Sprintf(fmt.Sprint(v[0]), v[1:]...)
			}
		case error:
			a = v.Error()
		}
		attrs = append(attrs, a)
	}
	l.to.Log(context.Background(), to, msg, attrs...)
}

// closing says that an error is only that something was closed, by us.
func closing(arg any) bool {
	err, ok := arg.(error)
	return ok && (errors.Is(err, net.ErrClosed) || errors.Is(err, raft.ErrRaftShutdown) || errors.Is(err, raft.ErrTransportShutdown))
}

// trailing says that a follower lacks the entry before those that a leader sent,
// as each newcomer does: the leader sends earlier ones.
func trailing(msg string, args []any) bool {
	return msg == "failed to get previous log" && slices.ContainsFunc(args, func(arg any) bool {
		err, ok := arg.(error)
		return ok && errors.Is(err, raft.ErrLogNotFound)
	})
}

// unseated is the level for a step of the configuration that failed: one who
// leads no longer, such as a leader that is removed, leaves it to whoever does.
func unseated(err error) slog.Level {
	if errors.Is(err, raft.ErrNotLeader) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// Trace implements hclog.Logger.
func (l *libraryLog) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }

// Debug implements hclog.Logger.
func (l *libraryLog) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }

// Info implements hclog.Logger.
func (l *libraryLog) Info(msg string, args ...any) { l.Log(hclog.Info, msg, args...) }

// Warn implements hclog.Logger.
func (l *libraryLog) Warn(msg string, args ...any) { l.Log(hclog.Warn, msg, args...) }

// Error implements hclog.Logger.
func (l *libraryLog) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

// IsTrace implements hclog.Logger.
func (l *libraryLog) IsTrace() bool { return false }

// IsDebug implements hclog.Logger.
func (l *libraryLog) IsDebug() bool { return l.to.Enabled(context.Background(), slog.LevelDebug) }

// IsInfo implements hclog.Logger.
func (l *libraryLog) IsInfo() bool { return l.IsDebug() }

// IsWarn implements hclog.Logger.
func (l *libraryLog) IsWarn() bool { return true }

// IsError implements hclog.Logger.
func (l *libraryLog) IsError() bool { return true }

// ImpliedArgs implements hclog.Logger.
func (l *libraryLog) ImpliedArgs() []any { return l.args }

// With implements hclog.Logger.
func (l *libraryLog) With(args ...any) hclog.Logger {
	c := *l
	c.args = append(append([]any{}, l.args...), args...)
	return &c
}

// Name implements hclog.Logger.
func (l *libraryLog) Name() string { return l.name }

// Named implements hclog.Logger.
func (l *libraryLog) Named(name string) hclog.Logger { return l.ResetNamed(l.name + "." + name) }

// ResetNamed implements hclog.Logger.
func (l *libraryLog) ResetNamed(name string) hclog.Logger {
	c := *l
	c.name = name
	return &c
}

// SetLevel implements hclog.Logger; the level is slog's.
func (l *libraryLog) SetLevel(hclog.Level) {}

// GetLevel implements hclog.Logger.
func (l *libraryLog) GetLevel() hclog.Level {
	if l.IsDebug() {
		return hclog.Info
	}
	return hclog.Warn
}

// StandardLogger implements hclog.Logger.
func (l *libraryLog) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(nil), "", 0)
}

// StandardWriter implements hclog.Logger.
func (l *libraryLog) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return lineWriter{l} }

type lineWriter struct{ l *libraryLog }

// Write implements io.Writer.
func (w lineWriter) Write(p []byte) (int, error) {
	w.l.Info(string(bytes.TrimSpace(p)))
	return len(p), nil
}
