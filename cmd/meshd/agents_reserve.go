package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

func agentsReserveCommand(a *app) *cobra.Command {
	var owner string
	cmd := a.asks(&cobra.Command{
		Use:   "reserve NAME",
		Short: "Let an agent's name belong to a credential before that uses it",
		Long: `reserve lets a name that is nobody's belong to a credential. Otherwise it will be the
first credential's that attaches as it, sends from it or takes of its inbox, with all
that waits there and whatever an administrator has set up for it: what administrators
do, over a node's local socket too, claims nothing.`,
		Example:           "  meshd apikey create --role agent --name reviewer\n  meshd agents reserve reviewer --owner KEY-ID",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if owner == "" {
				return exit.New(exit.Usage, "whose the name shall be is missing", "give --owner ID; \"meshd apikey list\" shows the ids")
			}
			var out struct {
				Name  string `json:"name"`
				Owner string `json:"owner"`
			}
			if err := reserve(cmd.Context(), c, args[0], owner, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%s belongs to %s.", output.Clean(out.Name), output.Clean(out.Owner))
				return nil
			})
		}),
	})
	ownerFlag(cmd, &owner)
	return cmd
}

// ownerFlag lets a verb that sets something up for a name reserve that first.
func ownerFlag(cmd *cobra.Command, owner *string) {
	cmd.Flags().StringVar(owner, "owner", "", "let the name, if it is nobody's, belong to this credential, by its id; me is your own")
}

// reserve lets a name belong to a credential. Without one it asks nothing.
func reserve(ctx context.Context, c *caller.Client, name, owner string, out any) error {
	if owner == "" {
		return nil
	}
	return c.Do(ctx, caller.Request{Method: "PUT", Path: agentPath(name) + "/owner", Body: map[string]any{"owner": owner}}, out)
}

// warnUnowned tells an administrator whose what was set up may come to be.
func warnUnowned(p *output.Printer, name string) {
	p.Hint("%s is nobody's name yet: it will belong to the first credential that uses it. \"meshd agents reserve %s --owner ID\" reserves it for one; \"meshd apikey list\" shows the ids.", name, name)
}
