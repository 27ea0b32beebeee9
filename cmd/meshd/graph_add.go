package main

import (
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

func graphAddNode(a *app) *cobra.Command {
	var namespace, expires string
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "node TYPE LABEL [k=v…]",
		Short: "Add a node; key=… gives it a key unique in its namespace",
		Example: `  meshd graph add node person "Ada Lovelace" key=ada born=1815
  meshd graph add node package bbolt key=go.etcd.io/bbolt 'tags=["db","kv"]'`,
		Args: arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			props, key, err := properties(args[2:])
			if err != nil {
				return err
			}
			body := map[string]any{"session_id": namespace, "node_type": args[0], "label": args[1], "properties": props}
			if key != "" {
				body["key"] = key
			}
			if expires != "" {
				if body["expires_at"], err = timeWord("--expires", expires); err != nil {
					return err
				}
			}
			var out graphsync.Node
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/nodes", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%d", out.ID)
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&expires, "expires", "", "ended by itself then, like 2026-01-31")
	return cmd
}

func graphAddEdge(a *app) *cobra.Command {
	var (
		namespace string
		weight    float64
		told      toldFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "edge A TYPE B [k=v…]",
		Short:   "Add an edge between two nodes, each named by id or key",
		Example: "  meshd graph add edge ada WROTE notes\n  meshd graph add edge 12 DEPENDS_ON 15 --weight 0.5\n  meshd graph add edge ada LIVES_IN london --valid-from 1835-07-08 --provenance \"a letter\"",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			props, key, err := properties(args[3:])
			if err != nil {
				return err
			}
			if key != "" {
				props["key"] = value(key)
			}
			source, err := resolve(cmd, c, namespace, args[0])
			if err != nil {
				return err
			}
			target, err := resolve(cmd, c, namespace, args[2])
			if err != nil {
				return err
			}
			body := map[string]any{"session_id": namespace, "source_id": source, "target_id": target, "edge_type": args[1], "weight": weight}
			if len(props) > 0 {
				body["properties"] = props
			}
			if err := told.set(cmd, body); err != nil {
				return err
			}
			var out graphsync.Edge
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/edges", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%d %s", out.ID, p.Mark(output.Dim, output.Clean(out.EdgeType)))
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().Float64Var(&weight, "weight", 1, "weight of the edge")
	return a.completesNodes(told.flags(cmd), &namespace)
}
