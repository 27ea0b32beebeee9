package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node"
)

// recovered is the answer of recover, for programs.
type recovered struct {
	OldMeshID string    `json:"old_mesh_id"`
	MeshID    string    `json:"mesh_id"`
	Revision  uint64    `json:"revision"`
	LastWrite time.Time `json:"last_write"`
	Lost      []string  `json:"former_members"`
	// Of a damaged replica: what was kept, what was lost, where it lies.
	Kept    string `json:"kept,omitempty"`
	OwnLost string `json:"own_lost,omitempty"`
	Aside   string `json:"set_aside,omitempty"`
}

func recoverCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make a single survivor a new mesh of one",
		Long: `recover is for a mesh that has lost its majority for ever. It makes this node,
which must be stopped, a new mesh of one with all the state it has. Writes that
only the lost nodes had are lost; the lost nodes, should they come back, are of
the old mesh and must be reset before they join the new one.

Where this node's own files are damaged it keeps the newest state that is whole,
says before it asks what that is and what is lost, and sets the damaged files
aside. Where nothing is whole it changes nothing.

If a majority can still be started, do that instead: nothing is lost then.`,
		Example: `  meshd recover
  meshd recover --data /srv/meshd --yes`,
		Args: arguments,
	}
	a.configFlags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.running(cmd, func(ctx context.Context, c *config.Config, nc node.Config, _ *slog.Logger) error {
			p := a.printer()
			plan, err := node.PlanRecovery(c.Data)
			if err != nil {
				return err
			}
			p.Hint("This node's last entry is of %s (term %d, index %d, revision %d).", plan.LastWrite.Local().Format(time.RFC1123), plan.Term, plan.Index, plan.Revision)
			if plan.Damaged != "" {
				p.Hint("Its own replica is damaged: %s.", plan.Damaged)
				p.Hint("Kept is %s.", plan.Kept)
				p.Hint("Lost is %s. The damaged replica stays, whole as it is now, in %s.", plan.Lost, plan.Aside)
			}
			p.Hint("Whatever the others acknowledged after that is lost. Of the old mesh: %v.", plan.Members)
			if err := p.Confirm(ctx, "Is every one of them lost for ever, or reset?", yes); err != nil {
				return err
			}
			if err := p.ConfirmWord(ctx, "This makes a new mesh of one from "+c.Data+".", "recover", yes); err != nil {
				return err
			}
			done, err := node.Recover(ctx, nc)
			if err != nil {
				return err
			}
			return p.Result(recovered{done.OldMeshID, done.MeshID, done.Revision, plan.LastWrite, plan.Members, plan.Kept, plan.Lost, plan.Aside}, func() error {
				p.Say("This node is a mesh of its own now, at revision %d. Start it with %s.", done.Revision, p.Mark(output.Bold, a.serveLine(c)))
				return nil
			})
		})
	}
	return cmd
}
