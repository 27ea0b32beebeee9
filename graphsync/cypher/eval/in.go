package eval

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func (c *Compiler) in(e *ast.Binary, l, r code) (code, error) {
	if r.constant {
		if set := setOf(r.value); set != nil {
			return folded(func(env *function.Env, row Row) (value.Value, error) {
				x, err := l.fn(env, row)
				if err != nil {
					return value.Null, err
				}
				return set.contains(x), nil
			}, l, r), nil
		}
	}
	_, isParam := e.R.(*ast.Param)
	return folded(func(env *function.Env, row Row) (value.Value, error) {
		x, list, err := both(env, e.At, row, l.fn, r.fn)
		if err != nil {
			return value.Null, err
		}
		if isParam && len(list.AsList()) >= minSet {
			// It is the same list for all rows.
			if set := env.Memo(e, func() any { return setOf(list) }).(set); set != nil {
				return set.contains(x), nil
			}
		}
		if list.Kind() != value.KindList && !list.IsNull() {
			return value.Null, wrongType(e.R.Place(), "IN needs a list", list)
		}
		if err := env.Budget.Step(len(list.AsList()) / 16); err != nil {
			return value.Null, fault.Place(e.At, err)
		}
		return value.In(x, list), nil
	}, l, r), nil
}

// set is a list of simple values, none of them null or NaN, among which equality
// and equivalence are the same.
type set map[string]struct{}

// minSet is from which length on a set is faster than the list.
const minSet = 8

func setOf(list value.Value) set {
	items := list.AsList()
	if len(items) < minSet {
		return nil
	}
	s := make(set, len(items))
	for _, v := range items {
		if !simple(v) {
			return nil
		}
		s[string(value.AppendKey(nil, v))] = struct{}{}
	}
	return s
}

func simple(v value.Value) bool {
	switch v.Kind() {
	case value.KindBool, value.KindInt, value.KindString:
		return true
	case value.KindFloat:
		return !math.IsNaN(v.AsFloat())
	}
	return false
}

func (s set) contains(x value.Value) value.Value {
	if x.IsNull() {
		return value.Null
	}
	if !simple(x) {
		return value.Bool(false)
	}
	var space [64]byte
	_, ok := s[string(value.AppendKey(space[:0], x))]
	return value.Bool(ok)
}
