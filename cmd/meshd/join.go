package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/roster"
)

func joinCommand(a *app) *cobra.Command {
	var role, tokenFile string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "join [TOKEN]",
		Short: "Join this machine to a mesh, then serve",
		Long: `join makes this machine a node of the mesh whose token it is given, telling each
proof as it happens, and then serves in the foreground until Ctrl-C. Tokens are
made by "meshd init" and "meshd token create".

"-" reads the token from standard input and --token-file from a file, so that it
does not show in a process list. In a directory that belongs to the mesh already
join is serve; in one of another mesh it refuses. It never makes a mesh.

What --listen, --advertise and --name say is kept in meshd.toml in the data
directory as soon as the mesh has admitted this machine, so that "meshd serve" alone
starts the node again. The state may take as long as it needs to arrive; a minute in
which nothing more of it comes ends the verb, and "meshd serve" goes on from there.`,
		Example: `  meshd join mesh1.…
  meshd join --token-file /run/secrets/token --advertise laptop.lan
  meshd token create | meshd join -`,
		Args: arguments,
	}
	a.configFlags(cmd, append([]string{"peer", "no_vote"}, nodeFlags...)...)
	cmd.Flags().StringVar(&role, "role", "member", "member; edge nodes are not supported yet")
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "file that holds the token")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to go on while no node of the mesh answers; 0 for ever")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.running(cmd, func(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger) error {
			token, err := a.joinToken(ctx, args, tokenFile, c)
			if err != nil {
				return err
			}
			return a.joinAndServe(ctx, c, nc, log, node.JoinOptions{Token: token, NoVote: c.NoVote, Role: roster.Role(role), Timeout: timeout}, true)
		})
	}
	return cmd
}

// joinToken finds the token in the argument, standard input, a file or the
// environment, in this order. The rest of a whole join line around it is
// forgiven.
func (a *app) joinToken(ctx context.Context, args []string, file string, c *config.Config) (string, error) {
	var raw string
	switch {
	case len(args) == 1 && args[0] != "-":
		raw = args[0]
	case len(args) == 1:
		data, err := io.ReadAll(io.LimitReader(newInterruptibleReader(ctx, a.in), 64<<10))
		if err != nil {
			return "", fmt.Errorf("reading the token from standard input: %w", err)
		}
		raw = string(data)
	case file != "":
		f, err := open(ctx, "the token", file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(newInterruptibleReader(ctx, f), 64<<10))
		if err != nil {
			return "", fmt.Errorf("reading the token: %w", err)
		}
		raw = string(data)
	case !c.JoinToken.IsZero():
		var err error
		if raw, err = interruptible(ctx, c.JoinToken.Reveal); err != nil {
			return "", err
		}
	default:
		return "", exit.New(exit.Usage, "join needs a token", `"meshd token create" on a node of the mesh prints the whole line`)
	}
	return tokenIn(raw), nil
}

// tokenIn finds the token in what may be a whole join line.
func tokenIn(text string) string {
	for _, word := range strings.Fields(text) {
		if strings.HasPrefix(word, "mesh") && word != "meshd" {
			return word
		}
	}
	return strings.TrimSpace(text)
}

// joinAndServe joins, telling each proof, and serves. It keeps what it was given
// for the next start where the verb is to remember it.
func (a *app) joinAndServe(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger, o node.JoinOptions, remember bool) error {
	p := a.printer()
	o.Progress = func(step, text string) {
		switch {
		case a.json:
			_ = p.Line(struct {
				Step string `json:"step"`
				Text string `json:"text"`
			}{step, text})
		case step == node.StepRetry, step == node.StepArriving:
			p.Hint("%s %s", p.Mark(output.Yellow, "…"), output.Clean(text))
		default:
			p.Hint("%s %s", p.Mark(output.Green, "✓"), output.Clean(text))
		}
	}
	if remember {
		o.Admitted = func(n *node.Node) { keep(c, n, log) }
	}
	n, err := node.Join(ctx, nc, o)
	if err != nil {
		return err
	}
	a.hintServing(c, true)
	return a.serve(ctx, n, c, log)
}
