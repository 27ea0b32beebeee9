package consensus

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
)

// How long a client's idempotency key is kept, whichever comes first.
const (
	idemTTL   = 24 * 60 * 60 * 1000 // ms of mesh time
	idemLimit = 100_000
	// idemSweep bounds the work of one entry.
	idemSweep = 1000
)

// idemRecord is the first answer given under a client's key. Refusals are not
// kept: they changed nothing, so the command may well be tried again.
type idemRecord struct {
	BodyHash [32]byte `cbor:"1,keyasint"`
	Revision uint64   `cbor:"2,keyasint"`
	Result   []byte   `cbor:"3,keyasint,omitempty"`
}

func idemKey(k *IdempotencyKey) []byte {
	h := sha256.New()
	h.Write([]byte(k.Scope))
	h.Write([]byte{0})
	h.Write([]byte(k.Key))
	return h.Sum(nil)
}

// recall returns the first answer under the key, or a refusal where the same
// key came with another body.
func recall(ts *tables, k *IdempotencyKey) (outcome, bool, error) {
	data := ts.table(tableIdem).get(idemKey(k))
	if data == nil {
		return outcome{}, false, nil
	}
	var r idemRecord
	if err := Decode(data, &r); err != nil {
		return outcome{}, false, err
	}
	if r.BodyHash != k.BodyHash {
		return outcome{Revision: r.Revision, Refusal: &Refusal{
			Code:     CodeIdempotencyMismatch,
			Sentence: "this idempotency key was used with another request",
		}}, true, nil
	}
	return outcome{Revision: r.Revision, Result: r.Result, Replayed: true}, true, nil
}

// remember keeps the first answer. Records are numbered, so that the oldest is
// found without a search.
func remember(ts *tables, m *meta, k *IdempotencyKey, out outcome) error {
	key := idemKey(k)
	err := ts.table(tableIdem).put(key, Encode(idemRecord{k.BodyHash, out.Revision, out.Result}))
	if err != nil {
		return err
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(m.Time))
	if err := ts.table(tableIdemAt).put(be64(m.IdemNext), append(at, key...)); err != nil {
		return err
	}
	m.IdemNext++
	return nil
}

// forget drops records that are too old or too many.
func forget(ts *tables, m *meta) error {
	b := ts.table(tableIdemAt)
	type record struct{ at, key []byte }
	var gone []record
	c := b.cursor()
	defer c.done()
	for k, v := c.first(); k != nil && len(gone) < idemSweep; k, v = c.next() {
		if len(v) < 8 {
			break
		}
		old := int64(binary.BigEndian.Uint64(v)) < m.Time-idemTTL
		if many := m.IdemNext-m.IdemLow-uint64(len(gone)) > idemLimit; !old && !many {
			break
		}
		gone = append(gone, record{slices.Clone(k), slices.Clone(v[8:])})
	}
	for _, r := range gone {
		if err := b.delete(r.at); err != nil {
			return err
		}
		if err := ts.table(tableIdem).delete(r.key); err != nil {
			return err
		}
		m.IdemLow++
	}
	return nil
}

// underway are the clients' keys of this node's unanswered proposals. A second
// one under such a key is told so at once: what it would be answered is not
// known yet, and nothing is gained by waiting twice. At other nodes the log
// puts the two in order, and the later is answered as the first.
type underway struct {
	mu   sync.Mutex
	keys map[IdempotencyKey]struct{}
}

// enter says whether the key was free; leave gives it back.
func (u *underway) enter(k IdempotencyKey) bool {
	k.BodyHash = [32]byte{} // another body is no other key
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, there := u.keys[k]; there {
		return false
	}
	if u.keys == nil {
		u.keys = map[IdempotencyKey]struct{}{}
	}
	u.keys[k] = struct{}{}
	return true
}

func (u *underway) leave(k IdempotencyKey) {
	k.BodyHash = [32]byte{}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.keys, k)
}
