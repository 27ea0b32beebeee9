package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// recoveredDir is the new replica of a recovery until it takes its place.
const recoveredDir = "raft.recovered"

// The steps of a recovery. A replica that is whole is rewritten where it is
// (stepLog). Of a damaged one a new replica is made and tried beside it, with no
// mark and nothing changed; then the two change places (stepTurn). Behind both
// only the state and the trust file are left to be told (stepFound).
const (
	stepLog   = "log"
	stepTurn  = "turn"
	stepFound = "found"
)

// recoverable refuses what recover cannot begin with.
func recoverable(dir string) error {
	if u, err := readUnfinished(dir); err != nil {
		return err
	} else if u.Verb == verbRestore {
		return Unfinished(dir)
	}
	if err := LostTrust(dir); err != nil {
		return err
	}
	if !Belongs(dir) {
		return fmt.Errorf("%s: %w: there is nothing to recover", dir, ErrNoMesh)
	}
	return nil
}

// nothingWhole makes a refusal, with the way on, of a replica without anything
// whole. Other errors pass.
func nothingWhole(dir string, err error) error {
	if !errors.Is(err, consensus.ErrNothingWhole) {
		return err
	}
	kept, globErr := damagedDirs(dir)
	if globErr != nil {
		return globErr
	}
	next := "restore a backup into another data directory with `meshd restore`"
	if len(kept) > 0 {
		next += ", or give one of the replicas that were set aside (" + strings.Join(kept, ", ") + ") its name " + raftDir + " back and run `meshd recover` again"
	}
	return consensus.Refuse("NOTHING_WHOLE", fmt.Sprintf("%v, neither a state file nor a snapshot nor the log from its beginning: %s; nothing was changed", err, next))
}

// rewritten is where the replica of a recovery lies that was cut short between
// the two renames.
func (u unfinished) rewritten(dir string) string {
	raft, next := filepath.Join(dir, raftDir), filepath.Join(dir, recoveredDir)
	if _, err := os.Stat(raft); u.Step == stepTurn && errors.Is(err, os.ErrNotExist) {
		return next
	}
	return raft
}

// rewrite makes this server the only voter of its replica. Where that fails
// before there is no way back, the directory is as it was.
func (u *unfinished) rewrite(ctx context.Context, cfg Config, self identity.NodeID, fresh bool) error {
	dir := cfg.Data
	switch u.Step {
	case stepFound:
		return nil
	case stepTurn:
		return u.turn(dir)
	}
	raft := filepath.Join(dir, raftDir)
	before, err := consensus.Inspect(raft)
	if err != nil {
		return nothingWhole(dir, err)
	}
	if before.Damaged != "" {
		return u.replace(ctx, cfg, self)
	}
	u.Step = stepLog
	if err := u.mark(dir); err != nil {
		return fmt.Errorf("marking the directory: %w", err)
	}
	if _, err := consensus.Recover(raft); err != nil {
		err = fmt.Errorf("rewriting the log's configuration: %w", err)
		if after, inspectErr := consensus.Inspect(raft); fresh && inspectErr == nil && after.LastIndex == before.LastIndex {
			err = errors.Join(err, clearUnfinished(dir))
		}
		return err
	}
	return u.found(dir)
}

// replace makes a replica of what is whole in a damaged one, sees it work, and
// puts it in its place.
func (u *unfinished) replace(ctx context.Context, cfg Config, self identity.NodeID) error {
	dir := cfg.Data
	next := filepath.Join(dir, recoveredDir)
	if err := os.RemoveAll(next); err != nil { // of one that was killed
		return fmt.Errorf("making room for the new replica: %w", err)
	}
	_, err := consensus.RecoverInto(filepath.Join(dir, raftDir), next)
	if err != nil {
		return fmt.Errorf("making a replica of what is whole: %w", nothingWhole(dir, err))
	}
	_, _, err = refound(ctx, cfg, next, u.MeshID, self)
	aside, asideErr := nextAside(dir)
	if err = errors.Join(err, asideErr); err == nil {
		u.Step, u.Aside = stepTurn, filepath.Base(aside)
		err = u.mark(dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the new replica is given up and nothing was changed: %w", err), os.RemoveAll(next))
	}
	return u.turn(dir)
}

// turn gives the damaged replica its name aside and the new one its place.
func (u *unfinished) turn(dir string) error {
	raft, next := filepath.Join(dir, raftDir), filepath.Join(dir, recoveredDir)
	if _, err := os.Stat(next); err == nil {
		aside := filepath.Join(dir, filepath.Base(u.Aside))
		if err := os.Rename(raft, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("setting the damaged replica aside: %w", err)
		}
		if err := os.Rename(next, raft); err != nil {
			return errors.Join(fmt.Errorf("putting the new replica in its place: %w", err), os.Rename(aside, raft))
		}
	}
	return u.found(dir)
}

// found notes that the replica is rewritten: it must not be once more. Writing
// the mark syncs the directory, and with it what was renamed there.
func (u *unfinished) found(dir string) error {
	u.Step = stepFound
	if err := u.mark(dir); err != nil {
		return fmt.Errorf("marking the directory: %w", err)
	}
	return nil
}
