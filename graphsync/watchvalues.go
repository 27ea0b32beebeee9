package graphsync

import (
	"encoding/json"

	"github.com/meshd/meshd/consensus"
)

// fillEvent gives an event the thing as the change left it and, if asked, as it was
// before the revision.
func (v *view) fillEvent(e *Event, c *change, detail Detail) error {
	var err error
	if !c.deed.ended() {
		if e.Data, err = v.changedThing(c, false); err != nil {
			return err
		}
	}
	if detail >= DetailBefore && c.flags&keptPast != 0 {
		e.Before, err = v.changedThing(c, true)
	}
	return err
}

// changedThing is the JSON of what a change is about, nil where it is not known any
// more. A version that ends with the change's revision lies in the history
// under that revision; one that begins with it is the current one, or the
// first that ended later.
func (v *view) changedThing(c *change, before bool) (json.RawMessage, error) {
	switch c.kind {
	case kindNode:
		return v.changedNode(c, before)
	case kindEdge:
		return v.changedEdge(c, before)
	case kindObservation:
		return v.changedObservation(c, before)
	}
	return nil, nil
}

// pastOf returns the version of a thing that ended with a revision, or the first
// that ended after it. The key is that of the history without the end.
func (v *view) pastOf(table consensus.Table, key []byte, rev uint64, before bool) (p pastRecord, ok bool, err error) {
	from := appendRev(append([]byte(nil), key...), rev)
	if before {
		got := v.r.Get(table, from)
		if got == nil {
			return p, false, nil
		}
		p, err = decodePast(got)
		return p, err == nil, err
	}
	for _, val := range v.r.Scan(table, next(from), after(key)) {
		p, err = decodePast(val)
		return p, err == nil, err
	}
	return p, false, nil
}

func (v *view) changedNode(c *change, before bool) (json.RawMessage, error) {
	if !before {
		n, ok, err := v.node(c.ns, c.id)
		if err != nil {
			return nil, err
		}
		if ok && n.began() <= c.rev {
			return v.eventNode(c, &n)
		}
	}
	var val []byte
	if before {
		val = v.r.Get(tNodeHist, appendNodePast(nil, c.rev, c.id))
	} else {
		val = v.nodeThen(v.lastEnd(c.ns, c.id), c.id, c.rev).val
	}
	if val == nil {
		return nil, nil
	}
	p, err := decodePast(val)
	if err != nil || p.Gap != 0 {
		return nil, err
	}
	n, err := decodeNode(p.Record)
	if err != nil || !before && n.began() > c.rev {
		return nil, err
	}
	return v.eventNode(c, &n)
}

func (v *view) eventNode(c *change, n *nodeRecord) (json.RawMessage, error) {
	out, err := v.toNode(c.ns, c.id, n)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

func (v *view) changedEdge(c *change, before bool) (json.RawMessage, error) {
	if !before {
		at, e, ok, err := v.edge(c.id)
		if err != nil {
			return nil, err
		}
		if ok && e.began() <= c.rev {
			return v.eventEdge(at, &e)
		}
	}
	p, ok, err := v.pastOf(tEdgeHist, appendID(nil, c.id), c.rev, before)
	if err != nil || !ok {
		return nil, err
	}
	e, err := decodeEdge(p.Record)
	if err != nil || !before && e.began() > c.rev {
		return nil, err
	}
	at, ok := parseEdgeValue(c.id, p.Place)
	if !ok {
		return nil, errRecord
	}
	return v.eventEdge(at, &e)
}

func (v *view) eventEdge(at triple, e *edgeRecord) (json.RawMessage, error) {
	out, err := v.toEdge(at, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// changedObservation looks with the node that the observation spoke of then: a
// merge moves it to another.
func (v *view) changedObservation(c *change, before bool) (json.RawMessage, error) {
	at := obsPlace{ns: c.ns, node: c.node, id: c.id}
	if before && c.other != 0 {
		at.node = c.other
	}
	if !before {
		o, ok, err := v.obsAt(at)
		if err != nil {
			return nil, err
		}
		if ok && o.began() <= c.rev {
			return v.eventObservation(at, &o)
		}
	}
	p, ok, err := v.pastOf(tObsHist, appendObsKey(nil, at.ns, at.node, at.id), c.rev, before)
	if err != nil || !ok {
		return nil, err
	}
	o, err := decodeObs(p.Record)
	if err != nil || !before && o.began() > c.rev {
		return nil, err
	}
	return v.eventObservation(at, &o)
}

func (v *view) eventObservation(at obsPlace, o *obsRecord) (json.RawMessage, error) {
	out, err := v.toObservation(at, o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}
