package graphsync

import (
	"math"

	"github.com/meshd/meshd/consensus"
)

// A lease keeps the state as of a revision from being forgotten while a
// snapshot of it is read. It ends by itself, so that a client that went away
// holds up retention for LeaseTime at most; a revision that has not been the
// present one for longer gets none, so that no chain of leases does for ever.

// leaseRecord is a lease's value in tLease.
type leaseRecord struct {
	_     struct{} `cbor:",toarray"`
	Rev   uint64
	Until int64 // ms of the mesh
	By    symbol
}

func decodeLease(v []byte) (l leaseRecord, ok bool) {
	r := cborReader{b: v}
	if r.head(cborArray) != 3 {
		return l, false
	}
	l = leaseRecord{Rev: r.uint(), Until: r.int(), By: symbol(r.uintTo(maxSymbol))}
	return l, r.whole()
}

func (l *leaseRecord) encode() []byte {
	b := appendHead([]byte{cborArray | 3}, cborUint, l.Rev)
	return appendHead(appendInt(b, l.Until), cborUint, uint64(l.By))
}

// lease takes a lease. The result has no id where the revision is too old for
// one.
func (t *tx) lease(o *op) (opResult, *consensus.Refusal, error) {
	oldest := t.meta.oldest(t.r.Revision())
	switch {
	case o.Rev > t.r.Revision():
		return opResult{}, invalid("at", "is revision %d, and the latest is %d", o.Rev, t.r.Revision()), nil
	case o.Rev < oldest:
		return opResult{}, compacted("at", o.Rev, oldest), nil
	case t.meta.NextID > maxID:
		return opResult{}, refuse(CodeExhausted, "", "the graph has used up its ids"), nil
	}
	now := t.c.Time.UnixMilli()
	if _, at, ok := t.firstFrom(o.Rev + 1); ok && at < now-LeaseTime.Milliseconds() {
		return opResult{}, nil, nil
	}
	by, mine, all := t.author(), 0, 0
	var over [][]byte
	for k, v := range t.w.Scan(tLease, nil, nil) {
		l, ok := decodeLease(v)
		switch {
		case !ok || l.Until <= now:
			over = append(over, append([]byte(nil), k...))
			continue
		case l.By == by:
			mine++
		}
		all++
	}
	if all >= MaxLeases || mine >= MaxLeases/4 {
		return opResult{}, refuse(CodeLeases, "", "%d snapshots are being read, which is as many as there may be: try again in a while", all), nil
	}
	for _, k := range over {
		t.w.Delete(tLease, k)
	}
	t.changed = true
	id := t.nextID()
	l := leaseRecord{Rev: o.Rev, Until: now + LeaseTime.Milliseconds(), By: by}
	t.w.Put(tLease, appendID(nil, id), l.encode())
	return opResult{ID: id, Status: created}, nil, nil
}

// unlease gives a lease back, if it is the author's.
func (t *tx) unlease(o *op) (opResult, *consensus.Refusal, error) {
	key := appendID(nil, o.ID)
	got := t.w.Get(tLease, key)
	if l, ok := decodeLease(got); got == nil || ok && l.By != t.symbol(symAuthor, t.cmd.Author) {
		return opResult{}, nil, nil
	}
	t.changed = true
	t.w.Delete(tLease, key)
	return opResult{ID: o.ID, Status: deleted}, nil, nil
}

// leased is the least revision that a lease holds: what came after it is not to
// be forgotten.
func (t *tx) leased() uint64 {
	least, now := uint64(math.MaxUint64), t.c.Time.UnixMilli()
	for _, v := range t.r.Scan(tLease, nil, nil) {
		if l, ok := decodeLease(v); ok && l.Until > now {
			least = min(least, l.Rev)
		}
	}
	return least
}
