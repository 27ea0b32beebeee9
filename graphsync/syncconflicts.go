package graphsync

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Conflict is an open conflict as clients see it.
type Conflict struct {
	ID         uint64 `json:"id"`
	SessionID  string `json:"session_id" doc:"the namespace"`
	EntityType string `json:"entity_type" enum:"node,edge,observation"`
	// EntityID is what the mutation was for; 0 where it would have made
	// something.
	EntityID uint64 `json:"entity_id,omitempty"`
	// Others are the nodes that it names, and what was kept beside.
	Others []uint64 `json:"others,omitempty"`
	KeptID uint64   `json:"kept_id,omitempty"`
	Reason string   `json:"reason"`
	Fields []string `json:"fields,omitempty"`
	// Strategy is how conflicts were dealt with in the namespace when this one
	// came up.
	Strategy string `json:"strategy"`
	ClientID string `json:"client_id,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`
	Author   string `json:"author,omitempty"`
	// Pushed is the mutation's operation. Then is the entity as the mutation met
	// it, if that is still known, Current as it is now.
	Pushed       Op              `json:"pushed"`
	Then         json.RawMessage `json:"then,omitempty"`
	Current      json.RawMessage `json:"current,omitempty"`
	BaseRevision uint64          `json:"base_revision"`
	Revision     uint64          `json:"revision"`
	DetectedAt   time.Time       `json:"detected_at"`
	ClientAt     *time.Time      `json:"client_at,omitempty"`
}

// ConflictQuery asks for a page of open conflicts, oldest first. An empty
// namespace is for all. Limit 0 is DefaultLimit.
type ConflictQuery struct {
	Namespace string
	Limit     int
	Cursor    string
}

// ConflictPage is a page of conflicts. Cursor is empty on the last.
type ConflictPage struct {
	Conflicts []Conflict `json:"conflicts"`
	Count     int        `json:"count"`
	Cursor    string     `json:"cursor,omitempty"`
	Truncated bool       `json:"truncated,omitempty"`
}

const cursorConflicts byte = 70

// Conflicts lists open conflicts.
func (y Sync) Conflicts(ctx context.Context, ro consensus.ReadOptions, q ConflictQuery) (ConflictPage, consensus.ReadInfo, error) {
	page := ConflictPage{Conflicts: []Conflict{}}
	limit, r := checkLimit(q.Limit)
	if r == nil && q.Namespace != "" {
		r = checkNamespace(q.Namespace)
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		pad := []byte{0, 0, 0} // a cursor is the whole key: pages may span namespaces
		prefix := []byte(nil)
		if q.Namespace != "" {
			ns := v.namespace(q.Namespace)
			if ns == 0 {
				return nil
			}
			prefix = appendSymbol(nil, ns)
		}
		last, r := decodeCursor(cursorConflicts, 0, append(slices.Clone(pad), prefix...), q.Cursor)
		if r != nil {
			return r
		}
		from := prefix
		if last != nil {
			if len(last) != len(pad)+nodeKeySize {
				return invalid("cursor", "is not from this list")
			}
			from = next(last[len(pad):])
		}
		p := newPager(limit, Answer{}, sieve{})
		for k, val := range v.r.Scan(tConflict, from, after(prefix)) {
			if len(k) != nodeKeySize {
				return errRecord
			}
			if !p.look(k) {
				break
			}
			c, err := v.conflict(k, val)
			if err != nil {
				return err
			}
			if !p.take(c.size()) {
				break
			}
			page.Conflicts = append(page.Conflicts, c)
		}
		if p.last != nil {
			p.last = append(slices.Clone(pad), p.last...)
		}
		page.Cursor, page.Truncated = p.end(cursorConflicts)
		return nil
	})
	page.Count = len(page.Conflicts)
	return page, info, err
}

// Conflict returns an open conflict of a namespace.
func (y Sync) Conflict(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Conflict, consensus.ReadInfo, error) {
	var out Conflict
	info, err := y.s.read(ctx, ro, func(v *view) error {
		key := appendNodeKey(nil, v.namespace(namespace), id)
		val := v.r.Get(tConflict, key)
		if val == nil || id > maxID {
			return noConflict(id)
		}
		var err error
		out, err = v.conflict(key, val)
		return err
	})
	return out, info, err
}

func noConflict(id uint64) *consensus.Refusal {
	return refuse(CodeNotFound, "id", "no conflict has the id %d", id)
}

func (c *Conflict) size() int {
	return 600 + len(c.Then) + len(c.Current) + len(c.Pushed.Properties) + textSize(c.Pushed.Text) + 40*len(c.Fields)
}

// conflict is a record with its names, and the thing that it is about.
func (v *view) conflict(k, val []byte) (Conflict, error) {
	ns, id := readSymbol(k), readID(k[3:])
	rec, err := decodeConflict(val)
	if err != nil {
		return Conflict{}, err
	}
	c := Conflict{ID: id, EntityType: entities[rec.Kind], EntityID: rec.Thing, Others: rec.Nodes, KeptID: rec.Made,
		Reason: reasons[rec.Reason], Fields: rec.Fields, Strategy: strategies[rec.Policy], ClientID: rec.Client, Seq: rec.Seq,
		BaseRevision: rec.Base, Revision: rec.Rev, DetectedAt: millis(rec.At)}
	if rec.ClientAt != 0 {
		at := millis(rec.ClientAt)
		c.ClientAt = &at
	}
	if c.SessionID, err = v.text(symNamespace, ns); err != nil {
		return c, err
	}
	if c.Author, err = v.text(symAuthor, rec.By); err != nil {
		return c, err
	}
	o, err := rec.op()
	if err != nil {
		return c, err
	}
	c.Pushed = o.wire()
	if rec.Thing == 0 {
		return c, nil
	}
	if c.Current, err = v.thing(ns, rec.Thing); err != nil {
		return c, err
	}
	was := v.at
	defer func() { v.at = was }()
	if m, err := v.counters(); err != nil || rec.Rev <= m.oldest(v.r.Revision()) {
		return c, err
	}
	v.at = vantage{past: true, rev: rec.Rev - 1}
	if rec.Kind != kindObservation {
		c.Then, err = v.thing(ns, rec.Thing)
	}
	return c, err
}

// wire is a prepared operation as clients write it.
func (o *op) wire() Op {
	out := Op{ID: o.ID, Key: o.Key, Type: o.Type, SourceID: o.Source, TargetID: o.Target, Source: o.SourceKey, Target: o.TargetKey,
		Parallel: o.Parallel, Merge: o.has(isMerge)}
	for _, verb := range slices.Sorted(maps.Keys(takes)) {
		if t := takes[verb]; t.kind == o.Kind && (t.flags&isUpsert == o.Flags&isUpsert) {
			out.Op = verb
		}
	}
	if out.Key == "" {
		out.Key = o.Norm
	}
	if o.has(hasLabel) {
		out.Label = &o.Label
	}
	if o.has(hasProps) && len(o.Props) > 0 {
		out.Properties = rawObject(o.Props)
	}
	if o.has(hasWeight) {
		out.Weight = &o.Weight
	}
	if o.has(hasPredicate) {
		out.Predicate = &o.Predicate
	}
	moment := func(flag uint64, ms int64, none int64) *time.Time {
		if !o.has(flag) {
			return nil
		}
		at := time.Time{}
		if ms != none {
			at = millis(ms)
		}
		return &at
	}
	out.ValidFrom, out.ValidTo = moment(hasValidFrom, o.ValidFrom, noTime), moment(hasValidTo, o.ValidTo, noTime)
	out.ExpiresAt = moment(hasExpires, o.Expires, 0)
	if o.has(hasSource) {
		out.Provenance = &o.From
	}
	if o.has(hasConfidence) {
		out.Confidence = &o.Confidence
	}
	switch o.Kind {
	case opAddAlias, opRemoveAlias:
		out.Alias, out.Target = o.Text, ""
	case opAddObservation, opDeleteObservation:
		out.Text = o.Text
		out.NodeID, out.SourceID = o.Source, 0
	}
	return out
}

// Resolution is how a conflict is settled.
type Resolution struct {
	// Keep is KeepCurrent, KeepPushed or KeepCustom.
	Keep string `json:"keep" enum:"current,pushed,custom"`
	// Custom is the operation that takes effect in place of both. One that
	// updates the entity of the conflict need not name it.
	Custom *Op `json:"custom,omitempty"`
}

// Resolve settles a conflict and takes it off the list; who did it is in the
// log. NOT_FOUND where it is settled already, and where what was pushed cannot
// take effect because what it is for is gone.
func (y Sync) Resolve(ctx context.Context, wo WriteOptions, namespace string, id uint64, how Resolution) (OpResult, consensus.Outcome, error) {
	r := checkNamespace(namespace)
	switch {
	case r != nil:
	case how.Keep != KeepCurrent && how.Keep != KeepPushed && how.Keep != KeepCustom:
		r = invalid("keep", "must be current, pushed or custom")
	case (how.Keep == KeepCustom) != (how.Custom != nil):
		r = invalid("custom", "must be given with keep custom, and only then")
	}
	if r != nil {
		return OpResult{}, consensus.Outcome{}, r
	}
	cmd := command{Namespace: namespace, Ops: []op{{Kind: opResolveConflict, ID: id, Text: how.Keep}}}
	if how.Custom != nil {
		custom := *how.Custom
		if custom.ID == 0 && custom.Key == "" && (custom.Op == OpUpdateNode || custom.Op == OpUpdateEdge) {
			c, _, err := y.Conflict(ctx, consensus.ReadOptions{}, namespace, id)
			if err != nil {
				return OpResult{}, consensus.Outcome{}, err
			}
			custom.ID = c.EntityID
		}
		o, r := prepare(&custom)
		if r != nil {
			return OpResult{}, consensus.Outcome{}, r
		}
		cmd.Ops = append(cmd.Ops, o)
	}
	res, out, err := y.s.propose(ctx, wo, cmd)
	if err != nil {
		return OpResult{}, out, err
	}
	results := res.results()
	return results[len(results)-1], out, nil
}
