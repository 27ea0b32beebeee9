package consensus

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// known is what a write transaction remembers of one table, so that it searches
// for less: a command reads what others before it have read, a pair is read for
// the change and again for its checksum, and a log is only appended to. Nothing
// else writes while the transaction lasts, and what bbolt has given stays where
// it is until its end.
type known struct {
	pairs [16]recalled
	// end is above all keys or the last of them, if bounded. It stays when keys
	// go.
	end     []byte
	bounded bool
	// tail is the last pair; no key: not known.
	tail recalled
	// mixed says that keys were put elsewhere than at the end.
	mixed bool
}

// memory is what was made for the tables of the transactions before.
type memory map[Table]*known

// of returns the memory of one table, in which nothing is known.
func (m memory) of(name Table) *known {
	n := m[name]
	if n == nil {
		n = new(known)
		m[name] = n
	}
	n.forget()
	return n
}

func (n *known) forget() {
	for i := range n.pairs {
		n.pairs[i].forget()
	}
	n.tail.forget()
	n.end, n.bounded, n.mixed = n.end[:0], false, false
}

// recalled is what lies under a key.
type recalled struct {
	key     []byte // empty: nothing is known
	stored  []byte // with its checksum; nil: nothing lies there
	checked bool   // the checksum holds
}

func (p *recalled) is(key []byte) bool { return len(p.key) > 0 && bytes.Equal(p.key, key) }

func (p *recalled) forget() { p.key, p.stored = p.key[:0], nil }

func (p *recalled) set(key, stored []byte, checked bool) {
	p.key, p.stored, p.checked = append(p.key[:0], key...), stored, checked
}

// place spreads the keys of one table: symbols differ in their ends, names
// anywhere.
func (n *known) place(key []byte) *recalled {
	size := len(key)
	if size == 0 {
		return &n.pairs[0]
	}
	return &n.pairs[(key[0]^key[size-1]^key[size/2]<<1^byte(size))%16]
}

// above says that a key is known to be above all others of the table, or, where
// it may be equal, no less than any.
func (n *known) above(key []byte, equal bool) bool {
	end := n.tail.key
	if len(end) == 0 {
		if end = n.end; !n.bounded {
			return false
		}
	}
	c := bytes.Compare(key, end)
	return c > 0 || c == 0 && equal
}

func (n *known) setEnd(key []byte) { n.end, n.bounded = append(n.end[:0], key...), true }

// recall looks up a pair in the table, unless it is known.
func (n *known) recall(t *table, key []byte) *recalled {
	p := n.place(key)
	if p.is(key) {
		return p
	}
	if n.above(key, false) {
		p.set(key, nil, false)
		return p
	}
	v, above := t.look(key)
	if above {
		n.setEnd(key)
	}
	p.set(key, v, false)
	return p
}

func (n *known) get(t *table, key []byte) []byte {
	p := n.recall(t, key)
	if p.stored == nil {
		return nil
	}
	return p.value(t)
}

// value is the pair's value without its checksum.
func (p *recalled) value(t *table) []byte {
	if p.checked {
		size := len(p.stored) - trailer
		return p.stored[:size:size]
	}
	v := t.check(p.key, p.stored)
	p.checked = true
	return v
}

// appendFill is how full pages are made of a table that is only appended to:
// bbolt leaves half of each free for keys that come between.
const appendFill = 0.9

// put notes what is about to be stored under a key that was just recalled.
func (n *known) put(t *table, key, stored []byte) {
	n.place(key).set(key, stored, true)
	above := n.above(key, true)
	if above {
		n.setEnd(key)
		n.tail.set(key, stored, true)
	}
	switch {
	case !above:
		n.mixed = true
		t.bucket.FillPercent = bbolt.DefaultFillPercent
	case !n.mixed:
		t.bucket.FillPercent = appendFill
	}
}

func (n *known) delete(key []byte) {
	n.place(key).set(key, nil, false)
	if n.tail.is(key) {
		n.tail.forget()
	}
}

// last returns the last pair of the table.
func (n *known) last(t *table) (k, v []byte) {
	if len(n.tail.key) == 0 {
		k, stored := t.seeks.Last()
		if k == nil {
			return nil, nil
		}
		n.tail.set(k, stored, false)
		n.setEnd(k)
	}
	return n.tail.key, n.tail.value(t)
}
