package consensus

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// A snapshot is a logical stream of the state, read in one transaction:
//
//	"meshdsn1" | uvarint length, CBOR of meta |
//	for each table: 'T' name, then 'K' key value for each pair in order |
//	'E' | SHA-256 of all before
//
// Names, keys and values carry a uvarint length. The meta record holds the
// content's own applied index: Raft's label may be higher, by entries that do
// not reach the state.
const snapshotMagic = "meshdsn1"

var errSnapshot = errors.New("the snapshot is damaged")

// restoreBytes bounds one transaction of a restore.
const restoreBytes = 8 << 20

// Snapshot implements raft.FSM. It fails while the state is in fault mode or
// still ahead of what Raft has replayed: Raft would put its own index on it.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	if err := m.broken(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStateFault, err)
	}
	if m.seen < m.cur.Applied {
		return nil, fmt.Errorf("replay has reached %d of %d", m.seen, m.cur.Applied)
	}
	tx, err := m.begin()
	if err != nil {
		return nil, err
	}
	return &view{m: m, tx: tx}, nil
}

// view is the transaction a snapshot is written from.
type view struct {
	m  *machine
	tx *bbolt.Tx
}

// Persist implements raft.FSMSnapshot.
func (v *view) Persist(sink raft.SnapshotSink) error {
	if c, ok := sink.(*checkedSink); ok {
		c.own = true
	}
	if err := v.write(sink); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

func (v *view) write(out io.Writer) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer v.m.salvage(&err)
	if err = writeSnapshot(out, v.tx); errors.Is(err, errPages) {
		err = v.m.damaged(err)
	}
	return err
}

// Release implements raft.FSMSnapshot.
func (v *view) Release() { v.tx.Rollback() }

type hashWriter struct {
	w *bufio.Writer
	h hash.Hash
}

func (w hashWriter) Write(p []byte) (int, error) {
	w.h.Write(p)
	return w.w.Write(p)
}

func writeSnapshot(out io.Writer, tx *bbolt.Tx) error {
	w := hashWriter{bufio.NewWriterSize(out, 64<<10), sha256.New()}
	ts := tablesOf(tx, nil)
	cur, err := readMeta(ts)
	if err != nil {
		return err
	}
	told := cur
	told.Content = content{} // whoever reads the pairs knows
	head := appendBytes([]byte(snapshotMagic), Encode(told))
	if _, err := w.Write(head); err != nil {
		return err
	}
	var buf []byte
	var have content
	err = tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if Table(name) == tableMeta {
			return nil
		}
		if _, err := w.Write(appendBytes([]byte{'T'}, name)); err != nil {
			return err
		}
		return ts.table(Table(name)).all(func(k, v []byte, sum uint32) error {
			have.add(sum)
			buf = append(buf[:0], 'K')
			buf = appendBytes(appendBytes(buf, k), v)
			_, err := w.Write(buf)
			return err
		})
	})
	if err == nil {
		err = cur.matches(have)
	}
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte{'E'}); err != nil {
		return err
	}
	if _, err := w.w.Write(w.h.Sum(nil)); err != nil {
		return err
	}
	return w.w.Flush()
}

// hashReader hashes exactly the bytes that its reader takes.
type hashReader struct {
	r *bufio.Reader
	h hash.Hash
}

func (r hashReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.h.Write(p[:n])
	return n, err
}

func (r hashReader) ReadByte() (byte, error) {
	c, err := r.r.ReadByte()
	if err == nil {
		r.h.Write([]byte{c})
	}
	return c, err
}

// field reads a length and that many bytes. Memory grows with what arrives,
// not with what a length claims.
func (r hashReader) field(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSnapshot, err)
	}
	if n > limit {
		return nil, fmt.Errorf("a field of %d bytes: %w", n, errSnapshot)
	}
	if n <= 64<<10 {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, fmt.Errorf("%w: %w", errSnapshot, err)
		}
		return b, nil
	}
	var b bytes.Buffer
	if m, err := io.Copy(&b, io.LimitReader(r, int64(n))); err != nil || uint64(m) != n {
		return nil, fmt.Errorf("%w: cut short", errSnapshot)
	}
	return b.Bytes(), nil
}

// readSnapshot calls put for each pair and returns the meta record, after the
// checksum has held. put is nil where only the checksum is asked for.
func readSnapshot(in io.Reader, put func(t Table, k, v []byte) error) (meta, error) {
	r := hashReader{bufio.NewReaderSize(in, 64<<10), sha256.New()}
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != snapshotMagic {
		return meta{}, fmt.Errorf("%w: not a snapshot", errSnapshot)
	}
	head, err := r.field(1 << 16)
	if err != nil {
		return meta{}, err
	}
	if err := tooNew(head); err != nil {
		return meta{}, err
	}
	var cur meta
	if err := Decode(head, &cur); err != nil {
		return meta{}, fmt.Errorf("%w: %w", errSnapshot, err)
	}
	var table Table
	var seed uint32
	var have content
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return meta{}, fmt.Errorf("%w: %w", errSnapshot, err)
		}
		switch kind {
		case 'T':
			name, err := r.field(256)
			if err != nil {
				return meta{}, err
			}
			table, seed = Table(name), seedOf(Table(name))
		case 'K':
			k, err := r.field(maxKey)
			if err != nil {
				return meta{}, err
			}
			v, err := r.field(maxValue)
			if err != nil {
				return meta{}, err
			}
			if table == "" || len(k) == 0 {
				return meta{}, errSnapshot
			}
			have.add(pairSum(seed, k, v))
			if put != nil {
				if err := put(table, k, v); err != nil {
					return meta{}, err
				}
			}
		case 'E':
			sum := r.h.Sum(nil)
			var told [sha256.Size]byte
			if _, err := io.ReadFull(r.r, told[:]); err != nil || !bytes.Equal(sum, told[:]) {
				return meta{}, fmt.Errorf("%w: its checksum does not hold", errSnapshot)
			}
			if _, err := r.r.ReadByte(); err != io.EOF {
				return meta{}, fmt.Errorf("%w: bytes after its end", errSnapshot)
			}
			cur.Format, cur.Content = stateFormat, have
			return cur, nil
		default:
			return meta{}, fmt.Errorf("%w: unknown mark %#x", errSnapshot, kind)
		}
	}
}

// Restore implements raft.FSM: the snapshot goes into a new file, in bounded
// transactions, and CURRENT turns to it when it is whole and on disk.
func (m *machine) Restore(in io.ReadCloser) error {
	defer in.Close()
	f, err := m.build(in)
	if err != nil {
		return err
	}
	if err := m.step(atStateTurned); err != nil {
		f.db.Close()
		return err
	}
	if err := m.use(f); err != nil {
		return err
	}
	m.seen = max(m.seen, m.cur.Applied)
	m.restored()
	m.moved.wake()
	m.changed.wake()
	return nil
}

// build makes a state file of a snapshot, or an empty one where in is nil.
func (m *machine) build(in io.Reader) (_ *stateFile, err error) {
	name := nextStateName(m.dir)
	path := filepath.Join(m.dir, name)
	f, err := openStateFile(path, m.tables)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.db.Close()
			os.Remove(path)
		}
	}()
	if in != nil {
		if err := f.fill(in); err != nil {
			return nil, err
		}
	}
	if err := f.db.Sync(); err != nil {
		return nil, fmt.Errorf("syncing the state: %w", err)
	}
	if err := m.step(atStateBuilt); err != nil {
		return nil, err
	}
	if err := writeCurrent(m.dir, current{name: name, mark: markOpen, boot: bootID()}); err != nil {
		return nil, err
	}
	return f, nil
}

type pair struct {
	t    Table
	k, v []byte
}

func (s *stateFile) fill(in io.Reader) error {
	var pairs []pair
	size := 0
	var filled content
	write := func(last *meta) error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			ts := tablesOf(tx, &filled)
			for _, p := range pairs {
				b, err := tx.CreateBucketIfNotExists([]byte(p.t))
				if err != nil {
					return err
				}
				b.FillPercent = 0.9 // keys come in order
				if err := ts.table(p.t).put(p.k, p.v); err != nil {
					return err
				}
			}
			pairs, size = slices.Delete(pairs, 0, len(pairs)), 0
			if last != nil {
				if err := last.matches(filled); err != nil {
					return fmt.Errorf("%w: %w", errSnapshot, err)
				}
				return ts.table(tableMeta).put(keyMeta, Encode(*last))
			}
			return nil
		})
	}
	cur, err := readSnapshot(in, func(t Table, k, v []byte) error {
		pairs = append(pairs, pair{t, k, v})
		if size += len(k) + len(v); size >= restoreBytes {
			return write(nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := write(&cur); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}
