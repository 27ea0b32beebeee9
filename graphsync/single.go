package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

// superseded is a fact that ends because a newer one takes its place, and when.
type superseded struct {
	at   triple
	rec  edgeRecord
	from int64
}

// singleType says that the schema gives a type one value at a time.
func (t *tx) singleType(ns nsID, typ string) (bool, error) {
	rec, err := t.schema(ns)
	if rec == nil || err != nil {
		return false, err
	}
	rule := rec.edge(typ)
	return rule != nil && rule.Single, nil
}

// single finds the facts that a fact takes the place of, where the schema gives
// its type one value at a time: those of the same source and type that are so
// when it begins. A fact that does not say when begins with the command, where
// there are such. One that is told late, of a time before another began, ends
// when that one begins. except is the fact itself. It writes nothing.
func (t *tx) single(ns nsID, source uint64, typ string, except uint64, told *provenance) (older []superseded, _ *consensus.Refusal, _ error) {
	is, err := t.singleType(ns, typ)
	sym := t.symbol(symType, typ)
	if err != nil || !is || sym == 0 || t.sideBySide {
		return nil, nil, err
	}
	from := t.c.Time.UnixMilli()
	if told.ValidFrom != nil {
		from = *told.ValidFrom
	}
	if told.ValidTo != nil && *told.ValidTo <= from {
		return nil, nil, nil
	}
	prefix := appendSpan(nil, ns, source, sym, 0)
	seen := 0
	for k, v := range t.r.Scan(tSPO, prefix, after(prefix)) {
		if seen++; seen > maxCascade {
			return nil, refuse(CodeTooManyEdges, "source", "node %d has had more than %d facts of the type %s: delete some first", source, maxCascade, typ), nil
		}
		at, ok := parseSPO(k)
		if !ok {
			return nil, nil, errRecord
		}
		e, err := decodeEdge(v)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case at.id == except:
		case e.so(from):
			older = append(older, superseded{at, e, from})
		case e.ValidFrom != nil && *e.ValidFrom > from && (told.ValidTo == nil || *e.ValidFrom < *told.ValidTo):
			next := *e.ValidFrom
			told.ValidTo = &next
		}
	}
	if len(older) > 0 {
		told.ValidFrom = &from
	}
	return older, nil, nil
}

// singleAgain is single for a fact that changes. One that is put again without
// a time keeps when it began.
func (t *tx) singleAgain(at triple, o *op, old, told *provenance) ([]superseded, *consensus.Refusal, error) {
	if told.same(old) {
		return nil, nil, nil
	}
	typ, err := t.text(symType, at.typ)
	if err != nil {
		return nil, nil, err
	}
	is, err := t.singleType(at.ns, typ)
	if err != nil || !is {
		return nil, nil, err
	}
	if !o.has(hasValidFrom) && old.ValidTo == nil {
		told.ValidFrom = old.ValidFrom
	}
	return t.single(at.ns, at.source, typ, at.id, told)
}

// so says whether a fact is valid at a time, expiry aside.
func (p *provenance) so(ms int64) bool {
	return (p.ValidFrom == nil || *p.ValidFrom <= ms) && (p.ValidTo == nil || ms < *p.ValidTo)
}

// supersede ends what single found, from when on the newer fact is so. A fact
// that would have been so for no time at all is deleted.
func (t *tx) supersede(older []superseded) error {
	for i := range older {
		s := &older[i]
		if s.rec.ValidFrom != nil && *s.rec.ValidFrom >= s.from {
			if err := t.dropEdge(s.at, endDeleted); err != nil {
				return err
			}
			continue
		}
		e := s.rec
		e.ValidTo = &s.from
		t.rewriteEdge(s.at, &s.rec, &e)
	}
	return nil
}
