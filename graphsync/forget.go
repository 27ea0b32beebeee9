package graphsync

import (
	"bytes"

	"github.com/meshd/meshd/consensus"
)

// forget removes the past that a change from the log's low end speaks of.
func (t *tx) forget(c *change) {
	switch c.kind {
	case kindNode:
		if c.flags&keptPast != 0 {
			t.forgetNode(c.ns, c.id, c.rev)
		}
		if c.deed.ended() {
			t.forgetGone(c.ns, c.id, c.rev)
		}
	case kindEdge:
		if c.flags&keptPast != 0 {
			t.forgetEdge(c.id, c.rev)
		}
		if c.deed.ended() {
			t.forgetName(tEdge, edgeGone, c.id, tEdgeHist, appendID(nil, c.id))
		}
	case kindObservation:
		node := c.node
		if c.other != 0 {
			node = c.other
		}
		if c.flags&keptPast != 0 {
			t.forgetPast(tObsHist, appendRev(appendObsKey(nil, c.ns, node, c.id), c.rev))
		}
		if c.deed.ended() {
			t.forgetName(tObsAt, obsGone, c.id, tObsHist, appendObsKey(nil, c.ns, c.node, c.id))
		}
	}
}

// forgetPast removes one past version and returns it; nil where it is gone.
func (t *tx) forgetPast(table consensus.Table, key []byte) []byte {
	v := t.w.Get(table, key)
	if v != nil {
		t.dropPast(table, key, v)
	}
	return v
}

// forgetNode removes the version of a node that ended at a revision, and the
// keys that ended with it.
func (t *tx) forgetNode(ns nsID, id, rev uint64) {
	v := t.forgetPast(tNodeHist, appendNodePast(nil, rev, id))
	if v == nil {
		return
	}
	p, err := decodePast(v)
	if err != nil {
		return
	}
	n, err := peekNode(p.Record)
	if err != nil {
		return
	}
	if marked(&n.stamp, rev, id) {
		t.forgetPast(tNodeMark, appendRev(appendID(nil, id), rev))
	}
	for _, norm := range n.norms() {
		key := appendKeyPast(nil, ns, norm, rev)
		if was := t.w.Get(tKeyHist, key); len(was) == 5 && readID(was) == id {
			t.dropPast(tKeyHist, key, was)
		}
	}
}

// norms lists the node's keys as indexed.
func (n *nodeRecord) norms() []string {
	var out []string
	if n.Key != "" {
		out = append(out, n.norm())
	}
	for i := range n.Aliases {
		out = append(out, n.Aliases[i].Norm)
	}
	return out
}

// forgetEdge removes the version of an edge that ended at a revision.
func (t *tx) forgetEdge(id, rev uint64) {
	v := t.forgetPast(tEdgeHist, appendRev(appendID(nil, id), rev))
	if v == nil {
		return
	}
	p, err := decodePast(v)
	if err != nil {
		return
	}
	if at, _, ok := parseAnyEdge(id, p.Place); ok {
		t.forgetPast(tSPOHist, appendRev(at.appendSPO(nil), rev))
		t.forgetPast(tOPSHist, appendRev(at.appendOPS(nil), rev))
	}
}

// forgetGone takes the id of a node that ended from the tables that knew it,
// unless it was brought back since: the past of those that ended by then is
// gone before.
func (t *tx) forgetGone(ns nsID, id, rev uint64) {
	key := appendNodeKey(nil, ns, id)
	if since := t.goneSince(key); since == 0 || since > rev {
		return
	}
	t.w.Delete(tNodeGone, key)
	t.w.Delete(tID, appendID(nil, id))
}

func edgeGone(v []byte) bool { return len(v) == edgeValueSize && v[edgeValueSize-1] != 0 }

func obsGone(v []byte) bool { return len(v) >= obsValueSize && v[obsValueSize-1] != 0 }

// forgetName takes an ended thing's id from the table that knew where it was,
// unless more of its past is kept.
func (t *tx) forgetName(table consensus.Table, gone func([]byte) bool, id uint64, past consensus.Table, prefix []byte) {
	key := appendID(nil, id)
	if !gone(t.w.Get(table, key)) {
		return
	}
	for k := range t.w.Scan(past, prefix, after(prefix)) {
		if bytes.HasPrefix(k, prefix) {
			return
		}
	}
	t.w.Delete(table, key)
}
