package main

import (
	"encoding/json"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// maxSchemaFile bounds what "schema set" reads.
const maxSchemaFile = 1 << 20

func graphSchema(a *app) *cobra.Command {
	return group("schema", "Show or say what a namespace asks of its nodes and edges", "  meshd graph schema set people.json", graphSchemaGet(a), graphSchemaSet(a))
}

func graphSchemaGet(a *app) *cobra.Command {
	var namespace string
	return inNamespace(a.asks(&cobra.Command{
		Use:     "get",
		Short:   "Print a namespace's schema as JSON",
		Example: "  meshd graph schema get\n  meshd graph schema get -n people > people.json",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			var out graphsync.Schema
			if err := c.Get(cmd.Context(), "/graph/schema", url.Values{"session_id": {namespace}}, &out); err != nil {
				return err
			}
			return a.printer().Object(out)
		}),
	}), &namespace)
}

func graphSchemaSet(a *app) *cobra.Command {
	var namespace string
	return inNamespace(a.asks(&cobra.Command{
		Use:   "set FILE",
		Short: "Replace a namespace's schema by a file of JSON, - for standard input",
		Long: `set replaces the schema of a namespace. It holds for writes from then on; what
is there already stays. An empty object takes it away.

  {"closed": true,
   "node_types": {"person": {"required": ["born"]}, "city": {}},
   "edge_types": {"LIVES_IN": {"single": true, "from": ["person"], "to": ["city"]}}}

closed refuses types that are not listed; single lets a source have one such
fact at a time: a new one ends the old one when it begins to be so.`,
		Example: "  meshd graph schema set people.json\n  echo '{}' | meshd graph schema set -",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			in, _, err := a.input(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			text, err := io.ReadAll(io.LimitReader(in, maxSchemaFile+1))
			if err != nil {
				return unreadable("the schema", args[0], err)
			}
			if len(text) > maxSchemaFile || !json.Valid(text) {
				return exit.New(exit.Usage, "the schema is not one JSON object", "\"meshd graph schema set --help\" shows one")
			}
			var out graphsync.Schema
			if err := c.Do(cmd.Context(), caller.Request{Method: "PUT", Path: "/graph/schema", Query: url.Values{"session_id": {namespace}}, Body: json.RawMessage(text)}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%d node types and %d edge types are known in %s", len(out.NodeTypes), len(out.EdgeTypes), output.Clean(namespace))
				return nil
			})
		}),
	}), &namespace)
}

func graphRetention(a *app) *cobra.Command {
	var (
		days  uint64
		bytes uint64
	)
	cmd := a.asks(&cobra.Command{
		Use:   "retention",
		Short: "Show or say how long the graph's history is kept",
		Long: `retention shows how long changes and past versions are kept, and with flags
changes that, which needs an administrator. History over a bound goes, a few
changes with each write.`,
		Example: "  meshd graph retention\n  meshd graph retention --days 365 --bytes 10737418240",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			var out graphsync.Retention
			if err := c.Get(cmd.Context(), "/graph/retention", nil, &out); err != nil {
				return err
			}
			if cmd.Flags().Changed("days") || cmd.Flags().Changed("bytes") {
				if !cmd.Flags().Changed("days") {
					days = out.Days
				}
				if !cmd.Flags().Changed("bytes") {
					bytes = out.Bytes
				}
				if err := c.Do(cmd.Context(), caller.Request{Method: "PUT", Path: "/graph/retention", Body: map[string]any{"days": days, "bytes": bytes}}, &out); err != nil {
					return err
				}
			}
			p := a.printer()
			return p.Result(out, func() error {
				return p.Card([]output.Field{
					{Name: "kept for", Value: strconv.FormatUint(out.Days, 10) + " days"},
					{Name: "at most", Value: output.Bytes(int64(out.Bytes))},
					{Name: "held", Value: output.Bytes(int64(out.HeldBytes)) + " in " + strconv.FormatUint(out.Changes, 10) + " changes"},
					{Name: "since", Value: "revision " + strconv.FormatUint(out.OldestRevision, 10)},
				})
			})
		}),
	})
	cmd.Flags().Uint64Var(&days, "days", 0, "keep history for so many days (0: the default, 90)")
	cmd.Flags().Uint64Var(&bytes, "bytes", 0, "keep at most so many bytes of it on each node (0: the default, 1 GiB)")
	return cmd
}
