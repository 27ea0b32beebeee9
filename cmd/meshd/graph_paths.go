package main

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/graphsync"
)

func graphPaths(a *app) *cobra.Command {
	var (
		namespace, direction, edgeType string
		depth, k                       int
		when                           whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "paths FROM TO",
		Short:   "Find the shortest paths between two nodes",
		Example: "  meshd graph paths ada babbage\n  meshd graph paths ada babbage --count 10 --direction outgoing",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "direction": {direction}, "max_depth": {strconv.Itoa(depth)}, "k": {strconv.Itoa(k)}}
			refer(q, args[0], "from", "from_key")
			refer(q, args[1], "to", "to_key")
			if edgeType != "" {
				q.Set("type", edgeType)
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out graphsync.Paths
			if err := c.Get(cmd.Context(), "/graph/paths", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				for _, path := range out.Paths {
					p.Say("%s", pathLine(p, pathOf(&out, path)))
				}
				switch {
				case len(out.Paths) == 0 && out.Truncated:
					p.Say("none was found before the search had to end")
				case len(out.Paths) == 0:
					p.Say("there is no path of at most %d edges", depth)
				case out.Truncated:
					p.Hint("There may be more, but none shorter than these.")
				}
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&direction, "direction", "both", "follow edges outgoing, incoming or both")
	cmd.Flags().StringVar(&edgeType, "type", "", "follow edges of this type only")
	cmd.Flags().IntVar(&depth, "max-depth", 10, "how many edges a path has at most, 1 to 20")
	cmd.Flags().IntVar(&k, "count", 3, "how many paths at most, 1 to 20")
	return a.completesNodes(directions(when.flags(cmd)), &namespace)
}

// pathOf is a path with its nodes and edges, which the answer lists once.
func pathOf(all *graphsync.Paths, ids graphsync.PathIDs) (out pathBody) {
	for _, id := range ids.Nodes {
		if i := slices.IndexFunc(all.Nodes, func(n graphsync.Node) bool { return n.ID == id }); i >= 0 {
			out.Nodes = append(out.Nodes, all.Nodes[i])
		}
	}
	for _, id := range ids.Edges {
		if i := slices.IndexFunc(all.Edges, func(e graphsync.Edge) bool { return e.ID == id }); i >= 0 {
			out.Edges = append(out.Edges, all.Edges[i])
		}
	}
	return out
}

// sortedKeys are the names in either map, in order.
func sortedKeys(a, b map[string]uint64) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]uint64{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
