package main

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// handover is how long a node may take to hand its duties to others.
const handover = 90 * time.Second

func leaveCommand(a *app) *cobra.Command {
	var yes bool
	cmd := a.asks(&cobra.Command{
		Use:     "leave",
		Short:   "Take this node out of its mesh, cleanly; it may come back by a new token",
		Example: "  meshd leave\n  meshd leave --yes",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			p := a.printer()
			if err := p.Confirm(cmd.Context(), "Shall the node at "+c.Where()+" leave its mesh?", yes); err != nil {
				return err
			}
			err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/leave", Body: struct{}{}, Timeout: handover}, nil)
			if err != nil {
				return err
			}
			return p.Result(map[string]any{"left": true}, func() error {
				p.Say("the node has left the mesh; it comes back with \"meshd join TOKEN\"")
				return nil
			})
		}),
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func removeCommand(a *app) *cobra.Command {
	var yes bool
	cmd := a.asks(&cobra.Command{
		Use:               "remove NODE",
		Short:             "Remove a node for ever: its key is never admitted again",
		Example:           "  meshd remove office\n  meshd remove office --yes",
		ValidArgsFunction: a.completing(memberNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			m, err := memberNamed(cmd, c, args[0])
			if err != nil {
				return err
			}
			p := a.printer()
			question := "Remove " + output.Clean(m.Name) + " (" + output.Clean(m.ID) + ", " + output.Clean(m.Status) + ") for ever? It can only return with a new key."
			if err := p.Confirm(cmd.Context(), question, yes); err != nil {
				return err
			}
			err = c.Do(cmd.Context(), caller.Request{Method: "DELETE", Path: "/members/" + url.PathEscape(m.ID), Timeout: handover}, nil)
			if err != nil {
				return err
			}
			return p.Result(map[string]any{"id": m.ID, "name": m.Name, "removed": true}, func() error {
				p.Say("%s is removed for ever", output.Clean(m.Name))
				return nil
			})
		}),
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// memberNamed finds the one member a person means by a name, an id, or the
// beginning of an id.
func memberNamed(cmd *cobra.Command, c *caller.Client, word string) (memberBody, error) {
	members, err := fetchMembers(cmd, c)
	if err != nil {
		return memberBody{}, err
	}
	found, same := pickMember(members, word)
	switch same {
	case 1:
		return found, nil
	case 0:
		return found, exit.New(exit.Refused, "the mesh has no node "+word, "\"meshd members\" lists them")
	}
	return found, exit.New(exit.Refused, "more than one node is meant by "+word, "use the id that \"meshd members\" shows")
}
