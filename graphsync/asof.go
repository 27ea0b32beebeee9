package graphsync

import (
	"slices"
)

// What was as of a revision is the current version, if it began by then, or
// else the first past version that ended after it, if that one did.

// seeNode returns the version of a node that the view shows.
func (v *view) seeNode(ns nsID, id uint64) (n nodeRecord, ok bool, err error) {
	if n, ok, err = v.node(ns, id); err != nil {
		return n, false, err
	}
	if v.at.past && !(ok && n.began() <= v.at.rev) {
		end := n.began()
		if !ok {
			end = v.goneSince(appendNodeKey(nil, ns, id))
		}
		if n, ok, err = v.thenNode(v.nodeThen(end, id, v.at.rev)); err != nil {
			return n, false, err
		}
	}
	return n, ok && !v.expired(n.Expires), nil
}

// thenNode decodes a past version, if it had begun.
func (v *view) thenNode(p pastEntry) (nodeRecord, bool, error) {
	if p.val == nil {
		return nodeRecord{}, false, nil
	}
	past, err := decodePast(p.val)
	if err != nil {
		return nodeRecord{}, false, err
	}
	n, err := decodeNode(past.Record)
	return n, err == nil && n.began() <= v.at.rev, err
}

// seesNode is seeNode without the record.
func (v *view) seesNode(ns nsID, id uint64) bool {
	if v.at.past {
		_, ok, err := v.seeNode(ns, id)
		return ok && err == nil
	}
	v.buf = appendNodeKey(v.buf[:0], ns, id)
	got := v.r.Get(tNode, v.buf)
	if got == nil || !v.at.filters || !bounded(got) {
		return got != nil
	}
	n, err := peekNode(got)
	return err == nil && !v.expired(n.Expires)
}

// hides is the contrary of seesNode, for the end of an edge that is shown: it
// only expires. It costs a look once where nothing is due to expire.
func (v *view) hides(ns nsID, id uint64) bool {
	if !v.at.filters {
		return false
	}
	if !v.at.past && v.at.due == 0 {
		v.at.due = noneDue
		for range v.r.Scan(tExpiry, nil, appendExpiryKey(nil, v.at.now+1, 0)) {
			v.at.due = someDue
			break
		}
	}
	return v.at.due != noneDue && !v.seesNode(ns, id)
}

// seeKey returns the node that a key names, or named.
func (v *view) seeKey(ns nsID, norm string) uint64 {
	id := v.byKey(ns, norm)
	if !v.at.past || ns == 0 || norm == "" {
		return id
	}
	if id != 0 && v.namedBy(ns, id, norm) {
		return id
	}
	past := firstPast(v.r, tKeyHist, append(append(appendSymbol(nil, ns), norm...), 0), v.at.rev)
	if len(past.val) == 5 {
		if id = readID(past.val); v.namedBy(ns, id, norm) {
			return id
		}
	}
	return 0
}

func (v *view) namedBy(ns nsID, id uint64, norm string) bool {
	n, ok, err := v.seeNode(ns, id)
	return err == nil && ok && slices.Contains(n.norms(), norm)
}

// everNode returns the namespace of a node, also of one that has ended, and
// what it was merged into.
func (v *view) everNode(id uint64) (ns nsID, into uint64, ok bool) {
	if id == 0 || id > maxID {
		return 0, 0, false
	}
	v.buf = appendID(v.buf[:0], id)
	got := v.r.Get(tID, v.buf)
	if len(got) < 3 {
		return 0, 0, false
	}
	if len(got) == 9 && got[3] == goneMerged {
		into = readID(got[4:])
	}
	return readSymbol(got), into, true
}

// seeEdge returns the version of an edge that was current then, and where it
// was. Whether it is shown is for the caller to ask.
func (v *view) seeEdge(id uint64) (triple, edgeRecord, bool, error) {
	at, e, ok, err := v.edge(id)
	if err != nil || !v.at.past || ok && e.began() <= v.at.rev || id > maxID {
		return at, e, ok, err
	}
	return v.thenEdge(id, firstPast(v.r, tEdgeHist, appendID(nil, id), v.at.rev))
}

func (v *view) thenEdge(id uint64, p pastEntry) (at triple, e edgeRecord, ok bool, err error) {
	if p.val == nil {
		return at, e, false, nil
	}
	past, err := decodePast(p.val)
	if err != nil {
		return at, e, false, err
	}
	if e, err = decodeEdge(past.Record); err != nil {
		return at, e, false, err
	}
	if at, _, ok = parseAnyEdge(id, past.Place); !ok {
		return at, e, false, errRecord
	}
	return at, e, e.began() <= v.at.rev, nil
}
