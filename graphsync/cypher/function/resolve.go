package function

import (
	"context"
	"fmt"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Properties are all properties of a node or a relationship, or a map itself. They
// must not be changed.
func Properties(env *Env, pos fault.Pos, x value.Value) (value.Map, error) {
	switch x.Kind() {
	case value.KindNode:
		n, ok, err := env.Graph.Node(env.Ctx, x.AsNode())
		if err != nil || !ok {
			return nil, err
		}
		return n.Properties, nil
	case value.KindRel:
		return env.Graph.RelProperties(env.Ctx, x.AsRel())
	case value.KindMap:
		return x.AsMap(), nil
	}
	return nil, fault.Run(pos, fault.Type, "InvalidArgumentType", "only nodes, relationships and maps have properties, but this is %s", x.Kind())
}

// Resolve shows a graph to those who write values down.
func Resolve(ctx context.Context, g graph.Reader) value.Resolver { return resolver{ctx, g} }

type resolver struct {
	ctx context.Context
	g   graph.Reader
}

func (r resolver) NodeParts(id uint64) ([]string, value.Map, error) {
	n, ok, err := r.g.Node(r.ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, fmt.Errorf("there is no node %d", id)
	}
	return n.Labels, n.Properties, nil
}

func (r resolver) RelParts(rel *value.Rel) (value.Map, error) {
	return r.g.RelProperties(r.ctx, rel)
}
