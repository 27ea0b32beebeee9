package consensus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"

	"go.etcd.io/bbolt"
)

// bbolt believes its pages: a flipped bit in one is another page, a hidden key,
// a read far outside, or the end of the process on a goroutine of its own. So a
// state file is read by this code before bbolt opens it, and by a scrub. It
// walks every page that the newest root reaches and checks all that a search
// relies on: who is whose child, the order of keys on every level, that no page
// is there twice, each pair's checksum, and the content's sum.
//
// The format is bbolt's version 2 (internal/common: page.go, meta.go, inode.go,
// bucket.go), in the machine's byte order. Pages have a head of 16 bytes (id 8,
// flags 2, count 2, overflow 4), then elements of 16: in a branch position 4,
// key size 4, page 8; in a leaf flags 4, position 4, key size 4, value size 4.
// Positions count from their element. A table is a pair of the root's tree with
// flag 1: root page 8, sequence 8, and where the root is 0 a leaf in its place.
const (
	pageHead    = 16
	pageElem    = 16
	branchPage  = 1
	leafPage    = 2
	metaPage    = 4
	bucketFlag  = 1
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = math.MaxUint64
	// treeDepth is more than any tree has.
	treeDepth = 64
	// pageSpan bounds the pages that one page may run on over.
	pageSpan = (maxValue + maxKey) / 512
)

var errPages = errors.New("the state file is damaged")

func spoiled(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errPages, fmt.Sprintf(format, args...))
}

var native = binary.NativeEndian

// boltMeta is what one of the two meta pages says.
type boltMeta struct {
	size     int64 // of a page
	root     uint64
	freelist uint64
	high     uint64 // pages of the file
	tx       uint64
}

// readBoltMeta reads the meta page at off; b has its first 80 bytes.
func readBoltMeta(r io.ReaderAt, off int64) (m boltMeta, err error) {
	b := make([]byte, pageHead+64)
	if _, err := r.ReadAt(b, off); err != nil {
		return m, spoiled("its beginning cannot be read: %v", err)
	}
	head, body := b[:pageHead], b[pageHead:]
	h := fnv.New64a()
	h.Write(body[:56])
	if native.Uint32(body) != boltMagic || native.Uint32(body[4:]) != boltVersion || native.Uint64(body[56:]) != h.Sum64() {
		return m, spoiled("a meta page does not hold its checksum")
	}
	m = boltMeta{
		size: int64(native.Uint32(body[8:])), root: native.Uint64(body[16:]), freelist: native.Uint64(body[32:]),
		high: native.Uint64(body[40:]), tx: native.Uint64(body[48:]),
	}
	if native.Uint16(head[8:]) != metaPage || native.Uint64(head) != m.tx%2 || m.size < 512 || m.size > 1<<20 {
		return m, spoiled("a meta page is not one")
	}
	return m, nil
}

// checkFile reads a closed state file whole and returns the state's own record.
// An error that wraps errPages says what is wrong with it.
func checkFile(path string) (meta, error) {
	f, err := os.Open(path)
	if err != nil {
		return meta{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return meta{}, err
	}
	return checkState(f, fi.Size())
}

func checkState(f io.ReaderAt, size int64) (meta, error) {
	first, err := readBoltMeta(f, 0)
	if err != nil {
		return meta{}, err
	}
	second, err := readBoltMeta(f, first.size)
	if err != nil {
		return meta{}, err
	}
	if second.tx > first.tx {
		first, second = second, first
	}
	if first.size != second.size || first.high > uint64(size/first.size) || first.tx != second.tx+1 && first.tx != second.tx || first.freelist != noFreelist {
		return meta{}, spoiled("its meta pages do not belong together")
	}
	return checkPages(f, first.size, first.root, first.high, nil)
}

// checkView reads the pages of a view, which keeps them from being used again.
// bbolt has the file open meanwhile.
func checkView(tx *bbolt.Tx, stop func() error) error {
	f, err := os.Open(tx.DB().Path())
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(tx.DB().Info().PageSize)
	_, err = checkPages(f, size, uint64(tx.Cursor().Bucket().Root()), uint64(tx.Size()/size), stop)
	return err
}

// checkPages walks the state that a root page leads to. It calls stop, if
// there is one, now and then.
func checkPages(r io.ReaderAt, size int64, root, high uint64, stop func() error) (own meta, err error) {
	if high < 3 {
		return own, spoiled("it should have %d pages", high)
	}
	p := &pages{r: r, size: size, high: high, seen: make([]uint64, high/64+1), stop: stop}
	var have content
	found := false
	err = p.tree(root, 0, nil, nil, func(flags uint32, name, value []byte) error {
		if flags != bucketFlag || len(value) < pageHead || native.Uint64(value[8:]) != 0 {
			return spoiled("the entry of table %q is not one", name)
		}
		t := Table(name)
		seed := seedOf(t)
		pair := func(flags uint32, k, stored []byte) error {
			v, sum, ok := unsealed(seed, k, stored)
			if !ok || flags != 0 {
				return rotten{t, bytes.Clone(k)}
			}
			if t != tableMeta {
				have.add(sum)
				return nil
			}
			found = true
			return Decode(v, &own)
		}
		if inline := native.Uint64(value) == 0; inline {
			inner := value[pageHead:]
			if len(inner) < pageHead || native.Uint64(inner) != 0 || native.Uint32(inner[12:]) != 0 {
				return spoiled("the page of table %q is not one", name)
			}
			return p.leaf(inner, nil, nil, pair)
		}
		return p.tree(native.Uint64(value), 0, nil, nil, pair)
	})
	if err == nil && found {
		err = own.matches(have)
	}
	if err == nil && !found && have != (content{}) {
		err = spoiled("it has no record of its own")
	}
	if err != nil && !errors.Is(err, errPages) && p.stopped == nil {
		err = fmt.Errorf("%w: %w", errPages, err)
	}
	return own, err
}

// pages reads the pages of one file, each once.
type pages struct {
	r       io.ReaderAt
	size    int64
	high    uint64
	seen    []uint64 // a bit a page
	reads   int
	stop    func() error
	stopped error
}

// read returns a page with those it runs on over. Levels of a tree are held at
// the same time, so each has a buffer of its own.
func (p *pages) read(id uint64) ([]byte, error) {
	if p.reads++; p.stop != nil && p.reads%256 == 0 {
		if p.stopped = p.stop(); p.stopped != nil {
			return nil, p.stopped
		}
	}
	if id < 2 || id >= p.high {
		return nil, spoiled("a page has the number %d of %d", id, p.high)
	}
	b := make([]byte, p.size)
	if _, err := p.r.ReadAt(b, int64(id)*p.size); err != nil {
		return nil, spoiled("page %d cannot be read: %v", id, err)
	}
	over := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != id || over > pageSpan || id+over >= p.high {
		return nil, spoiled("page %d says it is page %d and %d more", id, native.Uint64(b), over)
	}
	for i := id; i <= id+over; i++ {
		if p.seen[i/64]&(1<<(i%64)) != 0 {
			return nil, spoiled("page %d is there twice", i)
		}
		p.seen[i/64] |= 1 << (i % 64)
	}
	if over > 0 {
		b = append(b, make([]byte, int64(over)*p.size)...)
		if _, err := p.r.ReadAt(b[p.size:], int64(id+1)*p.size); err != nil {
			return nil, spoiled("page %d cannot be read: %v", id, err)
		}
	}
	return b, nil
}

type pairFunc func(flags uint32, key, value []byte) error

// tree walks a tree that begins with the key first, which is how its parent
// finds it, and ends before high; nil is any.
func (p *pages) tree(id uint64, depth int, first, high []byte, pair pairFunc) error {
	b, err := p.read(id)
	if err != nil {
		return err
	}
	switch kind := native.Uint16(b[8:]); {
	case kind == leafPage:
		return p.leaf(b, first, high, pair)
	case kind != branchPage || depth > treeDepth:
		return spoiled("page %d is of kind %#x", id, kind)
	}
	count := int(native.Uint16(b[10:]))
	if count == 0 || pageHead+count*pageElem > len(b) {
		return spoiled("page %d is a branch of %d children", id, count)
	}
	keys := make([][]byte, count, count+1)
	for i := range keys {
		at := pageHead + i*pageElem
		if keys[i], err = span(b, at, uint64(native.Uint32(b[at:])), uint64(native.Uint32(b[at+4:]))); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 || high != nil && bytes.Compare(keys[i], high) >= 0 {
			return spoiled("page %d is out of order", id)
		}
	}
	if first != nil && !bytes.Equal(first, keys[0]) {
		return spoiled("page %d is not the one that was meant", id)
	}
	for i, next := range append(keys[1:], high) {
		if err := p.tree(native.Uint64(b[pageHead+i*pageElem+8:]), depth+1, keys[i], next, pair); err != nil {
			return err
		}
	}
	return nil
}

// leaf walks the pairs of one page.
func (p *pages) leaf(b []byte, first, high []byte, pair pairFunc) error {
	if len(b) < pageHead || native.Uint16(b[8:]) != leafPage {
		return spoiled("a page is not the leaf it should be")
	}
	last := []byte(nil)
	for i := range int(native.Uint16(b[10:])) {
		at := pageHead + i*pageElem
		if at+pageElem > len(b) {
			return spoiled("a leaf has too many pairs")
		}
		pos, klen, vlen := uint64(native.Uint32(b[at+4:])), uint64(native.Uint32(b[at+8:])), uint64(native.Uint32(b[at+12:]))
		k, err := span(b, at, pos, klen)
		if err != nil {
			return err
		}
		v, err := span(b, at, pos+klen, vlen)
		if err != nil {
			return err
		}
		if len(k) == 0 || last != nil && bytes.Compare(last, k) >= 0 || i == 0 && first != nil && !bytes.Equal(first, k) || high != nil && bytes.Compare(k, high) >= 0 {
			return spoiled("the key %.40q is out of order", k)
		}
		if err := pair(native.Uint32(b[at:]), k, v); err != nil {
			return err
		}
		last = k
	}
	if first != nil && last == nil {
		return spoiled("a leaf is empty")
	}
	return nil
}

// span is what an element points to.
func span(b []byte, at int, pos, n uint64) ([]byte, error) {
	from := uint64(at) + pos
	if from+n > uint64(len(b)) {
		return nil, spoiled("a page points outside of itself")
	}
	return b[from : from+n : from+n], nil
}
