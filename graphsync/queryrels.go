package graphsync

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
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
	place := &names[0]
	if q.lastTypes.names == place {
		return q.lastTypes.types, len(q.lastTypes.types) == 0
	}
	types, ok := q.types[place]
	if !ok {
		types, _ = q.v.typesOf(names)
		q.types[place] = types
	}
	q.lastTypes = typeList{place, types}
	return types, len(types) == 0
}

var everyType = []symbol{0}

// Rels gives the edges of a node that are shown and lead to one that is.
func (q *queryReader) Rels(_ context.Context, id uint64, dir graph.Direction, names []string, fn func(r value.Rel) bool) error {
	types, none := q.symbols(names)
	if q.ns == 0 || none {
		return nil
	}
	f := q.follow(fn)
	defer f.done()
	for _, typ := range types {
		f.from = appendSpan(f.from[:0], q.ns, id, typ, 0)
		f.to = appendAfter(f.to[:0], f.from)
		f.besides = 0
		if dir != graph.In {
			if f.scan(true); f.over {
				return f.err
			}
		}
		if dir == graph.Both {
			f.besides = id
		}
		if dir != graph.Out {
			if f.scan(false); f.over {
				return f.err
			}
		}
	}
	return nil
}

// following is one walk along the edges of a node. Queries make a great many,
// also inside of one another: each is used again, with all that it points to.
type following struct {
	q        *queryReader
	fn       func(r value.Rel) bool
	from, to []byte
	forward  bool
	besides  uint64 // loops of this node were shown already
	over     bool   // stopped, or failed by err
	err      error
	pair     func(k, val []byte) bool
}

func (q *queryReader) follow(fn func(r value.Rel) bool) *following {
	var f *following
	if n := len(q.idle); n > 0 {
		f, q.idle = q.idle[n-1], q.idle[:n-1]
	} else {
		f = &following{q: q, from: make([]byte, 0, tripleKeySize), to: make([]byte, 0, tripleKeySize)}
		f.pair = f.present
	}
	f.fn, f.over, f.err = fn, false, nil
	return f
}

func (f *following) done() {
	f.fn = nil
	f.q.idle = append(f.q.idle, f)
}

// scan goes through tSPO, or backward through tOPS.
func (f *following) scan(forward bool) {
	table := tOPS
	if f.forward = forward; forward {
		table = tSPO
	}
	if !f.q.v.at.past {
		consensus.Each(f.q.v.r, table, f.from, f.to, f.pair)
		return
	}
	if err := f.q.v.edgesThen(table, f.from, f.to, always, func(at triple, _ []byte) bool { return f.give(&at) }); err != nil {
		f.over, f.err = true, err
	}
}

func always([]byte) bool { return true }

func (f *following) present(k, val []byte) bool {
	at, shown, err := f.q.v.edgeIn(k, val, f.forward)
	if err != nil {
		f.over, f.err = true, err
		return false
	}
	return !shown || f.give(&at)
}

func (f *following) give(at *triple) bool {
	far := at.target
	if !f.forward {
		far = at.source
	}
	if far == f.besides || f.q.v.hides(f.q.ns, far) {
		return true
	}
	on, err := f.q.give(at, f.fn)
	f.over, f.err = !on, err
	return on
}

func (q *queryReader) give(at *triple, fn func(r value.Rel) bool) (bool, error) {
	seen := &q.rels[at.typ%symbol(len(q.rels))]
	if at.typ != seen.typ {
		name, err := q.v.text(symType, at.typ)
		if err != nil {
			return false, err
		}
		*seen = typeName{at.typ, name}
	}
	return fn(value.Rel{ID: at.id, From: at.source, To: at.target, Type: seen.name}), nil
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
	if err == nil {
		err = failed
	}
	return err
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
	got, err := q.member(e.Props, key)
	if err != nil || !got.IsNull() {
		return got, err
	}
	return q.edgeField(&e, key)
}
