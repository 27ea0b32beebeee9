package consensus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"go.etcd.io/bbolt"
)

// bbolt has no checksums: what a disk or a memory gives back changed is an
// answer to it. So each pair is kept with a CRC-32C of its table, key and value
// behind the value, checked at every read; and the state's own record has the
// content of all tables as a number and a sum, so that a full read also finds
// pairs that are missing, twice there, or of yesterday.

// trailer is what a stored value is longer by.
const trailer = 4

// content sums up all pairs of all tables but sys/meta, in any order. Equal
// content has equal sums on every node.
type content struct {
	_     struct{} `cbor:",toarray"`
	Pairs uint64
	Sum   uint64 // of mixed(checksum), modulo 2^64
}

func (c *content) add(sum uint32) {
	c.Pairs++
	c.Sum += mixed(sum)
}

func (c *content) drop(sum uint32) {
	c.Pairs--
	c.Sum -= mixed(sum)
}

// matches says whether the state has what its own record says, as far as a full
// read has shown.
func (m meta) matches(have content) error {
	if have == m.Content {
		return nil
	}
	return spoiled("it has %d pairs with the sum %016x and its record says %d with %016x", have.Pairs, have.Sum, m.Content.Pairs, m.Content.Sum)
}

// mixed spreads a checksum over 64 bits (the finalizer of splitmix64), so that
// checksums do not cancel out in a sum.
func mixed(sum uint32) uint64 {
	z := uint64(sum) + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// seedOf begins the checksums of a table's pairs.
func seedOf(t Table) uint32 { return crc32.Checksum([]byte(t), castagnoli) }

// pairSum is the checksum of a pair. The key's length is in it, since key and
// value lie side by side.
func pairSum(seed uint32, key, value []byte) uint32 {
	sum := crc32.Update(crc32.Update(seed, castagnoli, key), castagnoli, value)
	return sum ^ uint32(len(key))*0x9e3779b1
}

// rotten is a pair of the state that is not what was written.
type rotten struct {
	table Table
	key   []byte
}

func (r rotten) Error() string {
	return fmt.Sprintf("table %s: the checksum of the pair %.40q does not hold", r.table, r.key)
}

// Unwrap makes it a damaged state file.
func (rotten) Unwrap() error { return errPages }

// sealed returns a value with its checksum behind it, in the spare capacity of
// the value where there is enough.
func sealed(seed uint32, key, value []byte) (stored []byte, sum uint32) {
	sum = pairSum(seed, key, value)
	return binary.LittleEndian.AppendUint32(value, sum), sum
}

// unsealed returns the value that was stored; ok says that it is what was
// written.
func unsealed(seed uint32, key, stored []byte) (value []byte, sum uint32, ok bool) {
	n := len(stored) - trailer
	if n < 0 {
		return nil, 0, false
	}
	sum = binary.LittleEndian.Uint32(stored[n:])
	value = stored[:n:n]
	return value, sum, pairSum(seed, key, value) == sum
}

// tables are the tables of the state in one transaction. A pair that is not
// what was written is a panic of storePanic, which ends in salvage: it must not
// reach whoever reads, and it is no error of theirs.
type tables struct {
	tx   *bbolt.Tx
	open map[Table]*table
	// content is kept up by what is written; nil where nothing is.
	content *content
	// must are the tables that every file of this machine has.
	must []Table
	// memory is used again by the next transaction.
	memory memory
}

type table struct {
	in     *tables
	name   Table
	seed   uint32
	bucket *bbolt.Bucket
	seeks  *bbolt.Cursor // for single keys: it begins anew at each
	idle   []*bbolt.Cursor
	known  *known // nil where nothing is written
}

func tablesOf(tx *bbolt.Tx, c *content) *tables {
	ts := &tables{tx: tx, open: make(map[Table]*table, 8), content: c}
	if c != nil {
		ts.memory = make(memory)
	}
	return ts
}

// table returns nil where the file has no such table.
func (ts *tables) table(name Table) *table {
	t, ok := ts.open[name]
	if !ok {
		if b := ts.tx.Bucket([]byte(name)); b != nil {
			t = &table{in: ts, name: name, seed: seedOf(name), bucket: b, seeks: b.Cursor()}
			if ts.content != nil {
				t.known = ts.memory.of(name)
			}
		} else if slices.Contains(ts.must, name) {
			panic(storePanic{spoiled("the table %s is gone", name)})
		}
		ts.open[name] = t
	}
	return t
}

// check takes the checksum off a stored value.
func (t *table) check(key, stored []byte) []byte {
	value, _, ok := unsealed(t.seed, key, stored)
	if !ok {
		panic(storePanic{rotten{t.name, bytes.Clone(key)}})
	}
	return value
}

// stored returns what lies under a key, with its checksum, nil where nothing.
func (t *table) stored(key []byte) []byte {
	v, _ := t.look(key)
	return v
}

// look is stored; above says that all keys are below the one asked for.
func (t *table) look(key []byte) (v []byte, above bool) {
	k, v := t.seeks.Seek(key)
	if !bytes.Equal(k, key) {
		return nil, k == nil
	}
	if len(v) < trailer {
		panic(storePanic{rotten{t.name, bytes.Clone(key)}})
	}
	return v, false
}

// get returns the value under a key, nil where there is none.
func (t *table) get(key []byte) []byte {
	if t.known != nil {
		return t.known.get(t, key)
	}
	v := t.stored(key)
	if v == nil {
		return nil
	}
	return t.check(key, v)
}

// put sets a value, whose spare capacity is taken. Both must stay as they are
// until the transaction ends.
func (t *table) put(key, value []byte) error {
	if t.name != tableMeta {
		t.dropOld(key)
	}
	stored, sum := sealed(t.seed, key, value)
	if t.name != tableMeta {
		t.in.content.add(sum)
	}
	t.known.put(t, key, stored)
	return t.bucket.Put(key, stored)
}

func (t *table) delete(key []byte) error {
	t.dropOld(key)
	t.known.delete(key)
	return t.bucket.Delete(key)
}

// dropOld takes the pair under a key out of the sum, by the checksum that went
// into it: should the pair be damaged, the sum will tell.
func (t *table) dropOld(key []byte) {
	if v := t.known.recall(t, key).stored; v != nil {
		t.in.content.drop(binary.LittleEndian.Uint32(v[len(v)-trailer:]))
	}
}

// first returns the first pair from a key on, last the last pair of all.
func (t *table) first(from []byte) (k, v []byte) {
	if from == nil {
		return cursor{t, t.seeks}.first()
	}
	return cursor{t, t.seeks}.seek(from)
}

func (t *table) last() (k, v []byte) {
	if t.known != nil {
		return t.known.last(t)
	}
	return cursor{t, t.seeks}.last()
}

// cursor walks a table and checks what it finds.
type cursor struct {
	t *table
	c *bbolt.Cursor
}

func (t *table) cursor() cursor {
	if n := len(t.idle); n > 0 {
		c := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return cursor{t, c}
	}
	return cursor{t, t.bucket.Cursor()}
}

// done says that the cursor is not used any more.
func (c cursor) done() { c.t.idle = append(c.t.idle, c.c) }

func (c cursor) first() (k, v []byte)          { return c.checked(c.c.First()) }
func (c cursor) last() (k, v []byte)           { return c.checked(c.c.Last()) }
func (c cursor) next() (k, v []byte)           { return c.checked(c.c.Next()) }
func (c cursor) prev() (k, v []byte)           { return c.checked(c.c.Prev()) }
func (c cursor) seek(key []byte) (k, v []byte) { return c.checked(c.c.Seek(key)) }

func (c cursor) checked(k, v []byte) ([]byte, []byte) {
	if k == nil {
		return nil, nil
	}
	return k, c.t.check(k, v)
}

// all yields every pair of a table with its checksum.
func (t *table) all(yield func(k, v []byte, sum uint32) error) error {
	c := t.bucket.Cursor()
	for k, stored := c.First(); k != nil; k, stored = c.Next() {
		v, sum, ok := unsealed(t.seed, k, stored)
		if !ok {
			return rotten{t.name, bytes.Clone(k)}
		}
		if err := yield(k, v, sum); err != nil {
			return err
		}
	}
	return nil
}
