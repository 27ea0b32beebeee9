package consensus

import (
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// aheadBytes bounds the entries that are on their way to the followers and not
// yet on this disk. It is well below cacheBytes: they are read from there.
const aheadBytes = 4 << 20

// ahead lets a leader's disk write while its entries travel (Ongaro, Consensus:
// Bridging Theory and Practice, 10.2.1). hashicorp/raft stores an entry before
// it sends it and takes what it has stored for durable: it counts itself among
// those that hold the entry. So what is only queued here must have no effect
// that outlives a loss of power:
//
//   - nothing above durable is applied (machine.ApplyBatch waits), so nothing
//     is answered, read or put into a snapshot;
//   - no follower hears of a commit above durable (the transport and the teller
//     take the lesser);
//   - neither term nor vote changes before the queue is on disk: a new term is
//     the only way in which this server can come to promise what it holds to
//     another leader, or to its voters;
//   - configurations and the first entry of a term are stored at once, with all
//     before them.
type ahead struct {
	log *raftLog
	// wanted says that entries of this server go to others at all.
	wanted atomic.Bool
	// durable is the last index on this disk.
	durable atomic.Uint64

	mu      sync.Mutex
	moved   sync.Cond // durable has risen, or the log has failed
	queue   []*raft.Log
	bytes   uint64
	last    uint64 // of what was accepted
	writing bool
}

func newAhead(l *raftLog) *ahead {
	a := &ahead{log: l}
	a.moved.L = &a.mu
	return a
}

// may says whether entries are this leader's own commands.
func (a *ahead) may(logs []*raft.Log) bool {
	if !a.wanted.Load() {
		return false
	}
	for _, l := range logs {
		if l.Type != raft.LogCommand || len(l.Extensions) != 0 {
			return false
		}
	}
	return true
}

// put queues sealed entries and returns; it waits only where the disk is far
// behind.
func (a *ahead) put(logs []*raft.Log, bytes uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.bytes > aheadBytes && a.log.broken() == nil {
		a.moved.Wait()
	}
	if err := a.log.broken(); err != nil {
		return err
	}
	a.log.cache.put(logs)
	a.queue, a.bytes, a.last = append(a.queue, logs...), a.bytes+bytes, logs[len(logs)-1].Index
	if !a.writing {
		a.writing = true
		go a.write()
	}
	return nil
}

// write stores what is queued, all of it at once each time, and ends when
// nothing is.
func (a *ahead) write() {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.moved.Broadcast()
	defer func() { a.writing = false }()
	for len(a.queue) > 0 {
		logs, bytes := a.queue, a.bytes
		a.queue = nil
		a.mu.Unlock()
		err := a.log.store(logs)
		a.mu.Lock()
		if err != nil {
			return
		}
		a.bytes -= bytes
		a.durable.Store(logs[len(logs)-1].Index)
		a.moved.Broadcast()
	}
}

// wait returns once the entry is on this disk, or with what ended the log.
func (a *ahead) wait(index uint64) error {
	if a.durable.Load() >= index {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.durable.Load() < index {
		if err := a.log.broken(); err != nil {
			return err
		}
		a.moved.Wait()
	}
	return nil
}

// drain waits for all that is queued.
func (a *ahead) drain() error {
	a.mu.Lock()
	last := a.last
	a.mu.Unlock()
	return a.wait(last)
}

// rest waits until no writer is at work, whatever came of it.
func (a *ahead) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.writing {
		a.moved.Wait()
	}
}

// reached notes where the log ends after it was changed in the usual way.
func (a *ahead) reached(last uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = last
	a.durable.Store(last)
	a.moved.Broadcast()
}

// wake lets all who wait see that the log has failed.
func (a *ahead) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moved.Broadcast()
}

// queued is the index of the last entry that is not in the files yet, 0 where
// all are.
func (a *ahead) queued() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last > a.durable.Load() {
		return a.last
	}
	return 0
}
