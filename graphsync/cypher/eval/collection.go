package eval

import (
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// keepBytes is from which size on a value counts that waits for another one.
const keepBytes = 4096

// keep counts a value that is held while something else is computed; held is to be
// released then. Else an expression could hold as many large values as it is deep.
func keep(env *function.Env, v value.Value) (held int, err error) {
	if n := value.Size(v); n > keepBytes {
		return n, env.Budget.Hold(n)
	}
	return 0, nil
}

// fit refuses a value that is too large or too deep.
func fit(env *function.Env, pos fault.Pos, v value.Value) (value.Value, error) {
	if err := env.Budget.Fits(v); err != nil {
		return value.Null, fault.Place(pos, err)
	}
	return v, nil
}

func (c *Compiler) list(e *ast.List) (code, error) {
	items, err := c.compileAll(e.Items)
	if err != nil {
		return code{}, err
	}
	fn := func(env *function.Env, row Row) (value.Value, error) {
		list := make([]value.Value, len(items))
		held := 0
		for i := range items {
			v, err := items[i].fn(env, row)
			if err != nil {
				return value.Null, err
			}
			if err := env.Budget.Hold(value.Size(v)); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			held += value.Size(v)
			list[i] = v
		}
		env.Budget.Release(held)
		return fit(env, e.At, value.List(list))
	}
	return folded(fn, items...), nil
}

func (c *Compiler) mapLiteral(e *ast.Map) (code, error) {
	values, err := c.compileAll(e.Values)
	if err != nil {
		return code{}, err
	}
	fn := func(env *function.Env, row Row) (value.Value, error) {
		m := make(value.Map, len(values))
		held := 0
		for i := range values {
			v, err := values[i].fn(env, row)
			if err != nil {
				return value.Null, err
			}
			if err := env.Budget.Hold(value.Size(v)); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			held += value.Size(v)
			m[e.Keys[i]] = v
		}
		env.Budget.Release(held)
		return fit(env, e.At, value.MapOf(m))
	}
	return folded(fn, values...), nil
}

func (c *Compiler) mapProjection(e *ast.MapProjection) (code, error) {
	x, err := c.compile(e.Var)
	if err != nil {
		return code{}, err
	}
	values := make([]Fn, len(e.Items))
	for i, item := range e.Items {
		if item.X == nil {
			continue
		}
		if values[i], err = c.Compile(item.X); err != nil {
			return code{}, err
		}
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		of, err := x.fn(env, row)
		if err != nil || of.IsNull() {
			return value.Null, err
		}
		m := value.Map{}
		held := 0
		for i, item := range e.Items {
			switch {
			case item.All:
				all, err := function.Properties(env, e.At, of)
				if err != nil {
					return value.Null, err
				}
				for k, v := range all {
					m[k] = v
				}
			case item.X != nil:
				v, err := values[i](env, row)
				if err != nil {
					return value.Null, err
				}
				if err := env.Budget.Hold(value.Size(v)); err != nil {
					return value.Null, fault.Place(e.At, err)
				}
				held += value.Size(v)
				m[item.Key] = v
			default:
				if m[item.Key], err = property(env, e.At, of, item.Key); err != nil {
					return value.Null, err
				}
			}
		}
		env.Budget.Release(held)
		return fit(env, e.At, value.MapOf(m))
	}}, nil
}

func (c *Compiler) index(e *ast.Index) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	i, err := c.compile(e.I)
	if err != nil {
		return code{}, err
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		of, by, err := both(env, e.At, row, x.fn, i.fn)
		if err != nil {
			return value.Null, err
		}
		return element(env, e, of, by)
	}, x, i), nil
}

func element(env *function.Env, e *ast.Index, of, by value.Value) (value.Value, error) {
	switch of.Kind() {
	case value.KindNull:
		return value.Null, nil
	case value.KindList:
		if by.IsNull() {
			return value.Null, nil
		}
		if by.Kind() != value.KindInt {
			return value.Null, fault.Run(e.I.Place(), fault.Type, "ListElementAccessByNonInteger",
				"the place in a list must be an integer, but this is %s", by.Kind())
		}
		list := of.AsList()
		i := by.AsInt()
		if i < 0 {
			i += int64(len(list))
		}
		if i < 0 || i >= int64(len(list)) {
			return value.Null, nil
		}
		return list[i], nil
	case value.KindMap, value.KindNode, value.KindRel:
		if by.IsNull() {
			return value.Null, nil
		}
		if by.Kind() != value.KindString {
			return value.Null, fault.Run(e.I.Place(), fault.Type, "MapElementAccessByNonString",
				"the key in %s must be a string, but this is %s", of.Kind(), by.Kind())
		}
		return property(env, e.At, of, by.AsString())
	}
	return value.Null, wrongType(e.At, "only lists, maps, nodes and relationships have elements", of)
}

func (c *Compiler) slice(e *ast.Slice) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	ends := [2]code{}
	for i, end := range []ast.Expr{e.From, e.To} {
		if end == nil {
			ends[i] = code{constant: true} // no fn: open
			continue
		}
		if ends[i], err = c.compile(end); err != nil {
			return code{}, err
		}
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		of, err := x.fn(env, row)
		if err != nil {
			return value.Null, err
		}
		if of.Kind() != value.KindList && !of.IsNull() {
			return value.Null, wrongType(e.At, "only a list can be sliced", of)
		}
		list := of.AsList()
		if err := env.Budget.Step(len(list) / 64); err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		held, err := keep(env, of)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		bounds := [2]int{0, len(list)}
		null := of.IsNull()
		for i, end := range ends {
			if end.fn == nil {
				continue
			}
			v, err := end.fn(env, row)
			if err != nil {
				return value.Null, err
			}
			switch v.Kind() {
			case value.KindNull:
				null = true
			case value.KindInt:
				bounds[i] = clamp(v.AsInt(), len(list))
			default:
				return value.Null, fault.Run(e.At, fault.Type, "ListElementAccessByNonInteger",
					"the ends of a slice must be integers, but this is %s", v.Kind())
			}
		}
		env.Budget.Release(held)
		if null {
			return value.Null, nil
		}
		part := list[min(bounds[0], bounds[1]):bounds[1]]
		if len(part) < len(list)/2 {
			part = slices.Clone(part) // so as not to keep all of the list
		}
		return value.List(part), nil
	}, x, ends[0], ends[1]), nil
}

// clamp is a bound of a slice, which may count from the end, within the list.
func clamp(i int64, length int) int {
	if i < 0 {
		i += int64(length)
	}
	return int(max(0, min(i, int64(length))))
}
