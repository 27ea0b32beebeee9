package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// segmentSize is preallocated at once for each log file.
const segmentSize = 16 << 20

// errChecksum says that an entry is not what was appended by its leader.
var errChecksum = errors.New("the checksum of a log entry does not hold")

// sumSize is what the wrapper adds to Log.Extensions: a version byte and a
// CRC-32C.
const sumSize = 5

const sumVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(l *raft.Log) uint32 {
	var head [17]byte
	binary.BigEndian.PutUint64(head[0:], l.Index)
	binary.BigEndian.PutUint64(head[8:], l.Term)
	head[16] = byte(l.Type)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, l.Data)
}

func seal(l *raft.Log) {
	ext := make([]byte, sumSize)
	ext[0] = sumVersion
	binary.BigEndian.PutUint32(ext[1:], sumOf(l))
	l.Extensions = ext
}

func verifySum(l *raft.Log) error {
	if len(l.Extensions) != sumSize || l.Extensions[0] != sumVersion || binary.BigEndian.Uint32(l.Extensions[1:]) != sumOf(l) {
		return fmt.Errorf("entry %d of term %d: %w", l.Index, l.Term, errChecksum)
	}
	return nil
}

// raftLog is Raft's log and stable store: raft-wal, with a checksum of each
// entry that is made once, by the leader, and checked wherever the entry is
// stored or read. The first error of the store ends the instance: raft-wal
// stays broken after most of them until it is opened again.
type raftLog struct {
	wal  *wal.WAL
	meta *logIndex
	vfs  *syncingFS

	cache *logCache
	ahead *ahead
	// writing is the write that is under way.
	writing stopwatch
	// floor is the index the log must reach back to: that of the older
	// snapshot, or nothing is deleted before there are two.
	floor func() uint64

	// lost is a sentence when the files show that entries are gone.
	lost string

	bytes  atomic.Uint64 // appended since open
	raft   atomic.Bool   // Raft runs on it: a term that cannot be kept ends its goroutine
	failed chan struct{} // closed at the first error
	once   sync.Once
	err    error
}

var (
	_ raft.LogStore          = (*raftLog)(nil)
	_ raft.StableStore       = (*raftLog)(nil)
	_ raft.MonotonicLogStore = (*raftLog)(nil)
)

func openRaftLog(dir string, vfs types.VFS, logger hclog.Logger) (*raftLog, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("making the log directory: %w", err)
	}
	if vfs == nil {
		vfs = walfs.New()
	}
	replace := writeFileSync
	if r, ok := vfs.(replacer); ok {
		replace = r.Replace
	}
	l := &raftLog{
		vfs:    &syncingFS{VFS: vfs},
		cache:  newLogCache(cacheBytes),
		floor:  func() uint64 { return 0 },
		failed: make(chan struct{}),
	}
	l.ahead = newAhead(l)
	l.meta = &logIndex{replace: replace, vfs: l.vfs}
	var err error
	if l.lost, err = missing(dir); err == nil && l.lost == "" {
		l.lost, err = inspectLog(dir)
	}
	if err != nil {
		return nil, err
	}
	// A process that died between making a segment and its first sync leaves a
	// name that is in memory only, and raft-wal does not sync it any more.
	if err := l.vfs.syncDir(dir); err != nil {
		return nil, fmt.Errorf("syncing the log directory: %w", err)
	}
	err = decodeSafely(func() (err error) {
		l.wal, err = wal.Open(dir,
			wal.WithMetaStore(l.meta),
			wal.WithSegmentFiler(segment.NewFiler(dir, l.vfs)),
			wal.WithSegmentSize(segmentSize),
			wal.WithLogger(logger))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", asDamage(err))
	}
	last, err := l.wal.LastIndex()
	if err != nil {
		return nil, errors.Join(err, l.wal.Close())
	}
	l.ahead.reached(last)
	return l, nil
}

func (l *raftLog) close() error {
	l.ahead.rest()
	return l.wal.Close()
}

// fail records the first error and returns err.
func (l *raftLog) fail(err error) error {
	if err == nil {
		return nil
	}
	l.once.Do(func() {
		// raft-wal tells of a failed rotation only that the segment is sealed.
		if cause := l.vfs.cause.Load(); cause != nil && !errors.Is(err, *cause) {
			err = fmt.Errorf("%w: %w", err, *cause)
		}
		l.err = err
		close(l.failed)
		l.ahead.wake()
	})
	return err
}

// broken returns the error that ended the log, if any.
func (l *raftLog) broken() error {
	select {
	case <-l.failed:
		return fmt.Errorf("%w: %w", errLog, l.err)
	default:
		return nil
	}
}

// mend reads every entry, as Raft will at its start or when a follower needs
// it, where a broken one would be a panic or the end of this instance. What is
// broken below a whole snapshot is dropped with all before it: nothing needs
// it. It returns the first index that is left.
func (l *raftLog) mend(first, whole uint64) (uint64, error) {
	last, err := l.wal.LastIndex()
	if err != nil {
		return first, err
	}
	bad, broken := uint64(0), error(nil)
	for i := first; i <= last; i++ {
		if err := l.readWhole(i); err != nil {
			bad, broken = i, err
			if i > whole {
				return first, err
			}
		}
	}
	if bad == 0 {
		return first, nil
	}
	if bad == last {
		return first, broken // an empty log would no longer say where it ended
	}
	if err := l.wal.DeleteRange(first, bad); err != nil {
		return first, fmt.Errorf("dropping what is broken below the snapshot: %w", err)
	}
	return bad + 1, nil
}

func (l *raftLog) readWhole(i uint64) error {
	var log raft.Log
	if err := decodeSafely(func() error { return l.wal.GetLog(i, &log) }); err != nil {
		return fmt.Errorf("entry %d: %w", i, err)
	}
	if log.Index != i {
		return fmt.Errorf("entry %d says it is %d: %w", i, log.Index, errChecksum)
	}
	return verifySum(&log)
}

// wipe empties the log.
func (l *raftLog) wipe() error {
	first, err := l.wal.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.wal.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	return l.wal.DeleteRange(first, last)
}

// FirstIndex implements raft.LogStore.
func (l *raftLog) FirstIndex() (uint64, error) { return l.wal.FirstIndex() }

// LastIndex implements raft.LogStore.
func (l *raftLog) LastIndex() (uint64, error) {
	if last := l.ahead.queued(); last != 0 {
		return last, nil
	}
	return l.wal.LastIndex()
}

// GetLog implements raft.LogStore. A leader never sends an entry whose
// checksum does not hold, since it cannot read it.
func (l *raftLog) GetLog(index uint64, out *raft.Log) error {
	if l.cache.get(index, out) {
		return nil
	}
	// raft-wal still finds deleted entries as long as their segment is there.
	first, err := l.wal.FirstIndex()
	if err == nil && index < first {
		return raft.ErrLogNotFound
	}
	if err == nil {
		err = decodeSafely(func() error { return l.wal.GetLog(index, out) })
	}
	if errors.Is(err, raft.ErrLogNotFound) {
		return err
	}
	if err == nil && out.Index != index {
		err = fmt.Errorf("asked for entry %d, read entry %d: %w", index, out.Index, errChecksum)
	}
	if err == nil {
		err = verifySum(out)
	}
	return l.fail(err)
}

// StoreLog implements raft.LogStore.
func (l *raftLog) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

// StoreLogs implements raft.LogStore. Entries without a checksum are this
// leader's own and get one; those that came over the wire must hold it, and a
// broken one refuses the batch without ending this instance: the fault is the
// sender's. A leader's own commands are on disk a little later (ahead).
func (l *raftLog) StoreLogs(logs []*raft.Log) error {
	if err := l.broken(); err != nil || len(logs) == 0 {
		return err
	}
	overlap := l.ahead.may(logs)
	var size uint64
	for _, log := range logs {
		if len(log.Extensions) == 0 {
			seal(log)
		} else if err := verifySum(log); err != nil {
			return err
		}
		size += uint64(len(log.Data)) + 64
	}
	l.bytes.Add(size)
	if overlap {
		return l.ahead.put(logs, size)
	}
	if err := l.ahead.drain(); err != nil {
		return err
	}
	if err := l.store(logs); err != nil {
		return err
	}
	l.cache.put(logs)
	l.ahead.reached(logs[len(logs)-1].Index)
	return nil
}

// store writes entries and syncs them.
func (l *raftLog) store(logs []*raft.Log) error {
	return l.fail(l.writing.around(func() error {
		err := decodeSafely(func() error { return l.wal.StoreLogs(logs) })
		if err == nil {
			err = l.meta.begun(logs[len(logs)-1].Index)
		}
		return err
	}))
}

// DeleteRange implements raft.LogStore. Deletion of a prefix stops at the
// floor; the whole log and a suffix are deleted as asked.
func (l *raftLog) DeleteRange(lo, hi uint64) error {
	if err := l.broken(); err != nil {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return l.fail(err)
	}
	if hi < last {
		hi = min(hi, l.floor())
		if hi < lo {
			return nil
		}
	}
	if hi >= last {
		if err := l.ahead.drain(); err != nil {
			return err
		}
	}
	l.cache.remove(lo, hi)
	if err := decodeSafely(func() error { return l.wal.DeleteRange(lo, hi) }); err != nil {
		return l.fail(err)
	}
	if hi >= last {
		l.ahead.reached(lo - 1)
	}
	return nil
}

// IsMonotonic implements raft.MonotonicLogStore.
func (l *raftLog) IsMonotonic() bool { return true }
