package function

import (
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// call is what a function's Eval is given, with helpers to refuse. It goes by
// value, so that a call allocates nothing.
type call struct {
	env  *Env
	pos  fault.Pos
	name string
	args []value.Value
}

type body func(c call) (value.Value, error)

// strict is a function that gives null if any argument is null, and refuses what
// is not of the types that it takes.
func strict(name string, min, max int, args []Type, result Type, run body) *Func {
	f := &Func{Name: name, Min: min, Max: max, Args: args, Result: result, Pure: true}
	f.Eval = func(env *Env, pos fault.Pos, given []value.Value) (value.Value, error) {
		size := 0
		for i := range given {
			if given[i].IsNull() {
				return value.Null, nil
			}
			size += value.Size(given[i])
		}
		for i := range given {
			if !f.Arg(i).Has(given[i].Kind()) {
				return value.Null, wrongArgument(pos, name, given[i])
			}
		}
		if work := size / 1024; work > 0 {
			if err := env.Budget.Step(work); err != nil {
				return value.Null, err
			}
		}
		return run(call{env, pos, name, given})
	}
	return f
}

// impure says of a function that it reads the graph, the clock or chance.
func impure(f *Func) *Func {
	f.Pure = false
	return f
}

// wrongArgument refuses a value of a type that a function does not take.
func wrongArgument(pos fault.Pos, name string, v value.Value) error {
	return fault.Run(pos, fault.Type, "InvalidArgumentValue", "%s() does not take %s", name, v.Kind())
}

func (c call) outOfRange(format string, args ...any) error {
	return fault.Run(c.pos, fault.Argument, "NumberOutOfRange", c.name+"() "+format, args...)
}

// room asks for memory before it is used, and counts the work of filling it.
func (c call) room(bytes int) error {
	if err := c.env.Budget.Room(bytes); err != nil {
		return err
	}
	return c.env.Budget.Step(bytes / 256)
}

func types(t ...Type) []Type { return t }

// number is a number as a float.
func number(v value.Value) float64 {
	if v.Kind() == value.KindInt {
		return float64(v.AsInt())
	}
	return v.AsFloat()
}
