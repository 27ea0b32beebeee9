package inbox

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// audit recounts everything that is counted, follows every reference, and
// compares an index with one made anew.
func audit(r consensus.Reader, have *index) error {
	m, err := loadMeta(r)
	if err != nil {
		return err
	}
	type sum struct{ messages, bytes, dead, deadBytes, subs uint64 }
	sums := map[uint64]*sum{}
	names := map[uint64]string{}
	at := func(id uint64) *sum {
		if sums[id] == nil {
			sums[id] = &sum{}
		}
		return sums[id]
	}
	own, blobs, held := map[uint64]bool{}, map[blobID]uint64{}, map[string]share{}
	ref := func(m *record) {
		if m.Counted {
			var t tail
			t.read(m.Tail)
			h := held[string(t.Principal)]
			held[string(t.Principal)] = share{h.Messages + 1, h.Bytes + m.Charge}
		}
		switch m.Where {
		case bodyOwn:
			own[m.BodyAt] = true
		case bodyShared:
			blobs[m.Blob]++
		}
	}
	for k, v := range r.Scan(tableMessage, nil, nil) {
		var rec record
		var t tail
		if !rec.read(v) || !t.read(rec.Tail) {
			return fmt.Errorf("message %x cannot be read", k)
		}
		if binary.BigEndian.Uint64(k) >= m.NextSeq {
			return fmt.Errorf("message %x is beyond the counter", k)
		}
		s := at(rec.Inbox)
		s.messages++
		s.bytes += rec.Charge
		ref(&rec)
	}
	for k, v := range r.Scan(tableDead, nil, nil) {
		var d deadRecord
		var rec record
		if !d.read(v) || !rec.read(d.Record) || rec.Inbox != binary.BigEndian.Uint64(k) {
			return fmt.Errorf("dead letter %x cannot be read", k)
		}
		s := at(rec.Inbox)
		s.dead++
		s.deadBytes += rec.Charge
		ref(&rec)
	}
	for k, v := range r.Scan(tableShare, nil, nil) {
		var s share
		if !s.read(v) || s != held[string(k)] {
			return fmt.Errorf("the share of %q is %+v, there are %+v", k, s, held[string(k)])
		}
		delete(held, string(k))
	}
	if len(held) != 0 {
		return fmt.Errorf("no shares of %v", held)
	}
	bodies := 0
	for k := range r.Scan(tableBody, nil, nil) {
		bodies++
		if !own[binary.BigEndian.Uint64(k)] {
			return fmt.Errorf("body %x is nobody's", k)
		}
	}
	if bodies != len(own) {
		return fmt.Errorf("%d bodies, %d named", bodies, len(own))
	}
	var staged uint64
	chunks := 0
	for k, v := range r.Scan(tableBlob, nil, nil) {
		var b blobRecord
		if !b.read(v) || b.Refs != blobs[blobID(k)] {
			return fmt.Errorf("blob %x has %d references, counted %d", k, b.Refs, blobs[blobID(k)])
		}
		delete(blobs, blobID(k))
		if b.Refs == 0 {
			staged += b.Size
		}
		size := 0
		for i := range int(b.Chunks) {
			v := r.Get(tableChunk, chunkKey(blobID(k), i))
			size += len(v)
			chunks++
		}
		if uint64(size) != b.Size {
			return fmt.Errorf("blob %x has %d bytes of %d", k, size, b.Size)
		}
	}
	for range r.Scan(tableChunk, nil, nil) {
		chunks--
	}
	if chunks != 0 || len(blobs) != 0 || staged != m.Staged {
		return fmt.Errorf("chunks %d, blobs %v, staged %d of %d", chunks, blobs, staged, m.Staged)
	}
	ids := 0
	for k, v := range r.Scan(tableIDAt, nil, nil) {
		if n := binary.BigEndian.Uint64(k); n < m.IDFirst || n >= m.IDNext {
			return fmt.Errorf("id %d outside of %d to %d", n, m.IDFirst, m.IDNext)
		}
		if r.Get(tableID, v) == nil {
			return fmt.Errorf("id %x is not there", v)
		}
		ids++
	}
	if uint64(ids) != m.IDNext-m.IDFirst {
		return fmt.Errorf("%d ids of %d", ids, m.IDNext-m.IDFirst)
	}
	subs := map[string]bool{}
	for k := range r.Scan(tableSubOf, nil, nil) {
		id := binary.BigEndian.Uint64(k)
		at(id).subs++
		subs[string(subKey(string(k[8:]), id))] = true
	}
	for k := range r.Scan(tableSub, nil, nil) {
		if !subs[string(k)] {
			return fmt.Errorf("subscription %q of nobody", k)
		}
		delete(subs, string(k))
	}
	if len(subs) != 0 {
		return fmt.Errorf("subscriptions %v", subs)
	}
	var total sum
	agents := uint64(0)
	for k, v := range r.Scan(tableAgent, nil, nil) {
		var a agentRecord
		var n counts
		if !a.read(v) || !n.read(r.Get(tableCount, key64(a.Inbox))) || n.Name != string(k) {
			return fmt.Errorf("agent %q cannot be read", k)
		}
		agents++
		names[a.Inbox] = string(k)
		s := at(a.Inbox)
		if got := (sum{n.Messages, n.Bytes, n.Dead, n.DeadBytes, a.Subs}); got != *s {
			return fmt.Errorf("agent %q counts %+v, there are %+v", k, got, *s)
		}
		total.messages += s.messages
		total.bytes += s.bytes
		total.dead += s.dead
		total.deadBytes += s.deadBytes
		total.subs += s.subs
		delete(sums, a.Inbox)
	}
	for k := range r.Scan(tableCount, nil, nil) {
		if names[binary.BigEndian.Uint64(k)] == "" {
			return fmt.Errorf("counts %x of nobody", k)
		}
	}
	if len(sums) != 0 {
		return fmt.Errorf("messages of nobody: %v", sums)
	}
	if got := (sum{m.Messages, m.Bytes, m.Dead, m.DeadBytes, m.Subscriptions}); got != total || agents != m.Agents {
		return fmt.Errorf("all count %+v and %d agents, there are %+v and %d", got, m.Agents, total, agents)
	}
	fresh := newIndex()
	fresh.build(r)
	return sameIndex(have, fresh)
}

// sameIndex compares what two indexes say, whatever is due already.
func sameIndex(a, b *index) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(slices.Sorted(maps.Keys(a.ids)), slices.Sorted(maps.Keys(b.ids))) || a.meta != b.meta {
		return fmt.Errorf("inboxes %v and %v", a.ids, b.ids)
	}
	flat := func(s *shelf) (map[uint64]entry, int) {
		out, backs := map[uint64]entry{}, 0
		for i := range s.ready {
			q, last, gone := &s.ready[i], uint64(0), 0
			for j, e := range q.list {
				if j < q.head || e.gone {
					if j >= q.head {
						gone++
					}
					continue
				}
				if e.seq <= last || e.prio.rank() != i {
					panic("a queue out of order")
				}
				last = e.seq
				out[e.seq] = e
			}
			if gone != q.gone {
				panic("a queue counts wrongly")
			}
		}
		for seq, e := range s.waiting {
			out[seq] = e
			if e.back {
				backs++
			}
		}
		return out, backs
	}
	for id, x := range a.ids {
		y := b.ids[id]
		fx, bx := flat(x)
		fy, _ := flat(y)
		if bx != x.backs {
			return fmt.Errorf("inbox %d counts %d returned, there are %d", id, x.backs, bx)
		}
		if x.name != y.name || a.names[x.name] != x || !reflect.DeepEqual(fx, fy) {
			return fmt.Errorf("inbox %d %s: memory has %+v, the state %+v", id, x.name, fx, fy)
		}
		if !slices.Equal(x.dead, y.dead) {
			return fmt.Errorf("inbox %d: memory has dead %+v, the state %+v", id, x.dead, y.dead)
		}
	}
	return nil
}
