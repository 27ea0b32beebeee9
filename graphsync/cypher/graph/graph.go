// Package graph is the graph that a query reads: a small interface, and one in
// memory (Memory) for tests and tools.
//
// A Reader shows one state: nothing changes under a query. It belongs to one
// query and one goroutine.
package graph

import (
	"context"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Direction is that of relationships seen from a node.
type Direction uint8

// The directions. A loop is shown once by Both.
const (
	Out Direction = iota
	In
	Both
)

// Node is what is known of a node. It is shared and must not be changed.
type Node struct {
	ID         uint64
	Labels     []string
	Properties value.Map
}

// Lookup is an index that finds nodes by label and the value of one property.
type Lookup struct {
	// Nodes is about how many nodes one value has, at least 1.
	Nodes float64
}

// Reader reads a graph. The callbacks return false to stop; calls may be made
// from inside of callbacks. Errors are of the store, or of the context.
type Reader interface {
	// Nodes gives the ids of the nodes that have the label, or of all if it is
	// empty, each once.
	Nodes(ctx context.Context, label string, fn func(id uint64) bool) error
	// Find gives the nodes whose property equals v by way of an index. It may give
	// more than that: the asker checks. Only where Lookup has said so.
	Find(ctx context.Context, label, property string, v value.Value, fn func(id uint64) bool) error
	// Lookup says whether there is an index for nodes of the label (or any, if
	// empty) by the property.
	Lookup(label, property string) (Lookup, bool)
	// Node returns a node; ok is false where there is none.
	Node(ctx context.Context, id uint64) (n *Node, ok bool, err error)
	// HasNode says whether there is a node of that id.
	HasNode(ctx context.Context, id uint64) (bool, error)
	// Labels returns the labels of a node, which must not be changed; ok is false
	// where there is no such node. It may be cheaper than Node.
	Labels(ctx context.Context, id uint64) (labels []string, ok bool, err error)
	// HasLabel says whether a node has a label, and may be cheaper than Node.
	HasLabel(ctx context.Context, id uint64, label string) (bool, error)
	// Property returns one property of a node (null where absent), and may know
	// names that Node's map does not hold.
	Property(ctx context.Context, id uint64, key string) (value.Value, error)
	// Rels gives the relationships of a node. No types means all.
	Rels(ctx context.Context, id uint64, dir Direction, types []string, fn func(r value.Rel) bool) error
	// Rel returns a relationship by id.
	Rel(ctx context.Context, id uint64) (r value.Rel, ok bool, err error)
	// RelProperties returns the properties of a relationship.
	RelProperties(ctx context.Context, r *value.Rel) (value.Map, error)
	// RelProperty returns one property of a relationship, null where absent.
	RelProperty(ctx context.Context, r *value.Rel, key string) (value.Value, error)
	// EachRel gives all relationships of the types, or all.
	EachRel(ctx context.Context, types []string, fn func(r value.Rel) bool) error

	// CountNodes is how many nodes have the label, or how many there are. Exact
	// says that it is no estimate.
	CountNodes(label string) (n uint64, exact bool)
	// CountRels is how many relationships are of the type, or how many there are.
	CountRels(typ string) (n uint64, exact bool)
}
