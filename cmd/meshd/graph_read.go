package main

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// fetchNode finds one node by what a person calls it.
func fetchNode(cmd *cobra.Command, c *caller.Client, namespace, word string, when whenFlags) (graphsync.Node, error) {
	var out graphsync.Node
	q := url.Values{}
	if err := when.set(q); err != nil {
		return out, err
	}
	key, isKey := strings.CutPrefix(word, "key:")
	if !isKey && isID(word) {
		err := c.Get(cmd.Context(), "/graph/nodes/"+word, q, &out)
		return out, err
	}
	q.Set("session_id", namespace)
	q.Set("key", key)
	var page struct {
		Nodes []graphsync.Node `json:"nodes"`
	}
	if err := c.Get(cmd.Context(), "/graph/nodes", q, &page); err != nil {
		return out, err
	}
	if len(page.Nodes) == 0 && when.asOf != "" {
		return out, exit.New(exit.Refused, "there was no node with the key "+key+" in the namespace "+namespace+" then", "\"meshd graph history "+key+"\" tells since when there is one")
	}
	if len(page.Nodes) == 0 {
		return out, exit.New(exit.Refused, "there is no node with the key "+key+" in the namespace "+namespace, "name another namespace with --namespace, or add the node with \"meshd graph add node\"")
	}
	return page.Nodes[0], nil
}

// resolve is the id of a node that a person names.
func resolve(cmd *cobra.Command, c *caller.Client, namespace, word string) (uint64, error) {
	return resolveAt(cmd, c, namespace, word, whenFlags{})
}

// resolveAt is resolve for a name that a node had at a time.
func resolveAt(cmd *cobra.Command, c *caller.Client, namespace, word string, when whenFlags) (uint64, error) {
	if isID(word) {
		return strconv.ParseUint(word, 10, 64)
	}
	n, err := fetchNode(cmd, c, namespace, word, when)
	return n.ID, err
}

func graphGet(a *app) *cobra.Command {
	var (
		namespace string
		when      whenFlags
		edge      bool
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "get NODE",
		Short:   "Show a node by its id or key, now or as it was",
		Example: "  meshd graph get ada\n  meshd graph get 12 --json\n  meshd graph get ada --as-of 2026-01-31",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if edge {
				return a.getEdge(cmd, c, args[0], when)
			}
			n, err := fetchNode(cmd, c, namespace, args[0], when)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(n, func() error { return printNode(p, n) })
		}),
	}), &namespace)
	cmd.Flags().BoolVar(&edge, "edge", false, "the id is that of an edge")
	return a.completesNodes(when.flags(cmd), &namespace)
}

func printNode(p *output.Printer, n graphsync.Node) error {
	return p.Card([]output.Field{
		{Name: "id", Value: strconv.FormatUint(n.ID, 10)},
		{Name: "type", Value: n.NodeType}, {Name: "label", Value: n.Label}, {Name: "key", Value: n.Key},
		{Name: "aliases", Value: strings.Join(n.Aliases, ", ")},
		{Name: "namespace", Value: n.SessionID}, {Name: "properties", Value: string(n.Properties)},
		{Name: "made", Value: when(n.CreatedAt, n.CreatedBy)}, {Name: "changed", Value: when(n.UpdatedAt, n.UpdatedBy)},
		{Name: "expires", Value: moment(n.ExpiresAt)},
	})
}

func (a *app) getEdge(cmd *cobra.Command, c *caller.Client, id string, w whenFlags) error {
	if !isID(id) {
		return exit.New(exit.Usage, "\""+id+"\" is not an id", "edges are named by their numbers")
	}
	q := url.Values{}
	if err := w.set(q); err != nil {
		return err
	}
	var e graphsync.Edge
	if err := c.Get(cmd.Context(), "/graph/edges/"+id, q, &e); err != nil {
		return err
	}
	p := a.printer()
	return p.Result(e, func() error {
		return p.Card([]output.Field{
			{Name: "id", Value: strconv.FormatUint(e.ID, 10)}, {Name: "type", Value: e.EdgeType},
			{Name: "from", Value: strconv.FormatUint(e.SourceID, 10)}, {Name: "to", Value: strconv.FormatUint(e.TargetID, 10)},
			{Name: "predicate", Value: e.Predicate}, {Name: "weight", Value: strconv.FormatFloat(e.Weight, 'g', -1, 64)},
			{Name: "namespace", Value: e.SessionID}, {Name: "properties", Value: string(e.Properties)},
			{Name: "so", Value: span(e.Provenance)}, {Name: "sure", Value: percent(e.Confidence)}, {Name: "source", Value: e.Provenance.Provenance},
			{Name: "made", Value: when(e.CreatedAt, e.CreatedBy)}, {Name: "changed", Value: when(e.UpdatedAt, e.UpdatedBy)},
			{Name: "expires", Value: moment(e.ExpiresAt)},
		})
	})
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t, "")
}

func when(t time.Time, by string) string {
	if t.IsZero() {
		return ""
	}
	s := t.Local().Format(time.DateTime)
	if by != "" {
		s += " by " + by
	}
	return s
}

// neighborhood is GET /graph/neighbors.
type neighborhood struct {
	Start graphsync.Node `json:"start"`
	Nodes []struct {
		graphsync.Node
		Depth int `json:"depth"`
	} `json:"nodes"`
	Edges     []graphsync.Edge `json:"edges"`
	Count     int              `json:"count"`
	Truncated bool             `json:"truncated,omitempty"`
	Capped    []uint64         `json:"capped,omitempty"`
}

func graphNeighbors(a *app) *cobra.Command {
	var (
		namespace, direction, edgeType string
		depth, limit, perNode          int
		when                           whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "neighbors NODE",
		Short:   "List what is near a node",
		Example: "  meshd graph neighbors ada\n  meshd graph neighbors ada --direction outgoing --type WROTE --depth 2",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "direction": {direction}, "depth": {strconv.Itoa(depth)}, "limit": {strconv.Itoa(limit)}}
			refer(q, args[0], "id", "key")
			if edgeType != "" {
				q.Set("type", edgeType)
			}
			if perNode > 0 {
				q.Set("per_node", strconv.Itoa(perNode))
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out neighborhood
			if err := c.Get(cmd.Context(), "/graph/neighbors", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error { return printNeighbors(p, out) })
		}),
	}), &namespace)
	cmd.Flags().StringVar(&direction, "direction", "both", "follow edges outgoing, incoming or both")
	cmd.Flags().StringVar(&edgeType, "type", "", "follow edges of these types only, with commas between")
	cmd.Flags().IntVar(&depth, "depth", 1, "how many edges away, 1 to 10")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many nodes at most")
	cmd.Flags().IntVar(&perNode, "per-node", 0, "how many nodes to reach from any one at most")
	return a.completesNodes(directions(when.flags(cmd)), &namespace)
}

func printNeighbors(p *output.Printer, out neighborhood) error {
	labels := map[uint64]string{out.Start.ID: out.Start.Label}
	for _, n := range out.Nodes {
		labels[n.ID] = n.Label
	}
	var rows [][]string
	for _, e := range out.Edges {
		rows = append(rows, []string{labels[e.SourceID], e.EdgeType, labels[e.TargetID], strconv.FormatUint(e.SourceID, 10), strconv.FormatUint(e.TargetID, 10)})
	}
	err := p.Table("it has no neighbors", []string{"FROM", "EDGE", "TO", "FROM ID", "TO ID"}, rows)
	if out.Truncated {
		p.Hint("There is more; raise --limit or follow one --type.")
	} else if len(out.Capped) > 0 {
		p.Hint("%d nodes lead to more than --per-node lets through.", len(out.Capped))
	}
	return err
}

// pathBody is GET /graph/path.
type pathBody struct {
	Found     bool             `json:"found"`
	Length    int              `json:"length"`
	Nodes     []graphsync.Node `json:"nodes"`
	Edges     []graphsync.Edge `json:"edges"`
	Truncated bool             `json:"truncated,omitempty"`
}

func graphPath(a *app) *cobra.Command {
	var (
		namespace, direction, edgeType string
		depth                          int
		when                           whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "path FROM TO",
		Short:   "Find a shortest path between two nodes",
		Example: "  meshd graph path ada babbage\n  meshd graph path ada babbage --direction outgoing",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "direction": {direction}, "max_depth": {strconv.Itoa(depth)}}
			refer(q, args[0], "from", "from_key")
			refer(q, args[1], "to", "to_key")
			if edgeType != "" {
				q.Set("type", edgeType)
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out pathBody
			if err := c.Get(cmd.Context(), "/graph/path", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				switch {
				case !out.Found && out.Truncated:
					p.Say("none was found before the search had to end")
				case !out.Found:
					p.Say("there is no path of at most %d edges", depth)
				default:
					p.Say("%s", pathLine(p, out))
				}
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&direction, "direction", "both", "follow edges outgoing, incoming or both")
	cmd.Flags().StringVar(&edgeType, "type", "", "follow edges of this type only")
	cmd.Flags().IntVar(&depth, "max-depth", 10, "how many edges at most, 1 to 20")
	return a.completesNodes(directions(when.flags(cmd)), &namespace)
}

// pathLine draws a path: Ada -WROTE-> Notes <-CITES- Book.
func pathLine(p *output.Printer, out pathBody) string {
	var b strings.Builder
	for i, n := range out.Nodes {
		if i > 0 && i <= len(out.Edges) {
			e, arrow := out.Edges[i-1], ""
			if e.TargetID == n.ID {
				arrow = " -" + output.Clean(e.EdgeType) + "-> "
			} else {
				arrow = " <-" + output.Clean(e.EdgeType) + "- "
			}
			b.WriteString(p.Mark(output.Dim, arrow))
		}
		b.WriteString(output.Clean(n.Label))
	}
	return b.String()
}
