package eval

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *Compiler) unary(e *ast.Unary) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	apply := value.Plus
	switch e.Op {
	case ast.Neg:
		apply = value.Neg
	case ast.Not:
		return folded(func(env *function.Env, row Row) (value.Value, error) {
			v, err := logical(env, row, x.fn, e.X)
			return value.Not(v), err
		}, x), nil
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		v, err := x.fn(env, row)
		if err != nil {
			return value.Null, err
		}
		if v, err = apply(v); err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		return v, nil
	}, x), nil
}

// logical computes what must be a boolean or null.
func logical(env *function.Env, row Row, fn Fn, e ast.Expr) (value.Value, error) {
	v, err := fn(env, row)
	if err == nil && v.Kind() != value.KindBool && !v.IsNull() {
		return value.Null, wrongType(e.Place(), "a boolean is needed", v)
	}
	return v, err
}

func (c *Compiler) binary(e *ast.Binary) (code, error) {
	l, err := c.compile(e.L)
	if err != nil {
		return code{}, err
	}
	r, err := c.compile(e.R)
	if err != nil {
		return code{}, err
	}
	switch e.Op {
	case ast.And:
		return folded(junction(e, l.fn, r.fn, false, value.And), l, r), nil
	case ast.Or:
		return folded(junction(e, l.fn, r.fn, true, value.Or), l, r), nil
	case ast.In:
		return c.in(e, l, r)
	case ast.Matches:
		return matches(e, l, r), nil
	case ast.Add:
		return folded(add(e, l.fn, r.fn), l, r), nil
	}
	apply, ok := operators[e.Op]
	if !ok {
		return code{}, fault.At(e.At, fault.Unsupported, "", "this operator is not supported")
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		a, b, err := both(env, e.At, row, l.fn, r.fn)
		if err != nil {
			return value.Null, err
		}
		if work := looked(e.Op, a, b) / 2048; work > 0 {
			if err := env.Budget.Step(work); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
		}
		v, err := apply(a, b)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		return v, nil
	}, l, r), nil
}

var operators = map[ast.Op]func(a, b value.Value) (value.Value, error){
	ast.Sub:        value.Sub,
	ast.Mul:        value.Mul,
	ast.Div:        value.Div,
	ast.Mod:        value.Mod,
	ast.Pow:        value.Pow,
	ast.Xor:        xor,
	ast.StartsWith: onTexts(strings.HasPrefix),
	ast.EndsWith:   onTexts(strings.HasSuffix),
	ast.Contains:   onTexts(strings.Contains),
}

// looked is how many bytes of two texts an operator looks at.
func looked(o ast.Op, a, b value.Value) int {
	switch {
	case a.Kind() != value.KindString || b.Kind() != value.KindString:
		return 0
	case o == ast.Contains:
		return len(a.AsString()) + len(b.AsString())
	}
	return min(len(a.AsString()), len(b.AsString()))
}

// onTexts is a predicate on two texts, null for anything else.
func onTexts(holds func(s, t string) bool) func(a, b value.Value) (value.Value, error) {
	return func(a, b value.Value) (value.Value, error) {
		if a.Kind() != value.KindString || b.Kind() != value.KindString {
			return value.Null, nil
		}
		return value.Bool(holds(a.AsString(), b.AsString())), nil
	}
}

func xor(a, b value.Value) (value.Value, error) {
	for _, v := range [2]value.Value{a, b} {
		if v.Kind() != value.KindBool && !v.IsNull() {
			return value.Null, wrongType(fault.Pos{}, "a boolean is needed", v)
		}
	}
	return value.Xor(a, b), nil
}

func both(env *function.Env, pos fault.Pos, row Row, l, r Fn) (a, b value.Value, err error) {
	if a, err = l(env, row); err != nil {
		return
	}
	held, err := keep(env, a)
	if err != nil {
		return a, b, fault.Place(pos, err)
	}
	b, err = r(env, row)
	env.Budget.Release(held)
	return
}

// junction is AND and OR. The right side is not computed if the left one decides.
func junction(e *ast.Binary, l, r Fn, decides bool, join func(a, b value.Value) value.Value) Fn {
	return func(env *function.Env, row Row) (value.Value, error) {
		a, err := logical(env, row, l, e.L)
		if err != nil {
			return value.Null, err
		}
		if a.Kind() == value.KindBool && a.AsBool() == decides {
			return a, nil
		}
		b, err := logical(env, row, r, e.R)
		if err != nil {
			return value.Null, err
		}
		return join(a, b), nil
	}
}

func add(e *ast.Binary, l, r Fn) Fn {
	return func(env *function.Env, row Row) (value.Value, error) {
		a, b, err := both(env, e.At, row, l, r)
		if err != nil {
			return value.Null, err
		}
		if size := value.SumSize(a, b); size > 0 {
			if err := env.Budget.Room(size); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			if err := env.Budget.Step(size / 256); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
		}
		sum, err := value.Add(a, b)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		if sum.Kind() == value.KindList {
			return fit(env, e.At, sum)
		}
		return sum, nil
	}
}

// matches is never folded: what it takes must be seen by the clock of the query.
func matches(e *ast.Binary, l, r code) code {
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		text, by, err := both(env, e.At, row, l.fn, r.fn)
		if err != nil {
			return value.Null, err
		}
		if text.Kind() != value.KindString || by.Kind() != value.KindString {
			return value.Null, nil
		}
		p, err := env.Pattern(e.R.Place(), by.AsString())
		if err != nil {
			return value.Null, err
		}
		holds, err := p.Matches(env.Budget, e.At, text.AsString())
		return value.Bool(holds), err
	}}
}
