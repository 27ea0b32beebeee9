package graphsync

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// edgesIn calls fn for the edges in a range of tSPO or tOPS that the view
// shows, in the order of keys, until it returns false. Look is called before,
// for each key looked at, and ends the scan by false. Val is the edge's record,
// or nil where it was not needed.
func (v *view) edgesIn(table consensus.Table, from, to []byte, look func(k []byte) bool, fn func(at triple, val []byte) bool) error {
	if v.at.past {
		return v.edgesThen(table, from, to, look, fn)
	}
	forward := table == tSPO
	for k, val := range v.r.Scan(table, from, to) {
		if !look(k) {
			return nil
		}
		at, shown, err := v.edgeIn(k, val, forward)
		if err != nil {
			return err
		}
		if !shown {
			continue
		}
		if !forward {
			val = nil
		}
		if !fn(at, val) {
			return nil
		}
	}
	return nil
}

// edgeIn is the edge of a pair of tSPO or tOPS, and whether the view, which is of
// the present, shows it.
func (v *view) edgeIn(k, val []byte, forward bool) (at triple, shown bool, err error) {
	at, ok := parseTriple(k, forward)
	if !ok {
		return at, false, errRecord
	}
	if v.at.filters && (forward && bounded(val) || !forward && len(val) > 0) {
		shown, err = v.showsStored(val, forward)
		return at, shown, err
	}
	return at, true, nil
}

func parseTriple(k []byte, forward bool) (triple, bool) {
	if forward {
		return parseSPO(k)
	}
	return parseOPS(k)
}

// showsStored is shows for a record, or for the bounds that tOPS holds.
func (v *view) showsStored(val []byte, record bool) (bool, error) {
	if record {
		e, err := decodeEdge(val)
		return err == nil && v.shows(&e.provenance), err
	}
	p, ok := readBounds(val)
	if !ok {
		return false, errRecord
	}
	return v.shows(&p), nil
}

// edgesThen is edgesIn as of a revision.
func (v *view) edgesThen(table consensus.Table, from, to []byte, look func(k []byte) bool, fn func(at triple, val []byte) bool) error {
	forward, history := true, tSPOHist
	if table == tOPS {
		forward, history = false, tOPSHist
	}
	var failed error
	past := pastScan(v.r, history, from, to, tripleKeySize, v.at.rev, false)
	beside(v.r.Scan(table, from, to), past, false, func(k []byte, cur bool, val []byte, p pastEntry) bool {
		if !look(k) {
			return false
		}
		at, ok := parseTriple(k, forward)
		if !ok {
			failed = errRecord
			return false
		}
		if val, failed = v.edgeThen(at, cur && forward, cur, val, p); failed != nil || val == nil {
			return failed == nil
		}
		return fn(at, val)
	})
	return failed
}

// edgeThen returns the record of the edge at a place as of the view's revision,
// nil where there was none that is shown. Val is the current one, if stored.
func (v *view) edgeThen(at triple, stored, cur bool, val []byte, p pastEntry) ([]byte, error) {
	if cur {
		if !stored {
			v.buf = at.appendSPO(v.buf[:0])
			val = v.r.Get(tSPO, v.buf)
		}
		e, err := decodeEdge(val)
		if err != nil {
			return nil, err
		}
		if e.began() <= v.at.rev {
			if !v.shows(&e.provenance) {
				return nil, nil
			}
			return val, nil
		}
	}
	if len(p.val) != 8 || binary.BigEndian.Uint64(p.val) > v.at.rev {
		return nil, nil
	}
	v.buf = appendRev(appendID(v.buf[:0], at.id), p.end)
	got := v.r.Get(tEdgeHist, v.buf)
	if got == nil {
		return nil, nil // erased
	}
	past, err := decodePast(got)
	if err != nil {
		return nil, err
	}
	if ok, err := v.showsStored(past.Record, true); err != nil || !ok {
		return nil, err
	}
	return past.Record, nil
}
