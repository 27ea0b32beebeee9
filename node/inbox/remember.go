package inbox

import (
	"crypto/sha256"
	"math"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// idHash is what a message id that its sender gave is remembered by: the same
// word of another principal, or of another agent, is another id. That of a
// UUIDv7 begins with its time, so that what is remembered at one time lies
// together: ids that lie anywhere cost three times as much.
func idHash(from message.Sender, id string) (h [16]byte) {
	b := make([]byte, 0, 512)
	b = appendText(b, from.Principal)
	b = appendText(b, from.Agent)
	sum := sha256.Sum256(append(b, id...))
	copy(h[:], sum[:])
	if len(id) == 36 {
		if u, err := uuid.Parse(id); err == nil && u.Version() == 7 {
			copy(h[:6], u[:6])
		}
	}
	return h
}

// recall looks for an id that was accepted less than a day ago.
func (r *run) recall(h [16]byte) (id idRecord, ok bool, err error) {
	v := r.w.Get(tableID, h[:])
	if v == nil {
		return id, false, nil
	}
	if !id.read(v) || id.At > math.MaxInt64 {
		return id, false, errBroken("a message id")
	}
	return id, r.now-int64(id.At) < rememberFor, nil
}

// remember notes an id and what its message was, and forgets up to two that are old or too many, so that
// they never grow.
func (r *run) remember(h [16]byte, p imprint, x *answer) {
	id := idRecord{N: r.m.IDNext, At: uint64(r.now), Seq: x.Seq, Count: x.Count, Print: p}
	if x.Known {
		id.Known = 1
	}
	r.m.IDNext++
	r.w.Put(tableIDAt, key64(id.N), h[:])
	r.w.Put(tableID, h[:], id.encode(nil))
	r.forget(2)
}

// forget lets go of up to n ids.
func (r *run) forget(n int) (forgotten int) {
	for ; n > 0 && r.m.IDFirst < r.m.IDNext; n-- {
		key := key64(r.m.IDFirst)
		h := r.w.Get(tableIDAt, key)
		var id idRecord
		v := r.w.Get(tableID, h)
		// An id that was used again after a day lies under its later number.
		own := v != nil && id.read(v) && id.N == r.m.IDFirst
		if own && r.m.IDNext-r.m.IDFirst <= remembered && r.now-int64(id.At) < rememberFor {
			return forgotten
		}
		if own {
			r.w.Delete(tableID, h)
		}
		r.w.Delete(tableIDAt, key)
		r.m.IDFirst++
		forgotten++
	}
	return forgotten
}

// forgettable says that the oldest id is over a day old at a time.
func forgettable(r consensus.Reader, m *meta, now int64) bool {
	if m.IDFirst >= m.IDNext {
		return false
	}
	var id idRecord
	v := r.Get(tableID, r.Get(tableIDAt, key64(m.IDFirst)))
	return v == nil || !id.read(v) || id.N != m.IDFirst || now-int64(id.At) >= rememberFor
}
