package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
)

// RestoreOptions say what to restore, and as what.
type RestoreOptions struct {
	// Open returns the backup from its beginning, decrypted. It is called
	// twice: to check all of it before anything is written, and to restore.
	Open func() (io.ReadCloser, error)
	// MeshName is the name of the new mesh; empty keeps the old one.
	MeshName string

	step func(name string) error // a test's way to end the process here
}

// Restored is what became of a backup.
type Restored struct {
	Backup consensus.BackupInfo
	MeshID string
	// Keys counts the API keys that came with it and open this mesh too.
	Keys int
}

// CheckBackup reads a whole backup and says what it holds. The error wraps
// consensus.ErrBackupDamaged, or consensus.ErrNewer.
func CheckBackup(ctx context.Context, open func() (io.ReadCloser, error)) (info consensus.BackupInfo, err error) {
	err = reading(ctx, open, func(in io.Reader) error {
		info, err = consensus.CheckBackup(in, newParts(nil).all())
		return err
	})
	return info, err
}

func reading(ctx context.Context, open func() (io.ReadCloser, error), read func(io.Reader) error) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	err = read(cancellable{ctx, in})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

type cancellable struct {
	ctx context.Context
	in  io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(p)
}

// Restore makes a new mesh from a backup, with this machine as its first node:
// a new mesh id, a new identity and raft id, the revision 2^32 above the
// backup's. The graph and the API keys are those of the backup; members and
// join tokens of the old mesh are gone, and who was removed from it for ever
// stays removed. The directory must be empty, or be left by a restore that was
// cut short; nothing is written before all of the backup has been proven.
func Restore(ctx context.Context, cfg Config, o RestoreOptions) (_ *Node, done Restored, err error) {
	if o.step == nil {
		o.step = func(string) error { return nil }
	}
	if err := vacant(cfg.Data); err != nil {
		return nil, done, err
	}
	if done.Backup, err = CheckBackup(ctx, o.Open); err != nil {
		return nil, done, err
	}
	if cfg.Listen == "" {
		cfg.Listen = ":" + strconv.Itoa(DefaultPort)
	}
	if err := free(cfg.Listen); err != nil {
		return nil, done, err
	}
	lock, err := lockDir(cfg.Data)
	if err != nil {
		return nil, done, err
	}
	if err := vacant(cfg.Data); err != nil {
		return nil, done, errors.Join(err, lock.release())
	}
	done.MeshID = roster.NewMeshID()
	if err := (unfinished{Verb: verbRestore, MeshID: done.MeshID, OldMeshID: done.Backup.MeshID}).mark(cfg.Data); err != nil {
		return nil, done, errors.Join(err, lock.release())
	}
	n, err := restoreMarked(ctx, cfg, o, lock, &done)
	if err == nil {
		if err = n.enter(ctx); err != nil {
			return nil, done, errors.Join(fmt.Errorf("the mesh is restored, but its node did not start: %w", err), n.Close())
		}
		keys, err := n.keys.List(ctx)
		if err != nil {
			return nil, done, errors.Join(fmt.Errorf("the mesh is restored, but its keys cannot be listed: %w", err), n.Close())
		}
		for _, k := range keys {
			if k.RevokedAt == 0 {
				done.Keys++
			}
		}
		return n, done, nil
	}
	if errors.Is(err, errStep) {
		return nil, done, err
	}
	// What failed and could say so leaves the directory as it found it.
	if again, lockErr := lockDir(cfg.Data); lockErr == nil {
		if removed := wipeRestore(cfg.Data); removed == nil {
			err = errors.Join(err, clearUnfinished(cfg.Data))
		}
		err = errors.Join(err, again.release())
	}
	return nil, done, err
}

// free says early that the port is taken, before the work is done.
func free(address string) error {
	ln, err := listen(address)
	if err != nil {
		return err
	}
	return ln.Close()
}

// errStep ends a restore as if the process had been killed.
var errStep = errors.New("cut short")

// restoreMarked restores into a directory that says so. It releases the lock
// where it fails.
func restoreMarked(ctx context.Context, cfg Config, o RestoreOptions, lock *dirLock, done *Restored) (_ *Node, err error) {
	if err := errors.Join(wipeRestore(cfg.Data), o.step("marked")); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	cfg.lock = lock
	n, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if n.raftID, _, err = consensus.EnsureID(n.raftPath()); err != nil {
		return nil, err
	}
	if err := o.step("prepared"); err != nil {
		return nil, err
	}
	p := newParts(nil)
	err = reading(ctx, o.Open, func(in io.Reader) error {
		info, err := consensus.Restore(n.raftPath(), in, p.all(), roster.RestoreCommand(done.MeshID, o.MeshName, n.self()))
		if err == nil && info != done.Backup {
			err = errors.New("the backup has changed since it was checked")
		}
		return err
	})
	if err = errors.Join(err, o.step("state")); err != nil {
		return nil, err
	}
	if err := n.trust.Accept(p.roster.Roster()); err != nil {
		return nil, err
	}
	if err := o.step("trusted"); err != nil {
		return nil, err
	}
	return n, clearUnfinished(cfg.Data)
}

// restoredNames are what a restore makes in a data directory, with what writing
// it leaves where the process is killed.
var restoredNames = []string{raftDir, "trust", "trust.tmp", identityDir, "VERSION", ".VERSION.*", spoolDir}

func wipeRestore(dir string) error {
	for _, name := range restoredNames {
		list, err := filepath.Glob(filepath.Join(dir, name))
		for _, path := range list {
			err = errors.Join(err, os.RemoveAll(path))
		}
		if err != nil {
			return fmt.Errorf("clearing what a restore has left: %w", err)
		}
	}
	return nil
}

// vacant refuses a directory that holds anything but a configuration, or what a
// restore that was cut short has left.
func vacant(dir string) error {
	if dir == "" {
		return errors.New("no data directory: name one with --data")
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking into the data directory: %w", err)
	}
	u, err := readUnfinished(dir)
	if err != nil {
		return err
	}
	if u.Verb == verbRecover {
		return Unfinished(dir)
	}
	allowed := []string{"LOCK", "meshd.toml", "lost+found", "." + unfinishedFile + ".*"}
	if u.Verb == verbRestore {
		allowed = append(append(allowed, restoredNames...), unfinishedFile)
	}
	var found []string
	for _, e := range entries {
		if !slices.ContainsFunc(allowed, func(pattern string) bool {
			ok, _ := filepath.Match(pattern, e.Name())
			return ok
		}) {
			found = append(found, e.Name())
		}
	}
	if len(found) > 0 {
		return consensus.Refuse("NOT_EMPTY", fmt.Sprintf("%s is not empty (%s): a restore makes a new node and needs a directory of its own, name one with --data", dir, strings.Join(found[:min(3, len(found))], ", ")))
	}
	return nil
}
