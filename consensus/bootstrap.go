package consensus

import (
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
)

// Bootstrap makes a directory the beginning of a new mesh: its server is the
// only voter. It refuses a directory that has a log already (ErrNotEmpty).
func Bootstrap(dir string) error {
	d, err := openDirectory(dir)
	if err != nil {
		return err
	}
	defer d.close()
	library := newLibraryLog(slog.New(slog.DiscardHandler), "raft")
	log, err := d.openLog(nil, library)
	if err != nil {
		return err
	}
	defer log.close()
	snaps, err := openSnapshots(d.path, library, nil)
	if err != nil {
		return err
	}
	exists, err := raft.HasExistingState(log, log, snaps)
	if err != nil {
		return fmt.Errorf("looking for an existing log: %w", err)
	}
	if exists {
		return fmt.Errorf("%s belongs to a mesh already: %w", dir, ErrNotEmpty)
	}
	servers := onlyVoter(d.id)
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(d.id)
	c.Logger = library
	if err := raft.BootstrapCluster(c, log, log, snaps, nil, servers); err != nil {
		return fmt.Errorf("writing the first configuration: %w", err)
	}
	return nil
}
