package function

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	list := types(List)
	register(
		&Func{Name: "coalesce", Min: 1, Max: -1, Result: Any, Pure: true,
			Eval: func(_ *Env, _ fault.Pos, args []value.Value) (value.Value, error) {
				for _, v := range args {
					if !v.IsNull() {
						return v, nil
					}
				}
				return value.Null, nil
			}},
		strict("size", 1, 1, types(List|String), Integer, func(c call) (value.Value, error) {
			if c.args[0].Kind() == value.KindString {
				return value.Int(int64(utf8.RuneCountInString(c.args[0].AsString()))), nil
			}
			return value.Int(int64(len(c.args[0].AsList()))), nil
		}),
		strict("isEmpty", 1, 1, types(List|Map|String), Boolean, func(c call) (value.Value, error) {
			v := c.args[0]
			return value.Bool(len(v.AsString()) == 0 && len(v.AsList()) == 0 && len(v.AsMap()) == 0), nil
		}),
		strict("head", 1, 1, list, Any, func(c call) (value.Value, error) {
			if l := c.args[0].AsList(); len(l) > 0 {
				return l[0], nil
			}
			return value.Null, nil
		}),
		strict("last", 1, 1, list, Any, func(c call) (value.Value, error) {
			if l := c.args[0].AsList(); len(l) > 0 {
				return l[len(l)-1], nil
			}
			return value.Null, nil
		}),
		strict("tail", 1, 1, list, List, func(c call) (value.Value, error) {
			if l := c.args[0].AsList(); len(l) > 0 {
				return value.List(l[1:]), nil
			}
			return c.args[0], nil
		}),
		strict("reverse", 1, 1, types(List|String), List|String, reverse),
		strict("range", 2, 3, nil, List, rangeOf),
	)
}

func reverse(c call) (value.Value, error) {
	if err := c.room(value.Size(c.args[0])); err != nil {
		return value.Null, err
	}
	if c.args[0].Kind() == value.KindString {
		runes := []rune(c.args[0].AsString())
		slices.Reverse(runes)
		return value.String(string(runes)), nil
	}
	l := slices.Clone(c.args[0].AsList())
	slices.Reverse(l)
	return value.List(l), nil
}

// rangeOf is all integers from the first to the second, both included.
func rangeOf(c call) (value.Value, error) {
	for _, v := range c.args {
		if v.Kind() != value.KindInt {
			return value.Null, fault.Run(c.pos, fault.Argument, "InvalidArgumentType", "range() takes integers, but this is %s", v.Kind())
		}
	}
	from, to, step := c.args[0].AsInt(), c.args[1].AsInt(), int64(1)
	if len(c.args) > 2 {
		step = c.args[2].AsInt()
	}
	if step == 0 {
		return value.Null, c.outOfRange("needs a step that is not 0")
	}
	if step > 0 && from > to || step < 0 && from < to {
		return value.List(nil), nil
	}
	// The distance may be more than an int64 holds, but not more than a uint64.
	distance, stride := uint64(to)-uint64(from), uint64(step)
	if step < 0 {
		distance, stride = -distance, -stride
	}
	steps := distance / stride
	if steps >= math.MaxInt32 {
		steps = math.MaxInt32 // far more than there is memory for
	}
	n := int(steps) + 1
	if err := c.room(n * value.Size(value.Null)); err != nil {
		return value.Null, err
	}
	if uint64(n) != distance/stride+1 {
		return value.Null, c.outOfRange("would give too many numbers")
	}
	out := make([]value.Value, n)
	for i := range out {
		out[i] = value.Int(from + int64(i)*step)
	}
	return value.List(out), nil
}
