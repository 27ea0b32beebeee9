package consensus

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"
)

// When a snapshot is due: as much log as the last snapshot was large, at least
// snapshotBytes, or very many entries.
const (
	snapshotBytes   = 32 << 20
	snapshotEntries = 1 << 16
	snapshotCheck   = 2 * time.Second
)

// The free-space watermark, whichever is less.
const (
	freeBytes   = 512 << 20
	freePercent = 5
	freeCheck   = 5 * time.Second
)

// snapshotLoop takes snapshots by the size of the log, not by its count: an
// entry may have any size.
func (g *Group) snapshotLoop() {
	threshold := g.cfg.hooks.snapBytes
	check := snapshotCheck
	if threshold == 0 {
		threshold = snapshotBytes
	} else {
		check = 20 * time.Millisecond
	}
	base := uint64(0)
	for {
		select {
		// Replicas must not all take theirs in the same moment.
		case <-time.After(check + rand.N(check)):
		case <-g.ctx.Done():
			return
		}
		if bad := g.snapshots.bad.Load(); bad != nil {
			g.replaceSnapshot(*bad)
			continue
		}
		index, size := g.snapshots.newest()
		written := g.log.bytes.Load() - base
		if written < max(threshold, uint64(size)) && g.raft.LastIndex()-index < snapshotEntries {
			continue
		}
		if g.machine.broken() != nil {
			continue
		}
		start := g.log.bytes.Load()
		if err := g.raft.Snapshot().Error(); err != nil {
			if !errors.Is(err, raft.ErrNothingNewToSnapshot) && g.ctx.Err() == nil {
				g.logger.Debug("no snapshot was taken", "error", err)
			}
			continue
		}
		base = start
	}
}

// replaceSnapshot takes a snapshot in the place of one that turned out to be
// damaged when it was to be sent; a follower waits for it. The damaged one is
// then set aside, and not before: the next open must know of it.
func (g *Group) replaceSnapshot(bad string) {
	err := g.raft.Snapshot().Error()
	if errors.Is(err, raft.ErrNothingNewToSnapshot) && g.ready() {
		if g.order(sysMarker, g.raft.CurrentTerm()).Error() == nil {
			err = g.raft.Snapshot().Error()
		}
	}
	if err == nil {
		err = g.snapshots.setAside(bad)
	}
	if err != nil {
		g.logger.Warn("a damaged snapshot could not be replaced yet", "snapshot", bad, "error", err)
		return
	}
	g.snapshots.bad.Store(nil)
	g.logger.Error("a snapshot was damaged on disk and has been replaced", "snapshot", bad)
}

// watchDisk refuses writes before the disk is full, while Raft can still write
// its votes, and hands leadership to a node with room.
func (g *Group) watchDisk() {
	space, every := func() (free, total uint64) { return diskSpace(g.dir.path) }, freeCheck
	if g.cfg.hooks.space != nil {
		space, every = g.cfg.hooks.space, 20*time.Millisecond
	}
	for {
		free, total := space()
		low := total > 0 && free < min(freeBytes, total/100*freePercent)
		if low && !g.diskLow.Swap(true) {
			g.logger.Error("the disk is almost full, writes are refused here", "free_bytes", free)
		} else if !low && g.diskLow.Swap(false) {
			g.logger.Info("the disk has room again", "free_bytes", free)
		}
		if low && g.leading() {
			g.handOver("the disk is almost full")
		}
		select {
		case <-time.After(every):
		case <-g.ctx.Done():
			return
		}
	}
}

// syncInterval is how often the state file is synced in the background.
const syncInterval = 10 * time.Second

// syncLoop brings the state file to disk beside the hot path. Nothing depends
// on its being there, but only a sync reports an error of writing back: the
// page cache then forgets the page, and a file of this very boot would be old
// in one place. Such a file is never believed again.
func (g *Group) syncLoop() {
	var synced uint64
	for {
		select {
		case <-time.After(syncInterval):
		case <-g.ctx.Done():
			return
		}
		applied := g.machine.state().Applied
		if applied == synced {
			continue
		}
		if err := g.machine.sync(); err != nil {
			g.machine.fail(err)
			return
		}
		synced = applied
	}
}

// sync brings the state file to disk; after an error CURRENT names none.
func (m *machine) sync() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	err := m.file.db.Sync()
	if m.failSync != nil {
		err = errors.Join(err, m.failSync())
	}
	if err == nil {
		return nil
	}
	m.distrust()
	return fmt.Errorf("writing the state back to disk: %w", err)
}
