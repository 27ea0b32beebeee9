package graphsync

import (
	"encoding/binary"
	"iter"
)

// The past of nodes lies in the order in which it came to be past, so that
// writing it appends. What a node was before a version is found under the
// revision that the version began with: a chain, from the current version or
// from tNodeGone back to the oldest that is kept. A gap in a node's life has an
// entry of its own.

// chainRun is how many versions are passed before the marks are asked.
const chainRun = 8

// marked says that a past version gets an entry in tNodeMark, by which a reader
// of an old state passes those that are newer. It is one in sixteen, of no
// regularity, since a command may make several versions and keep one.
func marked(s *stamp, end, id uint64) bool {
	return s.Version >= 16 && (end*0x9e3779b97f4a7c15^id*0xc2b2ae3d27d4eb4f)*0xff51afd7ed558ccd>>60 == 0
}

// lastEnd is where the chain of a node begins: the revision that began the
// current version, or that ended the node; 0 where neither is known.
func (v *view) lastEnd(ns nsID, id uint64) uint64 {
	key := appendNodeKey(nil, ns, id)
	if got := v.r.Get(tNode, key); got != nil {
		return recordBegan(got)
	}
	return v.goneSince(key)
}

func (v *view) goneSince(nodeKey []byte) uint64 {
	if got := v.r.Get(tNodeGone, nodeKey); len(got) == 8 {
		return binary.BigEndian.Uint64(got)
	}
	return 0
}

// recordBegan is began of a stored record; 0 where it is damaged.
func recordBegan(v []byte) uint64 {
	var s stamp
	r := cborReader{b: v}
	r.members(func(name uint64) bool { return s.member(&r, name) })
	return s.began()
}

// chain yields what a node was, from the version that ended with a revision
// back, with its end. Gaps are left out, unless asked for. A damaged entry is
// the last one, without a record.
func (v *view) chain(end, id uint64, gaps bool) iter.Seq2[pastEntry, *pastRecord] {
	return func(yield func(pastEntry, *pastRecord) bool) {
		for end != 0 {
			val := v.r.Get(tNodeHist, appendNodePast(nil, end, id))
			if val == nil {
				return
			}
			p, err := decodePast(val)
			if err != nil {
				yield(pastEntry{end, val}, nil)
				return
			}
			began := p.Gap
			if began == 0 {
				began = recordBegan(p.Record)
			}
			if (gaps || p.Gap == 0) && !yield(pastEntry{end, val}, &p) || began >= end {
				return
			}
			end = began
		}
	}
}

// nodeThen returns the version of a node that was as of a revision, before one
// that began or ended with the revision end; no value where there was none.
func (v *view) nodeThen(end, id, rev uint64) pastEntry {
	if end <= rev {
		return pastEntry{}
	}
	run := 0
	for p, past := range v.chain(end, id, true) {
		v.steps++
		switch {
		case past == nil:
			return p // whose reader finds the damage
		case past.Gap != 0 && past.Gap <= rev:
			return pastEntry{}
		case past.Gap == 0 && recordBegan(past.Record) <= rev:
			return p
		}
		if run++; run == chainRun {
			if mark := firstPast(v.r, tNodeMark, appendID(nil, id), rev); mark.end != 0 && mark.end < p.end {
				return v.nodeThen(mark.end, id, rev)
			}
		}
	}
	return pastEntry{}
}

// revive notes that a node which had ended begins again, so that its chain goes
// on. It returns the flags for note.
func (t *tx) revive(ns nsID, id uint64) uint8 {
	key := appendNodeKey(nil, ns, id)
	since := t.goneSince(key)
	if since == 0 {
		return 0
	}
	t.w.Delete(tNodeGone, key)
	if since == t.c.Revision {
		return 0
	}
	t.putGap(t.c.Revision, id, since)
	return keptPast
}

func (t *tx) putGap(end, id, since uint64) {
	f := mapFields(nil)
	(&pastRecord{EndAt: t.c.Time.UnixMilli(), Gap: since}).encode(&f)
	t.putPast(tNodeHist, appendNodePast(nil, end, id), f.end())
}
