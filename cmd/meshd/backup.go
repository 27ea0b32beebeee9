package main

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/consensus"
)

// backupBody is what a backup holds, for programs.
type backupBody struct {
	File     string `json:"file"`
	Bytes    int64  `json:"bytes,omitempty"`
	SealedBy string `json:"sealed_with,omitempty"` // recipients, passphrase
	MeshID   string `json:"mesh_id"`
	MeshName string `json:"mesh_name"`
	Node     string `json:"node"`
	Version  string `json:"version"`
	Revision uint64 `json:"revision"`
	// StateTime is the mesh's time of the last write in it, Created the clock of
	// the node that was asked, which may be much later.
	StateTime time.Time `json:"state_time"`
	Created   time.Time `json:"created_at"`
	Pairs     uint64    `json:"pairs"`
	Hash      string    `json:"logical_hash"`
}

func describe(file string, i consensus.BackupInfo) backupBody {
	return backupBody{
		File: file, MeshID: i.MeshID, MeshName: i.MeshName, Node: i.Node, Version: i.Version, Revision: i.Revision,
		StateTime: i.Time, Created: i.Created, Pairs: i.Pairs, Hash: hex.EncodeToString(i.Hash[:]),
	}
}

func backupCommand(a *app) *cobra.Command {
	var names []string
	var p phrase
	var stale, force bool
	cmd := a.asks(&cobra.Command{
		Use:   "backup FILE",
		Short: "Write the whole state into one encrypted file, - for standard output",
		Long: `backup takes the whole state of the mesh from a running node, any of them, while
writes go on: everything that was acknowledged before it began is in the file.

The file is sealed here, by age (age-encryption.org), to recipients or with a
passphrase; the node sees neither, and an unencrypted backup is never written. It
is proven whole before it takes its name; a file that has the name already is kept
unless --force is given. "meshd restore" makes a new mesh of it.`,
		Example: `  meshd backup mesh.backup --recipient age1pq1…
  meshd backup mesh.backup --passphrase
  MESHD_BACKUP_PASSPHRASE_FILE=secret meshd backup - | ssh vault 'cat > mesh.backup'`,
		Args: arguments,
	})
	cmd.Flags().StringArrayVarP(&names, "recipient", "r", nil, "who may open it, age1…; repeat it for several")
	p.flags(cmd, "seal it with")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	cmd.Flags().BoolVar(&stale, "stale", false, "take what this node has, also when most of the mesh cannot be asked")
	cmd.RunE = a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
		switch {
		case args[0] == "-" && a.json:
			return exit.New(exit.Usage, "--json and the backup both want standard output", "name a file")
		case args[0] == "-" && output.IsTerminal(a.out):
			return exit.New(exit.Usage, "a backup is no text for a terminal", "name a file, or send it into a pipe")
		}
		if err := mayWrite(args[0], force); err != nil {
			return err
		}
		to, how, err := a.sealers(cmd.Context(), names, p)
		if err != nil {
			return err
		}
		info, n, err := a.takeBackup(cmd.Context(), c, args[0], to, stale, force)
		if err != nil {
			return err
		}
		body := describe(args[0], info)
		body.Bytes, body.SealedBy = n, how
		printer := a.printer()
		if args[0] == "-" {
			printer.Hint("Mesh %s as of revision %d: %s.", output.Clean(info.MeshName), info.Revision, output.Bytes(n))
			return nil
		}
		return printer.Result(body, func() error {
			printer.Say("%s holds mesh %s as of revision %d (%s), sealed with a %s.", args[0], output.Clean(info.MeshName), info.Revision, output.Bytes(n), map[string]string{"passphrase": how, "recipients": "key"}[how])
			printer.Hint("Without it nobody can open the file. \"meshd restore %s --check\" tries it.", args[0])
			return nil
		})
	})
	return cmd
}

// takeBackup carries a backup from the node into a sealed file and returns the
// file's size.
func (a *app) takeBackup(ctx context.Context, c *caller.Client, path string, to []age.Recipient, stale, force bool) (info consensus.BackupInfo, n int64, err error) {
	out, err := newWhole(a.out, path, force)
	if err != nil {
		return info, 0, err
	}
	defer out.discard()
	query := url.Values{}
	if stale {
		query.Set("consistency", "stale")
	}
	bar := a.printer().NewProgress("waiting for the node", -1)
	res, err := c.Open(ctx, caller.Request{Method: "GET", Path: "/backup", Query: query, Own: stale, Accept: "application/octet-stream"})
	bar.Done()
	if err != nil {
		return info, 0, hintStale(err, stale)
	}
	defer res.Body.Close()
	bar = a.printer().NewProgress("backing up", res.ContentLength)
	defer bar.Done()
	sealed, err := age.Encrypt(out, to...)
	if out.err != nil {
		return info, 0, notWritten(out.err)
	}
	if err != nil {
		return info, 0, exit.New(exit.Usage, "the backup cannot be sealed: "+err.Error(), "")
	}
	// What goes into the file is read by the rules of restore on its way.
	info, err = consensus.CheckBackup(io.TeeReader(res.Body, io.MultiWriter(sealed, bar)), nil)
	switch {
	case out.err != nil:
		return info, 0, notWritten(out.err)
	case ctx.Err() != nil:
		return info, 0, ctx.Err()
	case errors.Is(err, consensus.ErrNewer):
		return info, 0, &exit.Error{Code: exit.Refused, Sentence: "the node is newer than this program, which cannot prove its backup whole", Next: "use the meshd of that node", Err: err}
	case err != nil:
		return info, 0, &exit.Error{Code: exit.Failed, Sentence: "the backup broke off before its end, and no file was written", Next: "repeat it", Err: err}
	}
	if err := sealed.Close(); err != nil {
		return info, 0, notWritten(err)
	}
	return info, out.n, out.keep()
}

func notWritten(err error) error {
	return exit.New(exit.Failed, "the backup cannot be written: "+plainReason(err), "make room, or name another file")
}

// hintStale says what is left to do where no majority answers.
func hintStale(err error, stale bool) error {
	var refused *caller.Error
	if stale || !errors.As(err, &refused) || refused.Code != "NO_LEADER" && refused.Code != "BEHIND" {
		return err
	}
	return &exit.Error{Code: exit.Failed, Sentence: refused.Sentence, Next: "bring the missing nodes back, or say --stale to take what this node has by itself", Err: err}
}

// whole is a file that has its name only once it is complete and on disk, or
// standard output.
type whole struct {
	force bool
	out   io.Writer
	file  *os.File // nil for standard output
	path  string
	n     int64
	err   error
}

// mayWrite refuses a name that is no file, a directory that is not there, and,
// without force, a file that is there.
func mayWrite(path string, force bool) error {
	switch path {
	case "-":
		return nil
	case "":
		return exit.New(exit.Usage, "the name of the file is empty", "name one, or - for standard output")
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return exit.New(exit.Usage, path+" is there and is not a file", "name another, or - for standard output")
	case err == nil && !force:
		return exit.New(exit.Refused, path+" is there already, and nothing was written", "name another file, or say --force to replace it")
	case err == nil:
		return nil
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return exit.New(exit.Usage, "there is no directory "+filepath.Dir(path), "make it, or name a file elsewhere")
	}
	return nil
}

func newWhole(stdout io.Writer, path string, force bool) (*whole, error) {
	if path == "-" {
		return &whole{out: stdout}, nil
	}
	if err := mayWrite(path, force); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600 by itself
	if err != nil {
		return nil, exit.New(exit.Usage, path+" cannot be written: "+plainReason(err), "name a file where this user may write")
	}
	return &whole{force: force, out: f, file: f, path: path}, nil
}

// Write implements io.Writer.
func (w *whole) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	w.n += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// keep gives the file its name.
func (w *whole) keep() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Sync()
	if err == nil {
		err = w.file.Close()
	}
	if err == nil {
		// Somebody may have made the file while the backup was taken.
		if err := mayWrite(w.path, w.force); err != nil {
			return err
		}
		err = os.Rename(w.file.Name(), w.path)
	}
	if err == nil {
		err = syncName(filepath.Dir(w.path))
	}
	if err != nil {
		return notWritten(err)
	}
	w.file = nil
	return nil
}

// discard deletes the file unless it was kept.
func (w *whole) discard() {
	if w.file != nil {
		_ = w.file.Close() // it may be closed already
		_ = os.Remove(w.file.Name())
	}
}

// syncName makes a rename durable; Windows has no such call and needs none.
func syncName(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
