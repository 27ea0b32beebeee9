package graph

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Memory is a graph in memory. It is filled with AddNode and AddRel, and must not
// be changed once it is read; then any number of goroutines may read it.
//
// Ids of nodes and of relationships count from 0, each for themselves.
type Memory struct {
	nodes    []memoryNode
	rels     []value.Rel
	relProps []value.Map
	byLabel  map[string][]uint64
	byType   map[string]uint64
	indexes  map[indexName]*memoryIndex
}

type memoryNode struct {
	Node
	out, in []uint32 // places in rels
}

type indexName struct{ label, property string }

// NewMemory returns an empty graph.
func NewMemory() *Memory {
	return &Memory{
		byLabel: map[string][]uint64{},
		byType:  map[string]uint64{},
		indexes: map[indexName]*memoryIndex{},
	}
}

// AddNode adds a node and returns its id. Properties that are null are absent.
func (m *Memory) AddNode(labels []string, props value.Map) uint64 {
	id := uint64(len(m.nodes))
	n := memoryNode{Node: Node{ID: id, Properties: withoutNulls(props)}}
	for _, l := range labels {
		if !slices.Contains(n.Labels, l) {
			n.Labels = append(n.Labels, l)
			m.byLabel[l] = append(m.byLabel[l], id)
		}
	}
	m.nodes = append(m.nodes, n)
	for name, index := range m.indexes {
		index.add(name, &n.Node)
	}
	return id
}

// AddRel adds a relationship between two nodes that exist and returns its id.
func (m *Memory) AddRel(typ string, from, to uint64, props value.Map) uint64 {
	if from >= uint64(len(m.nodes)) || to >= uint64(len(m.nodes)) {
		panic(fmt.Sprintf("relationship between nodes %d and %d of %d", from, to, len(m.nodes)))
	}
	id := uint64(len(m.rels))
	m.rels = append(m.rels, value.Rel{ID: id, From: from, To: to, Type: typ})
	m.relProps = append(m.relProps, withoutNulls(props))
	m.byType[typ]++
	m.nodes[from].out = append(m.nodes[from].out, uint32(id))
	m.nodes[to].in = append(m.nodes[to].in, uint32(id))
	return id
}

// Index keeps an index of the nodes of the label (or of all, if it is empty) by
// one property.
func (m *Memory) Index(label, property string) {
	name := indexName{label, property}
	index := &memoryIndex{ids: map[string][]uint64{}}
	m.indexes[name] = index
	for i := range m.nodes {
		index.add(name, &m.nodes[i].Node)
	}
}

func withoutNulls(props value.Map) value.Map {
	out := make(value.Map, len(props))
	for k, v := range props {
		if !v.IsNull() {
			out[k] = v
		}
	}
	return out
}

type memoryIndex struct {
	ids  map[string][]uint64
	size int
}

func (x *memoryIndex) add(name indexName, n *Node) {
	v, ok := n.Properties[name.property]
	if ok && (name.label == "" || slices.Contains(n.Labels, name.label)) {
		key := indexKey(v)
		x.ids[key] = append(x.ids[key], n.ID)
		x.size++
	}
}

// indexKey is the same for any two values that are equal, and may be the same for
// others.
func indexKey(v value.Value) string {
	switch v.Kind() {
	case value.KindBool:
		return fmt.Sprintf("b%t", v.AsBool())
	case value.KindInt:
		return fmt.Sprintf("n%x", math.Float64bits(float64(v.AsInt())))
	case value.KindFloat:
		return fmt.Sprintf("n%x", math.Float64bits(v.AsFloat()+0)) // -0 is 0
	case value.KindString:
		return "s" + v.AsString()
	default:
		return "o"
	}
}

// Nodes is Reader's, in rising order.
func (m *Memory) Nodes(_ context.Context, label string, fn func(id uint64) bool) error {
	if label != "" {
		return each(m.byLabel[label], fn)
	}
	for id := range uint64(len(m.nodes)) {
		if !fn(id) {
			return nil
		}
	}
	return nil
}

func each(ids []uint64, fn func(id uint64) bool) error {
	for _, id := range ids {
		if !fn(id) {
			return nil
		}
	}
	return nil
}

// Find is Reader's.
func (m *Memory) Find(_ context.Context, label, property string, v value.Value, fn func(id uint64) bool) error {
	index, ok := m.indexes[indexName{label, property}]
	if !ok {
		return fmt.Errorf("no index of %s by %s", label, property)
	}
	return each(index.ids[indexKey(v)], fn)
}

// Lookup is Reader's.
func (m *Memory) Lookup(label, property string) (Lookup, bool) {
	index, ok := m.indexes[indexName{label, property}]
	if !ok {
		return Lookup{}, false
	}
	return Lookup{Nodes: max(1, float64(index.size)/float64(max(1, len(index.ids))))}, true
}

// Node is Reader's.
func (m *Memory) Node(_ context.Context, id uint64) (*Node, bool, error) {
	if id >= uint64(len(m.nodes)) {
		return nil, false, nil
	}
	return &m.nodes[id].Node, true, nil
}

// HasNode is Reader's.
func (m *Memory) HasNode(_ context.Context, id uint64) (bool, error) {
	return id < uint64(len(m.nodes)), nil
}

// Labels is Reader's.
func (m *Memory) Labels(_ context.Context, id uint64) ([]string, bool, error) {
	if id >= uint64(len(m.nodes)) {
		return nil, false, nil
	}
	return m.nodes[id].Labels, true, nil
}

// HasLabel is Reader's.
func (m *Memory) HasLabel(_ context.Context, id uint64, label string) (bool, error) {
	return id < uint64(len(m.nodes)) && slices.Contains(m.nodes[id].Labels, label), nil
}

// Property is Reader's.
func (m *Memory) Property(_ context.Context, id uint64, key string) (value.Value, error) {
	if id >= uint64(len(m.nodes)) {
		return value.Null, nil
	}
	return m.nodes[id].Properties[key], nil
}

// Rels is Reader's.
func (m *Memory) Rels(_ context.Context, id uint64, dir Direction, types []string, fn func(r value.Rel) bool) error {
	if id >= uint64(len(m.nodes)) {
		return nil
	}
	n := &m.nodes[id]
	if dir != In {
		for _, at := range n.out {
			r := &m.rels[at]
			if hasType(types, r.Type) && !fn(*r) {
				return nil
			}
		}
	}
	if dir != Out {
		for _, at := range n.in {
			r := &m.rels[at]
			if dir == Both && r.From == id {
				continue // shown among those that leave
			}
			if hasType(types, r.Type) && !fn(*r) {
				return nil
			}
		}
	}
	return nil
}

func hasType(types []string, t string) bool {
	switch len(types) {
	case 0:
		return true
	case 1:
		return types[0] == t
	default:
		return slices.Contains(types, t)
	}
}

// Rel is Reader's.
func (m *Memory) Rel(_ context.Context, id uint64) (value.Rel, bool, error) {
	if id >= uint64(len(m.rels)) {
		return value.Rel{}, false, nil
	}
	return m.rels[id], true, nil
}

// RelProperties is Reader's.
func (m *Memory) RelProperties(_ context.Context, r *value.Rel) (value.Map, error) {
	if r.ID >= uint64(len(m.rels)) {
		return nil, nil
	}
	return m.relProps[r.ID], nil
}

// RelProperty is Reader's.
func (m *Memory) RelProperty(_ context.Context, r *value.Rel, key string) (value.Value, error) {
	if r.ID >= uint64(len(m.rels)) {
		return value.Null, nil
	}
	return m.relProps[r.ID][key], nil
}

// EachRel is Reader's.
func (m *Memory) EachRel(_ context.Context, types []string, fn func(r value.Rel) bool) error {
	for i := range m.rels {
		if hasType(types, m.rels[i].Type) && !fn(m.rels[i]) {
			return nil
		}
	}
	return nil
}

// CountNodes is Reader's.
func (m *Memory) CountNodes(label string) (uint64, bool) {
	if label == "" {
		return uint64(len(m.nodes)), true
	}
	return uint64(len(m.byLabel[label])), true
}

// CountRels is Reader's.
func (m *Memory) CountRels(typ string) (uint64, bool) {
	if typ == "" {
		return uint64(len(m.rels)), true
	}
	return m.byType[typ], true
}
