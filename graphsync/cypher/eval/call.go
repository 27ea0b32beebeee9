package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *Compiler) call(e *ast.Call) (code, error) {
	f, ok := function.Lookup(e.Name)
	if !ok {
		return code{}, fault.At(e.At, fault.Syntax, "UnknownFunction", "there is no function %s", e.Name)
	}
	if f.Aggregate {
		if c.Aggregate != nil {
			if slot, ok := c.Aggregate(e); ok {
				return slotCode(slot), nil
			}
		}
		return code{}, fault.At(e.At, fault.Syntax, "InvalidAggregation", "%s() gathers many rows and cannot be used here", f.Name)
	}
	if len(e.Args) < f.Min || f.Max >= 0 && len(e.Args) > f.Max {
		return code{}, fault.At(e.At, fault.Syntax, "InvalidNumberOfArguments", "%s() does not take %d arguments", f.Name, len(e.Args))
	}
	if f.Name == "exists" {
		switch x := e.Args[0].(type) {
		case *ast.PatternExpr:
			return c.patternExpr(x)
		case *ast.Property:
			if !c.isKnown(x) {
				return c.existsProperty(x)
			}
		}
	}
	args, err := c.compileAll(e.Args)
	if err != nil {
		return code{}, err
	}
	fn := apply(e, f, args)
	switch f.Name {
	case "coalesce":
		fn = coalesce(args)
	case "id":
		if _, ok := e.Args[0].(*ast.Var); ok {
			fn = id(args[0].fn, fn)
		}
	}
	if !f.Pure {
		return code{fn: fn}, nil
	}
	return folded(fn, args...), nil
}

func apply(e *ast.Call, f *function.Func, args []code) Fn {
	return func(env *function.Env, row Row) (value.Value, error) {
		mark := env.Mark()
		held := 0
		for i := range args {
			v, err := args[i].fn(env, row)
			if err != nil {
				env.Drop(mark)
				return value.Null, err
			}
			env.Push(v)
			n, err := keep(env, v)
			if err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			held += n
		}
		env.Budget.Release(held)
		v, err := f.Eval(env, e.At, env.Args(mark))
		env.Drop(mark)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		return v, nil
	}
}

// coalesce computes no more than it needs.
func coalesce(args []code) Fn {
	return func(env *function.Env, row Row) (value.Value, error) {
		for i := range args {
			v, err := args[i].fn(env, row)
			if err != nil || !v.IsNull() {
				return v, err
			}
		}
		return value.Null, nil
	}
}

// existsProperty is exists(x.key), which is null where x is.
func (c *Compiler) existsProperty(e *ast.Property) (code, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return code{}, err
	}
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		of, err := x.fn(env, row)
		if err != nil || of.IsNull() {
			return value.Null, err
		}
		v, err := property(env, e.At, of, e.Key)
		return value.Bool(!v.IsNull()), err
	}, x), nil
}

// id is the short way for variables that are nodes, of which counting queries ask at
// every step. What else it may be is computed anew by the long way.
func id(x, otherwise Fn) Fn {
	return func(env *function.Env, row Row) (value.Value, error) {
		v, err := x(env, row)
		if err != nil || v.Kind() != value.KindNode {
			return otherwise(env, row)
		}
		return value.Int(int64(v.AsNode())), nil
	}
}

func (c *Compiler) patternComp(e *ast.PatternComp) (code, error) {
	if c.Pattern == nil {
		return code{}, noPattern(e.At)
	}
	fn, err := c.Pattern(c.Scope, e.Pattern, e.Where, e.X)
	return code{fn: fn}, err
}

func (c *Compiler) patternExpr(e *ast.PatternExpr) (code, error) {
	if e.Pattern.Func == ast.AllPaths {
		match := &ast.Match{Pos: e.At, Patterns: []*ast.Pattern{e.Pattern}}
		return c.exists(e.At, &ast.Query{Parts: []*ast.SingleQuery{{Clauses: []ast.Clause{match}}}})
	}
	if c.Path == nil {
		return code{}, noPattern(e.At)
	}
	fn, err := c.Path(c.Scope, e.Pattern)
	return code{fn: fn}, err
}

func (c *Compiler) exists(pos fault.Pos, q *ast.Query) (code, error) {
	if c.Exists == nil {
		return code{}, noPattern(pos)
	}
	fn, err := c.Exists(c.Scope, q)
	return code{fn: fn}, err
}

func noPattern(pos fault.Pos) error {
	return fault.At(pos, fault.Syntax, "UnexpectedSyntax", "a pattern cannot be used here")
}
