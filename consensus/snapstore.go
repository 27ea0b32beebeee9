package consensus

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// nameInstalled marks a snapshot that came from the leader: the log may then
// end below it, in the moment before Raft empties the log.
const nameInstalled = "installed"

// snapshotsKept is how many snapshots stay; the log reaches back to the older.
const snapshotsKept = 2

// snapshots is Raft's file snapshot store with our own check: what was written
// is read back before Raft may rely on it, and damaged snapshots are set aside
// at open, so that Raft never takes one for the newest.
type snapshots struct {
	*raft.FileSnapshotStore
	dir   string
	stats *metrics
	step  func(point string) error // a test's way to end the process here

	// bad is a snapshot that could not be sent.
	bad atomic.Pointer[string]

	mu      sync.Mutex
	indexes []uint64 // of what is kept, newest first
	size    int64    // of the newest
}

func openSnapshots(dir string, logger hclog.Logger, stats *metrics) (*snapshots, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, snapshotsKept, logger)
	if err != nil {
		return nil, fmt.Errorf("opening the snapshots: %w", err)
	}
	s := &snapshots{FileSnapshotStore: store, dir: filepath.Join(dir, nameSnapshots), stats: stats, step: noStep}
	if err := os.Chmod(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("protecting the snapshots: %w", err)
	}
	return s, s.refresh()
}

func (s *snapshots) refresh() error {
	list, err := s.List()
	if err != nil {
		return fmt.Errorf("listing the snapshots: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexes, s.size = s.indexes[:0], 0
	for i, m := range list {
		s.indexes = append(s.indexes, m.Index)
		if i == 0 {
			s.size = m.Size
		}
	}
	return nil
}

// floor is the index the log must reach back to: a damaged newest snapshot is
// then no loss. With one snapshot the log must go back to its beginning.
func (s *snapshots) floor() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.indexes) < 2 {
		return 0
	}
	return s.indexes[1]
}

// newest returns index and size of the newest snapshot.
func (s *snapshots) newest() (index uint64, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.indexes) == 0 {
		return 0, 0
	}
	return s.indexes[0], s.size
}

// verified returns the newest snapshot that is whole, with its own record, and
// the names of those that are not.
func (s *snapshots) verified() (best *raft.SnapshotMeta, cur meta, damaged []string, err error) {
	damaged, err = s.unreadable()
	if err != nil {
		return nil, meta{}, nil, err
	}
	list, err := s.List()
	if err != nil {
		return nil, meta{}, nil, fmt.Errorf("listing the snapshots: %w", err)
	}
	for _, m := range list {
		cur, err := s.check(m.ID)
		if err == nil {
			return m, cur, damaged, nil
		}
		if errors.Is(err, ErrNewer) {
			return nil, meta{}, nil, err
		}
		damaged = append(damaged, m.ID)
	}
	return nil, meta{}, damaged, nil
}

// unreadable finds the snapshots that Raft's store does not even list.
func (s *snapshots) unreadable() (names []string, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the snapshots: %w", err)
	}
	list, err := s.List()
	if err != nil {
		return nil, fmt.Errorf("listing the snapshots: %w", err)
	}
	listed := make(map[string]bool)
	for _, m := range list {
		listed[m.ID] = true
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || listed[name] || filepath.Ext(name) == ".tmp" {
			continue
		}
		// More than the kept number may be there after a crash: the store
		// lists only the newest, and deletes the rest at its next snapshot.
		if len(list) >= snapshotsKept {
			continue
		}
		names = append(names, name)
	}
	return names, nil
}

// setAside takes damaged snapshots out of Raft's sight. Not before it is
// decided that the node can do without them: at the next open it must still be
// seen that they were there.
func (s *snapshots) setAside(ids ...string) error {
	for _, id := range ids {
		if err := s.putAway(id); err != nil {
			return err
		}
	}
	return s.refresh()
}

func (s *snapshots) putAway(id string) error {
	from := filepath.Join(s.dir, id)
	// The store passes over names that end in ".tmp"; one is kept for study.
	to := filepath.Join(s.dir, "damaged.tmp")
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("setting a damaged snapshot aside: %w", err)
	}
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setting a damaged snapshot aside: %w", err)
	}
	return syncDir(s.dir)
}

// check reads a whole snapshot back.
func (s *snapshots) check(id string) (meta, error) {
	_, r, err := s.FileSnapshotStore.Open(id)
	if err != nil {
		return meta{}, err
	}
	defer r.Close()
	return readSnapshot(r, nil)
}

// Create implements raft.SnapshotStore.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, trans raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.FileSnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Join(s.dir, sink.ID()+".tmp"), 0o700); err != nil {
		sink.Cancel()
		return nil, fmt.Errorf("protecting the snapshot: %w", err)
	}
	return &checkedSink{SnapshotSink: sink, store: s}, nil
}

// Open implements raft.SnapshotStore. The file store checks its CRC-64 over
// the whole file first, so that a damaged snapshot is never sent: the group
// then takes another.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	m, r, err := s.FileSnapshotStore.Open(id)
	if err != nil {
		s.bad.CompareAndSwap(nil, &id)
	}
	return m, r, err
}

// checkedSink reads the snapshot back when it is closed.
type checkedSink struct {
	raft.SnapshotSink
	store *snapshots
	own   bool // written here, from this node's state
	once  sync.Once
	err   error
}

// settle brings the names inside the snapshot's directory to disk while it
// still has its temporary name: the file store syncs the files and the renaming
// only.
func (c *checkedSink) settle() error {
	dir := filepath.Join(c.store.dir, c.ID()+".tmp")
	if !c.own {
		if err := writeFileSync(filepath.Join(dir, nameInstalled), nil); err != nil {
			return fmt.Errorf("marking the snapshot: %w", err)
		}
	}
	return syncDir(dir)
}

// installed says that a snapshot came from the leader.
func (s *snapshots) installed(id string) bool {
	_, err := os.Stat(filepath.Join(s.dir, id, nameInstalled))
	return err == nil
}

// Close implements raft.SnapshotSink; Raft calls it again after an install.
func (c *checkedSink) Close() error {
	c.once.Do(func() {
		if c.err = errors.Join(c.settle(), c.store.step(atSnapshotWritten)); c.err != nil {
			c.err = errors.Join(c.err, c.SnapshotSink.Cancel())
			return
		}
		if c.err = c.SnapshotSink.Close(); c.err != nil {
			return
		}
		if c.err = c.store.step(atSnapshotNamed); c.err != nil {
			return
		}
		if _, err := c.store.check(c.ID()); err != nil {
			c.err = errors.Join(fmt.Errorf("reading the snapshot back: %w", err), c.store.setAside(c.ID()))
			return
		}
		c.err = c.store.refresh()
		c.store.stats.snapshot()
	})
	return c.err
}

// Cancel implements raft.SnapshotSink.
func (c *checkedSink) Cancel() error {
	c.once.Do(func() { c.err = c.SnapshotSink.Cancel() })
	return c.err
}
