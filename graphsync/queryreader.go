package graphsync

import (
	"context"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Untyped is a node type that the query language does not see: such nodes have
// no label.
const Untyped = "_"

// queryReader shows one namespace of a view to the query language.
//
// The type of a node is its label; a type with colons, as Person:Author, is
// several. What else the record says (queryfields.go) is read like a property, but
// is not among the keys.
type queryReader struct {
	v  *view
	ns nsID
	// labelled remembers the types that have a label, labels those of a type,
	// types the symbols of a list of names that was asked for.
	labelled map[string][]symbol
	labels   map[symbol][]string
	types    map[*string][]symbol
	all      []typeCount
	// hasLabel is the last label that was asked for, lastTypes the last list of types.
	hasLabel  labelTypes
	lastTypes typeList
	// What was looked at last; places by id, so that no search is needed.
	seen  []nodeGlance
	kinds []nodeType
	// unknown is how many were looked for in vain in kinds as it is.
	unknown int
	rels    [16]typeName
	texts   *shortTexts
	idle    []*following
}

type (
	labelTypes struct {
		label string
		types []symbol
	}
	typeList struct {
		names *string
		types []symbol
	}
	typeCount struct {
		typ   symbol
		nodes uint64
	}
	typeName struct {
		typ  symbol
		name string
	}
)

func newQueryReader(v *view, ns nsID) *queryReader {
	return &queryReader{v: v, ns: ns, labelled: map[string][]symbol{}, labels: map[symbol][]string{}, types: map[*string][]symbol{}}
}

var _ graph.Reader = (*queryReader)(nil)

// Nodes gives the nodes of one type after those of another; as of a revision it
// looks through all, as the index of types knows the present only.
func (q *queryReader) Nodes(ctx context.Context, label string, fn func(id uint64) bool) error {
	if q.ns == 0 {
		return nil
	}
	prefix := appendSymbol(nil, q.ns)
	if label == "" || q.v.at.past {
		return q.eachNode(ctx, prefix, label, fn)
	}
	types, err := q.typesWith(label)
	if err != nil {
		return err
	}
	for _, typ := range types {
		of := appendSymbol(prefix[:3:3], typ)
		for k := range q.v.r.Scan(tType, of, after(of)) {
			if len(k) != 11 {
				return errRecord
			}
			id := readID(k[6:])
			if q.v.hides(q.ns, id) {
				continue
			}
			if !fn(id) {
				return nil
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (q *queryReader) eachNode(ctx context.Context, prefix []byte, label string, fn func(id uint64) bool) error {
	var failed error
	looked := 0
	q.v.nodesIn(prefix, after(prefix), false, func([]byte) bool {
		if looked++; looked%1024 == 0 {
			failed = ctx.Err()
		}
		return failed == nil
	}, func(id uint64, rec *nodeRecord, err error) bool {
		if failed = err; err != nil || rec == nil {
			return err == nil
		}
		if label != "" {
			labels, err := q.labelsOf(rec.Type)
			if err != nil {
				failed = err
				return false
			}
			if !slices.Contains(labels, label) {
				return true
			}
		}
		return fn(id)
	})
	return failed
}

// Lookup knows the indexes of keys and labels.
func (q *queryReader) Lookup(_, property string) (graph.Lookup, bool) {
	switch {
	case property == fieldKey:
		return graph.Lookup{Nodes: 1}, true
	case property == fieldLabel && !q.v.at.past:
		return graph.Lookup{Nodes: 2}, true
	}
	return graph.Lookup{}, false
}

// Find gives the nodes that have the key in any spelling, aliases too, or the
// label.
func (q *queryReader) Find(_ context.Context, _, property string, v value.Value, fn func(id uint64) bool) error {
	text := v.AsString()
	if v.Kind() != value.KindString || text == "" || q.ns == 0 {
		return nil
	}
	if property == fieldKey {
		if id := q.v.seeKey(q.ns, fold(text)); id != 0 && q.v.seesNode(q.ns, id) {
			fn(id)
		}
		return nil
	}
	prefix := append(append(appendSymbol(nil, q.ns), indexName(text)...), 0)
	for k := range q.v.r.Scan(tName, prefix, after(prefix)) {
		if len(k) < minNameKey {
			return errRecord
		}
		if len(k) != len(prefix)+5 {
			continue
		}
		if id := readID(k[len(k)-5:]); q.v.seesNode(q.ns, id) && !fn(id) {
			return nil
		}
	}
	return nil
}

// Node returns a node with its properties.
func (q *queryReader) Node(_ context.Context, id uint64) (*graph.Node, bool, error) {
	at, err := q.glance(id)
	if err != nil || at == nil {
		return nil, false, err
	}
	labels, err := q.labelsOf(at.typ)
	if err != nil {
		return nil, false, err
	}
	props, err := queryMap(at.props)
	if err != nil {
		return nil, false, err
	}
	return &graph.Node{ID: id, Labels: labels, Properties: props}, true, nil
}

// HasNode says whether the namespace has a node that the view shows.
func (q *queryReader) HasNode(_ context.Context, id uint64) (bool, error) {
	return q.ns != 0 && id <= maxID && q.v.seesNode(q.ns, id), nil
}

// Labels are those of a node's type.
func (q *queryReader) Labels(_ context.Context, id uint64) ([]string, bool, error) {
	typ, err := q.typeOf(id)
	if err != nil || typ == 0 {
		return nil, false, err
	}
	labels, err := q.labelsOf(typ)
	return labels, err == nil, err
}

// HasLabel looks at the type of a node.
func (q *queryReader) HasLabel(_ context.Context, id uint64, label string) (bool, error) {
	typ, err := q.typeOf(id)
	if err != nil || typ == 0 {
		return false, err
	}
	if q.v.at.past {
		labels, err := q.labelsOf(typ)
		return slices.Contains(labels, label), err
	}
	if q.hasLabel.label != label || q.hasLabel.types == nil {
		types, err := q.typesWith(label)
		if err != nil {
			return false, err
		}
		q.hasLabel = labelTypes{label, types}
	}
	return slices.Contains(q.hasLabel.types, typ), nil
}

// labelsOf are the labels of a type.
func (q *queryReader) labelsOf(typ symbol) ([]string, error) {
	if labels, ok := q.labels[typ]; ok {
		return labels, nil
	}
	name, err := q.v.text(symType, typ)
	if err != nil {
		return nil, err
	}
	labels := labelsIn(name)
	q.labels[typ] = labels
	return labels, nil
}

func labelsIn(typ string) []string {
	if typ == Untyped {
		return []string{}
	}
	list := []string{}
	for _, l := range strings.Split(typ, ":") {
		if l != "" && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// inUse are the node types of the namespace, in the order of their symbols.
func (q *queryReader) inUse() []typeCount {
	if q.all != nil || q.ns == 0 {
		return q.all
	}
	q.all = []typeCount{}
	prefix := append(appendSymbol(nil, q.ns), countNodes)
	for k, val := range q.v.r.Scan(tCount, prefix, after(prefix)) {
		if len(k) != 7 {
			continue
		}
		if typ := readSymbol(k[4:]); typ != 0 {
			q.all = append(q.all, typeCount{typ, readCount(val)})
		}
	}
	return q.all
}

// typesWith are the node types that have a label.
func (q *queryReader) typesWith(label string) ([]symbol, error) {
	if types, ok := q.labelled[label]; ok {
		return types, nil
	}
	types := []symbol{}
	for _, t := range q.inUse() {
		labels, err := q.labelsOf(t.typ)
		if err != nil {
			return nil, err
		}
		if slices.Contains(labels, label) {
			types = append(types, t.typ)
		}
	}
	q.labelled[label] = types
	return types, nil
}

// CountNodes is what the state counts; what has expired and was not ended yet, or
// another time, makes it an estimate.
func (q *queryReader) CountNodes(label string) (n uint64, exact bool) {
	exact = !q.v.at.past && !q.expiring()
	if label == "" {
		return q.v.count(q.ns, countNodes, 0), exact
	}
	types, err := q.typesWith(label)
	if err != nil {
		return 0, false
	}
	for _, typ := range types {
		n += q.v.count(q.ns, countNodes, typ)
	}
	return n, exact
}

// expiring says that something has expired and is not ended yet.
func (q *queryReader) expiring() bool {
	for range q.v.r.Scan(tExpiry, nil, appendExpiryKey(nil, q.v.at.now+1, 0)) {
		return true
	}
	return false
}

// CountRels is an estimate, as facts that are not true at present are counted.
func (q *queryReader) CountRels(typ string) (n uint64, exact bool) {
	if typ == "" {
		return q.v.count(q.ns, countEdges, 0), false
	}
	sym := q.v.symbol(symType, typ)
	if sym == 0 {
		return 0, true
	}
	return q.v.count(q.ns, countEdges, sym), false
}
