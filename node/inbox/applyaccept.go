package inbox

import (
	"slices"

	"github.com/meshd/meshd/consensus"
)

// applyBatch executes the items of a batch in their order; one that is refused
// does not touch the others. A batch that was applied before gets its answers
// again.
func (p *Part) applyBatch(r *run, c *cursor) ([]byte, error) {
	var head batchHead
	if head.read(c); c.bad {
		return nil, errCommand()
	}
	slot := head.slot()
	if v := r.w.Get(tableFrom, slot); v != nil {
		var f fromRecord
		if !f.read(v) {
			return nil, errBroken("the answer to a batch")
		}
		switch {
		case f.Number == head.Number:
			return f.Result, nil
		case f.Number > head.Number:
			return nil, refuse(CodeInvalid, "a later batch of the same sender was applied before this one")
		}
	}
	out := answers{b: append(p.out[:0], format)}
	var (
		a     accept
		items int
	)
	for len(c.b) > 0 && !c.bad {
		if items++; items > maxItems {
			return nil, errCommand()
		}
		switch kind := c.byte(); kind {
		case itemAck:
			n, err := r.acknowledge(c)
			if err != nil {
				return nil, err
			}
			out.acked(n)
		case itemAccept, itemCounted:
			a.read(c)
			a.Counted = kind == itemCounted
			if c.bad || a.Counted && r.level < LevelShare {
				return nil, errCommand()
			}
			if err := r.accept(&a, &out); err != nil {
				return nil, err
			}
		default:
			return nil, errCommand()
		}
	}
	if c.bad || items == 0 {
		return nil, errCommand()
	}
	p.out = out.b
	f := fromRecord{Number: head.Number, At: r.now, Result: out.b}
	r.buf = f.encode(r.buf[:0])
	r.w.Put(tableFrom, slot, r.buf)
	return out.b, nil
}

func errCommand() error {
	return refuse(CodeUpgradeNode, "a command of the inboxes holds what this version cannot read; upgrade this node")
}

// acknowledge removes messages for good.
func (r *run) acknowledge(c *cursor) (n uint64, err error) {
	name := c.text(maxName)
	count := c.count(maxItems)
	var b *box
	if !c.bad {
		if b, err = r.byName(name); err != nil {
			return 0, err
		}
	}
	var m record
	seq := uint64(0)
	for range count {
		seq += c.varint()
		if c.bad {
			break
		}
		if b == nil {
			continue
		}
		found, err := r.message(seq, &m)
		if err != nil {
			return 0, err
		}
		if !found || m.Inbox != b.id {
			continue
		}
		if err := r.release(&m); err != nil {
			return 0, err
		}
		if err := r.gone(&m); err != nil {
			return 0, err
		}
		r.w.Delete(tableMessage, key64(seq))
		r.take(b, &m)
		b.counts.Acked++
		r.m.Acked++
		n++
		r.change(change{op: opRemove, inbox: b.id, e: entry{seq: seq, prio: m.Priority}})
	}
	if c.bad {
		return 0, errCommand()
	}
	return n, nil
}

// target is an inbox that a message goes to, and which instance is meant.
type target struct {
	box  *box
	node []byte
}

// accept puts a message into its inboxes, or says why not.
func (r *run) accept(a *accept, out *answers) error {
	var t tail
	if !t.read(a.Tail) || !a.sized(&t) {
		return errCommand()
	}
	if a.Flags&acceptID != 0 {
		id, ok, err := r.recall(a.IDHash)
		if err != nil {
			return err
		}
		if bits := id.Print.differs(&a.Print); ok && bits != 0 {
			r.m.Refused++
			out.refused(verdict{Why: whyOther, Messages: bits})
			return r.unnamed(a)
		}
		if ok {
			out.accepted(&answer{Known: id.Known != 0, Duplicate: true, Seq: id.Seq, Count: id.Count})
			return r.unnamed(a)
		}
	}
	targets, v, err := r.targets(a, &t)
	if err != nil {
		return err
	}
	charge := overhead + uint64(len(a.Tail)-len(t.Body)) + a.BodySize
	var full uint64
	if v.Why == 0 {
		targets, full, v = r.fit(a, targets, charge)
	}
	var held *heldShare
	if a.Counted && v.Why == 0 {
		if held, err = r.share(t.Principal); err != nil {
			return err
		}
		n := uint64(len(targets))
		v, _ = held.room(n, n*charge)
	}
	var blob blobRecord
	if v.Why == 0 && a.Flags&acceptBlob != 0 {
		if w := r.w.Get(tableBlob, a.Blob[:]); w == nil || !blob.read(w) || blob.Size != a.BodySize || blob.Chunks != uint64(chunksOf(a.BodySize)) {
			v = verdict{Why: whyBlob}
		}
	}
	if v.Why != 0 {
		r.m.Refused++
		out.refused(v)
		return r.unnamed(a)
	}
	m := record{
		Sealed: a.Flags&acceptSealed != 0, Sticky: a.Flags&acceptSticky != 0, Counted: a.Counted, Priority: a.Priority, MaxAttempts: a.MaxAttempts,
		Accepted: r.now, TTL: a.TTL, Redelivery: a.Redelivery, Charge: charge, BodySize: a.BodySize, Tail: a.Tail,
	}
	if a.Delay > 0 {
		m.NotBefore = r.now + a.Delay
	}
	first := r.m.NextSeq
	r.keepBody(a, &m, &t, len(targets), &blob)
	e := entry{id: hash(t.ID), sender: senderHash(t.Agent, t.Principal), size: uint32(a.BodySize), prio: a.Priority, expires: m.expires(), until: m.until()}
	known := true
	for _, to := range targets {
		m.Inbox, m.Node = to.box.id, to.node
		e.node = hashNode(to.node)
		e.seq = r.m.NextSeq
		r.m.NextSeq++
		r.store(e.seq, &m)
		r.put(to.box, &m)
		to.box.counts.Accepted++
		r.m.Accepted++
		known = known && to.box.agent.Known
		r.change(change{op: opAdd, inbox: to.box.id, e: e})
	}
	if held != nil {
		held.Messages += uint64(len(targets))
		held.Bytes += uint64(len(targets)) * charge
	}
	x := answer{Known: known, Seq: first, Count: uint64(len(targets)), Full: full}
	if len(targets) > 1 || a.Flags&(acceptTopic|acceptBroadcast) != 0 {
		for _, to := range targets[:min(len(targets), maxNamed)] {
			x.Recipients = append(x.Recipients, to.box.counts.Name)
		}
	}
	if a.Flags&acceptID != 0 {
		r.remember(a.IDHash, a.Print, &x)
	}
	out.accepted(&x)
	return nil
}

// sized says that the body is in one place, and as long as it is said to be.
func (a *accept) sized(t *tail) bool {
	switch a.Flags & (acceptBody | acceptBlob) {
	case 0:
		return uint64(len(t.Body)) == a.BodySize
	case acceptBody:
		return len(t.Body) == 0 && uint64(len(a.Body)) == a.BodySize
	case acceptBlob:
		return len(t.Body) == 0 && a.BodySize > 0
	}
	return false
}

// sharedFrom is how much of a body would be written for many recipients before
// it is written once for all of them.
const sharedFrom = 16 << 10

// keepBody puts a body where it is to be, unless it stays in the record.
func (r *run) keepBody(a *accept, m *record, t *tail, n int, blob *blobRecord) {
	body := a.Body
	switch {
	case a.Flags&acceptBlob != 0:
		m.Where, m.Blob = bodyShared, a.Blob
		if blob.Refs == 0 {
			r.m.Staged -= blob.Size
		}
		blob.Refs += uint64(n)
		r.w.Put(tableBlob, a.Blob[:], blob.encode(nil))
		return
	case a.Flags&acceptBody == 0:
		if len(t.Body)*n < sharedFrom {
			return
		}
		body = t.Body
		m.Tail = a.Tail[:len(a.Tail)-len(body)]
	}
	if n == 1 {
		m.Where, m.BodyAt = bodyOwn, r.m.NextSeq
		r.w.Put(tableBody, key64(m.BodyAt), body)
		return
	}
	// No staged blob has an id that begins with zeros.
	copy(m.Blob[8:], key64(r.m.NextSeq))
	m.Where = bodyShared
	b := blobRecord{At: uint64(r.now), Size: uint64(len(body)), Chunks: 1, Refs: uint64(n)}
	r.w.Put(tableChunk, chunkKey(m.Blob, 0), body)
	r.w.Put(tableBlob, m.Blob[:], b.encode(nil))
}

// targets says whom a message is for.
func (r *run) targets(a *accept, t *tail) ([]target, verdict, error) {
	switch {
	case a.Flags&acceptTopic != 0:
		ids := matching(r.w, string(t.Topic))
		if len(ids) == 0 {
			return nil, verdict{Why: whyNoSubscribers}, nil
		}
		if len(ids) > MaxRecipients {
			return nil, verdict{Why: whyRecipients, Messages: uint64(len(ids))}, nil
		}
		out := make([]target, 0, len(ids))
		for _, id := range ids {
			b, err := r.byID(id)
			if err != nil {
				return nil, verdict{}, err
			}
			out = append(out, target{box: b})
		}
		return out, verdict{}, nil
	case a.Flags&acceptBroadcast != 0:
		return r.everybody(t.Agent)
	}
	c := cursor{b: a.To}
	var out []target
	for len(c.b) > 0 && len(out) <= MaxRecipients {
		name, node := c.text(maxName), c.text(maxLabel)
		if c.bad || len(name) == 0 {
			return nil, verdict{}, errCommand()
		}
		b, err := r.make(name)
		if err != nil {
			return nil, verdict{}, err
		}
		if b == nil {
			return nil, verdict{Why: whyAgents, Name: string(name)}, nil
		}
		out = append(out, target{b, node})
	}
	switch {
	case len(out) == 0:
		return nil, verdict{}, errCommand()
	case len(out) > MaxRecipients:
		return nil, verdict{Why: whyRecipients, Messages: uint64(len(out))}, nil
	}
	return out, verdict{}, nil
}

// everybody is every known agent but the sender, in order of name. Those that
// the command itself has come to know are among them only from the next on.
func (r *run) everybody(sender []byte) ([]target, verdict, error) {
	var (
		names []string
		agent agentRecord
		bad   bool
	)
	consensus.Each(r.w, tableAgent, nil, nil, func(k, v []byte) bool {
		if bad = !agent.read(v); bad {
			return false
		}
		if agent.Known && string(k) != string(sender) {
			names = append(names, string(k))
		}
		return len(names) <= MaxRecipients
	})
	switch {
	case bad:
		return nil, verdict{}, errBroken("the record of an agent")
	case len(names) == 0:
		return nil, verdict{Why: whyNobody}, nil
	case len(names) > MaxRecipients:
		return nil, verdict{Why: whyRecipients, Messages: uint64(len(names))}, nil
	}
	out := make([]target, 0, len(names))
	for _, name := range names {
		b, err := r.byName([]byte(name))
		if err != nil {
			return nil, verdict{}, err
		}
		out = append(out, target{box: b})
	}
	return out, verdict{}, nil
}

// fit leaves those with room. A message to named recipients is for all of them
// or none; of those that a topic or broadcast means, a full inbox misses it, and
// counts it.
func (r *run) fit(a *accept, targets []target, charge uint64) ([]target, uint64, verdict) {
	some := a.Flags&(acceptTopic|acceptBroadcast) != 0
	var (
		full uint64
		why  verdict
	)
	fitting := slices.DeleteFunc(targets, func(t target) bool {
		v, ok := r.room(t.box, charge)
		if !ok {
			full, why = full+1, v
			t.box.counts.Refused++
			t.box.countsChanged = true
		}
		return !ok
	})
	if full > 0 && (!some || len(fitting) == 0) {
		return nil, full, why
	}
	if v, ok := r.meshRoom(uint64(len(fitting)), charge*uint64(len(fitting))); !ok {
		return nil, full, v
	}
	return fitting, full, verdict{}
}
