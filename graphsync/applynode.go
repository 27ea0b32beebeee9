package graphsync

import (
	"bytes"
	"strconv"

	"github.com/meshd/meshd/consensus"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func noNode(id uint64) *consensus.Refusal {
	return refuse(CodeNotFound, "id", "no node has the id %d", id)
}

// findNode resolves a node of the command's namespace by id or key. Field is
// what the operation calls the key; the id's field is made of it.
func (t *tx) findNode(id uint64, norm, field string) (nsID, uint64, *consensus.Refusal) {
	if id != 0 {
		ns, ok := t.livesIn(id)
		if !ok {
			return 0, 0, refuse(CodeNotFound, idField(field), "no node has the id %d", id)
		}
		return ns, id, nil
	}
	ns := t.namespace(t.cmd.Namespace)
	if found := t.byKey(ns, norm); found != 0 {
		return ns, found, nil
	}
	return 0, 0, refuse(CodeNotFound, field, "no node has the key %q", norm)
}

// livesIn returns the namespace of a node, if that is the command's. A node is
// at one place, so finding its record, which is wanted next, tells as much as
// its entry in tID; where the command names no namespace, the one that the last
// such node was found in is tried first.
func (t *tx) livesIn(id uint64) (nsID, bool) {
	if id > maxID {
		return 0, false
	}
	ns := t.last
	if t.cmd.Namespace != "" {
		ns = t.namespace(t.cmd.Namespace)
	}
	if ns != 0 {
		t.buf = appendNodeKey(t.buf[:0], ns, id)
		if t.r.Get(tNode, t.buf) != nil {
			return ns, true
		}
	}
	if t.cmd.Namespace != "" {
		return 0, false
	}
	ns, ok := t.nodeNamespace(id)
	if ok {
		t.last = ns
	}
	return ns, ok
}

func idField(field string) string {
	if field == "key" {
		return "id"
	}
	return field + "_id"
}

func (t *tx) createNode(o *op) (opResult, *consensus.Refusal, error) {
	switch {
	case t.cmd.Namespace == "":
		return opResult{}, invalid("session_id", "must not be empty"), nil
	case o.Label == "":
		return opResult{}, invalid("label", "must not be empty"), nil
	case !o.has(hasType):
		return opResult{}, invalid("type", "must not be empty"), nil
	}
	if r := t.room(o.Type); r != nil {
		return opResult{}, r, nil
	}
	if o.Key != "" {
		ns := t.namespace(t.cmd.Namespace)
		if id := t.byKey(ns, o.norm()); id != 0 {
			if !o.has(isUpsert) {
				r := refuse(CodeKeyExists, "key", "the key %q belongs to node %d", o.Key, id)
				r.Details["id"] = itoa(id)
				return opResult{}, r, nil
			}
			return t.changeNode(ns, id, o)
		}
	}
	if r, err := t.allowNode(t.namespace(t.cmd.Namespace), o.Type, storedProps(o.Props)); r != nil || err != nil {
		return opResult{}, r, err
	}
	t.changed = true
	ns := t.intern(symNamespace, t.cmd.Namespace)
	n := nodeRecord{stamp: t.made(), Type: t.intern(symType, o.Type), Label: o.Label, Name: o.Name,
		Key: o.Key, Norm: o.Norm, Props: storedProps(o.Props), Expires: o.Expires}
	id := t.nextID()
	t.beginNode(ns, id, &n)
	if n.Key != "" {
		t.setKey(ns, n.norm(), id, false)
	}
	t.noteNode(changeCreated, ns, id, n.Type, 0)
	return opResult{ID: id, Status: created, Version: 1}, nil, nil
}

// beginNode writes a node that is not there yet, all but its keys.
func (t *tx) beginNode(ns nsID, id uint64, n *nodeRecord) {
	t.putNode(ns, id, n)
	t.key = appendID(t.key[:0], id)
	t.value = appendSymbol(t.value[:0], ns)
	t.w.Put(tID, t.key, t.value)
	t.key = appendTypeKey(t.key[:0], ns, n.Type, id)
	t.w.Put(tType, t.key, nil)
	t.key = appendNameKey(t.key[:0], ns, n.name(), id)
	t.w.Put(tName, t.key, nil)
	t.add(ns, countNodes, n.Type, 1)
	t.reschedule(id, kindNode, 0, n.Expires)
}

// endNode takes a node and its keys out of what is current; into is the node
// it was merged into, or 0. Its edges and observations are the caller's.
func (t *tx) endNode(ns nsID, id uint64, n *nodeRecord, how ending, into uint64) {
	kept := t.pastNode(ns, id, &n.stamp, how)
	t.key = appendNodeKey(t.key[:0], ns, id)
	t.w.Delete(tNode, t.key)
	t.buryNode(ns, id, into)
	if n.Key != "" {
		t.dropKey(ns, n.norm(), id, &n.stamp)
	}
	for i := range n.Aliases {
		t.dropKey(ns, n.Aliases[i].Norm, id, &n.stamp)
	}
	t.key = appendTypeKey(t.key[:0], ns, n.Type, id)
	t.w.Delete(tType, t.key)
	t.key = appendNameKey(t.key[:0], ns, n.name(), id)
	t.w.Delete(tName, t.key)
	t.add(ns, countNodes, n.Type, -1)
	t.reschedule(id, kindNode, n.Expires, 0)
	t.note(change{deed: endingChange(how), kind: kindNode, flags: kept, ns: ns, id: id, typ: n.Type, other: into})
}

func (t *tx) putNode(ns nsID, id uint64, n *nodeRecord) {
	n.bound(n.Expires != 0)
	t.key = appendNodeKey(t.key[:0], ns, id)
	t.value = n.encode(t.value[:0])
	t.w.Put(tNode, t.key, t.value)
	t.left, t.leftIn, t.leftID = *n, ns, id
}

func (t *tx) updateNode(o *op) (opResult, *consensus.Refusal, error) {
	ns, id, r := t.findNode(o.ID, o.norm(), "key")
	if r != nil {
		return opResult{}, r, nil
	}
	if r := t.room(o.Type); r != nil {
		return opResult{}, r, nil
	}
	return t.changeNode(ns, id, o)
}

// changeNode takes over what the op gives.
func (t *tx) changeNode(ns nsID, id uint64, o *op) (opResult, *consensus.Refusal, error) {
	t.key = appendNodeKey(t.key[:0], ns, id)
	stored := t.r.Get(tNode, t.key)
	if stored == nil {
		return opResult{}, noNode(id), nil
	}
	old, err := peekNode(stored)
	if err != nil {
		return opResult{}, nil, err
	}
	if r := checkVersion(o, "node", old.Version); r != nil {
		return opResult{}, r, nil
	}
	n := old
	if o.has(hasProps) {
		props, r := changedProps(old.Props, o)
		if r != nil {
			return opResult{}, r, nil
		}
		n.Props = props
	}
	if o.has(hasLabel) {
		n.Label, n.Name = o.Label, o.Name
		if n.Label == "" {
			return opResult{}, invalid("label", "must not be empty"), nil
		}
	}
	if o.has(isUpsert) || o.has(hasExpires) {
		n.Expires = o.Expires
	}
	sameType := !o.has(hasType) || t.symbol(symType, o.Type) == old.Type
	if sameType && n.Label == old.Label && n.Name == old.Name && n.Expires == old.Expires && bytes.Equal(n.Props, old.Props) {
		return opResult{ID: id, Status: unchanged, Version: old.Version}, nil, nil
	}
	if r, err := t.allowChange(ns, o, &n); r != nil || err != nil {
		return opResult{}, r, err
	}
	t.changed = true
	kept := t.pastStored(stored, id, &old.stamp, endChanged)
	if !sameType {
		n.Type = t.intern(symType, o.Type)
		t.key = appendTypeKey(t.key[:0], ns, old.Type, id)
		t.w.Delete(tType, t.key)
		t.key = appendTypeKey(t.key[:0], ns, n.Type, id)
		t.w.Put(tType, t.key, nil)
		t.add(ns, countNodes, old.Type, -1)
		t.add(ns, countNodes, n.Type, 1)
	}
	if n.name() != old.name() {
		t.key = appendNameKey(t.key[:0], ns, old.name(), id)
		t.w.Delete(tName, t.key)
		t.key = appendNameKey(t.key[:0], ns, n.name(), id)
		t.w.Put(tName, t.key, nil)
	}
	t.reschedule(id, kindNode, old.Expires, n.Expires)
	t.touch(&n.stamp)
	t.putNode(ns, id, &n)
	t.noteNode(changeUpdated, ns, id, n.Type, kept)
	return opResult{ID: id, Status: updated, Version: n.Version}, nil, nil
}

func changedProps(old []byte, o *op) ([]byte, *consensus.Refusal) {
	if !o.has(isMerge) {
		return storedProps(o.Props), nil
	}
	merged, err := mergeObject(old, o.Props)
	if err != nil {
		return nil, invalid("properties", "cannot be merged: %v", err)
	}
	if len(merged) > MaxProperties {
		return nil, invalid("properties", "has %d bytes after merging, at most %d are allowed", len(merged), MaxProperties)
	}
	return storedProps(merged), nil
}

// deleteNode ends a node with its edges and observations. An absent node is no change, unless a
// version was asked for.
func (t *tx) deleteNode(o *op) (opResult, *consensus.Refusal, error) {
	ns, id, r := t.findNode(o.ID, o.norm(), "key")
	if r != nil {
		if o.IfVersion == 0 {
			r = nil
		}
		return opResult{ID: o.ID}, r, nil
	}
	n, r, err := t.mayEnd(ns, id, o)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	ends, more := t.dependentsOf(ns, id, maxCascade-t.cascade)
	if more {
		return opResult{}, tooMany(id, "end"), nil
	}
	t.changed = true
	if err := t.endDependents(&ends, endDeleted); err != nil {
		return opResult{}, nil, err
	}
	t.dropVectorsOf(ns, id, changeDeleted)
	t.endNode(ns, id, &n, endDeleted, 0)
	return opResult{ID: id, Status: deleted, Version: n.Version}, nil, nil
}

// mayEnd reads a node that is to be ended, wholly or in part, and refuses where
// the op means another version.
func (t *tx) mayEnd(ns nsID, id uint64, o *op) (nodeRecord, *consensus.Refusal, error) {
	n, ok, err := t.node(ns, id)
	switch {
	case err != nil:
		return nodeRecord{}, nil, err
	case !ok:
		return nodeRecord{}, noNode(id), nil
	}
	return n, checkVersion(o, "node", n.Version), nil
}

// drainNode ends as many of a node's edges and observations as one command may.
func (t *tx) drainNode(o *op) (opResult, *consensus.Refusal, error) {
	ns, id, r := t.findNode(o.ID, o.norm(), "key")
	if r != nil {
		return opResult{}, r, nil
	}
	n, r, err := t.mayEnd(ns, id, o)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	ends, _ := t.dependentsOf(ns, id, maxCascade-t.cascade)
	if err := t.endDependents(&ends, endDeleted); err != nil {
		return opResult{}, nil, err
	}
	return opResult{ID: id, Status: unchanged, Version: n.Version}, nil, nil
}

// edgesOf returns up to limit edges of a node, each once, and whether there
// are more.
func (t *tx) edgesOf(ns nsID, id uint64, limit int) (edges []triple, more bool) {
	prefix := appendNodeKey(nil, ns, id)
	end := after(prefix)
	for k := range t.r.Scan(tSPO, prefix, end) {
		if at, ok := parseSPO(k); ok {
			if len(edges) == limit {
				return edges, true
			}
			edges = append(edges, at)
		}
	}
	for k := range t.r.Scan(tOPS, prefix, end) {
		if at, ok := parseOPS(k); ok && at.source != id {
			if len(edges) == limit {
				return edges, true
			}
			edges = append(edges, at)
		}
	}
	return edges, false
}
