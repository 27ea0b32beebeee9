package graphsync

// maxCompared is how many versions are compared for one mutation, beside the one
// as of the base. What the client gave a field in older ones is not known.
const maxCompared = 64

// lineage is a thing's versions from the current one back to the base, or as
// far as was looked: then basis are its fields as of the base, unless that is
// forgotten.
type lineage struct {
	snaps []snap
	base  uint64
	own   func(rev uint64) bool
	cut   bool
	basis map[string]string // nil: not known
}

// others says that others than the client changed the thing since the base.
func (l *lineage) others() bool {
	for i := range l.snaps {
		if l.snaps[i].began > l.base && !l.own(l.snaps[i].began) {
			return true
		}
	}
	return l.cut
}

// belief is the value that the client takes a field to have; known is false
// where that cannot be told.
func (l *lineage) belief(field string) (value string, has, known bool) {
	for i := range l.snaps {
		s := &l.snaps[i]
		value, has = s.fields[field]
		if s.began <= l.base {
			return value, has, true
		}
		var older string
		var had bool
		switch {
		case i+1 < len(l.snaps):
			older, had = l.snaps[i+1].fields[field]
		case l.cut:
			older, had = value, has // somebody's, further back
		}
		if l.own(s.began) && (has != had || value != older) {
			return value, has, true
		}
	}
	if l.cut {
		value, has = l.basis[field]
		return value, has, l.basis != nil
	}
	return "", false, true // the thing was not there
}

// believed is belief of all fields that are known to be believed to be there.
func (l *lineage) believed() map[string]string {
	if l.snaps[0].began <= l.base {
		return l.snaps[0].fields
	}
	out, asked := map[string]string{}, map[string]bool{}
	ask := func(fields map[string]string) {
		for field := range fields {
			if asked[field] {
				continue
			}
			asked[field] = true
			if value, has, known := l.belief(field); known && has {
				out[field] = value
			}
		}
	}
	for i := range l.snaps {
		ask(l.snaps[i].fields)
	}
	ask(l.basis)
	return out
}

// asBefore says that a field has the value that it had at the base.
func (l *lineage) asBefore(field, cur string, there bool) bool {
	if l.basis == nil {
		return false
	}
	was, had := l.basis[field]
	return had == there && was == cur
}

// compare divides what is wanted into what is free, and what others gave
// another value. What is so already is in neither.
func (l *lineage) compare(wants []want) (free, touched []want) {
	for _, w := range wants {
		cur, there := l.snaps[0].fields[w.field]
		value, has := w.of(cur, there)
		if has == there && (!has || value == cur) {
			continue
		}
		was, had, known := l.belief(w.field)
		if known && had == there && was == cur || l.asBefore(w.field, cur, there) {
			free = append(free, want{field: w.field, value: value, has: has})
			continue
		}
		if known {
			value, has = w.of(was, had)
		}
		touched = append(touched, want{field: w.field, value: value, has: has})
	}
	return free, touched
}

// versionWork is what reading a version counts beside its size.
const versionWork = 512

// nodeLineage reads a node's versions back to a revision, maxCompared of them
// at most.
func (p *pushing) nodeLineage(ns nsID, id uint64, cur *nodeRecord, base uint64) (lineage, error) {
	l := lineage{base: base, own: p.isOwn}
	s, err := p.nodeSnap(cur)
	if err != nil {
		return l, err
	}
	l.snaps = append(l.snaps, s)
	if s.began <= base {
		return l, nil
	}
	for _, past := range p.chain(s.began, id, false) {
		if past == nil {
			return l, errRecord
		}
		if p.work += len(past.Record) + versionWork; len(l.snaps) == maxCompared {
			break
		}
		n, err := peekNode(past.Record)
		if err == nil {
			s, err = p.nodeSnap(&n)
		}
		if err != nil {
			return l, err
		}
		if l.snaps = append(l.snaps, s); s.began <= base {
			return l, nil
		}
	}
	if l.cut = !s.made; !l.cut {
		return l, nil
	}
	then := p.nodeThen(s.began, id, base)
	if then.val == nil {
		l.basis = p.nothingAt(base)
		return l, nil
	}
	past, err := decodePast(then.val)
	if err != nil {
		return l, err
	}
	n, err := peekNode(past.Record)
	if err == nil {
		s, err = p.nodeSnap(&n)
	}
	l.basis = s.fields
	return l, err
}

// nothingAt is what a thing was that was not there at a revision; nil where that
// is forgotten.
func (p *pushing) nothingAt(rev uint64) map[string]string {
	if rev < p.meta.oldest(p.r.Revision()) {
		return nil
	}
	return map[string]string{}
}

// edgeLineage is nodeLineage for an edge.
func (p *pushing) edgeLineage(id uint64, cur *edgeRecord, base uint64) (lineage, error) {
	l := lineage{base: base, own: p.isOwn}
	s, err := edgeSnap(cur)
	if err != nil {
		return l, err
	}
	l.snaps = append(l.snaps, s)
	if s.began <= base {
		return l, nil
	}
	prefix := appendID(nil, id)
	for _, val := range p.r.ScanReverse(tEdgeHist, prefix, after(prefix)) {
		past, err := decodePast(val)
		if err != nil {
			return l, err
		}
		if p.work += len(past.Record) + versionWork; len(l.snaps) == maxCompared {
			break
		}
		e, err := decodeEdge(past.Record)
		if err == nil {
			s, err = edgeSnap(&e)
		}
		if err != nil {
			return l, err
		}
		if l.snaps = append(l.snaps, s); s.began <= base {
			return l, nil
		}
	}
	if l.cut = !s.made; !l.cut {
		return l, nil
	}
	then := firstPast(p.r, tEdgeHist, prefix, base)
	if then.val == nil {
		l.basis = p.nothingAt(base)
		return l, nil
	}
	past, err := decodePast(then.val)
	if err != nil {
		return l, err
	}
	e, err := decodeEdge(past.Record)
	if err != nil || e.began() > base {
		l.basis = p.nothingAt(base)
		return l, err
	}
	s, err = edgeSnap(&e)
	l.basis = s.fields
	return l, err
}

// heldBy says whether since a revision nobody but the client changed a thing
// with these versions.
func (l *lineage) heldBy(rev uint64) bool {
	for i := range l.snaps {
		s := &l.snaps[i]
		if s.began <= rev {
			return true
		}
		if !l.own(s.began) {
			return false
		}
	}
	return len(l.snaps) > 0 && l.snaps[len(l.snaps)-1].made
}
