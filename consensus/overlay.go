package consensus

import (
	"bytes"
	"iter"
	"maps"
	"slices"
	"sort"
)

// Write is one effect of a command: a key of a table set to a value, or
// removed.
type Write struct {
	Table Table
	Key   []byte
	Value []byte
	// Deleted tells a removal from an empty value.
	Deleted bool
}

// Overlay collects the writes of one command over a base view. Reads fall
// through to the base; the base is not touched until the caller flushes
// Writes into it, so that dropping the overlay undoes the command. bbolt has
// no savepoint, and its cursors do not survive a write: this is both.
// An Overlay is not safe for concurrent use.
type Overlay struct {
	Reader
	tables map[Table]*tableWrites
}

// NewOverlay returns an empty overlay over base.
func NewOverlay(base Reader) *Overlay {
	return &Overlay{Reader: base, tables: make(map[Table]*tableWrites)}
}

type pending struct {
	value   []byte
	deleted bool
}

// tableWrites keeps the keys sorted as they come, since commands mostly write
// in ascending order and scans may interleave with writes.
type tableWrites struct {
	keys   []string
	values map[string]pending
}

func (w *tableWrites) set(key []byte, p pending) {
	k := string(key)
	if _, ok := w.values[k]; !ok {
		i := len(w.keys)
		if i > 0 && w.keys[i-1] > k {
			i, _ = slices.BinarySearch(w.keys, k)
		}
		w.keys = slices.Insert(w.keys, i, k)
	}
	w.values[k] = p
}

func (o *Overlay) table(t Table) *tableWrites {
	w := o.tables[t]
	if w == nil {
		w = &tableWrites{values: make(map[string]pending)}
		o.tables[t] = w
	}
	return w
}

// Put implements Writer.
func (o *Overlay) Put(t Table, key, value []byte) {
	// The store appends the pair's checksum.
	o.table(t).set(key, pending{value: append(make([]byte, 0, len(value)+trailer), value...)})
}

// Delete implements Writer.
func (o *Overlay) Delete(t Table, key []byte) {
	if o.Get(t, key) == nil {
		return
	}
	o.table(t).set(key, pending{deleted: true})
}

// Get implements Reader.
func (o *Overlay) Get(t Table, key []byte) []byte {
	if w := o.tables[t]; w != nil {
		if p, ok := w.values[string(key)]; ok {
			if p.deleted {
				return nil
			}
			return slices.Clip(p.value)
		}
	}
	return o.Reader.Get(t, key)
}

// Scan implements Reader. Writing to the table while ranging is allowed: the
// scan sees writes that lie ahead of it.
func (o *Overlay) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return o.merge(t, from, to, false)
}

// ScanReverse implements Reader.
func (o *Overlay) ScanReverse(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return o.merge(t, from, to, true)
}

func (o *Overlay) merge(t Table, from, to []byte, reverse bool) iter.Seq2[[]byte, []byte] {
	scan := o.Reader.Scan
	if reverse {
		scan = o.Reader.ScanReverse
	}
	return func(yield func(k, v []byte) bool) {
		cursor := overlayCursor{o: o, t: t, from: from, to: to, reverse: reverse}
		for k, v := range scan(t, from, to) {
			for {
				ok, p, key := cursor.upTo(k)
				if !ok {
					break
				}
				if !p.deleted && !yield(key, slices.Clip(p.value)) {
					return
				}
			}
			if cursor.last != nil && bytes.Equal(cursor.last, k) {
				continue // the overlay's word on this key was taken
			}
			if !yield(k, v) {
				return
			}
			cursor.last = append(cursor.last[:0:0], k...)
		}
		for {
			ok, p, key := cursor.upTo(nil)
			if !ok {
				return
			}
			if !p.deleted && !yield(key, slices.Clip(p.value)) {
				return
			}
		}
	}
}

// overlayCursor walks the pending keys of one table by position after the last
// key seen, so that insertions do not disturb it.
type overlayCursor struct {
	o        *Overlay
	t        Table
	from, to []byte
	reverse  bool
	last     []byte
}

// upTo returns the next pending write not past limit (nil: none).
func (c *overlayCursor) upTo(limit []byte) (bool, pending, []byte) {
	w := c.o.tables[c.t]
	if w == nil {
		return false, pending{}, nil
	}
	var i int
	if c.reverse {
		switch {
		case c.last != nil:
			i = sort.SearchStrings(w.keys, string(c.last)) - 1
		case c.to != nil:
			i = sort.SearchStrings(w.keys, string(c.to)) - 1
		default:
			i = len(w.keys) - 1
		}
		if i < 0 || (c.from != nil && w.keys[i] < string(c.from)) || (limit != nil && w.keys[i] < string(limit)) {
			return false, pending{}, nil
		}
	} else {
		if c.last != nil {
			var found bool
			if i, found = slices.BinarySearch(w.keys, string(c.last)); found {
				i++
			}
		} else {
			i = sort.SearchStrings(w.keys, string(c.from))
		}
		if i >= len(w.keys) || (c.to != nil && w.keys[i] >= string(c.to)) || (limit != nil && w.keys[i] > string(limit)) {
			return false, pending{}, nil
		}
	}
	k := w.keys[i]
	c.last = []byte(k)
	return true, w.values[k], []byte(k)
}

// Empty says that the command changed nothing.
func (o *Overlay) Empty() bool { return len(o.tables) == 0 }

// Writes returns the command's effects, sorted by table and key: what is
// flushed, hashed and logged.
func (o *Overlay) Writes() []Write {
	var out []Write
	for _, t := range slices.Sorted(maps.Keys(o.tables)) {
		w := o.tables[t]
		for _, k := range w.keys {
			p := w.values[k]
			out = append(out, Write{Table: t, Key: []byte(k), Value: p.value, Deleted: p.deleted})
		}
	}
	return out
}
