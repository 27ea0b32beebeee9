package function

import (
	"maps"
	"slices"
	"strconv"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	const entity = Node | Relationship
	register(
		strict("id", 1, 1, types(entity), Integer, func(c call) (value.Value, error) {
			return value.Int(int64(entityID(c.args[0]))), nil
		}),
		strict("elementId", 1, 1, types(entity), String, func(c call) (value.Value, error) {
			return value.String(strconv.FormatUint(entityID(c.args[0]), 10)), nil
		}),
		impure(strict("labels", 1, 1, types(Node), List, labels)),
		strict("type", 1, 1, types(Relationship), String, func(c call) (value.Value, error) {
			return value.String(c.args[0].AsRel().Type), nil
		}),
		impure(strict("properties", 1, 1, types(entity|Map), Map, func(c call) (value.Value, error) {
			m, err := Properties(c.env, c.pos, c.args[0])
			return value.MapOf(m), err
		})),
		impure(strict("keys", 1, 1, types(entity|Map), List, func(c call) (value.Value, error) {
			m, err := Properties(c.env, c.pos, c.args[0])
			return texts(slices.Sorted(maps.Keys(m))), err
		})),
		strict("startNode", 1, 1, types(Relationship), Node, func(c call) (value.Value, error) {
			return value.Node(c.args[0].AsRel().From), nil
		}),
		strict("endNode", 1, 1, types(Relationship), Node, func(c call) (value.Value, error) {
			return value.Node(c.args[0].AsRel().To), nil
		}),
		strict("length", 1, 1, types(Path), Integer, func(c call) (value.Value, error) {
			return value.Int(int64(len(c.args[0].AsPath().Rels))), nil
		}),
		strict("nodes", 1, 1, types(Path), List, func(c call) (value.Value, error) {
			ids := c.args[0].AsPath().Nodes
			list := make([]value.Value, len(ids))
			for i, id := range ids {
				list[i] = value.Node(id)
			}
			return value.List(list), nil
		}),
		strict("relationships", 1, 1, types(Path), List, relationships),
		strict("rels", 1, 1, types(Path), List, relationships),
		// exists(n.key). Of a pattern, whoever compiles it makes a search.
		&Func{Name: "exists", Min: 1, Max: 1, Result: Boolean, Pure: true,
			Eval: func(_ *Env, _ fault.Pos, args []value.Value) (value.Value, error) {
				return value.Bool(!args[0].IsNull()), nil
			}},
		&Func{Name: "timestamp", Result: Integer,
			Eval: func(env *Env, _ fault.Pos, _ []value.Value) (value.Value, error) {
				return value.Int(env.Now.UnixMilli()), nil
			}},
	)
}

func entityID(v value.Value) uint64 {
	if v.Kind() == value.KindRel {
		return v.AsRel().ID
	}
	return v.AsNode()
}

func labels(c call) (value.Value, error) {
	names, ok, err := c.env.Graph.Labels(c.env.Ctx, c.args[0].AsNode())
	if err != nil || !ok {
		return value.Null, err
	}
	return texts(names), nil
}

func relationships(c call) (value.Value, error) {
	rels := c.args[0].AsPath().Rels
	list := make([]value.Value, len(rels))
	for i, r := range rels {
		list[i] = value.RelOf(r)
	}
	return value.List(list), nil
}

func texts(ss []string) value.Value {
	list := make([]value.Value, len(ss))
	for i, s := range ss {
		list[i] = value.String(s)
	}
	return value.List(list)
}
