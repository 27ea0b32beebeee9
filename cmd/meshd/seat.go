package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

func seatCommand(a *app) *cobra.Command {
	handOver := a.asks(&cobra.Command{
		Use:     "hand-over",
		Short:   "Give the leadership of this node to another, before its machine is taken down",
		Example: "  meshd seat hand-over\n  meshd --node https://box.lan:7443 seat hand-over",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			var done struct {
				Leader string `json:"leader"`
			}
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/seat/hand-over", Body: struct{}{}, Timeout: 15 * time.Second}, &done); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(done, func() error {
				p.Say("%s leads now", done.Leader)
				return nil
			})
		}),
	})
	return group("seat", "Move what a node does for the others", "  meshd seat hand-over\n  meshd seat move office", handOver, seatMoveCommand(a))
}

func seatMoveCommand(a *app) *cobra.Command {
	var from string
	cmd := a.asks(&cobra.Command{
		Use:               "move NODE",
		Short:             "Let a node vote in the place of another",
		Long:              "Let a node vote in the place of another. Each write waits for a majority of the voters,\nso they should be the machines that are up most and have the fastest disks. Their\nnumber stays what it is. Without --from a voter that is not alive gives up its seat,\nelse one that does not lead.",
		Example:           "  meshd seat move office\n  meshd seat move office --from laptop",
		ValidArgsFunction: a.completing(memberNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var moved struct {
				Node string `json:"node"`
				From string `json:"from"`
			}
			body := map[string]string{"node": args[0]}
			if from != "" {
				body["from"] = from
			}
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/seat/move", Body: body, Timeout: 50 * time.Second}, &moved); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(moved, func() error {
				p.Say("%s votes in the place of %s", output.Clean(moved.Node), output.Clean(moved.From))
				return nil
			})
		}),
	})
	cmd.Flags().StringVar(&from, "from", "", "the voter that gives up its seat")
	_ = cmd.RegisterFlagCompletionFunc("from", a.completing(memberNames))
	return cmd
}
