package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/client"
)

func seatCommand(a *app) *cobra.Command {
	handOver := a.asks(&cobra.Command{
		Use:     "hand-over",
		Short:   "Give the leadership of this node to another, before its machine is taken down",
		Example: "  meshd seat hand-over\n  meshd --node https://box.lan:7443 seat hand-over",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *client.Client) error {
			var done struct {
				Leader string `json:"leader"`
			}
			if err := c.Do(cmd.Context(), client.Request{Method: "POST", Path: "/seat/hand-over", Body: struct{}{}, Timeout: 15 * time.Second}, &done); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(done, func() error {
				p.Say("%s leads now", done.Leader)
				return nil
			})
		}),
	})
	return group("seat", "Move what a node does for the others", "  meshd seat hand-over", handOver)
}
