package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/client"
)

// agentBody is one line of GET /agents.
type agentBody struct {
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"`
	Hosts        []agentHost `json:"hosts"`
}

type agentHost struct {
	NodeID    string `json:"node_id"`
	Node      string `json:"node"`
	Instances int    `json:"instances"`
	Busy      int    `json:"busy"`
}

func agentsCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "agents",
		Short:   "List the agents of the mesh and where they are",
		Example: "  meshd agents",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *client.Client) error {
			var out struct {
				Agents []agentBody `json:"agents"`
			}
			if err := c.Do(cmd.Context(), client.Request{Method: "GET", Path: "/agents"}, &out); err != nil {
				return err
			}
			agents, p := append([]agentBody{}, out.Agents...), a.printer()
			return p.Result(agents, func() error {
				var rows [][]string
				for _, agent := range agents {
					var hosts []string
					for _, h := range agent.Hosts {
						hosts = append(hosts, h.Node)
					}
					rows = append(rows, []string{agent.Name, agent.Kind, strings.Join(hosts, ", "), agent.Description})
				}
				return p.Table("no agent is attached anywhere", []string{"NAME", "KIND", "AT", "WHAT IT DOES"}, rows)
			})
		}),
	})
}
