package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/node"
)

func serveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node that belongs to a mesh",
		Long: `serve runs a node that belongs to a mesh, until it is stopped by Ctrl-C or SIGTERM.

In an empty directory it obeys MESHD_JOIN_TOKEN (or MESHD_JOIN_TOKEN_FILE) or
MESHD_INIT=true, so that one line does for containers and units, the first time
and ever after.`,
		Example: `  meshd serve
  meshd serve --listen :7443 --advertise box.lan
  meshd serve --peer 192.168.1.20:7443      # when every address has changed`,
		Args: arguments,
	}
	a.configFlags(cmd, append([]string{"peer", "no_vote"}, nodeFlags...)...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.running(cmd, func(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger) error {
			if err := node.Unfinished(c.Data); err != nil {
				return err
			}
			switch {
			case node.Belongs(c.Data):
				n, err := node.Open(ctx, nc)
				if errors.Is(err, node.ErrLeft) {
					return cleared(c.Data, log)
				}
				if err != nil {
					return err
				}
				return a.serve(ctx, n, c, log)
			case !c.JoinToken.IsZero():
				token, err := interruptible(ctx, c.JoinToken.Reveal)
				if err != nil {
					return err
				}
				return a.joinAndServe(ctx, c, nc, log, node.JoinOptions{Token: tokenIn(token), NoVote: c.NoVote}, false)
			case c.Init:
				return a.initAndServe(ctx, c, nc, log, founding{serve: true})
			}
			if err := node.LostTrust(c.Data); err != nil {
				return err
			}
			return exit.New(exit.Refused, c.Data+" belongs to no mesh yet", `make one with "meshd init", or join one with "meshd join TOKEN"`)
		})
	}
	return cmd
}
