package graphsync

import (
	"bytes"
	"slices"
)

// What a node was while another stood merged into it holds data of the other:
// its keys as aliases, and properties. Undoing the merge takes them away for the
// present and leaves them in the past. Erasing the other finds these versions by
// the log, which says into what a node was merged, for as long as it is kept, and
// the versions with it.

// taken is what a node gave to the one it was merged into, from a revision to
// another.
type taken struct {
	target   uint64
	from, to uint64
	norms    []string
	props    []byte // a canonical object
}

// tinged is a past version of another node that holds something taken, or a key
// of the past by which that node was named.
type tinged struct {
	node, end uint64
	by        *taken
	key       []byte // in tKeyHist; or nil
}

// tingedBy lists up to limit versions and keys of other nodes that hold what
// they took of one.
func (t *tx) tingedBy(ns nsID, id uint64, limit int) ([]tinged, error) {
	if t.c.Level < levelSync {
		return nil, nil
	}
	merges, err := t.takenOf(ns, id)
	if err != nil {
		return nil, err
	}
	f := tingedFinder{tx: t, ns: ns, limit: limit, seen: map[[2]uint64]bool{}}
	for i := range merges {
		if err := f.in(merges[i].target, merges[i].from, merges[i].to, &merges[i]); err != nil {
			return nil, err
		}
	}
	return f.found, nil
}

// takenOf lists the merges of a node into others that are known.
func (t *tx) takenOf(ns nsID, id uint64) (out []taken, _ error) {
	add := func(from, to uint64, n *nodeRecord) error {
		targets, err := t.mergedAt(ns, id, from, to)
		for _, target := range targets {
			out = append(out, taken{target: target, from: from, to: to, norms: n.norms(), props: n.Props})
		}
		return err
	}
	newer, _, err := t.node(ns, id)
	if err != nil {
		return nil, err
	}
	var back *taken // brought back then, gone since
	for p, past := range t.chain(t.lastEnd(ns, id), id, true) {
		if past == nil {
			return nil, errRecord
		}
		if past.Gap != 0 {
			if back != nil {
				if err := add(back.from, back.to, &newer); err != nil {
					return nil, err
				}
			}
			back = &taken{from: past.Gap, to: p.end}
			continue
		}
		n, err := decodeNode(past.Record)
		if err != nil {
			return nil, err
		}
		if back != nil {
			if p.end == back.from {
				newer = n // as it was when it was merged
			}
			if err := add(back.from, back.to, &newer); err != nil {
				return nil, err
			}
			back = nil
		}
		newer = n
	}
	if back != nil {
		if err := add(back.from, back.to, &newer); err != nil {
			return nil, err
		}
	}
	// A merge that stands has a record; the node it went into may have ended.
	for _, merge := range t.mergesWith(id) {
		m, ok, err := t.mergeRecord(merge)
		if err != nil {
			return nil, err
		}
		if ok && m.Source == id {
			out = append(out, taken{target: m.Target, from: m.Rev, to: 1<<64 - 1, norms: m.Norms, props: m.Props})
		}
	}
	return out, nil
}

// mergedAt is what a node was merged into by the command of a revision. Where
// the log has forgotten that, it may be any node that the command changed which
// undid it.
func (t *tx) mergedAt(ns nsID, id, from, to uint64) (targets []uint64, _ error) {
	m, err := t.counters()
	if err != nil {
		return nil, err
	}
	rev := from
	if from < m.LogFrom {
		rev = to
	}
	for k, val := range t.r.Scan(tLog, appendLogKey(nil, rev, 0), appendLogKey(nil, rev+1, 0)) {
		c, ok := readChange(k, val)
		switch {
		case !ok:
			return nil, errRecord
		case c.kind != kindNode || c.ns != ns:
		case rev == from && c.deed == changeMerged && c.id == id && c.other != 0:
			return []uint64{c.other}, nil
		case rev == to && c.deed == changeUpdated && c.flags&keptPast != 0 && len(targets) < maxCascade:
			targets = append(targets, c.id)
		}
	}
	return targets, nil
}

// tingedFinder looks through the past of nodes that took something.
type tingedFinder struct {
	*tx
	ns    nsID
	limit int
	found []tinged
	seen  map[[2]uint64]bool
}

// in looks through what a node was from a revision to another, and through what
// took of it meanwhile.
func (f *tingedFinder) in(node, from, to uint64, by *taken) error {
	if f.seen[[2]uint64{node, from}] {
		return nil
	}
	f.seen[[2]uint64{node, from}] = true
	for _, norm := range by.norms {
		prefix := append(append(appendSymbol(nil, f.ns), norm...), 0)
		for k, val := range f.r.Scan(tKeyHist, appendRev(bytes.Clone(prefix), from+1), after(prefix)) {
			if len(k) == len(prefix)+8 && len(val) == 5 && readRev(k) <= to && readID(val) == node && len(f.found) < f.limit {
				f.found = append(f.found, tinged{node: node, by: by, key: bytes.Clone(k)})
			}
		}
	}
	end := f.lastEnd(f.ns, node)
	if to != 1<<64-1 {
		if p := f.nodeThen(end, node, to-1); p.end != 0 {
			end = p.end
		}
	}
	for p, past := range f.chain(end, node, true) {
		switch {
		case past == nil:
			return errRecord
		case p.end <= from:
			return nil
		case past.Gap != 0:
			continue
		}
		if past.How == endMerged {
			targets, err := f.mergedAt(f.ns, node, p.end, p.end)
			if err != nil {
				return err
			}
			for _, other := range targets {
				if err := f.in(other, p.end, to, by); err != nil {
					return err
				}
			}
		}
		n, err := decodeNode(past.Record)
		if err != nil {
			return err
		}
		clean, err := f.without(&n, node, by)
		if err != nil {
			return err
		}
		if clean && len(f.found) < f.limit {
			f.found = append(f.found, tinged{node: node, end: p.end, by: by})
		}
	}
	return nil
}

// without takes from a version what the node has of another, and says whether
// there was something. What the node had before itself stays.
func (t *tx) without(n *nodeRecord, node uint64, by *taken) (had bool, _ error) {
	aliases := len(n.Aliases)
	n.Aliases = slices.DeleteFunc(n.Aliases, func(a alias) bool { return slices.Contains(by.norms, a.Norm) })
	given := by.props
	if p := t.nodeThen(by.from, node, by.from-1); p.val != nil && len(given) > 0 {
		past, err := decodePast(p.val)
		if err != nil {
			return false, err
		}
		before, err := decodeNode(past.Record)
		if err != nil {
			return false, err
		}
		if _, given, err = mergeMissing(before.Props, given); err != nil {
			return false, err
		}
	}
	props, err := withoutSame(n.Props, given)
	if err != nil {
		return false, err
	}
	had = len(n.Aliases) != aliases || !bytes.Equal(props, n.Props)
	n.Props = props
	return had, nil
}

// others removes from the past of other nodes what they took of the one that is
// erased.
func (e *erasing) others() (done bool, _ error) {
	found, err := e.tingedBy(e.NS, e.ID, e.left+1)
	if err != nil {
		return false, err
	}
	for i := range found {
		if e.left <= 0 {
			return false, nil
		}
		e.left--
		e.Versions++
		if key := found[i].key; key != nil {
			e.forgetPast(tKeyHist, key)
			continue
		}
		if err := e.rewritePast(&found[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (e *erasing) rewritePast(v *tinged) error {
	key := appendNodePast(nil, v.end, v.node)
	was := bytes.Clone(e.w.Get(tNodeHist, key))
	past, err := decodePast(was)
	if err != nil {
		return err
	}
	n, err := decodeNode(past.Record)
	if err != nil {
		return err
	}
	if _, err := e.without(&n, v.node, v.by); err != nil {
		return err
	}
	past.Record = n.encode(nil)
	f := mapFields(nil)
	past.encode(&f)
	e.dropPast(tNodeHist, key, was)
	e.putPast(tNodeHist, key, f.end())
	return nil
}
