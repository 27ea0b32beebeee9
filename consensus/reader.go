package consensus

import (
	"bytes"
	"iter"
	"time"

	"go.etcd.io/bbolt"
)

// txReader is a Reader over one bbolt transaction.
type txReader struct {
	tx      *bbolt.Tx
	buckets map[Table]*bbolt.Bucket
	rev     uint64
	ms      int64
	// until is when scans end, zero: never. A view held open pins every page
	// that is written after it, and the file grows by all of them.
	until   time.Time
	expired bool
	steps   uint8
}

// viewLimit is how long scans of one view go on.
const viewLimit = 10 * time.Second

// over says that the view has had its time; it looks at the clock now and then.
func (r *txReader) over() bool {
	if r.until.IsZero() {
		return false
	}
	if r.steps++; r.steps == 1 {
		r.expired = r.expired || time.Now().After(r.until)
	}
	return r.expired
}

func newTxReader(tx *bbolt.Tx, m meta) *txReader {
	return &txReader{tx: tx, buckets: make(map[Table]*bbolt.Bucket, 8), rev: m.Revision, ms: m.Time}
}

func (r *txReader) bucket(t Table) *bbolt.Bucket {
	b, ok := r.buckets[t]
	if !ok {
		b = r.tx.Bucket([]byte(t))
		r.buckets[t] = b
	}
	return b
}

// Get implements Reader.
func (r *txReader) Get(t Table, key []byte) []byte {
	b := r.bucket(t)
	if b == nil {
		return nil
	}
	return b.Get(key)
}

// Scan implements Reader.
func (r *txReader) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		b := r.bucket(t)
		if b == nil {
			return
		}
		c := b.Cursor()
		var k, v []byte
		if from == nil {
			k, v = c.First()
		} else {
			k, v = c.Seek(from)
		}
		for ; k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.Next() {
			if r.over() || !yield(k, v) {
				return
			}
		}
	}
}

// ScanReverse implements Reader.
func (r *txReader) ScanReverse(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		b := r.bucket(t)
		if b == nil {
			return
		}
		c := b.Cursor()
		var k, v []byte
		if to == nil {
			k, v = c.Last()
		} else if k, v = c.Seek(to); k == nil {
			k, v = c.Last()
		}
		for k != nil && to != nil && bytes.Compare(k, to) >= 0 {
			k, v = c.Prev()
		}
		for ; k != nil && (from == nil || bytes.Compare(k, from) >= 0); k, v = c.Prev() {
			if r.over() || !yield(k, v) {
				return
			}
		}
	}
}

// Revision implements Reader.
func (r *txReader) Revision() uint64 { return r.rev }

// Time implements Reader.
func (r *txReader) Time() time.Time { return time.UnixMilli(r.ms).UTC() }
