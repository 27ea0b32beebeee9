package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
)

// founded is the answer of init, for programs.
type founded struct {
	MeshID      string   `json:"mesh_id"`
	Node        nodeLine `json:"node"`
	URL         string   `json:"url"`
	APIKey      string   `json:"api_key"`
	Token       string   `json:"token"`
	JoinCommand string   `json:"join_command"`
}

type nodeLine struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Pin     string `json:"pin"`
}

// adminKeyFile keeps the first API key where nobody was there to read it.
const adminKeyFile = "admin.key"

func initCommand(a *app) *cobra.Command {
	var noServe bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a mesh with this machine as its first node",
		Long: `init makes a mesh with this machine as its first node, prints how to join it and
how to call it, and serves in the foreground until Ctrl-C. Afterwards the node is
started with "meshd serve", which knows --listen, --advertise and --name from then
on (they are kept in meshd.toml in the data directory); typing init again does the
same.

The administrator's API key is shown on a terminal only; otherwise it is kept in
admin.key in the data directory.`,
		Example: `  meshd init
  meshd init --mesh-name home --listen :7443 --advertise box.lan
  meshd init --no-serve --json`,
		Args: arguments,
	}
	a.configFlags(cmd, append([]string{"mesh_name"}, nodeFlags...)...)
	cmd.Flags().BoolVar(&noServe, "no-serve", false, "only prepare; start the node with \"meshd serve\"")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.running(cmd, func(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger) error {
			if node.Belongs(c.Data) && !noServe && !a.json {
				n, err := node.Open(ctx, nc)
				if err != nil {
					return err
				}
				a.printer().Hint("%s already belongs to mesh %s: serving it, as \"meshd serve\" does", c.Data, n.MeshName())
				for _, hint := range typedAgain(ctx, n, c) {
					a.printer().Hint("%s", hint)
				}
				keep(c, n, log)
				return a.serve(ctx, n, c, log)
			}
			return a.initAndServe(ctx, c, nc, log, founding{remember: true, serve: !noServe})
		})
	}
	return cmd
}

// typedAgain is what init, typed at a mesh that is there, did not do.
func typedAgain(ctx context.Context, n *node.Node, c *config.Config) (hints []string) {
	if c.MeshName != "" && c.MeshName != n.MeshName() {
		hints = append(hints, fmt.Sprintf("the mesh keeps its name %s; --mesh-name names a new one only", n.MeshName()))
	}
	if c.Name != "" && c.Name != n.Name() {
		hints = append(hints, fmt.Sprintf("this node keeps the name %s that the mesh knows it by", n.Name()))
	}
	keys, err := n.Keys().List(ctx)
	if err == nil && !slices.ContainsFunc(keys, func(k access.KeyInfo) bool { return k.Role == access.RoleAdmin && k.RevokedAt == 0 }) {
		hints = append(hints, "no administrator has a key: make one with \"meshd apikey create --role admin\" while the node runs")
	}
	return hints
}

// founding is how a verb makes a mesh: whether what it was given is kept for the
// next start, and whether it serves.
type founding struct{ remember, serve bool }

func (a *app) initAndServe(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger, f founding) error {
	name := c.MeshName
	if name == "" {
		name = "mesh"
	}
	n, made, err := node.Found(ctx, nc, name)
	if err != nil {
		return err
	}
	if f.remember {
		keep(c, n, log)
	}
	if err := a.tellFounded(n, made, c, f.serve); err != nil {
		n.Close()
		return err
	}
	if !f.serve {
		return n.Close()
	}
	return a.serve(ctx, n, c, log)
}

// nextNode says where the next node may be.
func nextNode(n *node.Node) string {
	if n.OnlyLoopback() {
		return "No other machine can join: this node listens for this one only. For a second node on this machine"
	}
	return "On the next machine"
}

// tellFounded prints what a founder needs next. The key goes to a terminal or
// into JSON that was asked for, and otherwise into a file only the owner reads.
func (a *app) tellFounded(n *node.Node, made node.Founded, c *config.Config, serving bool) error {
	data := c.Data
	p := a.printer()
	me := n.Self()
	out := founded{
		MeshID: made.MeshID, Node: nodeLine{ID: me.ID, Name: me.Name, Address: me.Address, Pin: n.Pin().String()}, URL: n.URL(),
		APIKey: made.APIKey, Token: made.Token.String(), JoinCommand: "meshd join " + made.Token.String(),
	}
	if a.json {
		return p.Line(out)
	}
	shown := output.IsTerminal(a.out)
	keyHint := made.APIKey
	if !shown {
		path := filepath.Join(data, adminKeyFile)
		if err := identity.WriteFile(path, []byte(made.APIKey+"\n")); err != nil {
			return fmt.Errorf("keeping the administrator's key: %w", err)
		}
		keyHint = "kept in " + path
	}
	p.Say("Mesh %s is made; this machine is its first node, %s.\n", p.Mark(output.Bold, n.MeshName()), p.Mark(output.Bold, me.Name))
	if err := p.Card([]output.Field{{Name: "URL", Value: out.URL}, {Name: "Pin", Value: out.Node.Pin}, {Name: "Admin key", Value: keyHint}}); err != nil {
		return err
	}
	if shown {
		p.Say("\n%s, within an hour (10 uses):\n\n  %s\n", nextNode(n), out.JoinCommand)
		p.Say("From any client:\n\n  curl -k --pinnedpubkey sha256//%s -H 'Authorization: Bearer %s' %s/status\n", out.Node.Pin, made.APIKey, out.URL)
	} else {
		p.Say("\n%s: \"%s\" prints a join line.\n", nextNode(n), a.typed(c, "meshd token create"))
		p.Say("From any client:\n\n  curl -k --pinnedpubkey sha256//%s -H \"Authorization: Bearer $(cat %s)\" %s/status\n", out.Node.Pin, filepath.Join(data, adminKeyFile), out.URL)
	}
	if n.OnlyLoopback() {
		p.Hint("To let other machines join, start it with --listen :%d, or with --advertise and an address that they can dial.", n.Port())
	}
	a.hintServing(c, serving)
	return nil
}
