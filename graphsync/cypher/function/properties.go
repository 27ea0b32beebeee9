package function

import (
	"github.com/meshd/meshd/graphsync/cypher/fault"
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
