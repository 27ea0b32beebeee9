package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// keyCreated is the answer of POST /apikeys.
type keyCreated struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// keyBody is one line of GET /apikeys.
type keyBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Scopes    []string  `json:"scopes,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by,omitempty"`
}

func apikeyCommand(a *app) *cobra.Command {
	return group("apikey", "Make, list and revoke API keys", "  meshd apikey create --role user --name laptop",
		apikeyCreateCommand(a), apikeyListCommand(a), apikeyRevokeCommand(a))
}

func apikeyCreateCommand(a *app) *cobra.Command {
	var (
		name, role string
		scopes     []string
	)
	cmd := a.asks(&cobra.Command{
		Use:     "create",
		Short:   "Make an API key; it is shown once",
		Example: "  meshd apikey create --name laptop\n  meshd apikey create --role viewer --scope graph:read",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			body := map[string]any{"name": name, "role": role}
			if len(scopes) > 0 {
				body["scopes"] = scopes
			}
			var out keyCreated
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/apikeys", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%s", output.Clean(out.Key))
				p.Hint("This is shown once. Send it as \"Authorization: Bearer …\", or put it in MESHD_KEY. \"meshd apikey revoke %s\" takes it back.", output.Clean(out.ID))
				return nil
			})
		}),
	})
	cmd.Flags().StringVar(&name, "name", "unnamed", "a name to know it by")
	cmd.Flags().StringVar(&role, "role", "user", "what its holder may do: admin, user, viewer or agent")
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what its holder may reach, such as graph:read, messages or agent:NAME (default everything the role may)")
	return cmd
}

func apikeyListCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "list",
		Short:   "List the API keys, without their secrets",
		Example: "  meshd apikey list",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			keys := []keyBody{}
			if err := c.Get(cmd.Context(), "/apikeys", nil, &keys); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(keys, func() error {
				now := time.Now()
				var rows [][]string
				for _, k := range keys {
					rows = append(rows, []string{k.ID, k.Name, k.Role, strings.Join(k.Scopes, " "), output.Ago(k.CreatedAt, now)})
				}
				return p.Table("there are no API keys; \"meshd apikey create\" makes one", []string{"ID", "NAME", "ROLE", "SCOPES", "MADE"}, rows)
			})
		}),
	})
}

func apikeyRevokeCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "revoke ID",
		Short:   "Take an API key back",
		Example: "  meshd apikey revoke 4qzt",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var out struct {
				LastAdmin bool `json:"last_admin"`
			}
			if err := a.revoke(cmd, c, "/apikeys/", args[0], "the key opens nothing any more", &out); err != nil {
				return err
			}
			if out.LastAdmin {
				a.printer().Hint("No administrator's key is left; the local sockets of the nodes remain, and \"meshd apikey create --role admin\" there makes one.")
			}
			return nil
		}),
	})
}
