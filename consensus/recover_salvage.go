package consensus

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// salvage are the entries found in the segments of a log whose index is lost:
// where each lies. Every entry says its own number and has its own checksum, so
// that nothing but whole entries is found, and no index is needed to place them.
type salvage map[uint64]place

type place struct {
	path        string
	off, length int // of the entry in the file
}

// salvageLog reads the segments of a log, and changes nothing.
func salvageLog(dir string) (salvage, error) {
	type file struct {
		path string
		base uint64
		id   uint64
	}
	var files []file
	paths, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		f := file{path: path}
		if n, err := fmt.Sscanf(filepath.Base(path), "%020d-%016x.wal", &f.base, &f.id); err == nil && n == 2 {
			files = append(files, f)
		}
	}
	// In the order they were begun: where a later one begins, the end of those
	// before was taken back.
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.id, b.id) })
	out := make(salvage)
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
		for i := range out {
			if i >= f.base {
				delete(out, i)
			}
		}
		out.take(f.path, f.base, data)
	}
	return out, nil
}

// take notes the whole entries of one segment. What cannot be read is stepped
// over: frames begin at multiples of 8.
func (s salvage) take(path string, next uint64, data []byte) {
	for off := walHeader; off+walFrame <= len(data); {
		if kind, size, _ := frameAt(data, off); kind == frameCommit || kind == frameIndex && off+size <= len(data) {
			off += size
			continue
		}
		if data[off] != frameEntry || !wholeEntry(data, off) {
			off += walFrame
			continue
		}
		_, size, _ := frameAt(data, off)
		n := int(binary.LittleEndian.Uint32(data[off+4:]))
		var l raft.Log
		if (&wal.BinaryCodec{}).Decode(data[off+walFrame:off+walFrame+n], &l) == nil && l.Index >= next {
			s[l.Index] = place{path, off + walFrame, n}
			next = l.Index + 1
		}
		off += size
	}
}

// entry reads one again: it may have been damaged since.
func (s salvage) entry(i uint64) (l raft.Log, err error) {
	p, ok := s[i]
	if !ok {
		return l, fmt.Errorf("entry %d is not there: %w", i, ErrLogDamaged)
	}
	f, err := os.Open(p.path)
	if err != nil {
		return l, fmt.Errorf("reading the log: %w", err)
	}
	defer f.Close()
	b := make([]byte, p.length)
	if _, err := f.ReadAt(b, int64(p.off)); err != nil {
		return l, fmt.Errorf("reading the log: %w", err)
	}
	if !decodesWhole(b) {
		return l, fmt.Errorf("entry %d cannot be read any more: %w", i, ErrLogDamaged)
	}
	return l, (&wal.BinaryCodec{}).Decode(b, &l)
}

// span is the first and the last entry; there may be gaps between them.
func (s salvage) span() (first, last uint64) {
	for i := range s {
		if first == 0 || i < first {
			first = i
		}
		last = max(last, i)
	}
	return first, last
}
