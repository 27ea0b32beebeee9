package consensus

import (
	"fmt"
	"slices"
)

// originTTL is how long an origin is remembered after its last entry, in mesh
// time. A proposal is given up long before (proposeLimit), so a copy that
// arrives later cannot exist.
const originTTL = 60 * 60 * 1000

// origins remembers which commands of which origin have been applied, so that
// a command that is sent twice is applied once. The memory is a copy of the
// table "sys/origin", which is replicated state:
//
//	origin 0          -> {acked, last}
//	origin 1 seq(8)   -> the outcomes of one entry, under its highest sequence
//
// It belongs to the applying goroutine.
type origins struct {
	known map[origin]*originState
}

type originState struct {
	acked   uint64 // all below has been answered and may be forgotten
	last    int64  // mesh time of the last entry, to the minute
	results map[uint64]outcome
	fresh   []seqOutcome // of the entry being applied
	dirty   bool
}

type originRecord struct {
	Acked uint64 `cbor:"1,keyasint"`
	Last  int64  `cbor:"2,keyasint"`
}

type seqOutcome struct {
	Seq     uint64  `cbor:"1,keyasint"`
	Outcome outcome `cbor:"2,keyasint"`
}

func originKey(o origin, kind byte, seq uint64) []byte {
	k := append(make([]byte, 0, 25), o[:]...)
	k = append(k, kind)
	if kind == 1 {
		k = append(k, be64(seq)...)
	}
	return k
}

// load reads the table at open and after a restore.
func (t *origins) load(ts *tables) error {
	t.known = make(map[origin]*originState)
	return ts.table(tableOrigin).all(func(k, v []byte, _ uint32) error {
		if len(k) < 17 {
			return fmt.Errorf("table %s: a key of %d bytes", tableOrigin, len(k))
		}
		s := t.of(origin(k[:16]))
		if k[16] == 0 {
			var r originRecord
			if err := Decode(v, &r); err != nil {
				return err
			}
			s.acked, s.last = r.Acked, r.Last
			return nil
		}
		var list []seqOutcome
		if err := Decode(v, &list); err != nil {
			return err
		}
		for _, r := range list {
			if r.Seq >= s.acked {
				s.results[r.Seq] = r.Outcome
			}
		}
		return nil
	})
}

func (t *origins) of(o origin) *originState {
	s := t.known[o]
	if s == nil {
		s = &originState{results: make(map[uint64]outcome)}
		t.known[o] = s
	}
	return s
}

// lookup says whether the command has been applied. A command below the
// watermark has, and nobody waits for its outcome any more.
func (t *origins) lookup(o origin, seq uint64) (outcome, bool) {
	s := t.known[o]
	if s == nil {
		return outcome{}, false
	}
	if seq < s.acked {
		return outcome{}, true
	}
	out, ok := s.results[seq]
	return out, ok
}

func (t *origins) record(o origin, seq uint64, out outcome) {
	s := t.of(o)
	s.results[seq] = out
	s.fresh = append(s.fresh, seqOutcome{seq, out})
}

// ack forgets what the origin has had answered.
func (t *origins) ack(ts *tables, a ack) error {
	s := t.of(a.origin)
	if a.seq <= s.acked {
		return nil
	}
	s.acked, s.dirty = a.seq, true
	for seq := range s.results {
		if seq < a.seq {
			delete(s.results, seq)
		}
	}
	return deleteRange(ts.table(tableOrigin), originKey(a.origin, 1, 0), originKey(a.origin, 1, a.seq))
}

// flush writes what the entry did.
func (t *origins) flush(ts *tables, order []origin, now int64) error {
	b := ts.table(tableOrigin)
	minute := now - now%60_000
	for _, o := range order {
		s := t.of(o)
		if s.dirty || s.last != minute {
			s.last, s.dirty = minute, false
			if err := b.put(originKey(o, 0, 0), originRecord{s.acked, s.last}.encode()); err != nil {
				return err
			}
		}
		if len(s.fresh) == 0 {
			continue
		}
		high := slices.MaxFunc(s.fresh, func(x, y seqOutcome) int {
			if x.Seq < y.Seq {
				return -1
			}
			return 1
		}).Seq
		if err := b.put(originKey(o, 1, high), encodeOutcomes(s.fresh)); err != nil {
			return err
		}
		s.fresh = s.fresh[:0]
	}
	return nil
}

// sweep drops the origins that have been silent for too long.
func (t *origins) sweep(ts *tables, now int64) error {
	b := ts.table(tableOrigin)
	for o, s := range t.known {
		if s.last >= now-originTTL {
			continue
		}
		delete(t.known, o)
		if err := b.delete(originKey(o, 0, 0)); err != nil {
			return err
		}
		if err := deleteRange(b, originKey(o, 1, 0), originKey(o, 2, 0)); err != nil {
			return err
		}
	}
	return nil
}

// deleteRange removes from <= key < to. The keys are collected first: a bbolt
// cursor does not survive a deletion.
func deleteRange(b *table, from, to []byte) error {
	var keys [][]byte
	c := b.cursor()
	defer c.done()
	for k, _ := c.seek(from); k != nil && string(k) < string(to); k, _ = c.next() {
		keys = append(keys, slices.Clone(k))
	}
	for _, k := range keys {
		if err := b.delete(k); err != nil {
			return err
		}
	}
	return nil
}
