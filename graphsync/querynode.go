package graphsync

import "math"

// nodeGlance is what queries ask of a node again and again, left where it lies in
// the view's memory: no text is copied before somebody wants it.
type nodeGlance struct {
	id                uint64
	typ               symbol
	label, key, props []byte
	stored            []byte      // the whole record
	rec               *nodeRecord // decoded, where something else was asked
}

// read finds the fields of a record in the form nodeRecord.encode writes.
func (g *nodeGlance) read(stored []byte) bool {
	r := cborReader{b: stored}
	for range r.head(cborMap) {
		switch name := r.uint(); name {
		case 9:
			g.typ = symbol(r.uintTo(math.MaxUint32))
		case 10:
			g.label = r.span(cborText)
		case 11, 13:
			r.span(cborText)
		case 12:
			g.key = r.span(cborText)
		case 14:
			g.props = r.bytes()
		default:
			if name > 14 {
				return g.good()
			}
			r.int()
		}
		if r.bad {
			return false
		}
	}
	return g.good()
}

func (g *nodeGlance) good() bool {
	return g.typ != 0 && g.typ <= maxSymbol && goodProps(g.props)
}

// typeIn is the type in a node's record, 0 where it is not found quickly.
func typeIn(stored []byte) symbol {
	r := cborReader{b: stored}
	for range r.head(cborMap) {
		switch name := r.uint(); {
		case r.bad || name > 9:
			return 0
		case name == 9:
			if typ := symbol(r.uintTo(math.MaxUint32)); typ <= maxSymbol {
				return typ
			}
			return 0
		}
		r.int()
	}
	return 0
}

func (g *nodeGlance) of(rec *nodeRecord) {
	g.typ, g.label, g.key, g.props, g.rec = rec.Type, []byte(rec.Label), []byte(rec.Key), rec.Props, rec
}

// How many nodes are remembered, and types of nodes: at first few, and more when
// a query looks at many.
const (
	glances       = 16
	nodeTypes     = 64
	mostNodeTypes = 1 << 16
)

// nodeType is the type of a node, 0 of one that is not shown.
type nodeType struct {
	id  uint64
	typ symbol
}

// glance looks at a node, nil where none is shown. It holds until the next one.
func (q *queryReader) glance(id uint64) (*nodeGlance, error) {
	if q.ns == 0 || id == 0 || id > maxID {
		return nil, nil
	}
	if q.seen == nil {
		q.seen = make([]nodeGlance, glances)
	}
	at := &q.seen[id%glances]
	if at.id == id {
		return at, nil
	}
	g := nodeGlance{id: id}
	if q.v.at.past {
		rec, ok, err := q.v.seeNode(q.ns, id)
		if err != nil || !ok {
			return nil, err
		}
		g.of(&rec)
	} else {
		if g.stored = q.v.storedNode(q.ns, id); g.stored == nil {
			return nil, nil
		}
		if !g.read(g.stored) || q.v.at.filters && bounded(g.stored) {
			rec, err := peekNode(g.stored)
			if err != nil || q.v.expired(rec.Expires) {
				return nil, err
			}
			g.of(&rec)
		}
	}
	*at = g
	return at, nil
}

// whole is all of a node's record.
func (g *nodeGlance) whole() (*nodeRecord, error) {
	if g.rec == nil {
		rec, err := peekNode(g.stored)
		if err != nil {
			return nil, err
		}
		g.rec = &rec
	}
	return g.rec, nil
}

// typeOf is the type of a node, 0 where none is shown.
func (q *queryReader) typeOf(id uint64) (symbol, error) {
	if q.ns == 0 || id == 0 || id > maxID {
		return 0, nil
	}
	if n := uint64(len(q.kinds)); n != 0 {
		if at := &q.kinds[id%n]; at.id == id {
			return at.typ, nil
		}
	}
	typ, err := q.lookType(id)
	if err != nil {
		return 0, err
	}
	if q.unknown++; q.unknown > 2*len(q.kinds) && len(q.kinds) < mostNodeTypes {
		q.kinds, q.unknown = make([]nodeType, max(nodeTypes, 8*len(q.kinds))), 0
	}
	q.kinds[id%uint64(len(q.kinds))] = nodeType{id, typ}
	return typ, nil
}

func (q *queryReader) lookType(id uint64) (symbol, error) {
	if !q.v.at.past {
		stored := q.v.storedNode(q.ns, id)
		if stored == nil {
			return 0, nil
		}
		if !bounded(stored) {
			if typ := typeIn(stored); typ != 0 {
				return typ, nil
			}
		}
	}
	g, err := q.glance(id)
	if err != nil || g == nil {
		return 0, err
	}
	return g.typ, nil
}
