package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *Compiler) caseOf(e *ast.Case) (code, error) {
	var test Fn
	var err error
	if e.Test != nil {
		if test, err = c.Compile(e.Test); err != nil {
			return code{}, err
		}
	}
	ifs, thens := make([]Fn, len(e.Whens)), make([]Fn, len(e.Whens))
	for i, w := range e.Whens {
		if ifs[i], err = c.Compile(w.If); err != nil {
			return code{}, err
		}
		if thens[i], err = c.Compile(w.Then); err != nil {
			return code{}, err
		}
	}
	otherwise := constant(value.Null).fn
	if e.Else != nil {
		if otherwise, err = c.Compile(e.Else); err != nil {
			return code{}, err
		}
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		var tested value.Value
		if test != nil {
			var err error
			if tested, err = test(env, row); err != nil {
				return value.Null, err
			}
		}
		held, err := keep(env, tested)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		for i := range ifs {
			var v value.Value
			var err error
			if test == nil {
				v, err = logical(env, row, ifs[i], e.Whens[i].If)
			} else if v, err = ifs[i](env, row); err == nil {
				v = value.Equal(tested, v)
			}
			if err != nil {
				return value.Null, err
			}
			if v.IsTrue() {
				env.Budget.Release(held)
				return thens[i](env, row)
			}
		}
		env.Budget.Release(held)
		return otherwise(env, row)
	}}, nil
}

// elements computes what must be a list or null, and counts it as held, which is
// to be released behind the loop.
func elements(env *function.Env, row Row, fn Fn, e ast.Expr) (list value.Value, held int, err error) {
	v, err := fn(env, row)
	if err != nil {
		return value.Null, 0, err
	}
	if v.Kind() != value.KindList && !v.IsNull() {
		return value.Null, 0, wrongType(e.Place(), "a list is needed", v)
	}
	if held, err = keep(env, v); err != nil {
		return value.Null, 0, fault.Place(e.Place(), err)
	}
	return v, held, nil
}

func (c *Compiler) listComp(e *ast.ListComp) (code, error) {
	list, err := c.Compile(e.List)
	if err != nil {
		return code{}, err
	}
	inner := c.inside()
	slot := inner.Scope.Bind(e.Var.Text)
	var where Pred
	if e.Where != nil {
		if where, err = inner.Predicate(e.Where); err != nil {
			return code{}, err
		}
	}
	var x Fn
	if e.X != nil {
		if x, err = inner.Compile(e.X); err != nil {
			return code{}, err
		}
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		from, held, err := elements(env, row, list, e.List)
		if err != nil || from.IsNull() {
			return value.Null, err
		}
		var out []value.Value
		if where == nil {
			n := len(from.AsList())
			if err := env.Budget.Room(n * value.Size(value.Null)); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			out = make([]value.Value, 0, n)
		}
		for _, v := range from.AsList() {
			if err := env.Budget.Step(1); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			row[slot] = v
			if where != nil {
				holds, err := where(env, row)
				if err != nil {
					return value.Null, err
				}
				if !holds {
					continue
				}
			}
			if x != nil {
				if v, err = x(env, row); err != nil {
					return value.Null, err
				}
			}
			if err := env.Budget.Hold(value.Size(v)); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			held += value.Size(v)
			out = append(out, v)
		}
		env.Budget.Release(held)
		return fit(env, e.At, value.List(out))
	}}, nil
}

func (c *Compiler) quantified(e *ast.Quantified) (code, error) {
	if e.Where == nil {
		return code{}, fault.At(e.At, fault.Syntax, "UnexpectedSyntax", "a quantifier needs WHERE and a condition")
	}
	list, err := c.Compile(e.List)
	if err != nil {
		return code{}, err
	}
	inner := c.inside()
	slot := inner.Scope.Bind(e.Var.Text)
	where, err := inner.Compile(e.Where)
	if err != nil {
		return code{}, err
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		from, held, err := elements(env, row, list, e.List)
		if err != nil || from.IsNull() {
			return value.Null, err
		}
		defer env.Budget.Release(held)
		hold, unknown := 0, false
		for _, v := range from.AsList() {
			if err := env.Budget.Step(1); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			row[slot] = v
			holds, err := logical(env, row, where, e.Where)
			switch {
			case err != nil:
				return value.Null, err
			case holds.IsNull():
				unknown = true
				continue
			case holds.IsTrue():
				hold++
			}
			// What no further element can change is decided.
			switch {
			case e.Kind == ast.All && !holds.IsTrue():
				return value.Bool(false), nil
			case e.Kind == ast.Any && holds.IsTrue():
				return value.Bool(true), nil
			case e.Kind == ast.None && holds.IsTrue():
				return value.Bool(false), nil
			case e.Kind == ast.Single && hold > 1:
				return value.Bool(false), nil
			}
		}
		switch {
		case unknown:
			return value.Null, nil
		case e.Kind == ast.Single:
			return value.Bool(hold == 1), nil
		}
		return value.Bool(e.Kind != ast.Any), nil
	}}, nil
}

func (c *Compiler) reduce(e *ast.Reduce) (code, error) {
	start, err := c.Compile(e.Init)
	if err != nil {
		return code{}, err
	}
	list, err := c.Compile(e.List)
	if err != nil {
		return code{}, err
	}
	inner := c.inside()
	acc, slot := inner.Scope.Bind(e.Acc.Text), inner.Scope.Bind(e.Var.Text)
	x, err := inner.Compile(e.X)
	if err != nil {
		return code{}, err
	}
	return code{fn: func(env *function.Env, row Row) (value.Value, error) {
		sum, err := start(env, row)
		if err != nil {
			return value.Null, err
		}
		first, err := keep(env, sum)
		if err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		from, held, err := elements(env, row, list, e.List)
		env.Budget.Release(first)
		if err != nil || from.IsNull() {
			return value.Null, err
		}
		for _, v := range from.AsList() {
			if err := env.Budget.Step(1); err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			row[acc], row[slot] = sum, v
			waiting, err := keep(env, sum)
			if err != nil {
				return value.Null, fault.Place(e.At, err)
			}
			if sum, err = x(env, row); err != nil {
				return value.Null, err
			}
			env.Budget.Release(waiting)
		}
		env.Budget.Release(held)
		return sum, nil
	}}, nil
}
