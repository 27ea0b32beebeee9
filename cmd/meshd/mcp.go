package main

import (
	"log/slog"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/bridge"
	"github.com/meshd/meshd/cmd/meshd/internal/caller"
)

func mcpCommand(a *app) *cobra.Command {
	var session string
	var readOnly bool
	cmd := a.asks(&cobra.Command{
		Use:   "mcp",
		Short: "Serve the graph as a memory to an MCP client on this process's input and output",
		Long: `Serve the graph as a memory to an MCP client (Model Context Protocol) that
starts this as a child and speaks on its standard input and output.

The client has the nine tools of the reference memory server under the same
names, so it switches by one line of its configuration:

  {
    "mcpServers": {
      "memory": { "command": "meshd", "args": ["mcp"] }
    }
  }

Each --session is a memory of its own; all nodes of the mesh share them. Clients
that speak HTTP need no child: they use https://HOST:PORT/mcp?session_id=NAME of
any node with an API key.`,
		Example: "  meshd mcp\n  meshd mcp --session team-a --read-only",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			// A node that is not there or a key that is not good is said in this
			// program's words before the protocol begins.
			if err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/api/auth/verify"}, nil); err != nil {
				return err
			}
			query := url.Values{"session_id": {session}}
			if readOnly {
				query.Set("read_only", "true")
			}
			endpoint, asks := c.Endpoint("/mcp", query)
			return bridge.Serve(cmd.Context(), bridge.Options{
				Endpoint: endpoint, HTTP: asks, In: newInterruptibleReader(cmd.Context(), a.in), Out: a.out, Version: version(),
				Logger: slog.New(slog.DiscardHandler),
			})
		}),
	})
	cmd.Flags().StringVarP(&session, "session", "n", defaultNamespace, "memory to work in: a namespace of the graph")
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "offer only the tools that read")
	return cmd
}
