package value

import (
	"errors"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/temporal"
)

// orderTemporal orders two temporal values, or durations, of one kind; it is 0
// just where they are equal.
func orderTemporal(a, b Value) int {
	switch a.kind {
	case KindDate:
		return a.AsDate().Compare(b.AsDate())
	case KindLocalTime:
		return a.AsLocalTime().Compare(b.AsLocalTime())
	case KindTime:
		return a.AsTime().Compare(b.AsTime())
	case KindLocalDateTime:
		return a.AsLocalDateTime().Compare(b.AsLocalDateTime())
	case KindDateTime:
		return a.AsDateTime().Compare(b.AsDateTime())
	}
	return a.AsDuration().Compare(b.AsDuration())
}

// TemporalText is the text of a temporal value or a duration, "" of others.
func TemporalText(v Value) string {
	switch v.kind {
	case KindDate:
		return v.AsDate().String()
	case KindLocalTime:
		return v.AsLocalTime().String()
	case KindTime:
		return v.AsTime().String()
	case KindLocalDateTime:
		return v.AsLocalDateTime().String()
	case KindDateTime:
		return v.AsDateTime().String()
	case KindDuration:
		return v.AsDuration().String()
	}
	return ""
}

// Component is a part of a temporal value or a duration, as year. The error says
// that there is none of that name.
func Component(v Value, name string) (Value, error) {
	var n int64
	var text string
	var err error
	switch v.kind {
	case KindDate:
		n, text, err = v.AsDate().Field(name)
	case KindLocalTime:
		n, text, err = v.AsLocalTime().Field(name)
	case KindTime:
		n, text, err = v.AsTime().Field(name)
	case KindLocalDateTime:
		n, text, err = v.AsLocalDateTime().Field(name)
	case KindDateTime:
		n, text, err = v.AsDateTime().Field(name)
	case KindDuration:
		n, text, err = v.AsDuration().Field(name)
	default:
		return Null, mismatch("take a property of", v)
	}
	switch {
	case err != nil:
		return Null, temporalFault(err)
	case text != "":
		return String(text), nil
	}
	return Int(n), nil
}

// addDuration adds a duration to a temporal value, or to another.
func addDuration(v, by Value) (Value, error) {
	d := by.AsDuration()
	switch v.kind {
	case KindDate:
		return temporalResult(Date)(v.AsDate().Plus(d))
	case KindLocalTime:
		return temporalResult(LocalTime)(v.AsLocalTime().Plus(d))
	case KindTime:
		return temporalResult(Time)(v.AsTime().Plus(d))
	case KindLocalDateTime:
		return temporalResult(LocalDateTime)(v.AsLocalDateTime().Plus(d))
	case KindDateTime:
		return temporalResult(DateTime)(v.AsDateTime().Plus(d))
	case KindDuration:
		return temporalResult(Duration)(v.AsDuration().Plus(d))
	}
	return Null, mismatch("add", v, by)
}

// subtractDuration takes a duration from a temporal value, or from another.
func subtractDuration(v, by Value) (Value, error) {
	d := by.AsDuration()
	switch v.kind {
	case KindDate:
		return temporalResult(Date)(v.AsDate().Minus(d))
	case KindLocalTime:
		return temporalResult(LocalTime)(v.AsLocalTime().Minus(d))
	case KindTime:
		return temporalResult(Time)(v.AsTime().Minus(d))
	case KindLocalDateTime:
		return temporalResult(LocalDateTime)(v.AsLocalDateTime().Minus(d))
	case KindDateTime:
		return temporalResult(DateTime)(v.AsDateTime().Minus(d))
	case KindDuration:
		return temporalResult(Duration)(v.AsDuration().Minus(d))
	}
	return Null, mismatch("subtract", v, by)
}

func multiplyDuration(d, by Value) (Value, error) {
	if by.kind == KindInt {
		return temporalResult(Duration)(d.AsDuration().Times(by.AsInt()))
	}
	return temporalResult(Duration)(d.AsDuration().TimesFloat(by.AsFloat()))
}

func divideDuration(d, by Value) (Value, error) {
	if by.kind == KindInt {
		return temporalResult(Duration)(d.AsDuration().Over(by.AsInt()))
	}
	return temporalResult(Duration)(d.AsDuration().OverFloat(by.AsFloat()))
}

// temporalResult turns the answer of package temporal into a value or a fault.
func temporalResult[T any](of func(T) Value) func(T, error) (Value, error) {
	return func(t T, err error) (Value, error) {
		if err != nil {
			return Null, temporalFault(err)
		}
		return of(t), nil
	}
}

func temporalFault(err error) error {
	switch {
	case errors.Is(err, temporal.ErrDivision):
		return fault.Run(fault.Pos{}, fault.Arithmetic, "DivisionByZero", "%v", err)
	case errors.Is(err, temporal.ErrOverflow):
		return fault.Run(fault.Pos{}, fault.Arithmetic, "IntegerOverflow", "%v", err)
	}
	return fault.Run(fault.Pos{}, fault.Type, "InvalidArgumentValue", "%v", err)
}
