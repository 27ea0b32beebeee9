package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

func graphHubs(a *app) *cobra.Command {
	var (
		namespace, direction, edgeType, nodeType string
		limit                                    int
		least                                    uint64
		when                                     whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "hubs",
		Short:   "List the nodes with the most edges",
		Example: "  meshd graph hubs\n  meshd graph hubs --node-type package --type DEPENDS_ON --direction incoming --limit 20",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "direction": {direction}, "limit": {strconv.Itoa(limit)}}
			for name, v := range map[string]string{"type": edgeType, "node_type": nodeType} {
				if v != "" {
					q.Set(name, v)
				}
			}
			if least > 0 {
				q.Set("min_degree", strconv.FormatUint(least, 10))
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out graphsync.Hubs
			if err := c.Get(cmd.Context(), "/graph/hubs", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				var rows [][]string
				for _, h := range out.Hubs {
					rows = append(rows, []string{strconv.FormatUint(h.Degree, 10), strconv.FormatUint(h.Out, 10), strconv.FormatUint(h.In, 10),
						strconv.FormatUint(h.ID, 10), h.NodeType, h.Label})
				}
				err := p.Table("there are no edges", []string{"EDGES", "OUT", "IN", "ID", "TYPE", "LABEL"}, rows)
				if out.Truncated {
					p.Hint("%d edges were counted, which is not all: these are lower bounds.", out.Counted)
				}
				return err
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&direction, "direction", "both", "count edges outgoing, incoming or both")
	cmd.Flags().StringVar(&edgeType, "type", "", "count edges of this type only")
	cmd.Flags().StringVar(&nodeType, "node-type", "", "only nodes of this type")
	cmd.Flags().IntVar(&limit, "limit", 10, "how many nodes at most")
	cmd.Flags().Uint64Var(&least, "min-degree", 0, "only nodes with so many edges or more")
	return directions(when.flags(cmd))
}

func graphDegree(a *app) *cobra.Command {
	var (
		namespace, direction, types string
		when                        whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "degree NODE",
		Short:   "Count the edges of a node, by type",
		Example: "  meshd graph degree ada\n  meshd graph degree ada --direction outgoing --type WROTE,KNOWS",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "direction": {direction}}
			refer(q, args[0], "id", "key")
			if types != "" {
				q.Set("type", types)
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out graphsync.Degree
			if err := c.Get(cmd.Context(), "/graph/degree", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error { return printDegree(p, out) })
		}),
	}), &namespace)
	cmd.Flags().StringVar(&direction, "direction", "both", "count edges outgoing, incoming or both")
	cmd.Flags().StringVar(&types, "type", "", "count edges of these types only, with commas between")
	return a.completesNodes(directions(when.flags(cmd)), &namespace)
}

func printDegree(p *output.Printer, d graphsync.Degree) error {
	var rows [][]string
	for _, typ := range sortedKeys(d.OutTypes, d.InTypes) {
		rows = append(rows, []string{typ, strconv.FormatUint(d.OutTypes[typ], 10), strconv.FormatUint(d.InTypes[typ], 10)})
	}
	if len(rows) > 1 {
		rows = append(rows, []string{"all", strconv.FormatUint(d.Out, 10), strconv.FormatUint(d.In, 10)})
	}
	err := p.Table("it has no edges", []string{"TYPE", "OUT", "IN"}, rows)
	if d.Truncated {
		p.Hint("Not all edges were counted: these are lower bounds.")
	}
	return err
}
