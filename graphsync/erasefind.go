package graphsync

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// readRev reads the revision that a key of history ends with.
func readRev(k []byte) uint64 {
	if len(k) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(k[len(k)-8:])
}

// knownNode finds a node that is or was: by id, or by a key that it has or had
// last.
func (t *tx) knownNode(o *op) (nsID, uint64, *consensus.Refusal) {
	ns := t.namespace(t.cmd.Namespace)
	if o.ID == 0 {
		id := t.byKey(ns, o.norm())
		if id == 0 && ns != 0 {
			id = t.lastWithKey(ns, o.norm())
		}
		if id == 0 {
			return 0, 0, refuse(CodeNotFound, "key", "no node has or had the key %q", o.norm())
		}
		// An alias may be what is left of another node: who is meant must be said.
		if n, ok, err := t.peek(ns, id); ok && err == nil && n.norm() != o.norm() {
			r := refuse(CodeInvalid, "key", "%q is an alias of node %d (%s): name that node by its id to erase it", o.norm(), id, n.Label)
			r.Details["id"] = itoa(id)
			return 0, 0, r
		}
		return ns, id, nil
	}
	in, ok := nsID(0), false
	if got := t.r.Get(tID, appendID(nil, o.ID)); len(got) >= 3 {
		in, ok = readSymbol(got), true
	}
	for _, merge := range t.mergesWith(o.ID) {
		if m, found, err := t.mergeRecord(merge); found && err == nil && (m.Source == o.ID || m.Target == o.ID) {
			in, ok = m.NS, true
		}
	}
	if !ok || t.cmd.Namespace != "" && in != ns {
		return 0, 0, noNode(o.ID)
	}
	// What was said of a merged node stands with the other now, and only the
	// merge knows it from the rest.
	if _, into, _ := t.everNode(o.ID); into != 0 && t.hasNode(in, into) {
		r := refuse(CodeInvalid, "id", "node %d was merged into %d: undo the merge and erase it then, or erase %d first", o.ID, into, into)
		r.Details["merged_into"] = itoa(into)
		return 0, 0, r
	}
	return in, o.ID, nil
}

// lastWithKey returns the node that a key named last, 0 where none is known.
func (t *tx) lastWithKey(ns nsID, norm string) uint64 {
	prefix := append(append(appendSymbol(nil, ns), norm...), 0)
	for k, v := range t.r.ScanReverse(tKeyHist, prefix, after(prefix)) {
		if len(k) == len(prefix)+8 && len(v) == 5 {
			return readID(v)
		}
	}
	return 0
}

func (t *tx) knownEdge(o *op) (nsID, uint64, *consensus.Refusal) {
	at, _, ok := parseAnyEdge(o.ID, t.r.Get(tEdge, appendID(nil, o.ID)))
	if !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != at.ns {
		return 0, 0, noEdge(o.ID)
	}
	return at.ns, o.ID, nil
}

func (t *tx) knownObservation(o *op) (nsID, uint64, *consensus.Refusal) {
	at, _, ok := parseObsValue(o.ID, t.r.Get(tObsAt, appendID(nil, o.ID)))
	for _, merge := range t.mergesWith(o.ID) {
		if m, found, err := t.mergeRecord(merge); found && err == nil {
			at.ns, ok = m.NS, true
		}
	}
	if !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != at.ns {
		return 0, 0, noObservation(o.ID)
	}
	return at.ns, o.ID, nil
}

// weighNode counts what erasing a node removes, or says more than limit.
func (t *tx) weighNode(ns nsID, id uint64, limit int) int {
	prefix := appendNodeKey(nil, ns, id)
	found, err := t.tingedBy(ns, id, limit+1)
	if err != nil {
		return limit + 1
	}
	n := len(found)
	for _, table := range []consensus.Table{tSPOHist, tOPSHist, tObsHist} {
		if n += t.weighPast(ns, table, prefix, limit+1-n); n > limit {
			return n
		}
	}
	n += len(t.endsOf(ns, id, limit+1-n))
	deps, more := t.dependentsOf(ns, id, max(limit+1-n, 0))
	if more {
		return limit + 1
	}
	for _, at := range deps.edges {
		if n += t.weighEdge(ns, at.id, limit); n > limit {
			return n
		}
	}
	for _, at := range deps.said {
		if n += t.weighObservation(ns, at.id, limit); n > limit {
			return n
		}
	}
	return n
}

// weighPast counts past versions of a node's edges or observations, and all of
// those that have ended.
func (t *tx) weighPast(ns nsID, table consensus.Table, prefix []byte, limit int) (n int) {
	keys := t.keysUnder(table, prefix, limit)
	if t.c.Level < levelSync {
		return len(keys)
	}
	var last uint64
	for _, k := range keys {
		n++
		id := readID(k[max(len(k)-13, 0):])
		if id == last {
			continue
		}
		last = id
		switch {
		case table == tObsHist && obsGone(t.r.Get(tObsAt, appendID(nil, id))):
			n += t.weighObservation(ns, id, limit)
		case table != tObsHist && edgeGone(t.r.Get(tEdge, appendID(nil, id))):
			n += t.weighEdge(ns, id, limit)
		}
		if n > limit {
			return n
		}
	}
	return n
}

func (t *tx) weighEdge(_ nsID, id uint64, limit int) int {
	return 1 + len(t.keysUnder(tEdgeHist, appendID(nil, id), limit+1))
}

func (t *tx) weighObservation(ns nsID, id uint64, limit int) int {
	n := 1
	at, _, _ := parseObsValue(id, t.r.Get(tObsAt, appendID(nil, id)))
	nodes := append(appendID(nil, at.node), t.formerNodes(id)...)
	for ; len(nodes) >= 5; nodes = nodes[5:] {
		n += len(t.keysUnder(tObsHist, appendObsKey(nil, ns, readID(nodes), id), limit+1))
	}
	return n
}
