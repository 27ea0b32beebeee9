package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

var comparisons = map[ast.Op]func(a, b value.Value) value.Value{
	ast.Eq: value.Equal,
	ast.Ne: value.NotEqual,
	ast.Lt: value.Less,
	ast.Le: value.LessEqual,
	ast.Gt: value.Greater,
	ast.Ge: value.GreaterEqual,
}

func (c *Compiler) comparison(e *ast.Comparison) (code, error) {
	items, err := c.compileAll(e.Items)
	if err != nil {
		return code{}, err
	}
	if len(e.Ops) == 1 {
		compare := comparisons[e.Ops[0]]
		if fn := c.compareProperty(e, items, compare); fn != nil {
			return code{fn: fn}, nil
		}
		l, r := items[0].fn, items[1].fn
		return folded(func(env *function.Env, row Row) (value.Value, error) {
			a, b, err := both(env, e.At, row, l, r)
			if err != nil {
				return value.Null, err
			}
			if err := env.Budget.Step(min(value.Size(a), value.Size(b)) / 2048); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			return compare(a, b), nil
		}, items...), nil
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		last, err := items[0].fn(env, row)
		if err != nil {
			return value.Null, err
		}
		all := value.Bool(true)
		for i, op := range e.Ops {
			held, err := keep(env, last)
			if err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			next, err := items[i+1].fn(env, row)
			if err != nil {
				return value.Null, err
			}
			env.Budget.Release(held)
			if err := env.Budget.Step(min(value.Size(last), value.Size(next)) / 2048); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			all = value.And(all, comparisons[op](last, next))
			if !all.IsTrue() && !all.IsNull() {
				return all, nil
			}
			last = next
		}
		return all, nil
	}, items...), nil
}

// compareProperty is the short way for v.key <op> constant, of which filters are
// made; nil if it is something else.
func (c *Compiler) compareProperty(e *ast.Comparison, items []code, compare func(a, b value.Value) value.Value) Fn {
	p, ok := e.Items[0].(*ast.Property)
	if !ok || !items[1].constant {
		return nil
	}
	v, ok := p.X.(*ast.Var)
	if !ok || c.isKnown(p) || c.isKnown(v) {
		return nil
	}
	slot, ok := c.Scope.Lookup(v.Name)
	if !ok {
		return nil
	}
	key, with := p.Key, items[1].value
	return func(env *function.Env, row Row) (value.Value, error) {
		got, err := property(env, p.At, row[slot], key)
		if err != nil {
			return value.Null, err
		}
		return compare(got, with), nil
	}
}

func (c *Compiler) isKnown(e ast.Expr) bool {
	if c.Known == nil {
		return false
	}
	_, ok := c.Known(e)
	return ok
}

// Predicate compiles an expression whose value must be a boolean or null.
func (c *Compiler) Predicate(e ast.Expr) (Pred, error) {
	if b, ok := e.(*ast.Binary); ok && (b.Op == ast.And || b.Op == ast.Or) && !c.isKnown(e) {
		l, err := c.Predicate(b.L)
		if err != nil {
			return nil, err
		}
		r, err := c.Predicate(b.R)
		if err != nil {
			return nil, err
		}
		decides := b.Op == ast.Or
		return func(env *function.Env, row Row) (bool, error) {
			holds, err := l(env, row)
			if err != nil || holds == decides {
				return holds && err == nil, err
			}
			return r(env, row)
		}, nil
	}
	fn, err := c.Compile(e)
	if err != nil {
		return nil, err
	}
	if _, ok := e.(*ast.Comparison); ok {
		// It is nothing but a boolean or null.
		return func(env *function.Env, row Row) (bool, error) {
			v, err := fn(env, row)
			return v.IsTrue(), err
		}, nil
	}
	return func(env *function.Env, row Row) (bool, error) {
		v, err := logical(env, row, fn, e)
		return v.IsTrue(), err
	}, nil
}
