package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// maxIdentity bounds an identity file, in bytes.
const maxIdentity = 64 << 10

func agentPath(name string) string { return "/agents/" + url.PathEscape(name) }

func agentsKeyCommand(a *app) *cobra.Command {
	var generate, publish, owner string
	cmd := a.asks(&cobra.Command{
		Use:   "key NAME",
		Short: "Show or publish the key that messages to an agent are sealed to",
		Long: `key shows an agent's key. --generate makes a new one: the identity, which opens what
is sealed to it, goes into FILE for its owner only, and the recipient is published. An
identity file that is there already gets the new key in front of those it has, so that
what was sealed before still opens. --publish publishes a recipient that was made
elsewhere, by "age-keygen -pq" for example.

What an administrator publishes claims the name for nobody: --owner does, for the
credential that the agent will use, before the key is published.

Who sealed messages to another key before is told of the change, and asked.`,
		Example:           "  meshd agents key reviewer\n  meshd agents key reviewer --generate reviewer.key\n  meshd agents key reviewer --publish @reviewer.pub",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if err := reserve(cmd.Context(), c, args[0], owner, nil); err != nil {
				return err
			}
			recipient, err := a.newRecipient(cmd, args[0], generate, publish)
			if err != nil {
				return err
			}
			var k agentKeyBody
			if recipient == "" {
				k, err = agentKey(cmd.Context(), c, args[0])
			} else {
				err = c.Do(cmd.Context(), caller.Request{Method: "PUT", Path: agentPath(args[0]) + "/key", Body: map[string]any{"recipient": recipient}}, &k)
			}
			if err != nil {
				return err
			}
			p := a.printer()
			if k.Unowned {
				warnUnowned(p, args[0])
			}
			return p.Result(k, func() error {
				if generate != "" {
					p.Hint("The identity is in %s: keep it, and give it to nobody. \"meshd inbox %s --identity %s\" reads sealed messages.", generate, args[0], generate)
				}
				return p.Card([]output.Field{
					{Name: "Agent", Value: k.Agent}, {Name: "Key", Value: k.Key}, {Name: "Since", Value: k.Since.Local().Format(time.DateTime)}, {Name: "Recipient", Value: k.Recipient},
				})
			})
		}),
	})
	cmd.Flags().StringVar(&generate, "generate", "", "make a new key, and keep its identity in this file")
	cmd.Flags().StringVar(&publish, "publish", "", "publish this recipient, age1pq1…, or @FILE, - for standard input")
	ownerFlag(cmd, &owner)
	return cmd
}

// newRecipient is what is to be published; nothing where the key is only shown.
func (a *app) newRecipient(cmd *cobra.Command, name, generate, publish string) (string, error) {
	if err := message.CheckName(name); err != nil {
		return "", exit.New(exit.Usage, "\""+output.Clean(name)+"\" is no name of an agent", "1 to 63 of a-z, 0-9, '.', '_' and '-'")
	}
	switch {
	case generate != "" && publish != "":
		return "", exit.New(exit.Usage, "--generate and --publish are both given", "keep one")
	case generate != "":
		return generateIdentity(cmd.Context(), generate, name)
	case publish == "-" || strings.HasPrefix(publish, "@"):
		path := strings.TrimPrefix(publish, "@")
		text, err := a.secret(cmd.Context(), path)
		if err != nil {
			return "", err
		}
		publish = text
	}
	publish = strings.TrimSpace(publish)
	if strings.HasPrefix(publish, "AGE-SECRET-KEY-") {
		return "", exit.New(exit.Usage, "that is an identity, not a recipient", "\"age-keygen -y FILE\" prints the recipient; keep the identity to yourself")
	}
	if publish != "" {
		if err := seal.CheckRecipient(publish); err != nil {
			return "", exit.New(exit.Usage, err.Error(), "")
		}
	}
	return publish, nil
}

// generateIdentity puts a new key into an identity file, which is on disk before
// anybody seals to it.
func generateIdentity(ctx context.Context, path, name string) (recipient string, err error) {
	secret, recipient, err := seal.Generate()
	if err != nil {
		return "", err
	}
	before := ""
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if before, err = readIdentity(ctx, path); err != nil {
			return "", err
		}
		if _, err := seal.ParseIdentity(secret + "\n" + before); err != nil {
			return "", exit.New(exit.Refused, path+" is there already, and holds something else or as many keys as it may", "name another file")
		}
	}
	text := "# " + name + ", " + time.Now().UTC().Format(time.RFC3339) + "\n# " + seal.HashOf(recipient) + "\n" + secret + "\n" + before
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := identity.WriteFile(path, []byte(text)); err != nil {
		return "", exit.New(exit.Failed, "the identity cannot be written to "+path+": "+plainReason(err), "")
	}
	return recipient, nil
}

// readIdentity reads the text of an identity file.
func readIdentity(ctx context.Context, path string) (string, error) {
	f, err := open(ctx, "the identity", path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(newInterruptibleReader(ctx, f), maxIdentity+1))
	switch {
	case err != nil:
		return "", unreadable("the identity", path, err)
	case len(text) > maxIdentity:
		return "", exit.New(exit.Usage, path+" is too large for an identity", "")
	}
	return string(text), nil
}
