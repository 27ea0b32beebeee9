package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// damagedDir is where a replica is kept that was given up, for study and for
// the day when nobody else is left.
const damagedDir = "raft.damaged"

// reseat sets the replica aside, so that the next open mints a new raft id: as
// another server to Raft this node can promise nothing that it has lost. Its
// announcements tell the mesh. It refuses where the mesh would lose its only
// voter with it.
func (r *replica) reseat(cause error) error {
	n := r.n
	if len(n.trust.Roster().Members) < 2 {
		return fmt.Errorf("%w; this is the only node of its mesh, so nobody has what it lost: `meshd recover` says what of it is whole and keeps that as a new mesh, or restore a backup", cause)
	}
	if sole, known := r.soleVoter(); sole {
		return fmt.Errorf("%w; this node is the only voter of its mesh: the others may have less. `meshd recover` here keeps what is left of it as a new mesh, and the others join that", cause)
	} else if !known && len(n.trust.Roster().Replicas()) < 3 {
		return fmt.Errorf("%w; who else votes cannot be read any more, and in a mesh of two this node may be the only one: `meshd recover` at one of the two keeps what it has as a new mesh", cause)
	}
	old, err := damagedDirs(n.cfg.Data)
	if err != nil {
		return err
	}
	to, err := nextAside(n.cfg.Data)
	if err != nil {
		return err
	}
	n.log.Error("the replica of this node cannot be trusted: it is set aside, and this node takes a new seat and fetches the state from its peers", "error", cause, "kept_in", to)
	if err := os.Rename(n.raftPath(), to); err != nil {
		return fmt.Errorf("setting the damaged replica aside: %w", err)
	}
	for _, path := range old { // one is enough
		if err := os.RemoveAll(path); err != nil {
			n.log.Warn("an older damaged replica stays", "path", path, "error", err)
		}
	}
	return nil
}

// damagedDirs lists the replicas that were set aside.
func damagedDirs(data string) ([]string, error) {
	return filepath.Glob(filepath.Join(data, damagedDir+"-*"))
}

// nextAside is the path for the next one.
func nextAside(data string) (string, error) {
	old, err := damagedDirs(data)
	if err != nil {
		return "", err
	}
	number := 0
	for _, path := range old {
		var k int
		if _, err := fmt.Sscanf(filepath.Base(path), damagedDir+"-%d", &k); err == nil {
			number = max(number, k)
		}
	}
	return filepath.Join(data, fmt.Sprintf("%s-%d", damagedDir, number+1)), nil
}

// soleVoter says whether this replica is the only voter, as far as its files
// can still tell.
func (r *replica) soleVoter() (sole, known bool) {
	info, err := consensus.Inspect(r.n.raftPath())
	if err != nil || len(info.Voters) == 0 {
		return false, false
	}
	return slices.Equal(info.Voters, []string{info.RaftID}), true
}
