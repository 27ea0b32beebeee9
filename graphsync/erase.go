package graphsync

import (
	"bytes"

	"github.com/meshd/meshd/consensus"
)

// isPartial in an op lets an erasure do as much as one command may.
const isPartial = hasExpires << 1

// erasing is one erasure under way. It removes up to left things, a past
// version counting as one; a thing's past goes before the thing.
type erasing struct {
	*tx
	erasureRecord
	left int
}

// erase removes a thing with all its past and writes down that it did. A part
// of it is removed only where the op says that this will do.
func (t *tx) erase(o *op) (opResult, *consensus.Refusal, error) {
	how := eraseKinds[o.Kind]
	kind, remove := how.kind, how.remove
	ns, id, r := how.find(t, o)
	if r == nil {
		r = t.room("")
	}
	if r != nil {
		return opResult{}, r, nil
	}
	left := maxCascade - t.cascade
	if !o.has(isPartial) && how.weigh(t, ns, id, left) > left {
		return opResult{}, refuse(CodeTooManyEdges, "", "%d has more edges, observations and past versions than one command may erase (%d)", id, maxCascade), nil
	}
	t.changed = true
	e := erasing{tx: t, left: left, erasureRecord: erasureRecord{Kind: kind, NS: ns, ID: id, At: t.c.Time.UnixMilli(), By: t.author(), Reason: o.Text}}
	done, err := remove(&e)
	if err != nil {
		return opResult{}, nil, err
	}
	t.cascade += left - e.left
	e.Partial = !done
	var order uint32
	for t.w.Get(tErased, appendLogKey(nil, t.c.Revision, order)) != nil {
		order++
	}
	t.w.Put(tErased, appendLogKey(nil, t.c.Revision, order), consensus.Encode(&e.erasureRecord))
	if !done {
		return opResult{ID: id, Status: updated}, nil, nil
	}
	return opResult{ID: id, Status: deleted}, nil, nil
}

// eraseKinds says of each verb what it finds, removes, and how much that is.
var eraseKinds = map[opKind]struct {
	kind   changeKind
	find   func(*tx, *op) (nsID, uint64, *consensus.Refusal)
	weigh  func(t *tx, ns nsID, id uint64, limit int) int
	remove func(*erasing) (bool, error)
}{
	opEraseNode:        {kindNode, (*tx).knownNode, (*tx).weighNode, (*erasing).node},
	opEraseEdge:        {kindEdge, (*tx).knownEdge, (*tx).weighEdge, func(e *erasing) (bool, error) { return e.edge(e.ID) }},
	opEraseObservation: {kindObservation, (*tx).knownObservation, (*tx).weighObservation, func(e *erasing) (bool, error) { return e.observation(e.ID) }},
}

// keysUnder returns up to limit keys that begin with prefix.
func (v *view) keysUnder(table consensus.Table, prefix []byte, limit int) (keys [][]byte) {
	for k := range v.r.Scan(table, prefix, after(prefix)) {
		if len(keys) == limit {
			break
		}
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// each calls fn with the keys under a prefix, as long as something may be
// removed; done says that there are no more.
func (e *erasing) each(table consensus.Table, prefix []byte, fn func(k []byte) (bool, error)) (done bool, err error) {
	for _, k := range e.keysUnder(table, prefix, e.left+1) {
		if e.left <= 0 {
			return false, nil
		}
		if done, err := fn(k); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// past removes the versions that a table of history has of a thing.
func (e *erasing) past(table consensus.Table, prefix []byte, forget func(k []byte)) (done bool, err error) {
	return e.each(table, prefix, func(k []byte) (bool, error) {
		forget(k)
		e.left--
		e.Versions++
		return true, nil
	})
}

// node removes a node, current or not, and all that hangs on it.
func (e *erasing) node() (bool, error) {
	prefix := appendNodeKey(nil, e.NS, e.ID)
	edge := func(k []byte) (bool, error) {
		at, ok := parseSPO(k[:min(len(k), tripleKeySize)])
		if !ok {
			return false, errRecord
		}
		return e.edge(at.id)
	}
	version := func(k []byte) (bool, error) {
		if e.w.Get(tSPOHist, k) == nil && e.w.Get(tOPSHist, k) == nil {
			return true, nil // with the edge
		}
		if at, ok := parseSPO(k[:min(len(k), tripleKeySize)]); ok && len(k) == tripleKeySize+8 {
			if e.endedElsewhere(tEdge, edgeGone, at.id) {
				return e.edge(at.id)
			}
			e.forgetEdge(at.id, readRev(k))
			e.forgetName(tEdge, edgeGone, at.id, tEdgeHist, appendID(nil, at.id))
		}
		e.left--
		e.Versions++
		return true, nil
	}
	said := func(k []byte) (bool, error) {
		at, ok := parseObsKey(k)
		if !ok {
			return false, errRecord
		}
		return e.observation(at.id)
	}
	for _, step := range []func() (bool, error){
		e.others,
		func() (bool, error) { return e.each(tSPO, prefix, edge) },
		func() (bool, error) { return e.each(tOPS, prefix, edge) },
		func() (bool, error) { return e.each(tSPOHist, prefix, version) },
		func() (bool, error) { return e.each(tOPSHist, prefix, version) },
		func() (bool, error) { return e.each(tObs, prefix, said) },
		func() (bool, error) { return e.each(tObsHist, prefix, e.forgetSaid) },
		func() (bool, error) { return e.eraseConflicts(e.ID) },
		func() (bool, error) { return e.pastOfNode(), nil },
	} {
		if done, err := step(); err != nil || !done {
			return false, err
		}
	}
	return true, e.lastOfNode()
}

// endsOf lists when the versions of a node ended, newest first, up to limit.
func (v *view) endsOf(ns nsID, id uint64, limit int) (ends []uint64) {
	for p := range v.chain(v.lastEnd(ns, id), id, true) {
		if len(ends) >= limit {
			break
		}
		ends = append(ends, p.end)
	}
	return ends
}

// pastOfNode removes what the node was. Where that is too much, the chain is
// closed over what is gone, so that the next command finds the rest.
func (e *erasing) pastOfNode() (done bool) {
	last := e.lastEnd(e.NS, e.ID)
	for i, end := range e.endsOf(e.NS, e.ID, e.left+1) {
		if e.left > 0 {
			e.forgetNode(e.NS, e.ID, end)
			e.left--
			e.Versions++
			continue
		}
		if key := appendNodeKey(nil, e.NS, e.ID); i == 0 {
		} else if e.w.Get(tNode, key) != nil {
			e.putGap(last, e.ID, end)
		} else {
			e.w.Put(tNodeGone, key, appendRev(nil, end))
		}
		return false
	}
	return true
}

// forgetSaid removes a past version of an observation by its key, or all of an
// observation that has ended.
func (e *erasing) forgetSaid(k []byte) (bool, error) {
	if e.w.Get(tObsHist, k) == nil {
		return true, nil // with the others of its observation
	}
	if at, ok := parseObsKey(k[:min(len(k), obsKeySize)]); ok {
		if e.endedElsewhere(tObsAt, obsGone, at.id) {
			return e.observation(at.id)
		}
		e.forgetPast(tObsHist, k)
		e.forgetName(tObsAt, obsGone, at.id, tObsHist, appendObsKey(nil, at.ns, at.node, at.id))
	}
	e.left--
	e.Versions++
	return true, nil
}

// endedElsewhere says that an edge or an observation of the node has ended, maybe
// while the node stood merged into another: then its past lies there too, and all
// of it goes.
func (e *erasing) endedElsewhere(table consensus.Table, gone func([]byte) bool, id uint64) bool {
	return e.c.Level >= levelSync && gone(e.w.Get(table, appendID(nil, id)))
}

// lastOfNode removes what is left of a node without edges, observations and
// past.
func (e *erasing) lastOfNode() error {
	for _, merge := range e.mergesWith(e.ID) {
		if err := e.eraseMerge(merge); err != nil {
			return err
		}
	}
	for _, model := range e.modelsOf(e.NS, e.ID) {
		e.dropVector(e.NS, e.ID, model, changeErased)
		e.Vectors++
	}
	n, ok, err := e.tx.node(e.NS, e.ID)
	if err != nil {
		return err
	}
	if ok {
		e.unlinkNode(e.NS, e.ID, &n)
	}
	e.w.Delete(tID, appendID(nil, e.ID))
	e.w.Delete(tNodeGone, appendNodeKey(nil, e.NS, e.ID))
	e.noteNode(changeErased, e.NS, e.ID, n.Type, 0)
	return nil
}

// unlinkNode takes a node and its keys out of the tables without keeping them.
func (t *tx) unlinkNode(ns nsID, id uint64, n *nodeRecord) {
	t.w.Delete(tNode, appendNodeKey(nil, ns, id))
	for _, norm := range n.norms() {
		t.w.Delete(tKey, append(appendSymbol(nil, ns), norm...))
	}
	t.w.Delete(tType, appendTypeKey(nil, ns, n.Type, id))
	t.w.Delete(tName, appendNameKey(nil, ns, n.name(), id))
	t.add(ns, countNodes, n.Type, -1)
	t.reschedule(id, kindNode, n.Expires, 0)
}

func (e *erasing) eraseMerge(merge uint64) error {
	m, ok, err := e.mergeRecord(merge)
	if err != nil || !ok {
		return err
	}
	e.dropMerge(merge, &m)
	e.Merges++
	return nil
}

// edge removes an edge, current or not, with its past.
func (e *erasing) edge(id uint64) (bool, error) {
	if done, err := e.eraseConflicts(id); err != nil || !done {
		return false, err
	}
	done, err := e.past(tEdgeHist, appendID(nil, id), func(k []byte) { e.forgetEdge(id, readRev(k)) })
	if err != nil || !done || e.left <= 0 {
		return false, err
	}
	key := appendID(nil, id)
	at, _, ok := parseAnyEdge(id, e.w.Get(tEdge, key))
	if !ok {
		return true, nil
	}
	rec, ok, err := e.edgeAt(at)
	if err != nil {
		return false, err
	}
	if ok {
		e.unlinkEdge(at, &rec)
	}
	e.w.Delete(tEdge, key)
	e.noteEdge(changeErased, at, 0)
	e.left--
	e.Edges++
	return true, nil
}

// observation removes an observation, current or not, with its past under
// every node that it spoke of, and from the merges that keep it.
func (e *erasing) observation(id uint64) (bool, error) {
	if done, err := e.eraseConflicts(id); err != nil || !done {
		return false, err
	}
	key := appendID(nil, id)
	at, _, ok := parseObsValue(id, e.w.Get(tObsAt, key))
	nodes := append(appendID(nil, at.node), e.formerNodes(id)...)
	for ; ok && len(nodes) >= 5; nodes = nodes[5:] {
		prefix := appendObsKey(nil, at.ns, readID(nodes), id)
		if done, err := e.past(tObsHist, prefix, func(k []byte) { e.forgetPast(tObsHist, k) }); err != nil || !done {
			return false, err
		}
	}
	if e.left <= 0 {
		return false, nil
	}
	for _, merge := range e.mergesWith(id) {
		if err := e.eraseMerge(merge); err != nil {
			return false, err
		}
	}
	if ok {
		rec, current, err := e.obsAt(at)
		if err != nil {
			return false, err
		}
		if current {
			e.liftObservation(at, &rec)
			e.reschedule(id, kindObservation, rec.Expires, 0)
			e.tally(at.ns, countObservations, -1)
		}
		e.w.Delete(tObsAt, key)
		e.noteObservation(changeErased, at, 0)
	}
	e.left--
	e.Observations++
	return true, nil
}
