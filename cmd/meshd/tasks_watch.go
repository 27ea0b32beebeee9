package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/task"
)

func tasksWatch(a *app) *cobra.Command {
	var since string
	cmd := a.asks(&cobra.Command{
		Use:   "watch ID",
		Short: "Show what happens to a task until it has ended",
		Long: `watch prints what has happened to a task, and then each change until it has ended
or Ctrl-C. When the connection breaks it connects again and goes on where it was.
Under --json each change is one line.`,
		Example: "  meshd tasks watch 17\n  meshd tasks watch 17 --json | jq .progress",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			w := &taskWatch{since: since, p: a.printer()}
			f := follower{client: c, p: w.p, path: "/tasks/" + url.PathEscape(args[0]) + "/events", query: w.query, take: w.take}
			return f.follow(cmd.Context())
		}),
	})
	cmd.Flags().StringVar(&since, "since", "", "begin after this revision")
	return cmd
}

// taskWatch shows what happens to a task.
type taskWatch struct {
	since string
	p     *output.Printer
}

func (w *taskWatch) query() url.Values {
	if w.since == "" {
		return nil
	}
	return url.Values{"since": {w.since}}
}

// take shows a line and notes where to go on.
func (w *taskWatch) take(_ context.Context, line []byte) (told, error) {
	var l feedLine
	if err := json.Unmarshal(line, &l); err != nil {
		return passed, notOfStream(line)
	}
	if l.ID != "" {
		w.since = l.ID
	}
	switch l.Event {
	case "end":
		return last, nil
	case "cut":
		return passed, l.cut()
	case "message":
	default:
		return passed, nil
	}
	if w.p.JSON {
		return shown, w.p.Line(json.RawMessage(bytes.Clone(l.Data)))
	}
	var e task.Event
	if err := json.Unmarshal(l.Data, &e); err != nil {
		return passed, notOfStream(line)
	}
	w.p.Say("%s", w.line(&e))
	return shown, nil
}

// line is an event for people.
func (w *taskWatch) line(e *task.Event) string {
	s := e.Time.Local().Format(time.TimeOnly) + "  " + fmt.Sprintf("%-15s", e.Kind)
	if e.Agent != "" {
		s += " " + output.Clean(e.Agent)
	}
	if e.Attempt > 1 {
		s += ", attempt " + strconv.Itoa(e.Attempt)
	}
	if p := e.Progress; p != nil {
		if p.Percent != nil {
			s += "  " + strconv.Itoa(*p.Percent) + "%"
		}
		s += "  " + output.Clean(p.Text)
	}
	if e.Text != "" {
		s += "  " + output.Clean(e.Text)
	}
	if e.By != "" {
		s += w.p.Mark(output.Dim, "  by "+output.Clean(e.By))
	}
	return strings.TrimRight(s, " ")
}
