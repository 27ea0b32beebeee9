package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meshd/meshd/node/identity"
)

// dataFormat numbers the layout of the data directory. A directory of a newer
// format is refused.
const dataFormat = 1

// checkFormat reads the directory's format, or writes it into a new one.
func checkFormat(dir string) error {
	path := filepath.Join(dir, "VERSION")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return identity.WriteFile(path, []byte(strconv.Itoa(dataFormat)+"\n"))
	}
	if err != nil {
		return fmt.Errorf("reading the format of the data directory: %w", err)
	}
	format, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return fmt.Errorf("%s holds no format number; is %s really a data directory of meshd?", path, dir)
	}
	if format > dataFormat {
		return fmt.Errorf("%s was written by a newer meshd (format %d, this one reads %d): upgrade this node", dir, format, dataFormat)
	}
	return nil
}

// Belongs says whether a data directory is part of a mesh, without opening it.
func Belongs(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "trust"))
	return err == nil
}

// LostTrust refuses a directory whose trust file is gone and that holds a
// replica all the same: what is missing is that file, not a mesh.
func LostTrust(dir string) error {
	if Belongs(dir) {
		return nil
	}
	return refuseReplica(filepath.Join(dir, raftDir), dir)
}

// Reset makes a data directory as new: its identity, its trust, its replica of
// the state and its keys are deleted for ever. The configuration file stays.
// It refuses a directory in use.
func Reset(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "VERSION")); err != nil {
		return fmt.Errorf("%s is no data directory of meshd: nothing was deleted", dir)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer lock.release()
	for _, name := range []string{raftDir, leftDir, recoveredDir, "trust", identityDir, "admin.key", "meshd.sock", "socket", "client.json", "known_agents", spoolDir, unfinishedFile, "VERSION"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("deleting %s: %w", name, err)
		}
	}
	return removeDamaged(dir)
}

// removeDamaged deletes the replicas that were set aside, and what a recovery
// that was killed left of reading one.
func removeDamaged(dir string) error {
	list, err := damagedDirs(dir)
	scratch, _ := filepath.Glob(filepath.Join(dir, ".recover-*"))
	for _, path := range append(list, scratch...) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// leftDir is what the replica of a node that has left is called while it is
// deleted: wherever that is cut short, there is a whole replica or none.
const leftDir = "raft.left"

// Forget deletes what makes a directory part of a mesh and keeps its identity,
// after the mesh has let the node go. Cut short, it may be called again.
func Forget(dir string) error {
	if err := clearLeft(dir); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, raftDir), filepath.Join(dir, leftDir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("setting the replica aside: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, "trust")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("deleting the trust file: %w", err)
	}
	return errors.Join(clearLeft(dir), removeDamaged(dir))
}

// clearLeft ends the deletion of a replica.
func clearLeft(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, leftDir)); err != nil {
		return fmt.Errorf("deleting the replica of a mesh that was left: %w", err)
	}
	return nil
}
