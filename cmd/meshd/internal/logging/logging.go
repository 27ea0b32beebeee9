// Package logging makes the node's slog.Logger: text on a terminal, JSON
// otherwise, secrets taken out, written by a goroutine of its own.
//
// A node must never wait for whoever reads its log. A full pipe fills a queue
// of bounded lines and bytes; after that lines are dropped, counted, and the
// count is logged as soon as the reader takes lines again. What is dropped is
// the newest, so that the beginning of a trouble stays.
//
// It promises that a log call never blocks on the writer, that Close ends within
// its deadline, and that a reader who goes away does not take the process along.
package logging

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Options says what is logged, and where.
type Options struct {
	Writer io.Writer
	// Level is debug, info, warn or error; empty is info.
	Level string
	// Format is text or json; anything else means text if Terminal.
	Format   string
	Terminal bool
	// MaxLines and MaxBytes bound the queue; 0 means 4,096 lines and 4 MiB.
	MaxLines, MaxBytes int
}

// New returns the logger and the queue behind it, which the caller closes last.
//
// Where the writer is a file of the process, SIGPIPE is ignored from now on: Go
// ends a process that writes to a broken standard output or error, and a node
// must outlive whoever read its log.
func New(o Options) (*slog.Logger, *Queue) {
	if _, ok := o.Writer.(*os.File); ok {
		signal.Ignore(syscall.SIGPIPE)
	}
	q := newQueue(o)
	h := &slog.HandlerOptions{Level: level(o.Level), ReplaceAttr: redactAttr}
	if o.Format == "text" || (o.Format != "json" && o.Terminal) {
		return slog.New(slog.NewTextHandler(q, shortTime(h, o.Terminal))), q
	}
	return slog.New(slog.NewJSONHandler(q, h)), q
}

func level(s string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// shortTime leaves the date out on a terminal, where the person knows it.
func shortTime(h *slog.HandlerOptions, terminal bool) *slog.HandlerOptions {
	if !terminal {
		return h
	}
	return &slog.HandlerOptions{Level: h.Level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
			return slog.String(slog.TimeKey, a.Value.Time().Format(time.TimeOnly+".000"))
		}
		return redactAttr(groups, a)
	}}
}
