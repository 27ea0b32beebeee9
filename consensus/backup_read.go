package consensus

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
)

// CheckBackup reads a backup to its end and says what it holds. The error wraps
// ErrBackupDamaged, or ErrNewer where this program cannot read it. Without
// parts any tables are taken: the stream is checked, not whether this program
// could use it.
func CheckBackup(in io.Reader, parts []Part) (BackupInfo, error) {
	r := newBackupReader(in, parts)
	head, err := r.head()
	if err != nil {
		return BackupInfo{}, err
	}
	tail, err := r.pairs(func([]byte) error { return nil })
	if err != nil {
		return BackupInfo{}, err
	}
	return head.info(tail), nil
}

// backupReader reads one backup: head, then pairs.
type backupReader struct {
	hashReader
	logical hash.Hash
	known   []Table // nil: any
}

func newBackupReader(in io.Reader, parts []Part) *backupReader {
	r := &backupReader{hashReader: hashReader{bufio.NewReaderSize(in, 256<<10), sha256.New()}, logical: sha256.New()}
	if parts != nil {
		r.known = backupTables(parts)
	}
	return r
}

func notBackup(why string) error { return fmt.Errorf("%w: %s", ErrBackupDamaged, why) }

// spoilt names damage without hiding an error of the medium, or of what
// decrypts it.
func spoilt(err error) error { return fmt.Errorf("%w: %w", ErrBackupDamaged, err) }

func (r *backupReader) head() (h backupHead, err error) {
	start := make([]byte, len(backupMagic)+4)
	if n, err := io.ReadFull(r, start); err != nil || string(start[:len(backupMagic)]) != backupMagic {
		if err != nil && n > 0 {
			return h, spoilt(err)
		}
		return h, notBackup("it does not begin as one")
	}
	switch format := binary.BigEndian.Uint32(start[len(backupMagic):]); {
	case format == 0:
		return h, notBackup("format 0 was never written")
	case format > backupFormat:
		return h, fmt.Errorf("the backup has format %d and this program knows up to %d, upgrade it: %w", format, backupFormat, ErrNewer)
	}
	data, err := r.field(maxBackupHead)
	if err != nil {
		return h, spoilt(err)
	}
	if err := Decode(data, &h); err != nil {
		return h, spoilt(err)
	}
	switch {
	case h.StateFormat > stateFormat || h.Level > Level:
		return h, fmt.Errorf("the backup holds a state of format %d and level %d, this program knows %d and %d, upgrade it: %w",
			h.StateFormat, h.Level, stateFormat, Level, ErrNewer)
	case h.Revision > math.MaxUint64/2, h.Time < 0, h.IdemLow > h.IdemNext:
		return h, notBackup("its numbers cannot be")
	}
	return h, nil
}

// pairs calls put with each record of the tables as it stands, and returns when
// the whole stream has been proven.
func (r *backupReader) pairs(put func(record []byte) error) (tail backupTail, err error) {
	var (
		table   Table
		last    []byte // key of the table
		unknown Table
		pairs   uint64
		buf     []byte
	)
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return tail, spoilt(err)
		}
		buf = append(buf[:0], kind)
		switch kind {
		case 'T':
			name, err := r.field(256)
			if err != nil {
				return tail, spoilt(err)
			}
			if Table(name) <= table {
				return tail, notBackup("its tables are not in order")
			}
			table, last = Table(name), nil
			if r.known != nil && !slices.Contains(r.known, table) {
				unknown = table
			}
			buf = appendBytes(buf, name)
		case 'K':
			k, err := r.field(maxKey)
			if err != nil {
				return tail, spoilt(err)
			}
			v, err := r.field(maxValue)
			if err != nil {
				return tail, spoilt(err)
			}
			if table == "" || bytes.Compare(k, last) <= 0 {
				return tail, notBackup("its keys are not in order")
			}
			last = k
			pairs++
			buf = appendBytes(appendBytes(buf, k), v)
		case 'E':
			if tail, err = r.tail(); err != nil {
				return tail, err
			}
			if tail.Pairs != pairs || !bytes.Equal(tail.Hash[:], r.logical.Sum(nil)) {
				return tail, notBackup("its content is not what its end says")
			}
			if unknown != "" {
				return tail, fmt.Errorf("the backup has a table %q that this program does not know, upgrade it: %w", unknown, ErrNewer)
			}
			return tail, nil
		default:
			return tail, notBackup("it has a mark that is none")
		}
		if inLogicalHash(table) {
			r.logical.Write(buf)
		}
		if err := put(buf); err != nil {
			return tail, err
		}
	}
}

func (r *backupReader) tail() (t backupTail, err error) {
	data, err := r.field(maxBackupHead)
	if err != nil {
		return t, spoilt(err)
	}
	if err := Decode(data, &t); err != nil {
		return t, spoilt(err)
	}
	sum := r.h.Sum(nil)
	var told [sha256.Size]byte
	if _, err := io.ReadFull(r.r, told[:]); err != nil {
		return t, spoilt(err)
	}
	if !bytes.Equal(sum, told[:]) {
		return t, notBackup("its checksum does not hold")
	}
	switch _, err := r.r.ReadByte(); err {
	case io.EOF:
		return t, nil
	case nil:
		return t, notBackup("there are bytes after its end")
	default:
		return t, spoilt(err)
	}
}
