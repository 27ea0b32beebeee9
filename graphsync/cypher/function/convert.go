package function

import (
	"math"
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// conversion turns a value into another type. It is null where a text does not
// say one; ok is false for types that cannot be converted at all.
type conversion func(v value.Value) (to value.Value, ok bool)

func init() {
	for _, to := range []struct {
		name   string
		result Type
		run    conversion
	}{
		{"toInteger", Integer, toInteger},
		{"toFloat", Float, toFloat},
		{"toBoolean", Boolean, toBoolean},
		{"toString", String, toString},
	} {
		register(
			strict(to.name, 1, 1, nil, to.result, func(c call) (value.Value, error) {
				v, ok := to.run(c.args[0])
				if !ok {
					return value.Null, wrongArgument(c.pos, to.name, c.args[0])
				}
				return v, nil
			}),
			strict(to.name+"OrNull", 1, 1, nil, to.result, func(c call) (value.Value, error) {
				v, _ := to.run(c.args[0])
				return v, nil
			}),
			strict(to.name+"List", 1, 1, types(List), List, func(c call) (value.Value, error) {
				from := c.args[0].AsList()
				if err := c.room(value.Size(c.args[0])); err != nil {
					return value.Null, err
				}
				list := make([]value.Value, len(from))
				for i, v := range from {
					list[i], _ = to.run(v)
				}
				return value.List(list), nil
			}),
		)
	}
}

func toInteger(v value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindInt:
		return v, true
	case value.KindFloat:
		return whole(v.AsFloat()), true
	case value.KindString:
		s := strings.TrimSpace(v.AsString())
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return value.Int(i), true
		}
		f, ok := parseFloat(s)
		if !ok {
			return value.Null, true
		}
		return whole(f), true
	}
	return value.Null, v.IsNull()
}

// whole cuts a float to an integer; what does not fit is null.
func whole(f float64) value.Value {
	if f >= -1<<63 && f < 1<<63 {
		return value.Int(int64(f))
	}
	return value.Null
}

func toFloat(v value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindInt, value.KindFloat:
		return value.Float(number(v)), true
	case value.KindString:
		f, ok := parseFloat(strings.TrimSpace(v.AsString()))
		if !ok {
			return value.Null, true
		}
		return value.Float(f), true
	}
	return value.Null, v.IsNull()
}

// parseFloat reads decimal notation, and the names of what has none.
func parseFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity", "+Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func toBoolean(v value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindBool:
		return v, true
	case value.KindString:
		s := strings.TrimSpace(v.AsString())
		switch {
		case strings.EqualFold(s, "true"):
			return value.Bool(true), true
		case strings.EqualFold(s, "false"):
			return value.Bool(false), true
		}
		return value.Null, true
	}
	return value.Null, v.IsNull()
}

func toString(v value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindString:
		return v, true
	case value.KindBool, value.KindInt, value.KindFloat:
		return value.String(value.Format(v, nil)), true
	}
	if (Temporal | Duration).Has(v.Kind()) && !v.IsNull() {
		return value.String(value.TemporalText(v)), true
	}
	return value.Null, v.IsNull()
}

// length is an argument that must not be negative, as how many characters.
func (c call) length(i int) (int, error) {
	n := c.args[i].AsInt()
	if n < 0 {
		return 0, fault.Run(c.pos, fault.Argument, "NegativeIntegerArgument", "%s() takes no negative number", c.name)
	}
	return int(min(n, math.MaxInt32)), nil
}
