package consensus

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"
)

// A backup is the state as a logical stream, made at one revision, with all
// that a new mesh can be made from and nothing that belongs to the old one's
// log:
//
//	"meshdbak" | format, 4 bytes big endian |
//	uvarint length, CBOR of backupHead |
//	for each table, by name: 'T' name, then 'K' key value for each pair in order |
//	'E' uvarint length, CBOR of backupTail | SHA-256 of all before
//
// Names, keys and values carry a uvarint length. The first 12 bytes mean the
// same in every format, so that a newer file is told from a damaged one. Tables
// and keys come in strictly ascending order: one state has one stream.
//
// The tables are those of the parts, and the answers kept under clients'
// idempotency keys: a client that repeats a request of before the backup is
// answered as the first time. What nodes remember of each other's proposals
// (origins) stays behind: no node of the old mesh can reach the new one.
const (
	backupMagic  = "meshdbak"
	backupFormat = 1
	// maxBackupHead bounds head and tail.
	maxBackupHead = 64 << 10
)

// ErrBackupDamaged says that a stream is not a whole backup.
var ErrBackupDamaged = errors.New("the backup is damaged or cut short")

// BackupLabel is what the owner of the state wants to find in a backup's head.
type BackupLabel struct {
	MeshID   string `cbor:"1,keyasint"`
	MeshName string `cbor:"2,keyasint"`
	// Node and Version are the name and the software of the node that made it.
	Node    string `cbor:"3,keyasint"`
	Version string `cbor:"4,keyasint"`
}

// BackupInfo says what a backup holds.
type BackupInfo struct {
	BackupLabel
	Revision uint64
	// Time is the mesh's time of the last entry, Created the clock of the node
	// that made the backup.
	Time, Created time.Time
	// Pairs counts the keys of all tables.
	Pairs uint64
	// Hash is the logical hash of the state: what a scrub compares.
	Hash [sha256.Size]byte
}

type backupHead struct {
	Label       BackupLabel `cbor:"1,keyasint"`
	Created     int64       `cbor:"2,keyasint"` // unix ms
	StateFormat uint32      `cbor:"3,keyasint"`
	Level       uint32      `cbor:"4,keyasint"`
	Revision    uint64      `cbor:"5,keyasint"`
	Time        int64       `cbor:"6,keyasint"` // unix ms, mesh time
	Rolling     [32]byte    `cbor:"7,keyasint"`
	IdemNext    uint64      `cbor:"8,keyasint"`
	IdemLow     uint64      `cbor:"9,keyasint"`
}

type backupTail struct {
	Pairs uint64   `cbor:"1,keyasint"`
	Hash  [32]byte `cbor:"2,keyasint"`
}

func (h *backupHead) info(t backupTail) BackupInfo {
	return BackupInfo{
		BackupLabel: h.Label, Revision: h.Revision, Pairs: t.Pairs, Hash: t.Hash,
		Time: time.UnixMilli(h.Time).UTC(), Created: time.UnixMilli(h.Created).UTC(),
	}
}

// backupTables are the tables of a backup, by name.
func backupTables(parts []Part) []Table {
	tables := []Table{tableIdem, tableIdemAt}
	for _, p := range parts {
		tables = append(tables, p.Tables()...)
	}
	slices.Sort(tables)
	return tables
}

// Backup writes the state as it is at one revision, after what o asks for, to
// out. Writes go on meanwhile, but the pages they replace are kept until it
// ends: out must be a file of this machine and never a client. It ends early
// with ctx and with the Group.
func (g *Group) Backup(ctx context.Context, o ReadOptions, label BackupLabel, out io.Writer) (BackupInfo, error) {
	if _, err := g.View(ctx, o, func(Reader) error { return nil }); err != nil {
		return BackupInfo{}, err
	}
	if err := g.machine.broken(); err != nil {
		return BackupInfo{}, fmt.Errorf("%w: %w", ErrStateFault, err)
	}
	w := &backupWriter{
		out: bufio.NewWriterSize(out, 256<<10), all: sha256.New(), logical: sha256.New(),
		label: label, now: time.Now(),
		ended: func() error {
			if g.ctx.Err() != nil {
				return ErrClosed
			}
			return ctx.Err()
		},
	}
	var parts []Part
	for _, p := range g.machine.inOrder {
		parts = append(parts, p)
	}
	w.tables = backupTables(parts)
	return g.machine.backup(w)
}

// backup writes one view. Unlike other views it may last: what it holds up is
// bounded by the size of the state.
func (m *machine) backup(w *backupWriter) (info BackupInfo, err error) {
	_, err = m.view(func(r Reader) error {
		if t, ok := r.(*txReader); ok {
			t.until = time.Time{}
		}
		info, err = w.write(r)
		return err
	})
	return info, err
}

// backupWriter writes one backup.
type backupWriter struct {
	out     *bufio.Writer
	all     hash.Hash
	logical hash.Hash
	tables  []Table
	label   BackupLabel
	now     time.Time
	ended   func() error
	buf     []byte
	pairs   uint64
}

// put writes what is in buf; logically it is part of the state's own hash.
func (w *backupWriter) put(logically bool) error {
	w.all.Write(w.buf)
	if logically {
		w.logical.Write(w.buf)
	}
	_, err := w.out.Write(w.buf)
	return err
}

func (w *backupWriter) write(r Reader) (BackupInfo, error) {
	cur := meta{Format: stateFormat, Level: firstLevel}
	if data := r.Get(tableMeta, keyMeta); data != nil {
		if err := Decode(data, &cur); err != nil {
			return BackupInfo{}, fmt.Errorf("reading the state's own record: %w", err)
		}
	}
	head := backupHead{
		Label: w.label, Created: w.now.UnixMilli(), StateFormat: cur.Format, Level: cur.Level, Revision: cur.Revision,
		Time: cur.Time, Rolling: cur.Hash, IdemNext: cur.IdemNext, IdemLow: cur.IdemLow,
	}
	w.buf = appendBytes(backupStart(backupFormat), Encode(head))
	if err := w.put(false); err != nil {
		return BackupInfo{}, err
	}
	for _, t := range w.tables {
		if err := w.table(r, t); err != nil {
			return BackupInfo{}, err
		}
	}
	tail := backupTail{Pairs: w.pairs}
	w.logical.Sum(tail.Hash[:0])
	w.buf = appendBytes(append(w.buf[:0], 'E'), Encode(tail))
	if err := w.put(false); err != nil {
		return BackupInfo{}, err
	}
	if _, err := w.out.Write(w.all.Sum(nil)); err != nil {
		return BackupInfo{}, err
	}
	return head.info(tail), w.out.Flush()
}

func (w *backupWriter) table(r Reader, t Table) error {
	logical, empty := inLogicalHash(t), true
	for k, v := range r.Scan(t, nil, nil) {
		if empty {
			empty = false
			w.buf = appendBytes(append(w.buf[:0], 'T'), t)
			if err := w.put(logical); err != nil {
				return err
			}
		}
		if w.pairs%1024 == 0 {
			if err := w.ended(); err != nil {
				return err
			}
		}
		w.buf = appendBytes(appendBytes(append(w.buf[:0], 'K'), k), v)
		if err := w.put(logical); err != nil {
			return err
		}
		w.pairs++
	}
	return nil
}

// inLogicalHash leaves out the order in which idempotency keys came, as a scrub
// does.
func inLogicalHash(t Table) bool { return t != tableIdemAt }

func backupStart(format uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(backupMagic), format)
}

// Room is how much may be written on the file system of dir before the
// free-space watermark, which is kept for Raft's own log. Where the system does
// not tell, there is room.
func Room(dir string) uint64 {
	free, total := diskSpace(dir)
	if total == 0 {
		return 1 << 62
	}
	low := min(uint64(freeBytes), total/100*freePercent)
	if free <= low {
		return 0
	}
	return free - low
}
