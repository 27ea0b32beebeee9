package function

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	register(
		strict("abs", 1, 1, types(Number), Number, func(c call) (value.Value, error) {
			if v := c.args[0]; v.Kind() == value.KindInt {
				if v.AsInt() < 0 {
					return value.Neg(v)
				}
				return v, nil
			}
			return value.Float(math.Abs(c.args[0].AsFloat())), nil
		}),
		strict("sign", 1, 1, types(Number), Integer, func(c call) (value.Value, error) {
			switch f := number(c.args[0]); {
			case f > 0:
				return value.Int(1), nil
			case f < 0:
				return value.Int(-1), nil
			}
			return value.Int(0), nil
		}),
		strict("isNaN", 1, 1, types(Number), Boolean, func(c call) (value.Value, error) {
			return value.Bool(math.IsNaN(number(c.args[0]))), nil
		}),
		strict("atan2", 2, 2, types(Number), Float, func(c call) (value.Value, error) {
			return value.Float(math.Atan2(number(c.args[0]), number(c.args[1]))), nil
		}),
		strict("round", 1, 3, types(Number, Integer, String), Float, round),
		&Func{Name: "rand", Result: Float,
			Eval: func(env *Env, _ fault.Pos, _ []value.Value) (value.Value, error) {
				return value.Float(env.Random()), nil
			}},
	)
	for name, f := range map[string]func(float64) float64{
		"ceil":     math.Ceil,
		"floor":    math.Floor,
		"exp":      math.Exp,
		"log":      math.Log,
		"log10":    math.Log10,
		"sqrt":     math.Sqrt,
		"sin":      math.Sin,
		"cos":      math.Cos,
		"tan":      math.Tan,
		"cot":      func(x float64) float64 { return 1 / math.Tan(x) },
		"asin":     math.Asin,
		"acos":     math.Acos,
		"atan":     math.Atan,
		"degrees":  func(x float64) float64 { return x * 180 / math.Pi },
		"radians":  func(x float64) float64 { return x / 180 * math.Pi },
		"haversin": func(x float64) float64 { return (1 - math.Cos(x)) / 2 },
	} {
		register(strict(name, 1, 1, types(Number), Float, func(c call) (value.Value, error) {
			return value.Float(f(number(c.args[0]))), nil
		}))
	}
	for name, x := range map[string]float64{"pi": math.Pi, "e": math.E} {
		register(strict(name, 0, 0, nil, Float, func(call) (value.Value, error) { return value.Float(x), nil }))
	}
}
