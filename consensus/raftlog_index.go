package consensus

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// nameIndex is the file beside the segments of the log that says which there
// are, and holds Raft's term and vote.
const nameIndex = "index"

const indexMagic = "meshdlx1"

// logIndex implements raft-wal's metadata store in one small file that is
// replaced as a whole: "meshdlx1", CRC-32C of the rest, CBOR. The library's own
// store is a bbolt file, whose pages have no checksum: with one flipped bit in
// the term a node votes twice, and with one in a page number the process ends
// with a fault that cannot be caught.
type logIndex struct {
	// replace writes a file so that after a power loss the old content or the
	// new one is there.
	replace func(path string, data []byte) error
	vfs     types.VFS

	mu        sync.Mutex
	dir, path string
	kept      indexed
	tail      types.SegmentInfo // the one written to
	sealed    map[uint64]uint64 // where the index blocks are that seal has written
}

type indexed struct {
	// Segments is raft-wal's own record, as JSON.
	Segments []byte            `cbor:"1,keyasint"`
	Stable   map[string][]byte `cbor:"2,keyasint"`
	// Owner is the raft id of the server whose term and vote these are.
	Owner string `cbor:"3,keyasint,omitempty"`
	// Begun is one more than the number of the segment whose first entries
	// are on disk: that file may no longer be missing, short or empty.
	Begun uint64 `cbor:"4,keyasint,omitempty"`
}

var _ types.MetaStore = (*logIndex)(nil)

// Load implements types.MetaStore. A file that is there and cannot be read
// whole is damage.
func (x *logIndex) Load(dir string) (state types.PersistentState, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dir, x.path, x.kept = dir, filepath.Join(dir, nameIndex), indexed{}
	x.sealed = make(map[uint64]uint64)
	data, err := os.ReadFile(x.path)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, fmt.Errorf("reading the log's index: %w", err)
	}
	if x.kept, err = parseIndex(data); err != nil {
		return state, err
	}
	if state, err = segmentsOf(x.kept.Segments); err != nil {
		return state, err
	}
	x.writes(state)
	return x.rotate(state)
}

// writes notes which segment is written to. It needs the lock.
func (x *logIndex) writes(state types.PersistentState) {
	if n := len(state.Segments); n > 0 {
		x.tail = state.Segments[n-1]
	}
}

// begun is told of the last entry that has come to disk.
func (x *logIndex) begun(index uint64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept.Begun == x.tail.ID+1 || x.tail.BaseIndex > index || !x.tail.SealTime.IsZero() {
		return nil
	}
	next := x.kept
	next.Begun = x.tail.ID + 1
	return x.write(next)
}

// missing says what is wrong with the newest segment, by what the index knows
// of it: raft-wal makes a new one where it finds none.
func missing(dir string) (lost string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, nameIndex))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the log's index: %w", err)
	}
	k, err := parseIndex(data)
	if err != nil {
		return "", err
	}
	state, err := segmentsOf(k.Segments)
	if err != nil {
		return "", err
	}
	n := len(state.Segments)
	if n == 0 || k.Begun != state.Segments[n-1].ID+1 {
		return "", nil
	}
	name := segment.FileName(state.Segments[n-1])
	data, err = os.ReadFile(filepath.Join(dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the newest file of the log is gone", nil
	case err != nil:
		return "", fmt.Errorf("reading the log: %w", err)
	case len(data) < int(state.Segments[n-1].SizeLimit):
		return "the newest file of the log has been cut short", nil
	}
	if end, _ := scanSegment(data); end == 0 {
		return "the newest file of the log is empty, and had entries", nil
	}
	return "", nil
}

func parseIndex(data []byte) (k indexed, err error) {
	head := len(indexMagic) + crc32.Size
	if len(data) < head || string(data[:len(indexMagic)]) != indexMagic {
		return k, fmt.Errorf("the log's index is not one: %w", ErrLogDamaged)
	}
	if crc32.Checksum(data[head:], castagnoli) != binary.BigEndian.Uint32(data[len(indexMagic):]) {
		return k, fmt.Errorf("the checksum of the log's index does not hold: %w", ErrLogDamaged)
	}
	if err := Decode(data[head:], &k); err != nil {
		return indexed{}, fmt.Errorf("reading the log's index: %w: %w", err, ErrLogDamaged)
	}
	return k, nil
}

func (k indexed) bytes() []byte {
	body := Encode(k)
	out := binary.BigEndian.AppendUint32([]byte(indexMagic), crc32.Checksum(body, castagnoli))
	return append(out, body...)
}

// write needs the lock; what could not be written is not remembered either.
func (x *logIndex) write(next indexed) error {
	if err := x.replace(x.path, next.bytes()); err != nil {
		return fmt.Errorf("writing the log's index: %w", err)
	}
	x.kept = next
	return nil
}

// CommitState implements types.MetaStore.
func (x *logIndex) CommitState(state types.PersistentState) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	state, err := x.seal(state)
	if err != nil {
		return err
	}
	return x.commit(state)
}

// commit needs the lock.
func (x *logIndex) commit(state types.PersistentState) error {
	segments, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encoding the log's index: %w", err)
	}
	next := x.kept
	next.Segments = segments
	if err := x.write(next); err != nil {
		return err
	}
	x.writes(state)
	return nil
}

// GetStable implements types.MetaStore.
func (x *logIndex) GetStable(key []byte) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.kept.Stable[string(key)]), nil
}

// SetStable implements types.MetaStore. What is there already is not written:
// Raft sets its term at each start.
func (x *logIndex) SetStable(key, value []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.kept.Stable[string(key)]; ok && bytes.Equal(old, value) {
		return nil
	}
	next := x.kept
	next.Stable = maps.Clone(x.kept.Stable)
	if next.Stable == nil {
		next.Stable = make(map[string][]byte)
	}
	next.Stable[string(key)] = slices.Clone(value)
	return x.write(next)
}

// sign notes whose log this is. The log of another server is damage: its vote
// is not this one's.
func (x *logIndex) sign(id string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch x.kept.Owner {
	case id:
		return nil
	case "":
		next := x.kept
		next.Owner = id
		return x.write(next)
	}
	return fmt.Errorf("the log is that of the server %s and this is %s: %w", x.kept.Owner, id, ErrLogDamaged)
}

// idOfLog returns the raft id that a log's index has, "" where it cannot be
// read.
func idOfLog(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, nameIndex))
	if err != nil {
		return ""
	}
	k, err := parseIndex(data)
	if err != nil {
		return ""
	}
	return k.Owner
}

// Close implements io.Closer; nothing stays open.
func (x *logIndex) Close() error { return nil }
