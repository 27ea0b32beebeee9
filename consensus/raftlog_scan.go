package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// raft-wal takes any frame it cannot read for the end of the log, so that one
// flipped bit cuts off all that was acknowledged behind it. Before it opens the
// newest segment we read it ourselves and tell a torn write, which was never
// acknowledged, from damage. The format is that of raft-wal's
// segment/format.go: a header of 32 bytes, then frames of 8 bytes (type, 3
// zeros, length or CRC-32C) with content padded to 8; a commit frame ends each
// batch with the CRC of all since the one before.
const (
	walHeader   = 32
	walFrame    = 8
	frameEntry  = 1
	frameIndex  = 2
	frameCommit = 3
	walMagic    = 0x58eb6b0d
	sector      = 512
)

// inspectLog looks at the files of the log before they are opened. The
// sentence says what is lost; a torn tail is wiped, so that what is behind the
// end of the log is always zero and never an old frame.
func inspectLog(dir string) (lost string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the log directory: %w", err)
	}
	tail, high, meta := "", uint64(0), false
	for _, e := range entries {
		meta = meta || e.Name() == nameIndex
		var base, id uint64
		if !strings.HasSuffix(e.Name(), ".wal") {
			continue
		}
		if _, err := fmt.Sscanf(e.Name(), "%020d-%016x.wal", &base, &id); err == nil && id >= high {
			tail, high = e.Name(), id
		}
	}
	if tail == "" {
		return "", nil
	}
	if !meta {
		return "the log's index " + nameIndex + " is gone", nil
	}
	path := filepath.Join(dir, tail)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the log: %w", err)
	}
	end, lost := scanSegment(data)
	if lost != "" || end == len(data) || lastNonZero(data) < end {
		return lost, nil
	}
	return "", wipe(path, end, lastNonZero(data)+1)
}

func wipe(path string, from, to int) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("wiping a torn write: %w", err)
	}
	_, err = f.WriteAt(make([]byte, to-from), int64(from))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("wiping a torn write: %w", err)
	}
	return nil
}

func lastNonZero(b []byte) int {
	i := len(b) - 1
	for i >= 0 && b[i] == 0 {
		i--
	}
	return i
}

// frameAt reads the frame at off; size is 0 where there is none.
func frameAt(b []byte, off int) (kind byte, size int, crc uint32) {
	if off+walFrame > len(b) || b[off+1] != 0 || b[off+2] != 0 || b[off+3] != 0 {
		return 0, 0, 0
	}
	v := binary.LittleEndian.Uint32(b[off+4:])
	switch kind = b[off]; kind {
	case frameEntry, frameIndex:
		if v > maxFrame*2 {
			return 0, 0, 0
		}
		return kind, walFrame + (int(v)+7)/8*8, 0
	case frameCommit:
		return kind, walFrame, v
	}
	return 0, 0, 0
}

// wholeEntry says that an entry frame lies at off and its own checksum holds.
func wholeEntry(b []byte, off int) bool {
	kind, size, _ := frameAt(b, off)
	if kind != frameEntry || off+size > len(b) {
		return false
	}
	n := int(binary.LittleEndian.Uint32(b[off+4:]))
	return decodesWhole(b[off+walFrame : off+walFrame+n])
}

func decodesWhole(b []byte) (ok bool) {
	defer func() {
		if recover() != nil { // the codec slices without looking
			ok = false
		}
	}()
	var l raft.Log
	return (&wal.BinaryCodec{}).Decode(b, &l) == nil && verifySum(&l) == nil
}

// scanSegment returns where the last whole batch ends, and a sentence when
// what lies behind it had been acknowledged.
func scanSegment(b []byte) (end int, lost string) {
	off, start := 0, 0
	last := lastNonZero(b)
	headed := len(b) >= walHeader && binary.LittleEndian.Uint64(b) == walMagic
	if headed {
		off = walHeader
	}
	complete := headed // false: ends in the middle of something
walk:
	for headed {
		kind, size, crc := frameAt(b, off)
		switch kind {
		case frameCommit:
			if crc32.Checksum(b[start:off], castagnoli) != crc {
				complete = false
				break walk
			}
			off += size
			start, end = off, off
		case frameEntry, frameIndex:
			if off+size > last+walFrame || (kind == frameEntry && !wholeEntry(b, off)) {
				complete = false
				break walk
			}
			off += size
		default:
			complete = last < off
			break walk
		}
	}
	if last < end || (complete && last < off) {
		return end, ""
	}
	if laterBatch(b, off) {
		return end, fmt.Sprintf("the log cannot be read at byte %d of its newest file, and whole entries lie behind", off)
	}
	if cutShort(b, off, last) || hasHole(b, end, last) {
		return end, "" // torn: never acknowledged
	}
	return end, fmt.Sprintf("the last batch of the log, at byte %d of its newest file, was written whole and is damaged", end)
}

// laterBatch says that behind off a commit frame is followed by a whole entry:
// a batch begins only after the one before is on disk, so that one was.
func laterBatch(b []byte, off int) bool {
	for off = (off + walFrame) &^ 7; off+walFrame <= len(b); off += walFrame {
		if b[off] != frameEntry || !wholeEntry(b, off) {
			continue
		}
		committed := false
		for {
			kind, size, _ := frameAt(b, off)
			if kind == frameCommit {
				committed = true
			} else if kind != frameIndex && !wholeEntry(b, off) {
				break
			} else if kind == frameEntry && committed {
				return true
			}
			off += size
		}
	}
	return false
}

// cutShort says that the frame at off reaches behind the last byte written,
// and that it is not its length that lies.
func cutShort(b []byte, off, last int) bool {
	kind, size, _ := frameAt(b, off)
	if kind != frameEntry || off+size <= last+walFrame {
		return false
	}
	n := int(binary.LittleEndian.Uint32(b[off+4:]))
	own := entryLength(b[off+walFrame : max(last+1, off+walFrame)])
	return own == 0 || own == n
}

// entryLength is the length of the entry that begins at b by its own word, if
// its checksum holds, and 0 otherwise. The time at its end takes 15 bytes, or
// 16 where it says so (time.Time.MarshalBinary).
func entryLength(b []byte) int {
	p := parser{b: b}
	l := raft.Log{Index: p.uvarint(), Term: p.uvarint(), Type: raft.LogType(p.uvarint())}
	l.Data = p.bytes(maxFrame * 2)
	l.Extensions = p.bytes(64)
	if p.bad || verifySum(&l) != nil {
		return 0
	}
	used := len(b) - len(p.b)
	if p.byte() == 2 {
		return used + 16
	}
	return used + 15
}

// hasHole says that a sector between from and last holds nothing: a disk
// writes whole sectors, in any order.
func hasHole(b []byte, from, last int) bool {
	for s := from; s <= last; s = (s/sector + 1) * sector {
		if lastNonZero(b[s:min((s/sector+1)*sector, last+1)]) < 0 {
			return true
		}
	}
	return false
}
