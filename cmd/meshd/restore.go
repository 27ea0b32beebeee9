package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/roster"
)

// restoredBody is the answer of restore, for programs.
type restoredBody struct {
	MeshID      string     `json:"mesh_id"`
	OldMeshID   string     `json:"old_mesh_id"`
	Revision    uint64     `json:"revision"`
	Node        nodeLine   `json:"node"`
	URL         string     `json:"url"`
	APIKeys     int        `json:"api_keys"`
	Token       string     `json:"token"`
	JoinCommand string     `json:"join_command"`
	Backup      backupBody `json:"backup"`
}

func restoreCommand(a *app) *cobra.Command {
	var (
		identities     []string
		p              phrase
		noServe, check bool
	)
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a new mesh from a backup, - for standard input",
		Long: `restore makes a new mesh from a backup, with this machine as its first node, and
serves it in the foreground until Ctrl-C, as init does. The graph and the API keys
are those of the backup. The mesh is another one: it has its own id, the node its
own key, and nodes and join tokens of the old mesh do not belong to it; revisions
go on 2^32 higher.

All of the file is proven before anything is written, and the data directory must
be empty. A restore that was cut short is begun again by the same line.`,
		Example: `  meshd restore mesh.backup --identity key.txt
  meshd restore mesh.backup --passphrase --data /srv/meshd --no-serve
  meshd restore mesh.backup --check`,
		Args: arguments,
	}
	a.configFlags(cmd, append([]string{"mesh_name"}, nodeFlags...)...)
	cmd.Flags().StringArrayVarP(&identities, "identity", "i", nil, "file with a key of age that opens it; repeat it for several")
	p.flags(cmd, "open it with")
	cmd.Flags().BoolVar(&noServe, "no-serve", false, "only restore; start the node with \"meshd serve\"")
	cmd.Flags().BoolVar(&check, "check", false, "only open the file and prove it whole")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(identities) > 0 && (p.wanted || p.file != "") {
			return exit.New(exit.Usage, "a backup is opened with a key or with a passphrase, not both", "give --identity or --passphrase")
		}
		u, err := a.unlocker(cmd.Context(), identities, p)
		if err != nil {
			return err
		}
		f, done, err := a.backupFile(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		open := func() (io.ReadCloser, error) { return a.openBackup(f, u, check) }
		if check {
			info, err := node.CheckBackup(cmd.Context(), open)
			if err != nil {
				return notRestored(args[0], err)
			}
			printer := a.printer()
			return printer.Result(describe(args[0], info), func() error { return a.describeBackup(args[0], info) })
		}
		return a.running(cmd, func(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger) error {
			n, made, err := node.Restore(ctx, nc, node.RestoreOptions{Open: open, MeshName: c.MeshName})
			if err != nil {
				return notRestored(args[0], err)
			}
			keep(c, n, log)
			if err := a.tellRestored(ctx, n, made, args[0], c, !noServe); err != nil {
				return errors.Join(err, n.Close())
			}
			if noServe {
				return n.Close()
			}
			return a.serve(ctx, n, c, log)
		})
	}
	return cmd
}

// backupFile is the sealed file, which is read twice: from standard input or a
// pipe it is kept, sealed as it is, until done is called.
func (a *app) backupFile(ctx context.Context, path string) (f *os.File, done func(), err error) {
	in, from := a.in, "standard input"
	if path != "-" {
		named, info, err := openData(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		if info.Mode().IsRegular() {
			return named, func() { named.Close() }, nil
		}
		defer named.Close()
		in, from = named, path
	}
	if f, err = os.CreateTemp("", "meshd-restore-*"); err != nil { // 0600 by itself
		return nil, nil, fmt.Errorf("keeping the backup for a moment: %w", err)
	}
	// Without a name it goes with the process, however that ends. Windows
	// refuses this for a file that is open.
	nameless := os.Remove(f.Name()) == nil
	done = func() {
		f.Close()
		if !nameless {
			_ = os.Remove(f.Name())
		}
	}
	if _, err := io.Copy(f, newInterruptibleReader(ctx, in)); err != nil {
		done()
		return nil, nil, &exit.Error{Code: exit.Failed, Sentence: "the backup cannot be read from " + from + ": " + plainReason(err), Err: err}
	}
	return f, done, nil
}

type decrypted struct {
	io.Reader
	bar *output.Progress
}

func (d decrypted) Close() error { d.bar.Done(); return nil }

// errNoBackup is behind every error of opening a sealed file.
var errNoBackup = errors.New("the file cannot be opened")

// openBackup is the backup from its beginning, decrypted.
func (a *app) openBackup(f *os.File, u *unlock, only bool) (io.ReadCloser, error) {
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, exit.New(exit.Usage, "the backup is read twice and must be a file, or - for standard input", "")
	}
	what := "checking"
	if u.way != nil && !only {
		what = "restoring"
	}
	bar := a.printer().NewProgress(what, size)
	plain, err := age.Decrypt(bufio.NewReaderSize(io.TeeReader(f, bar), 256<<10), u)
	if err != nil {
		bar.Done()
		return nil, fmt.Errorf("%w: %w", errNoBackup, err)
	}
	return decrypted{plain, bar}, nil
}

// notRestored says in one sentence why a backup was not taken.
func notRestored(path string, err error) error {
	says := func(code exit.Code, sentence, next string) error {
		return &exit.Error{Code: code, Sentence: sentence, Next: next, Err: err}
	}
	var refusal *consensus.Refusal
	var coded exit.Coder
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &refusal), errors.As(err, &coded):
		return err
	case errors.Is(err, errNeedsKey):
		return says(exit.Usage, path+" is sealed to recipients", "name the file with a key of one of them by --identity")
	case errors.Is(err, errWrongKey):
		return says(exit.Refused, "none of the keys opens "+path, "name the right key by --identity; if it is the right one, the file is damaged: use another backup")
	case errors.Is(err, errWrongWords):
		return says(exit.Refused, "the passphrase does not open "+path, "try again; if it is the right one, the file is damaged: use another backup")
	case errors.Is(err, consensus.ErrNewer):
		return says(exit.Refused, path+" was written by a newer meshd", "restore it with that version, or a newer one; nothing was changed")
	case errors.Is(err, consensus.ErrBackupDamaged):
		return says(exit.Refused, path+" is damaged or cut short", "use another backup; nothing was changed")
	case errors.Is(err, errNoBackup):
		return says(exit.Refused, path+" is no backup of meshd, or its beginning is damaged", "nothing was changed")
	}
	return err
}

func (a *app) describeBackup(path string, i consensus.BackupInfo) error {
	p := a.printer()
	p.Say("%s is whole.\n", path)
	return p.Card([]output.Field{
		{Name: "Mesh", Value: i.MeshName + " (" + i.MeshID + ")"}, {Name: "Revision", Value: fmt.Sprint(i.Revision)},
		{Name: "State of", Value: i.Time.Local().Format(time.RFC1123)}, {Name: "Taken from", Value: i.Node + ", meshd " + i.Version},
		{Name: "Entries", Value: fmt.Sprint(i.Pairs)}, {Name: "Logical hash", Value: hex.EncodeToString(i.Hash[:])},
	})
}

// tellRestored prints what the founder of a restored mesh needs next.
func (a *app) tellRestored(ctx context.Context, n *node.Node, made node.Restored, path string, c *config.Config, serving bool) error {
	_, token, err := n.CreateToken(ctx, roster.NewToken{TTL: time.Hour, Uses: 10, Name: "restore"})
	if err != nil {
		return fmt.Errorf("making the first join token: %w", err)
	}
	p, me := a.printer(), n.Self()
	out := restoredBody{
		MeshID: made.MeshID, OldMeshID: made.Backup.MeshID, Revision: n.Status().Revision,
		Node: nodeLine{ID: me.ID, Name: me.Name, Address: me.Address, Pin: n.Pin().String()}, URL: n.URL(), APIKeys: made.Keys,
		Token: token.String(), JoinCommand: "meshd join " + token.String(), Backup: describe(path, made.Backup),
	}
	if a.json {
		return p.Line(out)
	}
	p.Say("%s is restored as of %s (revision %d there).\n", p.Mark(output.Bold, "Mesh "+output.Clean(n.MeshName())), made.Backup.Time.Local().Format(time.RFC1123), made.Backup.Revision)
	if err := p.Card([]output.Field{
		{Name: "Mesh id", Value: out.MeshID + " (was " + out.OldMeshID + ")"}, {Name: "Node", Value: me.Name}, {Name: "URL", Value: out.URL},
		{Name: "Pin", Value: out.Node.Pin}, {Name: "API keys", Value: fmt.Sprintf("%d, as in the backup", out.APIKeys)},
	}); err != nil {
		return err
	}
	if output.IsTerminal(a.out) {
		p.Say("\n%s, within an hour (10 uses):\n\n  %s\n", nextNode(n), out.JoinCommand)
	} else {
		p.Say("\n%s: \"%s\" prints a join line.\n", nextNode(n), a.typed(c, "meshd token create"))
	}
	p.Hint("This is another mesh than the old one: its nodes are reset (\"meshd reset\") before they join, and clients need the new pin.")
	if made.Keys == 0 {
		p.Hint("No API key came with the backup: \"%s\" on this machine makes one.", a.typed(c, "meshd apikey create --role admin"))
	}
	a.hintServing(c, serving)
	return nil
}
