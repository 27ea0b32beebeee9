package graphsync

import (
	"context"
	"encoding/json"

	"github.com/meshd/meshd/consensus"
)

const (
	cursorObservations byte = 64 + iota
	cursorObservationsDown
	cursorErasures
	cursorMerges
	cursorDuplicates
)

// NewObservation is what AddObservation takes: the node by id or key.
type NewObservation struct {
	SessionID  string          `json:"session_id"`
	NodeID     uint64          `json:"node_id,omitempty"`
	Key        string          `json:"key,omitempty"`
	Text       string          `json:"text"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Provenance
}

// AddObservation says something of a node; added is false where the node has
// a current observation with the same text, which then is the answer.
func (s *Service) AddObservation(ctx context.Context, wo WriteOptions, in NewObservation) (_ Observation, added bool, _ consensus.Outcome, _ error) {
	o := Op{Op: OpAddObservation, ID: in.NodeID, Key: in.Key, Text: in.Text, Properties: in.Properties,
		ValidFrom: in.ValidFrom, ValidTo: in.ValidTo, Confidence: in.Confidence, ExpiresAt: in.ExpiresAt}
	if in.Provenance.Provenance != "" {
		o.Provenance = &in.Provenance.Provenance
	}
	res, out, err := s.one(ctx, wo, in.SessionID, &o)
	if err != nil {
		return Observation{}, false, out, err
	}
	got, _, err := s.GetObservation(ctx, consensus.ReadOptions{}, in.SessionID, res.Ops[0].ID)
	return got, res.Ops[0].Status == created, out, err
}

// DeleteObservation ends an observation; existed is false where there was none.
func (s *Service) DeleteObservation(ctx context.Context, wo WriteOptions, namespace string, id uint64) (existed bool, _ consensus.Outcome, _ error) {
	res, out, err := s.one(ctx, wo, namespace, &Op{Op: OpDeleteObservation, ID: id})
	return err == nil && res.Ops[0].Status == deleted, out, err
}

// GetObservation returns the current observation with an id, NOT_FOUND where
// there is none in the namespace. An empty namespace allows any.
func (s *Service) GetObservation(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Observation, consensus.ReadInfo, error) {
	return s.GetObservationAt(ctx, ro, When{}, namespace, id)
}

// GetObservationAt is GetObservation as of another time; only a ValidAt that is
// given hides one that is not true then.
func (s *Service) GetObservationAt(ctx context.Context, ro consensus.ReadOptions, when When, namespace string, id uint64) (Observation, consensus.ReadInfo, error) {
	var out Observation
	info, err := s.readAt(ctx, ro, when, func(v *view) error {
		v.at.any = v.at.any || when.ValidAt.IsZero()
		at, rec, ok, err := v.seeObservation(id)
		if err != nil {
			return err
		}
		if !ok || namespace != "" && v.namespace(namespace) != at.ns || !v.shows(&rec.provenance) || v.hides(at.ns, at.node) {
			return noObservation(id)
		}
		out, err = v.toObservation(at, &rec)
		return err
	})
	return out, info, err
}

// seeObservation returns the version of an observation that was current then,
// and where it was. Whether it is shown is for the caller to ask.
func (v *view) seeObservation(id uint64) (at obsPlace, rec obsRecord, ok bool, err error) {
	if id == 0 || id > maxID {
		return at, rec, false, nil
	}
	val := v.r.Get(tObsAt, appendID(nil, id))
	at, ended, ok := parseObsValue(id, val)
	if !ok {
		return at, rec, false, nil
	}
	if !ended {
		if rec, ok, err = v.obsAt(at); err != nil || !v.at.past || ok && rec.began() <= v.at.rev {
			return at, rec, ok, err
		}
	}
	if !v.at.past {
		return at, rec, false, nil
	}
	for former := val[obsValueSize:]; ; former = former[5:] {
		past := firstPast(v.r, tObsHist, appendObsKey(nil, at.ns, at.node, id), v.at.rev)
		if rec, ok, err = v.obsThen(false, nil, past); err != nil || ok || len(former) == 0 {
			return at, rec, ok, err
		}
		at.node = readID(former)
	}
}

// ObservationQuery asks for a page of observations: those of a node, named by
// id (in any namespace, where that is empty) or key, or of the whole namespace
// by node. They come oldest first, or newest first; Limit 0 is DefaultLimit.
type ObservationQuery struct {
	Namespace string
	NodeID    uint64
	Key       string
	Newest    bool
	Limit     int
	Cursor    string
	When      When
	// Budget bounds the bytes of JSON, as in Answer.
	Budget int
}

// ObservationPage is a page of observations. Cursor is empty on the last page.
// Truncated says that the page ended for its size, short of the limit.
type ObservationPage struct {
	Observations []Observation `json:"observations"`
	Count        int           `json:"count"`
	Cursor       string        `json:"cursor,omitempty"`
	Truncated    bool          `json:"truncated,omitempty"`
}

// ListObservations returns a page. NOT_FOUND where the node that is named does
// not exist.
func (s *Service) ListObservations(ctx context.Context, ro consensus.ReadOptions, q ObservationQuery) (ObservationPage, consensus.ReadInfo, error) {
	page := ObservationPage{Observations: []Observation{}}
	norm, r := q.check()
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns := v.namespace(q.Namespace)
		if q.Namespace == "" {
			ns, _, _ = v.everNode(q.NodeID)
		}
		prefix := appendSymbol(nil, ns)
		if q.NodeID != 0 || norm != "" {
			id, r := v.named(ns, q.NodeID, norm, q.Key)
			if r != nil {
				return r
			}
			prefix = appendNodeKey(nil, ns, id)
		}
		if ns == 0 {
			return nil
		}
		return v.pageObservations(&page, ns, prefix, &q)
	})
	page.Count = len(page.Observations)
	return page, info, err
}

func (q *ObservationQuery) check() (norm string, r *consensus.Refusal) {
	if q.Limit, r = checkLimit(q.Limit); r != nil {
		return "", r
	}
	if q.Namespace != "" || q.NodeID == 0 {
		if r = checkNamespace(q.Namespace); r != nil {
			return "", r
		}
	}
	if q.NodeID != 0 || q.Key != "" {
		if norm, r = reference("node_id", q.NodeID, "key", q.Key); r != nil {
			return "", r
		}
	}
	return norm, Answer{Budget: q.Budget}.check()
}

// named finds a node of a namespace that the view shows.
func (v *view) named(ns nsID, id uint64, norm, key string) (uint64, *consensus.Refusal) {
	if id != 0 {
		if ns == 0 || !v.seesNode(ns, id) {
			return 0, noNode(id)
		}
		return id, nil
	}
	if id = v.seeKey(ns, norm); id == 0 || !v.seesNode(ns, id) {
		return 0, refuse(CodeNotFound, "key", "no node has the key %q", key)
	}
	return id, nil
}

func (v *view) pageObservations(page *ObservationPage, ns nsID, prefix []byte, q *ObservationQuery) error {
	kind, scan := cursorObservations, v.r.Scan
	if q.Newest {
		kind, scan = cursorObservationsDown, v.r.ScanReverse
	}
	last, r := decodeCursor(kind, ns, prefix, q.Cursor)
	if r != nil {
		return r
	}
	from, to := prefix, after(prefix)
	switch {
	case last != nil && len(last) != obsKeySize:
		return invalid("cursor", "is not from this list")
	case last != nil && q.Newest:
		to = last
	case last != nil:
		from = after(last)
	}
	p := newPager(q.Limit, Answer{Budget: q.Budget}, sieve{})
	var failed error
	step := func(k []byte, cur bool, val []byte, past pastEntry) (on bool) {
		on, failed = v.addObservation(page, p, k, cur, val, past)
		return on && failed == nil
	}
	if v.at.past {
		beside(scan(tObs, from, to), pastScan(v.r, tObsHist, from, to, obsKeySize, v.at.rev, q.Newest), q.Newest, step)
	} else {
		for k, val := range scan(tObs, from, to) {
			if !step(k, true, val, pastEntry{}) {
				break
			}
		}
	}
	page.Cursor, page.Truncated = p.end(kind)
	return failed
}

// addObservation puts an observation into the page if the view shows it; on is
// false where the page has ended.
func (v *view) addObservation(page *ObservationPage, p *pager, k []byte, cur bool, val []byte, past pastEntry) (on bool, _ error) {
	at, ok := parseObsKey(k)
	if !ok {
		return false, errRecord
	}
	if !p.look(k) {
		return false, nil
	}
	rec, shown, err := v.obsThen(cur, val, past)
	if err != nil || !shown || !v.shows(&rec.provenance) || v.hides(at.ns, at.node) {
		return true, err
	}
	o, err := v.toObservation(at, &rec)
	if err != nil || !p.take(240+textSize(o.SessionID)+textSize(o.Text)+textSize(o.CreatedBy)+textSize(o.Provenance.Provenance)+len(o.Properties)) {
		return false, err
	}
	page.Observations = append(page.Observations, o)
	return true, nil
}

// obsThen is the version of an observation that the view shows, of the current
// one and a past one.
func (v *view) obsThen(cur bool, val []byte, past pastEntry) (rec obsRecord, ok bool, err error) {
	if cur {
		if rec, err = decodeObs(val); err != nil || !v.at.past || rec.began() <= v.at.rev {
			return rec, err == nil, err
		}
	}
	if past.val == nil {
		return rec, false, nil
	}
	was, err := decodePast(past.val)
	if err != nil {
		return rec, false, err
	}
	rec, err = decodeObs(was.Record)
	return rec, err == nil && rec.began() <= v.at.rev, err
}

// obsPlace returns where the current observation with an id is.
func (v *view) obsPlace(id uint64) (obsPlace, bool) {
	if id == 0 || id > maxID {
		return obsPlace{}, false
	}
	v.buf = appendID(v.buf[:0], id)
	at, ended, ok := parseObsValue(id, v.r.Get(tObsAt, v.buf))
	return at, ok && !ended
}

func (v *view) obsAt(at obsPlace) (obsRecord, bool, error) {
	v.buf = appendObsKey(v.buf[:0], at.ns, at.node, at.id)
	got := v.r.Get(tObs, v.buf)
	if got == nil {
		return obsRecord{}, false, nil
	}
	rec, err := decodeObs(got)
	return rec, err == nil, err
}

func (v *view) toObservation(at obsPlace, rec *obsRecord) (Observation, error) {
	o := Observation{ID: at.id, NodeID: at.node, Text: rec.Text, Provenance: rec.wire(), Version: rec.Version, CreatedAt: millis(rec.CreatedAt)}
	if len(rec.Props) > 0 {
		o.Properties = rawObject(rec.Props)
	}
	var err error
	if o.SessionID, err = v.text(symNamespace, at.ns); err != nil {
		return o, err
	}
	o.CreatedBy, err = v.text(symAuthor, rec.CreatedBy)
	return o, err
}
