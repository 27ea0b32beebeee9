package main

import (
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/node"
)

func resetCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete this machine's node, to begin anew",
		Long: `reset deletes what makes this machine a node: its identity, its copy of the state
and its trust. The node must be stopped, and should have left its mesh before
("meshd leave"), or be removed from it at another node ("meshd remove").

Its configuration, meshd.toml, stays, and with it the address it listened on.`,
		Example: `  meshd reset
  meshd reset --data /srv/meshd --yes`,
		Args: arguments,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.config(cmd)
		if err != nil {
			return err
		}
		p := a.printer()
		if err := p.ConfirmWord(cmd.Context(), "This deletes the node in "+c.Data+", its copy of the state and its keys, for ever.", "reset", yes); err != nil {
			return err
		}
		if err := node.Reset(c.Data); err != nil {
			return err
		}
		return p.Result(struct {
			Data  string `json:"data"`
			Reset bool   `json:"reset"`
		}{c.Data, true}, func() error {
			p.Say("%s is as new: \"meshd init\" makes a mesh, \"meshd join TOKEN\" joins one.", c.Data)
			return nil
		})
	}
	return cmd
}
