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
	"github.com/spf13/pflag"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// watchLine is one line of the stream: a change, a bookmark or a cut.
type watchLine struct {
	ID string `json:"id"`
	graphsync.Event
	Bookmark *struct {
		Revision uint64 `json:"revision"`
	} `json:"bookmark"`
	Cut *feedCut `json:"cut"`
}

// watch shows the changes of the graph.
type watch struct {
	query url.Values
	p     *output.Printer
	limit int // changes to show; 0: all
	shown int
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
			w := &watch{query: q, p: a.printer(), limit: limit}
			f := follower{client: c, p: w.p, path: "/graph/stream", query: func() url.Values { return w.query }, take: w.take}
			return f.follow(cmd.Context())
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

// take shows a line and notes where to go on.
func (w *watch) take(_ context.Context, line []byte) (told, error) {
	var l watchLine
	if err := json.Unmarshal(line, &l); err != nil || l.ID == "" {
		return passed, notOfStream(line)
	}
	w.query.Set("since", l.ID)
	var err error
	switch {
	case l.Cut != nil:
		return passed, l.Cut.err()
	case l.Bookmark != nil:
		return passed, nil
	case w.p.JSON:
		err = w.p.Line(json.RawMessage(bytes.Clone(line)))
	default:
		w.p.Say("%s", w.line(&l))
	}
	if w.shown++; w.shown == w.limit {
		return last, err
	}
	return shown, err
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
