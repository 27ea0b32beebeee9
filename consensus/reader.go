package consensus

import (
	"bytes"
	"iter"
	"time"
)

// txReader is a Reader over one bbolt transaction.
type txReader struct {
	*tables
	rev uint64
	ms  int64
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

func newTxReader(ts *tables, m meta) *txReader {
	return &txReader{tables: ts, rev: m.Revision, ms: m.Time}
}

// Get implements Reader.
func (r *txReader) Get(t Table, key []byte) []byte {
	b := r.table(t)
	if b == nil {
		return nil
	}
	return b.get(key)
}

// Scan implements Reader.
func (r *txReader) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) { r.each(t, from, to, yield) }
}

func (r *txReader) each(t Table, from, to []byte, yield func(k, v []byte) bool) {
	b := r.table(t)
	if b == nil {
		return
	}
	c := b.cursor()
	defer c.done()
	var k, v []byte
	if from == nil {
		k, v = c.first()
	} else {
		k, v = c.seek(from)
	}
	for ; k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.next() {
		if r.over() || !yield(k, v) {
			return
		}
	}
}

// ScanReverse implements Reader.
func (r *txReader) ScanReverse(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		b := r.table(t)
		if b == nil {
			return
		}
		c := b.cursor()
		defer c.done()
		var k, v []byte
		if to == nil {
			k, v = c.last()
		} else if k, v = c.seek(to); k == nil {
			k, v = c.last()
		}
		for k != nil && to != nil && bytes.Compare(k, to) >= 0 {
			k, v = c.prev()
		}
		for ; k != nil && (from == nil || bytes.Compare(k, from) >= 0); k, v = c.prev() {
			if r.over() || !yield(k, v) {
				return
			}
		}
	}
}

func (r *txReader) first(t Table, from []byte) (k, v []byte) {
	if b := r.table(t); b != nil {
		return b.first(from)
	}
	return nil, nil
}

func (r *txReader) last(t Table) (k, v []byte) {
	if b := r.table(t); b != nil {
		return b.last()
	}
	return nil, nil
}

// Revision implements Reader.
func (r *txReader) Revision() uint64 { return r.rev }

// Time implements Reader.
func (r *txReader) Time() time.Time { return time.UnixMilli(r.ms).UTC() }
