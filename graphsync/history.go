package graphsync

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// levelHistory is the command level from which on changes are logged and past
// versions kept.
const levelHistory = 2

func refuseOlder() *consensus.Refusal {
	return refuse(CodeOlderNodes, "op", "a node of the mesh runs software that cannot do this yet: upgrade it first")
}

// What is past is kept as it was stored, byte for byte. Of several changes in
// one command only the version from before the command is kept: the others were
// never to be seen.

// began is the revision of the command that made the version.
func (s *stamp) began() uint64 {
	if s.UpdatedRev != 0 {
		return s.UpdatedRev
	}
	return s.CreatedRev
}

func appendRev(b []byte, rev uint64) []byte { return binary.BigEndian.AppendUint64(b, rev) }

// appendPast writes a pastRecord.
func (t *tx) appendPast(b, record, place []byte, how ending) []byte {
	p := pastRecord{Record: record, EndAt: t.c.Time.UnixMilli(), EndBy: t.author(), How: how, Place: place}
	f := mapFields(b)
	p.encode(&f)
	return f.end()
}

func (p *pastRecord) encode(f *fields) {
	f.name(1)
	f.b = append(appendHead(f.b, cborBytes, uint64(len(p.Record))), p.Record...)
	f.int(2, p.EndAt)
	f.uintIf(3, uint64(p.EndBy))
	f.uintIf(4, uint64(p.How))
	f.bytesIf(5, p.Place)
	f.uintIf(6, p.Gap)
}

func (p *pastRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			p.Record = r.bytes()
		case 2:
			p.EndAt = r.int()
		case 3:
			p.EndBy = symbol(r.uintTo(maxSymbol))
		case 4:
			p.How = ending(r.uintTo(255))
		case 5:
			p.Place = r.bytes()
		case 6:
			p.Gap = r.uint()
		default:
			return false
		}
		return true
	})
	return r.whole()
}

// decodePast reads a past version; what is in it is a part of v.
func decodePast(v []byte) (pastRecord, error) {
	var p pastRecord
	if p.read(v) {
		return p, nil
	}
	p, err := decodeSlowly[pastRecord](v)
	if err != nil {
		return p, errRecord
	}
	return p, nil
}

// putPast and dropPast write the tables of history, and count what they hold.
func (t *tx) putPast(table consensus.Table, key, value []byte) {
	t.w.Put(table, key, value)
	t.heldNow().bytes += uint64(len(key) + len(value))
}

func (t *tx) dropPast(table consensus.Table, key, value []byte) {
	t.w.Delete(table, key)
	held := t.heldNow()
	held.bytes -= min(held.bytes, uint64(len(key)+len(value)))
}

func appendNodePast(b []byte, end, id uint64) []byte { return appendID(appendRev(b, end), id) }

func appendObsKey(b []byte, ns nsID, node, id uint64) []byte {
	return appendID(appendNodeKey(b, ns, node), id)
}

func appendKeyPast(b []byte, ns nsID, norm string, end uint64) []byte {
	return appendRev(append(append(appendSymbol(b, ns), norm...), 0), end)
}

// pastNode keeps the version of a node that the caller, who has read its
// stamp, is about to replace or remove. It returns the flags for note.
func (t *tx) pastNode(ns nsID, id uint64, s *stamp, how ending) uint8 {
	if !t.keeps || s.began() == t.c.Revision {
		return 0
	}
	t.key = appendNodeKey(t.key[:0], ns, id)
	return t.pastStored(t.w.Get(tNode, t.key), id, s, how)
}

// pastStored is pastNode for whom has the record at hand as it is stored.
func (t *tx) pastStored(was []byte, id uint64, s *stamp, how ending) uint8 {
	if !t.keeps || was == nil || s.began() == t.c.Revision {
		return 0
	}
	t.value = t.appendPast(t.value[:0], was, nil, how)
	t.key = appendNodePast(t.key[:0], t.c.Revision, id)
	t.putPast(tNodeHist, t.key, t.value)
	if marked(s, t.c.Revision, id) {
		t.key = appendRev(appendID(t.key[:0], id), t.c.Revision)
		t.putPast(tNodeMark, t.key, nil)
	}
	return keptPast
}

// pastEdge is pastNode for an edge, whose place may change too.
func (t *tx) pastEdge(at triple, s *stamp, how ending) uint8 {
	if !t.keeps || s.began() == t.c.Revision {
		return 0
	}
	t.key = at.appendSPO(t.key[:0])
	was := t.w.Get(tSPO, t.key)
	if was == nil {
		return 0
	}
	var place [edgeValueSize]byte
	t.value = t.appendPast(t.value[:0], was, at.appendValue(place[:0]), how)
	t.key = appendRev(appendID(t.key[:0], at.id), t.c.Revision)
	t.putPast(tEdgeHist, t.key, t.value)
	start := binary.BigEndian.AppendUint64(t.value[:0], s.began())
	t.key = appendRev(at.appendSPO(t.key[:0]), t.c.Revision)
	t.putPast(tSPOHist, t.key, start)
	t.key = appendRev(at.appendOPS(t.key[:0]), t.c.Revision)
	t.putPast(tOPSHist, t.key, start)
	return keptPast
}

// pastObservation is pastNode for an observation.
func (t *tx) pastObservation(ns nsID, node, id uint64, s *stamp, how ending) uint8 {
	if !t.keeps || s.began() == t.c.Revision {
		return 0
	}
	t.key = appendObsKey(t.key[:0], ns, node, id)
	was := t.w.Get(tObs, t.key)
	if was == nil {
		return 0
	}
	t.value = t.appendPast(t.value[:0], was, nil, how)
	t.key = appendRev(appendObsKey(t.key[:0], ns, node, id), t.c.Revision)
	t.putPast(tObsHist, t.key, t.value)
	return keptPast
}

// setKey lets a normalised key name a node. Fresh says that the node may be
// older than its key: an alias, or a key that comes back.
func (t *tx) setKey(ns nsID, norm string, id uint64, fresh bool) {
	t.key = append(appendSymbol(t.key[:0], ns), norm...)
	if fresh && t.keeps {
		if t.fresh == nil {
			t.fresh = make(map[string]bool)
		}
		t.fresh[string(t.key)] = true
	}
	t.w.Put(tKey, t.key, appendID(nil, id))
}

// dropKey ends what setKey began; s is the stamp of the node. The caller keeps
// the node's past version too, by which the key is found in time.
func (t *tx) dropKey(ns nsID, norm string, id uint64, s *stamp) {
	t.key = append(appendSymbol(t.key[:0], ns), norm...)
	t.w.Delete(tKey, t.key)
	if !t.keeps || s.CreatedRev == t.c.Revision || t.fresh[string(t.key)] {
		return
	}
	t.key = appendKeyPast(t.key[:0], ns, norm, t.c.Revision)
	if t.w.Get(tKeyHist, t.key) == nil {
		t.putPast(tKeyHist, t.key, appendID(nil, id))
	}
}

// An id that was given once is known for as long as its history: tID and tEdge
// say so with flags behind what they hold for the living.
const (
	goneEnded  byte = 1
	goneMerged byte = 2
)

// buryNode takes a node's id out of use; into is the node it was merged into,
// or 0.
func (t *tx) buryNode(ns nsID, id, into uint64) {
	t.key = appendID(t.key[:0], id)
	switch {
	case !t.keeps:
		t.w.Delete(tID, t.key)
	case into != 0:
		t.w.Put(tID, t.key, appendID(append(appendSymbol(nil, ns), goneMerged), into))
	default:
		t.w.Put(tID, t.key, append(appendSymbol(nil, ns), goneEnded))
	}
	if t.keeps {
		t.key = appendNodeKey(t.key[:0], ns, id)
		t.w.Put(tNodeGone, t.key, appendRev(nil, t.c.Revision))
	}
}

func (t *tx) buryEdge(at triple) {
	t.key = appendID(t.key[:0], at.id)
	if !t.keeps {
		t.w.Delete(tEdge, t.key)
		return
	}
	v := at.appendValue(nil)
	v[edgeValueSize-1] = goneEnded
	t.w.Put(tEdge, t.key, v)
}
