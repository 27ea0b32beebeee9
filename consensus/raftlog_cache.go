package consensus

import (
	"sync"

	"github.com/hashicorp/raft"
)

// cacheBytes bounds the newest entries kept in memory for replication.
const cacheBytes = 16 << 20

// logCache holds the newest entries of the log, bounded in bytes: the
// replicator reads each entry back right after it was stored.
type logCache struct {
	mu    sync.RWMutex
	limit int
	size  int
	first uint64 // index of logs[0]
	logs  []*raft.Log
}

func newLogCache(limit int) *logCache { return &logCache{limit: limit} }

func cost(l *raft.Log) int { return len(l.Data) + 128 }

func (c *logCache) get(index uint64, out *raft.Log) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if index < c.first || index-c.first >= uint64(len(c.logs)) {
		return false
	}
	*out = *c.logs[index-c.first]
	return true
}

// put appends entries that have just been stored.
func (c *logCache) put(logs []*raft.Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range logs {
		if len(c.logs) == 0 || l.Index != c.first+uint64(len(c.logs)) {
			clear(c.logs)
			c.logs, c.size, c.first = c.logs[:0], 0, l.Index
		}
		copied := *l
		c.logs = append(c.logs, &copied)
		c.size += cost(l)
	}
	drop := 0
	for c.size > c.limit && drop < len(c.logs) {
		c.size -= cost(c.logs[drop])
		c.logs[drop] = nil
		drop++
	}
	c.logs, c.first = c.logs[drop:], c.first+uint64(drop)
}

// remove forgets a range that is deleted from the log; what is left must stay
// contiguous, so a hole in the middle drops everything below it.
func (c *logCache) remove(lo, hi uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.logs) == 0 {
		return
	}
	last := c.first + uint64(len(c.logs)) - 1
	switch {
	case hi < c.first || lo > last:
	case hi >= last: // a suffix
		keep := 0
		if lo > c.first {
			keep = int(lo - c.first)
		}
		for _, l := range c.logs[keep:] {
			c.size -= cost(l)
		}
		clear(c.logs[keep:])
		c.logs = c.logs[:keep]
	default: // a prefix
		n := int(hi - c.first + 1)
		for _, l := range c.logs[:n] {
			c.size -= cost(l)
		}
		clear(c.logs[:n])
		c.logs, c.first = c.logs[n:], hi+1
	}
}
