package main

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/graphsync"
)

func graphHistory(a *app) *cobra.Command {
	var (
		namespace, cursor string
		limit             int
		edge              bool
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "history NODE",
		Short: "Show what a node or an edge was, the newest version first",
		Long: `history shows the versions of a node, named by its id or key, or with --edge
of an edge, named by its id. What has ended is found by its id, as long as its
history is kept ("meshd graph retention").`,
		Example: "  meshd graph history ada\n  meshd graph history --edge 15 --json",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if edge {
				q.Set("edge_id", args[0])
			} else {
				refer(q, args[0], "id", "key")
			}
			if q.Has("key") {
				q.Set("session_id", namespace)
			}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			var out graphsync.HistoryPage
			if err := c.Get(cmd.Context(), "/graph/history", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				var rows [][]string
				for _, v := range out.Versions {
					rows = append(rows, []string{strconv.FormatUint(v.Revision, 10), v.Time.Local().Format(time.DateTime), v.What, v.Author, became(v)})
				}
				err := p.Table("nothing of it is kept", []string{"REVISION", "WHEN", "WHAT", "BY", "CHANGED"}, rows)
				more(p, out.Cursor)
				return err
			})
		}),
	}), &namespace)
	cmd.Flags().BoolVar(&edge, "edge", false, "the id is that of an edge")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many versions at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page before ended")
	return a.completesNodes(cmd, &namespace)
}

// became says in few words what a version is.
func became(v graphsync.Version) string {
	switch {
	case v.MergedInto != 0:
		return "into " + strconv.FormatUint(v.MergedInto, 10)
	case len(v.Changed) > 0:
		return strings.Join(v.Changed, ", ")
	case v.Node != nil:
		return v.Node.Label
	case v.Edge != nil:
		return v.Edge.EdgeType
	}
	return ""
}
