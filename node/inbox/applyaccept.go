package inbox

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

// accept puts a message into its inboxes, or says why not.
func (r *run) accept(a *accept, out *answers) error {
	var t tail
	if !t.read(a.Tail) || !a.sized(&t) {
		return errCommand()
	}
	if again, err := r.again(a, out); again || err != nil {
		return err
	}
	j, v, err := r.judge(a, &t)
	if err != nil {
		return err
	}
	if v.Why != 0 {
		r.m.Refused++
		out.refused(v)
		return r.unnamed(a)
	}
	m := record{
		Sealed: a.Flags&acceptSealed != 0, Sticky: a.Flags&acceptSticky != 0, Counted: a.Counted, Priority: a.Priority, MaxAttempts: a.MaxAttempts,
		Accepted: r.now, TTL: a.TTL, Redelivery: a.Redelivery, Charge: j.charge, BodySize: a.BodySize, Tail: a.Tail,
	}
	if a.Delay > 0 {
		m.NotBefore = r.now + a.Delay
	}
	first, n := r.m.NextSeq, uint64(len(j.targets))
	r.keepBody(a, &m, &t, len(j.targets), &j.blob)
	e := entry{id: hash(t.ID), sender: senderHash(t.Agent, t.Principal), size: uint32(a.BodySize), prio: a.Priority, expires: m.expires(), until: m.until()}
	known := true
	for _, to := range j.targets {
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
	if j.held != nil {
		j.held.Messages += n
		j.held.Bytes += n * j.charge
	}
	x := answer{Known: known, Seq: first, Count: n, Full: j.full}
	if n > 1 || a.Flags&(acceptTopic|acceptBroadcast) != 0 {
		for _, to := range j.targets[:min(len(j.targets), maxNamed)] {
			x.Recipients = append(x.Recipients, to.box.counts.Name)
		}
	}
	if a.Flags&acceptID != 0 {
		r.remember(a.IDHash, a.Print, &x)
	}
	out.accepted(&x)
	return nil
}

// again answers a message whose id was accepted before: as the first time, or
// that it was another message.
func (r *run) again(a *accept, out *answers) (bool, error) {
	if a.Flags&acceptID == 0 {
		return false, nil
	}
	id, ok, err := r.recall(a.IDHash)
	if !ok || err != nil {
		return false, err
	}
	if bits := id.Print.differs(&a.Print); bits != 0 {
		r.m.Refused++
		out.refused(verdict{Why: whyOther, Messages: bits})
	} else {
		out.accepted(&answer{Known: id.Known != 0, Duplicate: true, Seq: id.Seq, Count: id.Count})
	}
	return true, r.unnamed(a)
}

// judged is what a message that is accepted goes to, and is counted to.
type judged struct {
	targets []target
	charge  uint64     // of each copy
	full    uint64     // inboxes that miss it
	held    *heldShare // its principal's; nil: not counted
	blob    blobRecord // of a body that was put aside
}

// judge looks for whom a message is, and whether there is room for it.
func (r *run) judge(a *accept, t *tail) (j judged, v verdict, err error) {
	if j.targets, v, err = r.targets(a, t); err != nil {
		return j, v, err
	}
	j.charge = overhead + uint64(len(a.Tail)-len(t.Body)) + a.BodySize
	if v.Why == 0 {
		j.targets, j.full, v = r.fit(a, j.targets, j.charge)
	}
	if a.Counted && v.Why == 0 {
		if j.held, err = r.share(t.Principal); err != nil {
			return j, v, err
		}
		n := uint64(len(j.targets))
		v, _ = j.held.room(n, n*j.charge)
	}
	if b := &j.blob; v.Why == 0 && a.Flags&acceptBlob != 0 {
		if w := r.w.Get(tableBlob, a.Blob[:]); w == nil || !b.read(w) || b.Size != a.BodySize || b.Chunks != uint64(chunksOf(a.BodySize)) {
			v = verdict{Why: whyBlob}
		}
	}
	return j, v, nil
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
