package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// memberBody is one line of GET /members.
type memberBody struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Address  string     `json:"address"`
	Role     string     `json:"role"`
	Status   string     `json:"status"`
	Leader   bool       `json:"leader"`
	Version  string     `json:"version"`
	Pin      string     `json:"pin"`
	LastSeen *time.Time `json:"last_seen"`
	Revision uint64     `json:"revision"`
}

func membersCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "members",
		Short:   "List the nodes of the mesh",
		Example: "  meshd members",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			members, err := fetchMembers(cmd, c)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(members, func() error {
				now := time.Now()
				var rows [][]string
				for _, m := range members {
					role := m.Role
					if m.Leader {
						role += ", leader"
					}
					seen := ""
					if m.LastSeen != nil {
						seen = output.Ago(*m.LastSeen, now)
					}
					revision := ""
					if m.Revision > 0 {
						revision = strconv.FormatUint(m.Revision, 10)
					}
					rows = append(rows, []string{m.Name, m.Address, m.Status, role, revision, seen, m.Version, m.ID})
				}
				return p.Table("there are no members", []string{"NAME", "ADDRESS", "STATUS", "ROLE", "REVISION", "SEEN", "VERSION", "ID"}, rows)
			})
		}),
	})
}

func fetchMembers(cmd *cobra.Command, c *caller.Client) ([]memberBody, error) {
	members := []memberBody{}
	err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/members"}, &members)
	return members, err
}
