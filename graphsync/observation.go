package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

func noObservation(id uint64) *consensus.Refusal {
	return refuse(CodeNotFound, "id", "no observation has the id %d", id)
}

// addObservation says something of a node. The same text twice is no change,
// whatever else the op gives: what one agent has learned, another learns again.
func (t *tx) addObservation(o *op) (opResult, *consensus.Refusal, error) {
	ns, node, r := t.findNode(o.ID, o.norm(), "key")
	if r == nil {
		r = t.room("")
	}
	if r != nil {
		return opResult{}, r, nil
	}
	told, r := provenance{}.take(o, true)
	if r != nil {
		return opResult{}, r, nil
	}
	key := appendTextKey(nil, ns, node, o.Text)
	if got := t.w.Get(tObsText, key); len(got) == 5 {
		at := obsPlace{ns, node, readID(got)}
		old, ok, err := t.obsAt(at)
		if err != nil {
			return opResult{}, nil, err
		}
		if ok && !t.over(old.Expires) {
			return opResult{ID: at.id, Status: unchanged, Version: old.Version}, nil, nil
		}
		if ok {
			t.endObservation(at, &old, endExpired)
		}
	}
	t.changed = true
	rec := obsRecord{stamp: t.made(), Text: o.Text, Props: storedProps(o.Props), provenance: told}
	at := obsPlace{ns, node, t.nextID()}
	t.placeObservation(at, &rec, nil)
	t.reschedule(at.id, kindObservation, 0, rec.Expires)
	t.tally(ns, countObservations, 1)
	t.noteObservation(changeCreated, at, 0)
	return opResult{ID: at.id, Status: created, Version: 1}, nil, nil
}

// placeObservation makes an observation current at a place.
func (t *tx) placeObservation(at obsPlace, rec *obsRecord, former []byte) {
	rec.bound(rec.bounded())
	t.key = appendObsKey(t.key[:0], at.ns, at.node, at.id)
	t.value = rec.encode(t.value[:0])
	t.w.Put(tObs, t.key, t.value)
	t.key = appendID(t.key[:0], at.id)
	t.w.Put(tObsAt, t.key, at.appendValue(nil, false, former))
	t.w.Put(tObsText, appendTextKey(nil, at.ns, at.node, rec.Text), appendID(nil, at.id))
}

// formerNodes is what tObsAt says of the nodes an observation spoke of before.
func (v *view) formerNodes(id uint64) []byte {
	got := v.r.Get(tObsAt, appendID(nil, id))
	if len(got) < obsValueSize {
		return nil
	}
	return got[obsValueSize:]
}

// liftObservation takes an observation out of the current ones.
func (t *tx) liftObservation(at obsPlace, rec *obsRecord) {
	t.key = appendObsKey(t.key[:0], at.ns, at.node, at.id)
	t.w.Delete(tObs, t.key)
	t.w.Delete(tObsText, appendTextKey(nil, at.ns, at.node, rec.Text))
}

// deleteObservation ends an observation by its id, or by its node and text. An
// absent one is no change.
func (t *tx) deleteObservation(o *op) (opResult, *consensus.Refusal, error) {
	at, rec, ok, err := t.meantObservation(o)
	if err != nil || !ok {
		return opResult{ID: o.ID}, nil, err
	}
	t.changed = true
	t.endObservation(at, &rec, endDeleted)
	return opResult{ID: at.id, Status: deleted, Version: rec.Version}, nil, nil
}

// meantObservation finds the current observation that an op names.
func (t *tx) meantObservation(o *op) (obsPlace, obsRecord, bool, error) {
	at := obsPlace{}
	if o.ID != 0 {
		var ok bool
		if at, ok = t.obsPlace(o.ID); !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != at.ns {
			return at, obsRecord{}, false, nil
		}
	} else {
		ns, node, r := t.findNode(o.Source, o.norm(), "key")
		if r != nil {
			return at, obsRecord{}, false, nil
		}
		got := t.w.Get(tObsText, appendTextKey(nil, ns, node, o.Text))
		if len(got) != 5 {
			return at, obsRecord{}, false, nil
		}
		at = obsPlace{ns, node, readID(got)}
	}
	rec, ok, err := t.obsAt(at)
	return at, rec, ok, err
}

// endObservation moves an observation to the history.
func (t *tx) endObservation(at obsPlace, rec *obsRecord, how ending) {
	flags := t.pastObservation(at.ns, at.node, at.id, &rec.stamp, how)
	t.liftObservation(at, rec)
	former := t.formerNodes(at.id)
	t.key = appendID(t.key[:0], at.id)
	t.w.Put(tObsAt, t.key, at.appendValue(nil, true, former))
	t.reschedule(at.id, kindObservation, rec.Expires, 0)
	t.tally(at.ns, countObservations, -1)
	t.noteObservation(endingChange(how), at, flags)
}

func (t *tx) noteObservation(d deed, at obsPlace, flags uint8) {
	t.note(change{deed: d, kind: kindObservation, flags: flags, ns: at.ns, id: at.id, node: at.node})
}

// observationsOf returns up to limit current observations of a node, and
// whether there are more.
func (t *tx) observationsOf(ns nsID, node uint64, limit int) (list []obsPlace, more bool) {
	prefix := appendNodeKey(nil, ns, node)
	for k := range t.r.Scan(tObs, prefix, after(prefix)) {
		if at, ok := parseObsKey(k); ok {
			if len(list) == limit {
				return list, true
			}
			list = append(list, at)
		}
	}
	return list, false
}

// endObservationsOf ends what observationsOf found.
func (t *tx) endObservationsOf(list []obsPlace, how ending) error {
	for _, at := range list {
		rec, ok, err := t.obsAt(at)
		if err != nil {
			return err
		}
		if ok {
			t.endObservation(at, &rec, how)
		}
	}
	return nil
}

// tally counts what has no type.
func (t *tx) tally(ns nsID, kind byte, d int64) {
	if t.totals == nil {
		t.totals = make(map[countKey]int64)
	}
	t.totals[countKey{ns, kind, 0}] += d
}

// total is a count with what the command has changed so far.
func (t *tx) total(ns nsID, kind byte, typ symbol) uint64 {
	return t.count(ns, kind, typ) + uint64(t.totals[countKey{ns, kind, typ}])
}
