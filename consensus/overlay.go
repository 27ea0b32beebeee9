package consensus

import (
	"bytes"
	"iter"
	"slices"
	"sort"
	"strings"
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
	tables []*tableWrites // written to, in the order of their first write
	spare  []*tableWrites // of commands before
	bytes  arena
	writes []Write
}

// NewOverlay returns an empty overlay over base.
func NewOverlay(base Reader) *Overlay { return &Overlay{Reader: base} }

// reset makes it an empty overlay over base. Keys and values of the writes
// before stay as they are.
func (o *Overlay) reset(base Reader) {
	for _, w := range o.tables {
		w.reset()
	}
	o.spare = append(o.spare, o.tables...)
	clear(o.tables)
	o.tables = o.tables[:0]
	clear(o.writes)
	o.writes = o.writes[:0]
	o.Reader = base
}

type pending struct {
	key, value []byte
	deleted    bool
}

// fewWrites are searched one by one.
const fewWrites = 16

// tableWrites are the writes to one table, each key once.
type tableWrites struct {
	table Table
	list  []pending
	// sorted are places in list, in the order of keys. It is kept as they come,
	// since commands mostly write in ascending order and scans may interleave
	// with writes.
	sorted []int32
	// places of keys in list, once they are more than a few.
	places map[string]int32
}

func (w *tableWrites) reset() {
	clear(w.list)
	if w.list, w.sorted = w.list[:0], w.sorted[:0]; cap(w.list) > 1024 {
		w.list, w.sorted = nil, nil
	}
	w.places = nil
}

func (w *tableWrites) key(i int) []byte { return w.list[w.sorted[i]].key }

// find returns the write to a key, nil where there is none.
func (w *tableWrites) find(key []byte) *pending {
	if w.places != nil {
		if i, ok := w.places[string(key)]; ok {
			return &w.list[i]
		}
		return nil
	}
	for i := len(w.list) - 1; i >= 0; i-- {
		if bytes.Equal(w.list[i].key, key) {
			return &w.list[i]
		}
	}
	return nil
}

// search returns the place in sorted of the first key that is not below the one
// given, and whether it is that key.
func (w *tableWrites) search(key []byte) (int, bool) {
	return sort.Find(len(w.sorted), func(i int) int { return bytes.Compare(key, w.key(i)) })
}

// add takes up a key that has no write yet.
func (w *tableWrites) add(p pending) {
	at, n := len(w.sorted), int32(len(w.list))
	if at > 0 && bytes.Compare(w.key(at-1), p.key) > 0 {
		at, _ = w.search(p.key)
	}
	w.list = append(w.list, p)
	w.sorted = slices.Insert(w.sorted, at, n)
	switch {
	case w.places != nil:
		w.places[string(p.key)] = n
	case len(w.list) > fewWrites:
		w.places = make(map[string]int32, 4*fewWrites)
		for i := range w.list {
			w.places[string(w.list[i].key)] = int32(i)
		}
	}
}

// written returns the writes to a table, nil where there are none.
func (o *Overlay) written(t Table) *tableWrites {
	for _, w := range o.tables {
		if w.table == t {
			return w
		}
	}
	return nil
}

func (o *Overlay) set(t Table, key []byte, p pending) {
	w := o.written(t)
	if w == nil {
		if n := len(o.spare); n > 0 {
			w, o.spare = o.spare[n-1], o.spare[:n-1]
		} else {
			w = new(tableWrites)
		}
		w.table = t
		o.tables = append(o.tables, w)
	}
	if was := w.find(key); was != nil {
		p.key = was.key
		*was = p
		return
	}
	p.key = o.bytes.clone(key, 0)
	w.add(p)
}

// Put implements Writer.
func (o *Overlay) Put(t Table, key, value []byte) {
	// The store appends the pair's checksum.
	o.set(t, key, pending{value: o.bytes.clone(value, trailer)})
}

// Delete implements Writer.
func (o *Overlay) Delete(t Table, key []byte) {
	if o.Get(t, key) == nil {
		return
	}
	o.set(t, key, pending{deleted: true})
}

// Get implements Reader.
func (o *Overlay) Get(t Table, key []byte) []byte {
	if w := o.written(t); w != nil {
		if p := w.find(key); p != nil {
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

func (o *Overlay) first(t Table, from []byte) (k, v []byte) {
	if o.written(t) == nil {
		return First(o.Reader, t, from)
	}
	return only(o.Scan(t, from, nil))
}

func (o *Overlay) last(t Table) (k, v []byte) {
	if o.written(t) == nil {
		return Last(o.Reader, t)
	}
	return only(o.ScanReverse(t, nil, nil))
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
			cursor.last = k
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
	w := c.o.written(c.t)
	if w == nil {
		return false, pending{}, nil
	}
	var i int
	if c.reverse {
		switch {
		case c.last != nil:
			i, _ = w.search(c.last)
		case c.to != nil:
			i, _ = w.search(c.to)
		default:
			i = len(w.sorted)
		}
		i--
		if i < 0 || (c.from != nil && bytes.Compare(w.key(i), c.from) < 0) || (limit != nil && bytes.Compare(w.key(i), limit) < 0) {
			return false, pending{}, nil
		}
	} else {
		if c.last != nil {
			var found bool
			if i, found = w.search(c.last); found {
				i++
			}
		} else {
			i, _ = w.search(c.from)
		}
		if i >= len(w.sorted) || (c.to != nil && bytes.Compare(w.key(i), c.to) >= 0) || (limit != nil && bytes.Compare(w.key(i), limit) > 0) {
			return false, pending{}, nil
		}
	}
	p := w.list[w.sorted[i]]
	c.last = p.key
	return true, p, p.key
}

// Empty says that the command changed nothing.
func (o *Overlay) Empty() bool { return len(o.tables) == 0 }

// Writes returns the command's effects, sorted by table and key: what is
// flushed, hashed and logged. Nothing is put into the overlay after it.
func (o *Overlay) Writes() []Write {
	slices.SortFunc(o.tables, func(a, b *tableWrites) int { return strings.Compare(string(a.table), string(b.table)) })
	o.writes = o.writes[:0]
	for _, w := range o.tables {
		for _, i := range w.sorted {
			p := &w.list[i]
			o.writes = append(o.writes, Write{Table: w.table, Key: p.key, Value: p.value, Deleted: p.deleted})
		}
	}
	return o.writes
}

// arena gives out bytes from larger pieces. What it has given out is never
// taken back: the store keeps values until its transaction ends.
type arena struct {
	free []byte
	size int // of the last piece
}

const (
	// Pieces grow from the first to the largest.
	arenaFirst = 512
	arenaPiece = 32 << 10
	// arenaLargest is kept in the arena; larger ones may be replaced many times
	// by one command, and are better let go one by one.
	arenaLargest = 1 << 10
)

// clone copies b, with spare capacity behind it.
func (a *arena) clone(b []byte, spare int) []byte {
	n := len(b) + spare
	if n > arenaLargest {
		return append(make([]byte, 0, n), b...)
	}
	if n > len(a.free) {
		a.size = max(min(2*a.size, arenaPiece), arenaFirst, n)
		a.free = make([]byte, a.size)
	}
	out := a.free[:len(b):n]
	copy(out, b)
	a.free = a.free[n:]
	return out
}
