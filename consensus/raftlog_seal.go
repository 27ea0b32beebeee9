package consensus

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"time"

	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// When raft-wal 0.4.0 cuts a suffix off the log, it seals the segment it was
// writing without the index block that a sealed segment is read by: from the
// next open on nothing in it can be read, acknowledged entries included. seal
// writes the block, before the record that calls the segment sealed is written.

// seal gives each sealed segment without an index block one and returns the
// record with its place. Blocks written since open are remembered, since
// raft-wal's own memory never learns of them.
func (x *logIndex) seal(state types.PersistentState) (types.PersistentState, error) {
	var out []types.SegmentInfo
	for _, s := range state.Segments {
		if !s.SealTime.IsZero() && s.IndexStart == 0 {
			at, ok := x.sealed[s.ID]
			if !ok {
				var err error
				if at, err = x.appendBlock(s); err != nil {
					return state, fmt.Errorf("sealing a segment of the log: %w", err)
				}
				x.sealed[s.ID] = at
			}
			s.IndexStart = at
		}
		out = append(out, s)
	}
	state.Segments = out
	return state, nil
}

// appendBlock writes behind the last batch of a segment the offsets of its
// entries, in the form of raft-wal's segment/format.go, and returns where they
// begin.
func (x *logIndex) appendBlock(s types.SegmentInfo) (uint64, error) {
	f, err := x.vfs.OpenWriter(x.dir, segment.FileName(s))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<31))
	if err != nil {
		return 0, err
	}
	offsets, end, _ := entryOffsets(data)
	if uint64(len(offsets)) < s.MaxIndex-s.BaseIndex+1 {
		return 0, fmt.Errorf("%s has %d entries, %d are kept: %w", segment.FileName(s), len(offsets), s.MaxIndex-s.BaseIndex+1, ErrLogDamaged)
	}
	block := []byte{frameIndex, 0, 0, 0}
	block = binary.LittleEndian.AppendUint32(block, uint32(4*len(offsets)))
	for _, o := range offsets {
		block = binary.LittleEndian.AppendUint32(block, o)
	}
	for len(block)%walFrame != 0 {
		block = append(block, 0)
	}
	crc := crc32.Checksum(block, castagnoli)
	block = append(block, frameCommit, 0, 0, 0)
	block = binary.LittleEndian.AppendUint32(block, crc)
	if _, err := f.WriteAt(block, int64(end)); err != nil {
		return 0, err
	}
	return uint64(end) + walFrame, f.Sync()
}

// entryOffsets lists where the entries of a segment begin that are in whole
// batches, where the last of these ends, and where the last index block among
// them begins, 0 if there is none.
func entryOffsets(b []byte) (offsets []uint32, end, block int) {
	var batch []uint32
	seen := 0
	for off := walHeader; ; {
		kind, size, _ := frameAt(b, off)
		switch kind {
		case frameEntry:
			batch = append(batch, uint32(off))
		case frameIndex:
			seen = off + walFrame
		case frameCommit:
			offsets, end, block, batch = append(offsets, batch...), off+size, seen, nil
		default:
			return offsets, end, block
		}
		off += size
	}
}

// rotate does what a process that died between filling a segment and noting it
// left undone. raft-wal 0.4.0 opens such a log and then refuses every entry,
// since the segment is sealed.
func (x *logIndex) rotate(state types.PersistentState) (types.PersistentState, error) {
	n := len(state.Segments)
	if n == 0 || !state.Segments[n-1].SealTime.IsZero() {
		return state, nil
	}
	tail := &state.Segments[n-1]
	f, err := x.vfs.OpenReader(x.dir, segment.FileName(*tail))
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil // noted, not made: raft-wal makes it
	}
	if err != nil {
		return state, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<31))
	if err != nil {
		return state, err
	}
	offsets, _, block := entryOffsets(data)
	if block == 0 || len(offsets) == 0 {
		return state, nil
	}
	tail.SealTime, tail.IndexStart, tail.MaxIndex = time.Now(), uint64(block), tail.BaseIndex+uint64(len(offsets))-1
	next := *tail
	next.ID, next.BaseIndex, next.MinIndex = state.NextSegmentID, tail.MaxIndex+1, tail.MaxIndex+1
	next.MaxIndex, next.IndexStart, next.CreateTime, next.SealTime = 0, 0, tail.SealTime, time.Time{}
	state.NextSegmentID++
	state.Segments = append(state.Segments, next)
	return state, x.commit(state)
}

func segmentsOf(record []byte) (state types.PersistentState, err error) {
	if len(record) == 0 {
		return state, nil
	}
	if err := json.Unmarshal(record, &state); err != nil {
		return state, errors.Join(fmt.Errorf("reading the log's index: %w", ErrLogDamaged), err)
	}
	return state, nil
}
