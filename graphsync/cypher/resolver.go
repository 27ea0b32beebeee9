package cypher

import (
	"context"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

type resolver struct {
	ctx context.Context
	g   graph.Reader
}

// Resolver lets values be written with the labels and properties of a graph.
func Resolver(ctx context.Context, g graph.Reader) value.Resolver { return resolver{ctx, g} }

func (r resolver) NodeParts(id uint64) ([]string, value.Map, error) {
	n, ok, err := r.g.Node(r.ctx, id)
	if err != nil || !ok {
		return nil, nil, err
	}
	return n.Labels, n.Properties, nil
}

func (r resolver) RelParts(rel *value.Rel) (value.Map, error) { return r.g.RelProperties(r.ctx, rel) }
