package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// pingBody is the answer of POST /ping.
type pingBody struct {
	Node    string    `json:"node"`
	ID      string    `json:"id"`
	Address string    `json:"address"`
	RTTMs   []float64 `json:"rtt_ms"`
	Path    string    `json:"path"`
}

// pingTurn is how long the node waits for one answer at most.
const pingTurn = 5 * time.Second

func pingCommand(a *app) *cobra.Command {
	var count int
	cmd := a.asks(&cobra.Command{
		Use:               "ping NODE",
		Short:             "Measure the way from this node to another",
		Example:           "  meshd ping office\n  meshd ping office --count 10",
		ValidArgsFunction: a.completing(memberNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var out pingBody
			err := c.Do(cmd.Context(), caller.Request{
				Method: "POST", Path: "/ping", Body: map[string]any{"node": args[0], "count": count},
				Once: true, Timeout: caller.Timeout + time.Duration(count)*pingTurn,
			}, &out)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				rtts := slices.Sorted(slices.Values(out.RTTMs))
				times := ""
				if n := len(rtts); n > 0 {
					times = fmt.Sprintf("%.2f ms fastest, %.2f ms in the middle, %.2f ms slowest of %d", rtts[0], rtts[n/2], rtts[n-1], n)
				}
				return p.Card([]output.Field{
					{Name: "node", Value: out.Node}, {Name: "address", Value: out.Address},
					{Name: "path", Value: out.Path}, {Name: "round trip", Value: times},
				})
			})
		}),
	})
	cmd.Flags().IntVar(&count, "count", 3, "how many times, 1 to 100")
	return cmd
}
