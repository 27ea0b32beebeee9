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
	t.changed = true
	e := edgeRecord{stamp: t.made(), Predicate: o.Predicate, Props: storedProps(o.Props)}
	if o.has(hasWeight) {
		e.setWeight(o.Weight)
	}
	at := triple{ns: ns, source: source, typ: t.intern(symType, o.Type), target: target, id: t.nextID()}
	t.putEdge(at, &e)
	t.key = at.appendOPS(t.key[:0])
	t.w.Put(tOPS, t.key, nil)
	t.key = appendID(t.key[:0], at.id)
	t.w.Put(tEdge, t.key, at.appendValue(nil))
	t.add(ns, countEdges, at.typ, 1)
	return opResult{ID: at.id, Status: created, Version: 1}, nil, nil
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
	t.key = at.appendSPO(t.key[:0])
	t.value = e.encode(t.value[:0])
	t.w.Put(tSPO, t.key, t.value)
}

func (t *tx) dropEdge(at triple) {
	t.key = at.appendSPO(t.key[:0])
	t.w.Delete(tSPO, t.key)
	t.key = at.appendOPS(t.key[:0])
	t.w.Delete(tOPS, t.key)
	t.key = appendID(t.key[:0], at.id)
	t.w.Delete(tEdge, t.key)
	t.add(at.ns, countEdges, at.typ, -1)
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
	if e.weight() == old.weight() && e.Predicate == old.Predicate && bytes.Equal(e.Props, old.Props) {
		return opResult{ID: at.id, Status: unchanged, Version: old.Version}, nil, nil
	}
	t.changed = true
	t.touch(&e.stamp)
	t.putEdge(at, &e)
	return opResult{ID: at.id, Status: updated, Version: e.Version}, nil, nil
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
	t.dropEdge(at)
	return opResult{ID: at.id, Status: deleted, Version: e.Version}, nil, nil
}
