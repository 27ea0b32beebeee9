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
	var out Observation
	info, err := s.read(ctx, ro, func(v *view) error {
		at, ok := v.obsPlace(id)
		if !ok || namespace != "" && v.namespace(namespace) != at.ns {
			return noObservation(id)
		}
		rec, ok, err := v.obsAt(at)
		if err != nil {
			return err
		}
		if !ok {
			return noObservation(id)
		}
		out, err = v.toObservation(at, &rec)
		return err
	})
	return out, info, err
}

// ObservationQuery asks for a page of observations: those of a node, named by
// id or key, or of the whole namespace by node. They come oldest first, or
// newest first; Limit 0 is DefaultLimit.
type ObservationQuery struct {
	Namespace string
	NodeID    uint64
	Key       string
	Newest    bool
	Limit     int
	Cursor    string
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
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(q.Namespace)
		if q.NodeID != 0 || norm != "" {
			id, r := v.named(ns, q.NodeID, norm, q.Key)
			if r != nil {
				return r
			}
			return v.pageObservations(&page, ns, appendNodeKey(nil, ns, id), &q)
		}
		if ns == 0 {
			return nil
		}
		return v.pageObservations(&page, ns, appendSymbol(nil, ns), &q)
	})
	page.Count = len(page.Observations)
	return page, info, err
}

func (q *ObservationQuery) check() (norm string, r *consensus.Refusal) {
	if q.Limit, r = checkLimit(q.Limit); r != nil {
		return "", r
	}
	if r = checkNamespace(q.Namespace); r != nil {
		return "", r
	}
	if q.NodeID != 0 || q.Key != "" {
		norm, r = reference("node_id", q.NodeID, "key", q.Key)
	}
	return norm, r
}

// named finds a current node of a namespace.
func (v *view) named(ns nsID, id uint64, norm, key string) (uint64, *consensus.Refusal) {
	if id != 0 {
		if !v.hasNode(ns, id) {
			return 0, noNode(id)
		}
		return id, nil
	}
	if id = v.byKey(ns, norm); id == 0 {
		return 0, refuse(CodeNotFound, "key", "no node has the key %q", key)
	}
	return id, nil
}

func (v *view) pageObservations(page *ObservationPage, ns nsID, prefix []byte, q *ObservationQuery) error {
	kind := cursorObservations
	if q.Newest {
		kind = cursorObservationsDown
	}
	from, to := prefix, after(prefix)
	last, r := decodeCursor(kind, ns, prefix, q.Cursor)
	if r != nil {
		return r
	}
	scan := v.r.Scan
	if q.Newest {
		scan = v.r.ScanReverse
	}
	if last != nil && q.Newest {
		to = last
	} else if last != nil {
		from = next(last)
	}
	size, scanned := 0, 0
	for k, val := range scan(tObs, from, to) {
		if len(page.Observations) == q.Limit || size > MaxAnswerBytes || scanned == maxScan {
			page.Truncated = len(page.Observations) < q.Limit
			page.Cursor = encodeCursor(kind, last)
			return nil
		}
		scanned++
		last = append(last[:0:0], k...)
		at, ok := parseObsKey(k)
		if !ok {
			return errRecord
		}
		rec, err := decodeObs(val)
		if err != nil {
			return err
		}
		o, err := v.toObservation(at, &rec)
		if err != nil {
			return err
		}
		page.Observations = append(page.Observations, o)
		size += 240 + len(o.SessionID) + len(o.Text) + len(o.Properties)
	}
	return nil
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
