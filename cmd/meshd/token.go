package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// tokenCreated is the answer of POST /tokens.
type tokenCreated struct {
	ID          string    `json:"id"`
	Token       string    `json:"token"`
	Role        string    `json:"role"`
	ExpiresAt   time.Time `json:"expires_at"`
	Uses        int       `json:"uses"`
	JoinCommand string    `json:"join_command"`
}

// tokenBody is one line of GET /tokens.
type tokenBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	Role      string    `json:"role"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Status    string    `json:"status"`
	CreatedBy string    `json:"created_by"`
}

func tokenCommand(a *app) *cobra.Command {
	return group("token", "Make, list and revoke join tokens", "  meshd token create --uses 5 --ttl 24h",
		tokenCreateCommand(a), tokenListCommand(a), tokenRevokeCommand(a))
}

func tokenCreateCommand(a *app) *cobra.Command {
	var (
		ttl        time.Duration
		uses       int
		role, name string
	)
	cmd := a.asks(&cobra.Command{
		Use:     "create",
		Short:   "Make a token that lets machines join",
		Example: "  meshd token create\n  meshd token create --uses 5 --ttl 24h --name lab",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			if ttl < time.Second {
				return exit.New(exit.Usage, "--ttl "+ttl.String()+" is too short", "give a second or more, such as 1h")
			}
			if uses < 1 {
				return exit.New(exit.Usage, fmt.Sprintf("--uses %d lets nobody in", uses), "give 1 or more")
			}
			var out tokenCreated
			err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/tokens", Body: map[string]any{
				"ttl": ttl.String(), "uses": uses, "role": role, "name": name,
			}}, &out)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%s", output.Clean(out.JoinCommand))
				p.Hint("Type this on each machine that shall join: %d in all, until %s. Token %s; \"meshd token revoke %s\" takes it back.",
					out.Uses, out.ExpiresAt.Local().Format(time.DateTime), output.Clean(out.ID), output.Clean(out.ID))
				return nil
			})
		}),
	})
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long it is valid")
	cmd.Flags().IntVar(&uses, "uses", 1, "how many machines may join by it")
	cmd.Flags().StringVar(&role, "role", "member", "role of who joins by it: member or edge")
	cmd.Flags().StringVar(&name, "name", "", "a name to know it by")
	return cmd
}

func tokenListCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "list",
		Short:   "List the join tokens",
		Example: "  meshd token list",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			tokens := []tokenBody{}
			if err := c.Get(cmd.Context(), "/tokens", nil, &tokens); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(tokens, func() error {
				now := time.Now()
				var rows [][]string
				for _, t := range tokens {
					rows = append(rows, []string{t.ID, t.Name, t.Role, t.Status, fmt.Sprintf("%d of %d", t.Used, t.Uses), output.Ago(t.CreatedAt, now), output.Ago(t.ExpiresAt, now)})
				}
				return p.Table("there are no join tokens; \"meshd token create\" makes one",
					[]string{"ID", "NAME", "ROLE", "STATUS", "USED", "MADE", "EXPIRES"}, rows)
			})
		}),
	})
}

func tokenRevokeCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "revoke ID",
		Short:   "Take a join token back; who has joined stays",
		Example: "  meshd token revoke 7f3k",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			return a.revoke(cmd, c, "/tokens/", args[0], "nobody can join by the token any more", nil)
		}),
	})
}

// revoke deletes one thing by its id and says what that means. The answer goes
// into out, which may be nil.
func (a *app) revoke(cmd *cobra.Command, c *caller.Client, path, id, meaning string, out any) error {
	if err := c.Do(cmd.Context(), caller.Request{Method: "DELETE", Path: path + url.PathEscape(id)}, out); err != nil {
		return err
	}
	p := a.printer()
	return p.Result(map[string]any{"id": id, "revoked": true}, func() error {
		p.Say("%s", meaning)
		return nil
	})
}
