package graphsync

const (
	// feedChanges is how many entries of the log one view reads.
	feedChanges = 4000
	// feedBacklog is how many documents one round takes; a view may read a
	// little more.
	feedBacklog = 1 << 16
)

// nodeRef is a node whose document may have changed.
type nodeRef struct {
	ns nsID
	id uint64
}

// backlog is what changed in the log after a revision: each node once, in the
// order in which they changed first.
type backlog struct {
	at    uint64 // where it began
	upTo  uint64 // where reading the log ended
	goal  uint64 // where the log ended when reading began
	more  bool   // it has not reached goal
	nodes []nodeRef
	first []uint64 // beside nodes: the revision in which it changed first
	seen  map[nodeRef]struct{}
}

func (b *backlog) full() bool { return len(b.nodes) >= feedBacklog }

// reached is the revision that an index reflects in which the first done nodes
// are as they were after upTo, or later.
func (b *backlog) reached(done int) uint64 {
	if done == len(b.nodes) {
		return b.upTo
	}
	return b.first[done] - 1
}

// read reads the next entries of the log, whole revisions.
func (b *backlog) read(v *view) error {
	now := v.r.Revision()
	if b.seen == nil {
		b.upTo, b.goal, b.seen = b.at, now, map[nodeRef]struct{}{}
	}
	if now < b.goal || now-b.at >= 1<<32 {
		return errReplaced // by a recovery, or a state that is being fetched
	}
	m, err := v.counters()
	if err != nil {
		return err
	}
	if oldest := m.oldest(now); b.upTo < oldest {
		return compacted("since", b.upTo, oldest)
	}
	n, last := 0, b.upTo
	for k, val := range v.r.Scan(tLog, appendLogKey(nil, b.upTo+1, 0), nil) {
		c, ok := readChange(k, val)
		if !ok {
			return errRecord
		}
		if c.rev != last && (n >= feedChanges || c.rev > b.goal) {
			if b.more = c.rev <= b.goal; b.more {
				b.upTo = last
			} else {
				b.upTo = b.goal
			}
			return nil
		}
		b.note(&c)
		last = c.rev
		n++
	}
	b.upTo, b.more = now, false
	return nil
}

// note takes up the nodes that a change touches.
func (b *backlog) note(c *change) {
	switch c.kind {
	case kindNode:
		b.add(c.ns, c.id, c.rev)
		b.add(c.ns, c.other, c.rev)
	case kindObservation:
		b.add(c.ns, c.node, c.rev)
		b.add(c.ns, c.other, c.rev)
	case kindVector:
		b.add(c.ns, c.id, c.rev)
	}
}

func (b *backlog) add(ns nsID, id, rev uint64) {
	ref := nodeRef{ns, id}
	if _, ok := b.seen[ref]; ok || id == 0 {
		return
	}
	b.seen[ref] = struct{}{}
	b.nodes, b.first = append(b.nodes, ref), append(b.first, rev)
}
