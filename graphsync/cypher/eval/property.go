package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *Compiler) property(e *ast.Property) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		of, err := x.fn(env, row)
		if err != nil {
			return value.Null, err
		}
		return property(env, e.At, of, e.Key)
	}, x), nil
}

// property is x.key.
func property(env *function.Env, pos fault.Pos, x value.Value, key string) (value.Value, error) {
	switch x.Kind() {
	case value.KindNode:
		return env.Graph.Property(env.Ctx, x.AsNode(), key)
	case value.KindRel:
		return env.Graph.RelProperty(env.Ctx, x.AsRel(), key)
	case value.KindMap:
		return x.AsMap()[key], nil
	case value.KindNull:
		return value.Null, nil
	}
	v, err := value.Component(x, key)
	return v, fault.Place(pos, err)
}

func (c *Compiler) isNull(e *ast.IsNull) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		v, err := x.fn(env, row)
		if err != nil {
			return value.Null, err
		}
		return value.Bool(v.IsNull() != e.Not), nil
	}, x), nil
}

func (c *Compiler) hasLabels(e *ast.HasLabels) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		of, err := x.fn(env, row)
		if err != nil {
			return value.Null, err
		}
		switch of.Kind() {
		case value.KindNull:
			return value.Null, nil
		case value.KindNode:
			for _, label := range e.Labels {
				has, err := env.Graph.HasLabel(env.Ctx, of.AsNode(), label)
				if err != nil || !has {
					return value.Bool(false), err
				}
			}
			return value.Bool(true), nil
		case value.KindRel:
			for _, typ := range e.Labels {
				if of.AsRel().Type != typ {
					return value.Bool(false), nil
				}
			}
			return value.Bool(true), nil
		}
		return value.Null, wrongType(e.At, "only nodes have labels", of)
	}}, nil
}
