package graphsync

import (
	"bytes"

	"github.com/meshd/meshd/consensus"
)

func noEdge(id uint64) *consensus.Refusal {
	return refuse(CodeNotFound, "id", "no edge has the id %d", id)
}

func (t *tx) createEdge(o *op) (opResult, *consensus.Refusal, error) {
	if !o.has(hasType) {
		return opResult{}, invalid("type", "must not be empty"), nil
	}
	ns, source, r := t.findNode(o.Source, o.SourceKey, "source")
	if r != nil {
		return opResult{}, r, nil
	}
	targetNS, target, r := t.findNode(o.Target, o.TargetKey, "target")
	if r != nil {
		return opResult{}, r, nil
	}
	if ns != targetNS {
		return opResult{}, invalid("target", "is in another namespace than the source"), nil
	}
	if r := t.room(o.Type); r != nil {
		return opResult{}, r, nil
	}
	if o.has(isUpsert) {
		at, count := t.parallel(ns, source, o.Type, target, o.Parallel)
		if at.id != 0 {
			return t.changeEdge(at, o)
		}
		if count != o.Parallel {
			return opResult{}, invalid("parallel", "is %d, but there are only %d such edges", o.Parallel, count), nil
		}
	}
	told, r := provenance{}.take(o, true)
	if r != nil {
		return opResult{}, r, nil
	}
	if r, err := t.allowEdge(ns, source, o.Type, target); r != nil || err != nil {
		return opResult{}, r, err
	}
	older, r, err := t.single(ns, source, o.Type, 0, &told)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	t.changed = true
	if err := t.supersede(older); err != nil {
		return opResult{}, nil, err
	}
	e := edgeRecord{stamp: t.made(), Predicate: o.Predicate, Props: storedProps(o.Props), provenance: told}
	if o.has(hasWeight) {
		e.setWeight(o.Weight)
	}
	at := triple{ns: ns, source: source, typ: t.intern(symType, o.Type), target: target, id: t.nextID()}
	t.linkEdge(at, &e)
	t.noteEdge(changeCreated, at, 0)
	return opResult{ID: at.id, Status: created, Version: 1}, nil, nil
}

// linkEdge writes an edge that is not at its place yet.
func (t *tx) linkEdge(at triple, e *edgeRecord) {
	t.putEdge(at, e)
	t.putBounds(at, e)
	t.key = appendID(t.key[:0], at.id)
	t.value = at.appendValue(t.value[:0])
	t.w.Put(tEdge, t.key, t.value)
	t.add(at.ns, countEdges, at.typ, 1)
	t.reschedule(at.id, kindEdge, 0, e.Expires)
}

// unlinkEdge takes an edge from its place; what tEdge says of it is the
// caller's.
func (t *tx) unlinkEdge(at triple, e *edgeRecord) {
	t.key = at.appendSPO(t.key[:0])
	t.w.Delete(tSPO, t.key)
	t.key = at.appendOPS(t.key[:0])
	t.w.Delete(tOPS, t.key)
	t.add(at.ns, countEdges, at.typ, -1)
	t.reschedule(at.id, kindEdge, e.Expires, 0)
}

func (t *tx) putBounds(at triple, e *edgeRecord) {
	t.key = at.appendOPS(t.key[:0])
	t.w.Put(tOPS, t.key, e.bounds(nil))
}

// parallel finds the edge between two nodes that n others of its type come
// before; where there is none, count is how many there are.
func (t *tx) parallel(ns nsID, source uint64, typ string, target uint64, n uint32) (at triple, count uint32) {
	sym := t.symbol(symType, typ)
	if sym == 0 {
		return triple{}, 0
	}
	prefix := appendSpan(nil, ns, source, sym, target)
	for k := range t.r.Scan(tSPO, prefix, after(prefix)) {
		if count == n {
			at, _ = parseSPO(k)
			return at, count
		}
		count++
	}
	return triple{}, count
}

func (t *tx) putEdge(at triple, e *edgeRecord) {
	e.bound(e.bounded())
	t.key = at.appendSPO(t.key[:0])
	t.value = e.encode(t.value[:0])
	t.w.Put(tSPO, t.key, t.value)
}

// dropEdge ends an edge.
func (t *tx) dropEdge(at triple, how ending) error {
	e, ok, err := t.edgeAt(at)
	if err != nil {
		return err
	}
	if !ok {
		return errRecord
	}
	kept := t.pastEdge(at, &e.stamp, how)
	t.unlinkEdge(at, &e)
	t.buryEdge(at)
	t.noteEdge(endingChange(how), at, kept)
	return nil
}

// findEdge resolves an edge of the command's namespace.
func (t *tx) findEdge(id uint64) (triple, edgeRecord, *consensus.Refusal, error) {
	at, e, ok, err := t.edge(id)
	if err != nil {
		return at, e, nil, err
	}
	if !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != at.ns {
		return at, e, noEdge(id), nil
	}
	return at, e, nil, nil
}

func (t *tx) updateEdge(o *op) (opResult, *consensus.Refusal, error) {
	at, ok := t.place(o.ID)
	if !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != at.ns {
		return opResult{}, noEdge(o.ID), nil
	}
	if r := t.room(o.Type); r != nil {
		return opResult{}, r, nil
	}
	return t.changeEdge(at, o)
}

// changeEdge takes over what the op gives; an upsert gives everything.
func (t *tx) changeEdge(at triple, o *op) (opResult, *consensus.Refusal, error) {
	old, ok, err := t.edgeAt(at)
	if err != nil {
		return opResult{}, nil, err
	}
	if !ok {
		return opResult{}, noEdge(at.id), nil
	}
	if r := checkVersion(o, "edge", old.Version); r != nil {
		return opResult{}, r, nil
	}
	e := old
	all := o.has(isUpsert)
	if all || o.has(hasProps) {
		props, r := changedProps(old.Props, o)
		if r != nil {
			return opResult{}, r, nil
		}
		e.Props = props
	}
	if all {
		e.Weight = nil
	}
	if o.has(hasWeight) {
		e.setWeight(o.Weight)
	}
	if all || o.has(hasPredicate) {
		e.Predicate = o.Predicate
	}
	told, r := old.take(o, all)
	if r != nil {
		return opResult{}, r, nil
	}
	older, r, err := t.singleAgain(at, o, &old.provenance, &told)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	e.provenance = told
	if e.weight() == old.weight() && e.Predicate == old.Predicate && bytes.Equal(e.Props, old.Props) && told.same(&old.provenance) {
		return opResult{ID: at.id, Status: unchanged, Version: old.Version}, nil, nil
	}
	t.changed = true
	if err := t.supersede(older); err != nil {
		return opResult{}, nil, err
	}
	t.rewriteEdge(at, &old, &e)
	return opResult{ID: at.id, Status: updated, Version: e.Version}, nil, nil
}

// rewriteEdge replaces the record of an edge that stays where it is.
func (t *tx) rewriteEdge(at triple, old, e *edgeRecord) {
	kept := t.pastEdge(at, &old.stamp, endChanged)
	t.touch(&e.stamp)
	t.putEdge(at, e)
	if old.bounded() || e.bounded() {
		t.putBounds(at, e)
	}
	t.reschedule(at.id, kindEdge, old.Expires, e.Expires)
	t.noteEdge(changeUpdated, at, kept)
}

// deleteEdge ends an edge. An absent edge is no change, unless a version was
// asked for.
func (t *tx) deleteEdge(o *op) (opResult, *consensus.Refusal, error) {
	at, e, r, err := t.findEdge(o.ID)
	if err != nil {
		return opResult{}, nil, err
	}
	if r != nil {
		if o.IfVersion == 0 {
			r = nil
		}
		return opResult{ID: o.ID}, r, nil
	}
	if r := checkVersion(o, "edge", e.Version); r != nil {
		return opResult{}, r, nil
	}
	t.changed = true
	if err := t.dropEdge(at, endDeleted); err != nil {
		return opResult{}, nil, err
	}
	return opResult{ID: at.id, Status: deleted, Version: e.Version}, nil, nil
}
