package graphsync

import (
	"context"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// symbols are those of a list of type names; none says that no relationship can
// be of any. The same list is asked for again and again, so it is known by its
// place.
func (q *queryReader) symbols(names []string) (types []symbol, none bool) {
	if len(names) == 0 {
		return everyType, false
	}
	types, ok := q.types[&names[0]]
	if !ok {
		types, _ = q.v.typesOf(names)
		q.types[&names[0]] = types
	}
	return types, len(types) == 0
}

var everyType = []symbol{0}

func always([]byte) bool { return true }

// Rels gives the edges of a node that are shown and lead to one that is.
func (q *queryReader) Rels(_ context.Context, id uint64, dir graph.Direction, names []string, fn func(r value.Rel) bool) error {
	types, none := q.symbols(names)
	if q.ns == 0 || none {
		return nil
	}
	on := true
	var failed error
	for _, typ := range types {
		prefix := appendSpan(nil, q.ns, id, typ, 0)
		end := after(prefix)
		if dir != graph.In {
			if err := q.v.edgesIn(tSPO, prefix, end, always, func(at triple, _ []byte) bool {
				if q.v.hides(q.ns, at.target) {
					return true
				}
				on, failed = q.give(&at, fn)
				return on
			}); err != nil || failed != nil || !on {
				return first(err, failed)
			}
		}
		if dir != graph.Out {
			if err := q.v.edgesIn(tOPS, prefix, end, always, func(at triple, _ []byte) bool {
				if dir == graph.Both && at.source == id || q.v.hides(q.ns, at.source) {
					return true
				}
				on, failed = q.give(&at, fn)
				return on
			}); err != nil || failed != nil || !on {
				return first(err, failed)
			}
		}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *queryReader) give(at *triple, fn func(r value.Rel) bool) (bool, error) {
	if at.typ != q.rel.typ {
		name, err := q.v.text(symType, at.typ)
		if err != nil {
			return false, err
		}
		q.rel = typeName{at.typ, name}
	}
	return fn(value.Rel{ID: at.id, From: at.source, To: at.target, Type: q.rel.name}), nil
}

// EachRel gives all edges of the namespace in the order of their sources.
func (q *queryReader) EachRel(ctx context.Context, names []string, fn func(r value.Rel) bool) error {
	types, none := q.symbols(names)
	if q.ns == 0 || none {
		return nil
	}
	prefix := appendSymbol(nil, q.ns)
	var failed error
	looked := 0
	err := q.v.edgesIn(tSPO, prefix, after(prefix), func([]byte) bool {
		if looked++; looked%1024 == 0 {
			failed = ctx.Err()
		}
		return failed == nil
	}, func(at triple, _ []byte) bool {
		if types[0] != 0 && !slices.Contains(types, at.typ) || q.v.hides(q.ns, at.source) || q.v.hides(q.ns, at.target) {
			return true
		}
		var on bool
		on, failed = q.give(&at, fn)
		return on
	})
	return first(err, failed)
}

// edgeRecord returns an edge of the namespace that the view shows.
func (q *queryReader) edgeRecord(id uint64) (at triple, e edgeRecord, ok bool, err error) {
	if q.ns == 0 || id == 0 || id > maxID {
		return at, e, false, nil
	}
	at, e, ok, err = q.v.seeEdge(id)
	if err != nil || !ok || at.ns != q.ns || !q.v.shows(&e.provenance) || q.v.hides(q.ns, at.source) || q.v.hides(q.ns, at.target) {
		return at, e, false, err
	}
	return at, e, true, nil
}

// Rel returns an edge by id.
func (q *queryReader) Rel(_ context.Context, id uint64) (r value.Rel, ok bool, err error) {
	at, _, ok, err := q.edgeRecord(id)
	if err != nil || !ok {
		return r, false, err
	}
	name, err := q.v.text(symType, at.typ)
	return value.Rel{ID: id, From: at.source, To: at.target, Type: name}, err == nil, err
}

// RelProperties returns the properties of an edge.
func (q *queryReader) RelProperties(_ context.Context, r *value.Rel) (value.Map, error) {
	_, e, ok, err := q.edgeRecord(r.ID)
	if err != nil || !ok {
		return value.Map{}, err
	}
	return queryMap(e.Props)
}

// RelProperty returns one property of an edge, or a field of its record.
func (q *queryReader) RelProperty(_ context.Context, r *value.Rel, key string) (value.Value, error) {
	_, e, ok, err := q.edgeRecord(r.ID)
	if err != nil || !ok {
		return value.Null, err
	}
	got, err := queryMember(e.Props, key)
	if err != nil || !got.IsNull() {
		return got, err
	}
	return q.edgeField(&e, key)
}
