package inbox

import (
	"github.com/meshd/meshd/consensus"
)

// run is one command being executed: what it has read of inboxes, which is
// written once at its end, and what memory is to learn of it.
type run struct {
	w     consensus.Writer
	now   int64
	level uint32
	m     meta
	was   meta

	boxes  []*box // in the order in which the command came to them
	names  map[string]*box
	ids    map[uint64]*box
	spare  []*box
	shares shares

	changes []change
	buf     []byte
}

// box is one inbox.
type box struct {
	id     uint64
	agent  agentRecord
	counts counts
	// kept says that the state has it; the others, what has to be written.
	kept          bool
	agentChanged  bool
	countsChanged bool
	changed       bool // for watchers
}

func (r *run) begin(w consensus.Writer, c consensus.Command) (err error) {
	r.w, r.now, r.level = w, c.Time.UnixMilli(), c.Level
	r.m, err = loadMeta(w)
	r.was = r.m
	r.spare = append(r.spare, r.boxes...)
	r.boxes, r.changes = r.boxes[:0], r.changes[:0]
	if r.names == nil || len(r.names) > 1024 {
		r.names, r.ids, r.spare = map[string]*box{}, map[uint64]*box{}, nil
	}
	clear(r.names)
	clear(r.ids)
	r.shares.begin()
	return err
}

// byName returns the inbox of an agent; nil where there is none.
func (r *run) byName(name []byte) (*box, error) {
	if b := r.names[string(name)]; b != nil {
		return b, nil
	}
	v := r.w.Get(tableAgent, name)
	if v == nil {
		return nil, nil
	}
	b := r.fresh()
	if !b.agent.read(v) {
		return nil, errBroken("the record of an agent")
	}
	b.id, b.kept = b.agent.Inbox, true
	if err := r.count(b); err != nil {
		return nil, err
	}
	r.add(b)
	return b, nil
}

// byID returns the inbox of a number, which a message names.
func (r *run) byID(id uint64) (*box, error) {
	if b := r.ids[id]; b != nil {
		return b, nil
	}
	b := r.fresh()
	b.id, b.kept = id, true
	if err := r.count(b); err != nil {
		return nil, err
	}
	v := r.w.Get(tableAgent, []byte(b.counts.Name))
	if v == nil || !b.agent.read(v) || b.agent.Inbox != id {
		return nil, errBroken("the record of an agent")
	}
	r.add(b)
	return b, nil
}

func (r *run) count(b *box) error {
	if v := r.w.Get(tableCount, key64(b.id)); v == nil || !b.counts.read(v) {
		return errBroken("the counts of an inbox")
	}
	return nil
}

// make returns the inbox of an agent, a new one where there is none. One that
// stays empty is not kept. nil: there are as many as may be.
func (r *run) make(name []byte) (*box, error) {
	b, err := r.byName(name)
	if b != nil || err != nil {
		return b, err
	}
	if r.m.Agents >= MaxAgents {
		return nil, nil
	}
	b = r.fresh()
	b.id = r.m.NextInbox
	b.agent = agentRecord{Inbox: b.id, Since: r.now}
	b.counts = counts{Name: string(name)}
	b.agentChanged, b.countsChanged = true, true
	r.m.NextInbox++
	r.m.Agents++
	r.add(b)
	return b, nil
}

func (r *run) fresh() *box {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		*b = box{}
		return b
	}
	return new(box)
}

func (r *run) add(b *box) {
	r.boxes = append(r.boxes, b)
	r.names[b.counts.Name], r.ids[b.id] = b, b
}

// empty says that nothing is known of the agent and nothing waits for it: the
// name is forgotten.
func (b *box) empty() bool {
	a, n := &b.agent, &b.counts
	return !a.Known && a.Owner == "" && a.Subs == 0 && a.KeyHash == "" && n.Messages == 0 && n.Dead == 0
}

// end writes what has changed.
func (r *run) end() {
	for _, b := range r.boxes {
		if b.empty() {
			r.m.Agents--
			if b.kept {
				r.w.Delete(tableAgent, []byte(b.counts.Name))
				r.w.Delete(tableCount, key64(b.id))
			}
			if b.kept || b.changed {
				r.change(change{op: opForget, inbox: b.id, name: b.counts.Name})
			}
			continue
		}
		if !b.kept {
			r.change(change{op: opName, inbox: b.id, name: b.counts.Name})
		}
		if b.agentChanged {
			r.buf = b.agent.encode(r.buf[:0])
			r.w.Put(tableAgent, []byte(b.counts.Name), r.buf)
			r.change(change{op: opPlace, inbox: b.id, name: b.agent.Node, epoch: b.agent.Epoch})
		}
		if b.countsChanged {
			r.buf = b.counts.encode(r.buf[:0])
			r.w.Put(tableCount, key64(b.id), r.buf)
		}
		if b.changed {
			r.change(change{op: opTouch, inbox: b.id, name: b.counts.Name})
		}
	}
	r.endShares()
	if r.m != r.was {
		r.buf = appendNumbers(r.buf[:0], r.m.fields())
		r.w.Put(tableMeta, keyMeta, r.buf)
	}
}

func (r *run) change(c change) { r.changes = append(r.changes, c) }

// take counts a message out of its inbox.
func (r *run) take(b *box, m *record) {
	b.counts.Messages--
	b.counts.Bytes -= m.Charge
	b.countsChanged, b.changed = true, true
	r.m.Messages--
	r.m.Bytes -= m.Charge
}

// put counts one in.
func (r *run) put(b *box, m *record) {
	b.counts.Messages++
	b.counts.Bytes += m.Charge
	b.countsChanged, b.changed = true, true
	r.m.Messages++
	r.m.Bytes += m.Charge
}

// room says whether an inbox takes n bytes more; the verdict is of use where it
// does not.
func (r *run) room(b *box, n uint64) (verdict, bool) {
	if b.counts.Messages >= uint64(InboxLimits.Messages) || b.counts.Bytes+n > uint64(InboxLimits.Bytes) {
		return verdict{Why: whyInboxFull, Name: b.counts.Name, Messages: b.counts.Messages, Size: b.counts.Bytes}, false
	}
	return verdict{}, true
}

// meshRoom says whether all inboxes together take so much more.
func (r *run) meshRoom(messages, bytes uint64) (verdict, bool) {
	have, size := r.m.Messages+r.m.Dead, r.m.Bytes+r.m.DeadBytes
	if have+messages > uint64(MeshLimits.Messages) || size+bytes > uint64(MeshLimits.Bytes) {
		return verdict{Why: whyMeshFull, Messages: have, Size: size}, false
	}
	return verdict{}, true
}

// message reads one that waits; nil where it does not. The record shares the
// bytes of the view.
func (r *run) message(seq uint64, m *record) (found bool, err error) {
	v := r.w.Get(tableMessage, key64(seq))
	if v == nil {
		return false, nil
	}
	if !m.read(v) {
		return false, errBroken("a message")
	}
	return true, nil
}

func (r *run) store(seq uint64, m *record) {
	r.buf = m.encode(r.buf[:0])
	r.w.Put(tableMessage, key64(seq), r.buf)
}

// release lets go of a body that is not in its record.
func (r *run) release(m *record) error {
	switch m.Where {
	case bodyOwn:
		r.w.Delete(tableBody, key64(m.BodyAt))
	case bodyShared:
		var b blobRecord
		v := r.w.Get(tableBlob, m.Blob[:])
		if v == nil || !b.read(v) || b.Refs == 0 {
			return errBroken("a body")
		}
		if b.Refs--; b.Refs > 0 {
			r.w.Put(tableBlob, m.Blob[:], b.encode(nil))
			return nil
		}
		r.dropBlob(m.Blob, &b)
	}
	return nil
}

func (r *run) dropBlob(id blobID, b *blobRecord) {
	for i := range int(b.Chunks) {
		r.w.Delete(tableChunk, chunkKey(id, i))
	}
	r.w.Delete(tableBlob, id[:])
}
