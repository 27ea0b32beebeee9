package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/task"
)

// taskSilence is how long a task's stream may say nothing: three pings.
const taskSilence = 45 * time.Second

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
			w := &taskWatch{client: c, path: "/tasks/" + url.PathEscape(args[0]) + "/events", since: since, p: a.printer()}
			err := w.follow(cmd.Context())
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // that is how it ends
			}
			return err
		}),
	})
	cmd.Flags().StringVar(&since, "since", "", "begin after this revision")
	return cmd
}

// taskWatch follows a task over as many connections as it takes.
type taskWatch struct {
	client *caller.Client
	path   string
	since  string
	p      *output.Printer
	begun  bool // the node has answered once
}

func (w *taskWatch) follow(ctx context.Context) error {
	pause := minWatchPause
	for {
		before := w.since
		done, err := w.once(ctx)
		switch {
		case done, ctx.Err() != nil:
			return context.Cause(ctx)
		case !w.begun || !again(err):
			return err
		}
		if w.since != before {
			pause = minWatchPause
		}
		w.p.Hint("%s; connecting again", exit.Line(err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, maxWatchPause)
	}
}

// once follows one connection; done says that the task has ended.
func (w *taskWatch) once(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(taskSilence, cancel)
	defer silence.Stop()
	q := url.Values{}
	if w.since != "" {
		q.Set("since", w.since)
	}
	res, err := w.client.Open(ctx, caller.Request{Method: http.MethodGet, Path: w.path, Query: q, Accept: "application/x-ndjson"})
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	w.begun = true
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxWatchLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		silence.Reset(taskSilence)
		if done, err = w.take(lines.Bytes()); done || err != nil {
			return done, err
		}
	}
	return false, &exit.Error{Code: exit.Unreachable, Sentence: "the connection broke", Err: lines.Err()}
}

// take shows a line and notes where to go on.
func (w *taskWatch) take(line []byte) (done bool, err error) {
	var l struct {
		Event string          `json:"event"`
		ID    string          `json:"id"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
	}
	if l.ID != "" {
		w.since = l.ID
	}
	switch l.Event {
	case "end":
		return true, nil
	case "cut":
		var cut struct {
			Code     string `json:"code"`
			Sentence string `json:"error"`
		}
		_ = json.Unmarshal(l.Data, &cut)
		e := &exit.Error{Code: exit.Refused, Sentence: output.Clean(cut.Sentence)}
		if cut.Code == "CLOSING" {
			e.Code = exit.Unreachable // for this connection only
		}
		return false, e
	case "message":
	default:
		return false, nil
	}
	if w.p.JSON {
		return false, w.p.Line(json.RawMessage(bytes.Clone(l.Data)))
	}
	var e task.Event
	if err := json.Unmarshal(l.Data, &e); err != nil {
		return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
	}
	w.p.Say("%s", w.line(&e))
	return false, nil
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
