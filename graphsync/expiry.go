package graphsync

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// over says that a time to end has come, by the command.
func (t *tx) over(expires int64) bool { return expires != 0 && expires <= t.c.Time.UnixMilli() }

// reschedule moves a thing's entry in the table of what ends by itself; 0 is
// never. An entry that is left behind does no harm: whoever comes to it looks
// whether the thing still says so.
func (t *tx) reschedule(id uint64, kind changeKind, old, now int64) {
	if old == now {
		return
	}
	if old != 0 {
		t.w.Delete(tExpiry, appendExpiryKey(nil, old, id))
	}
	if now != 0 {
		t.w.Put(tExpiry, appendExpiryKey(nil, now, id), []byte{byte(kind)})
	}
}

func appendExpiryKey(b []byte, ms int64, id uint64) []byte {
	return appendID(binary.BigEndian.AppendUint64(b, uint64(ms)), id)
}

// due is an entry of tExpiry whose time has come.
type due struct {
	key  []byte
	ms   int64
	id   uint64
	kind changeKind
}

// expire ends what is to end by itself by the command's time, a few more things
// than a command can have made, so that it catches up. What a node takes with
// it counts too: a large one ends over several commands.
func (t *tx) expire() error {
	if !t.keeps {
		return nil
	}
	if first, _ := consensus.First(t.w, tExpiry, nil); len(first) < 8 || binary.BigEndian.Uint64(first) > uint64(t.c.Time.UnixMilli()) {
		return nil
	}
	left := len(t.cmd.Ops) + 16
	list := t.dues(left)
	if len(list) == 0 {
		return nil
	}
	t.changed, t.alone = true, true
	cascade := t.cascade
	defer func() { t.alone, t.cascade = false, cascade }()
	for i := range list {
		spent, err := t.endDue(&list[i], left)
		if left -= spent; err != nil || left <= 0 {
			return err
		}
	}
	return nil
}

func (t *tx) dues(limit int) (list []due) {
	for k, v := range t.w.Scan(tExpiry, nil, appendExpiryKey(nil, t.c.Time.UnixMilli()+1, 0)) {
		if len(list) == limit {
			break
		}
		if len(k) == 8+5 && len(v) == 1 {
			list = append(list, due{append([]byte(nil), k...), int64(binary.BigEndian.Uint64(k)), readID(k[8:]), changeKind(v[0])})
		}
	}
	return list
}

// endDue ends a thing, if it still says that its time is that of the entry. At
// most limit things end; spent is how many did, or 1 for the look.
func (t *tx) endDue(d *due, limit int) (spent int, err error) {
	switch d.kind {
	case kindNode:
		ns, ok := t.nodeNamespace(d.id)
		if !ok {
			break
		}
		n, ok, err := t.node(ns, d.id)
		if err != nil || ok && n.Expires == d.ms {
			if err == nil {
				spent, err = t.expireNode(ns, d.id, &n, limit)
			}
			return spent, err
		}
	case kindEdge:
		at, e, ok, err := t.edge(d.id)
		if err != nil {
			return 1, err
		}
		if ok && e.Expires == d.ms {
			return 1, t.dropEdge(at, endExpired)
		}
	case kindObservation:
		at, ok := t.obsPlace(d.id)
		if !ok {
			break
		}
		rec, ok, err := t.obsAt(at)
		if err != nil {
			return 1, err
		}
		if ok && rec.Expires == d.ms {
			t.endObservation(at, &rec, endExpired)
			return 1, nil
		}
	}
	t.w.Delete(tExpiry, d.key)
	return 1, nil
}

func (t *tx) expireNode(ns nsID, id uint64, n *nodeRecord, limit int) (spent int, err error) {
	ends, more := t.dependentsOf(ns, id, limit)
	if err := t.endDependents(&ends, endExpired); err != nil {
		return 0, err
	}
	if !more {
		t.dropVectorsOf(ns, id, changeExpired)
		t.endNode(ns, id, n, endExpired, 0)
	}
	return ends.len() + 1, nil
}
