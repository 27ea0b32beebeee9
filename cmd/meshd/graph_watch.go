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
	"github.com/spf13/pflag"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

const (
	// watchSilence is how long a stream may say nothing: three bookmarks.
	watchSilence = 3 * graphsync.BookmarkEvery
	// maxWatchLine bounds a line of a stream: a change with two versions.
	maxWatchLine = 4 << 20
	// The pauses between attempts to connect again.
	minWatchPause, maxWatchPause = 100 * time.Millisecond, 5 * time.Second
)

// watchLine is one line of the stream: a change, a bookmark or a cut.
type watchLine struct {
	ID string `json:"id"`
	graphsync.Event
	Bookmark *struct {
		Revision uint64 `json:"revision"`
	} `json:"bookmark"`
	Cut *struct {
		Code     string `json:"code"`
		Sentence string `json:"error"`
	} `json:"cut"`
}

// watch follows the graph over as many connections as it takes.
type watch struct {
	client *caller.Client
	query  url.Values
	p      *output.Printer
	limit  int // changes to show; 0: all
	shown  int
	begun  bool // the node has answered once
}

func graphWatch(a *app) *cobra.Command {
	var (
		namespace, include, since                string
		kinds, types, nodeTypes, edgeTypes, keys []string
		nodes                                    []uint
		all                                      bool
		limit                                    int
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "watch",
		Short: "Show the changes of the graph as they happen",
		Long: `watch prints each change of the graph, in order and once, until Ctrl-C. When the
connection breaks it connects again and goes on where it was. --since begins in the
past: at a revision, at a time, or with 0 as far back as changes are kept. Under
--json each change is one line; its id is what --since takes to go on after it.`,
		Example: "  meshd graph watch\n  meshd graph watch -n notes --type person --since 0\n  meshd graph watch --since 2030-01-02T15:04:05Z --json | jq .entity_id",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			q := url.Values{}
			if !all {
				q.Set("session_id", namespace)
			}
			for name, list := range map[string][]string{"kind": kinds, "type": types, "node_type": nodeTypes, "edge_type": edgeTypes} {
				if len(list) > 0 {
					q.Set(name, strings.Join(list, ","))
				}
			}
			var ids []string
			for _, id := range nodes {
				ids = append(ids, strconv.FormatUint(uint64(id), 10))
			}
			if len(ids) > 0 {
				q.Set("node_id", strings.Join(ids, ","))
			}
			if len(keys) > 0 {
				q["key[]"] = keys
			}
			if since != "" {
				q.Set("since", since)
			}
			q.Set("include", include)
			w := &watch{client: c, query: q, p: a.printer(), limit: limit}
			err := w.follow(cmd.Context())
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // that is how it ends
			}
			return err
		}),
	}), &namespace)
	f := cmd.Flags()
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "session" {
			name = "namespace"
		}
		return pflag.NormalizedName(name)
	})
	f.StringVar(&since, "since", "", "begin after this revision, the id of a change, or at a time; from now on if left out")
	f.StringSliceVar(&types, "type", nil, "nodes and edges of these types only")
	f.StringSliceVar(&nodeTypes, "node-type", nil, "nodes of these types only")
	f.StringSliceVar(&edgeTypes, "edge-type", nil, "edges of these types only")
	f.StringSliceVar(&kinds, "kind", nil, "these only: node, edge, observation, vector, schema, retention")
	f.UintSliceVar(&nodes, "id", nil, "what is about the nodes with these ids")
	f.StringArrayVar(&keys, "key-of", nil, "what is about the node with this key; may be repeated")
	f.StringVar(&include, "include", "values", "ids, values, or before for the values before too")
	f.BoolVar(&all, "all", false, "of all namespaces")
	f.IntVar(&limit, "limit", 0, "end after so many changes")
	return cmd
}

// follow connects until it may end. What breaks before the first answer, and
// what another attempt would not better, is an error.
func (w *watch) follow(ctx context.Context) error {
	pause := minWatchPause
	for {
		before := w.query.Get("since")
		done, err := w.once(ctx)
		switch {
		case done, ctx.Err() != nil:
			return context.Cause(ctx)
		case !w.begun || !again(err):
			return err
		}
		if w.query.Get("since") != before {
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

// again says that another attempt may go well.
func again(err error) bool {
	var refused *caller.Error
	if errors.As(err, &refused) {
		return refused.Status >= 500
	}
	// What is cancelled here was silent for too long.
	return exit.CodeOf(err) == exit.Unreachable || errors.Is(err, context.Canceled)
}

// wholeLines is bufio.ScanLines without what follows the last line break: a
// stream that breaks off within a line has not said it.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return 0, nil, nil
	}
	return i + 1, data[:i], nil
}

// once follows one connection; done says that enough was shown.
func (w *watch) once(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(watchSilence, cancel)
	defer silence.Stop()
	res, err := w.client.Open(ctx, caller.Request{Method: http.MethodGet, Path: "/graph/stream", Query: w.query, Accept: "application/x-ndjson"})
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	w.begun = true
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxWatchLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		silence.Reset(watchSilence)
		if done, err = w.take(lines.Bytes()); done || err != nil {
			return done, err
		}
	}
	return false, &exit.Error{Code: exit.Unreachable, Sentence: "the connection broke", Err: lines.Err()}
}

// take shows a line and notes where to go on.
func (w *watch) take(line []byte) (done bool, err error) {
	var l watchLine
	if err := json.Unmarshal(line, &l); err != nil || l.ID == "" {
		return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
	}
	w.query.Set("since", l.ID)
	switch {
	case l.Cut != nil:
		e := &exit.Error{Code: exit.Refused, Sentence: output.Clean(l.Cut.Sentence)}
		if l.Cut.Code == "TOO_SLOW" || l.Cut.Code == "CLOSING" {
			e.Code = exit.Unreachable // for this connection only
		}
		return false, e
	case l.Bookmark != nil:
		return false, nil
	case w.p.JSON:
		err = w.p.Line(json.RawMessage(bytes.Clone(line)))
	default:
		w.p.Say("%s", w.line(&l))
	}
	w.shown++
	return w.shown == w.limit, err
}

// line is a change for people.
func (w *watch) line(l *watchLine) string {
	s := l.Timestamp.Local().Format(time.TimeOnly) + "  " + fmt.Sprintf("%-7s ", l.Operation) + l.EntityType
	if l.EntityID != 0 {
		s += " " + strconv.FormatUint(l.EntityID, 10)
	}
	var thing struct{ Label, Text string }
	_ = json.Unmarshal(l.Data, &thing) // absent where the thing ended
	for _, part := range []string{l.Type, l.Model, thing.Label, thing.Text} {
		if part != "" {
			s += "  " + output.Clean(part)
		}
	}
	switch {
	case l.SourceID != 0:
		s += fmt.Sprintf("  %d -> %d", l.SourceID, l.TargetID)
	case l.OtherID != 0:
		s += fmt.Sprintf("  into %d", l.OtherID)
	case l.NodeID != 0 && l.NodeID != l.EntityID:
		s += fmt.Sprintf("  of %d", l.NodeID)
	}
	if l.Author != "" {
		s += w.p.Mark(output.Dim, "  by "+output.Clean(l.Author))
	}
	return s
}
