package function

import (
	"errors"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/temporal"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// instant is what the functions of one type of instant differ in. All of them give
// null where an argument or a component is null.
type instant struct {
	name     string
	result   Type
	parse    func(text string) (value.Value, error)
	build    func(f temporal.Fields, now time.Time) (value.Value, error)
	of       func(i temporal.Instant) (value.Value, error)
	truncate func(unit string, i temporal.Instant, f temporal.Fields, now time.Time) (value.Value, error)
}

// wrap makes a function of the package temporal give a Value.
func wrap[T any](v T, err error, to func(T) value.Value) (value.Value, error) {
	if err != nil {
		return value.Null, err
	}
	return to(v), nil
}

var instants = []instant{{
	name: "date", result: Date,
	parse: func(text string) (value.Value, error) {
		d, err := temporal.ParseDate(text)
		return wrap(d, err, value.Date)
	},
	build: func(f temporal.Fields, now time.Time) (value.Value, error) {
		d, err := temporal.BuildDate(f, now)
		return wrap(d, err, value.Date)
	},
	of: func(i temporal.Instant) (value.Value, error) {
		d, err := temporal.DateOf(i)
		return wrap(d, err, value.Date)
	},
	truncate: func(unit string, i temporal.Instant, f temporal.Fields, _ time.Time) (value.Value, error) {
		d, err := temporal.TruncateDate(unit, i, f)
		return wrap(d, err, value.Date)
	},
}, {
	name: "localtime", result: LocalTime,
	parse: func(text string) (value.Value, error) {
		t, err := temporal.ParseLocalTime(text)
		return wrap(t, err, value.LocalTime)
	},
	build: func(f temporal.Fields, now time.Time) (value.Value, error) {
		t, err := temporal.BuildLocalTime(f, now)
		return wrap(t, err, value.LocalTime)
	},
	of: func(i temporal.Instant) (value.Value, error) {
		t, err := temporal.LocalTimeOf(i)
		return wrap(t, err, value.LocalTime)
	},
	truncate: func(unit string, i temporal.Instant, f temporal.Fields, _ time.Time) (value.Value, error) {
		t, err := temporal.TruncateLocalTime(unit, i, f)
		return wrap(t, err, value.LocalTime)
	},
}, {
	name: "time", result: Time,
	parse: func(text string) (value.Value, error) {
		t, err := temporal.ParseTime(text)
		return wrap(t, err, value.Time)
	},
	build: func(f temporal.Fields, now time.Time) (value.Value, error) {
		t, err := temporal.BuildTime(f, now)
		return wrap(t, err, value.Time)
	},
	of: func(i temporal.Instant) (value.Value, error) {
		t, err := temporal.TimeOf(i)
		return wrap(t, err, value.Time)
	},
	truncate: func(unit string, i temporal.Instant, f temporal.Fields, now time.Time) (value.Value, error) {
		t, err := temporal.TruncateTime(unit, i, f, now)
		return wrap(t, err, value.Time)
	},
}, {
	name: "localdatetime", result: LocalDateTime,
	parse: func(text string) (value.Value, error) {
		t, err := temporal.ParseLocalDateTime(text)
		return wrap(t, err, value.LocalDateTime)
	},
	build: func(f temporal.Fields, now time.Time) (value.Value, error) {
		t, err := temporal.BuildLocalDateTime(f, now)
		return wrap(t, err, value.LocalDateTime)
	},
	of: func(i temporal.Instant) (value.Value, error) {
		t, err := temporal.LocalDateTimeOf(i)
		return wrap(t, err, value.LocalDateTime)
	},
	truncate: func(unit string, i temporal.Instant, f temporal.Fields, _ time.Time) (value.Value, error) {
		t, err := temporal.TruncateLocalDateTime(unit, i, f)
		return wrap(t, err, value.LocalDateTime)
	},
}, {
	name: "datetime", result: DateTime,
	parse: func(text string) (value.Value, error) {
		t, err := temporal.ParseDateTime(text)
		return wrap(t, err, value.DateTime)
	},
	build: func(f temporal.Fields, now time.Time) (value.Value, error) {
		t, err := temporal.BuildDateTime(f, now)
		return wrap(t, err, value.DateTime)
	},
	of: func(i temporal.Instant) (value.Value, error) {
		t, err := temporal.DateTimeOf(i)
		return wrap(t, err, value.DateTime)
	},
	truncate: func(unit string, i temporal.Instant, f temporal.Fields, _ time.Time) (value.Value, error) {
		t, err := temporal.TruncateDateTime(unit, i, f)
		return wrap(t, err, value.DateTime)
	},
}}

func init() {
	for _, k := range instants {
		register(k.constructor(), k.truncation())
		for _, clock := range []string{"transaction", "statement", "realtime"} {
			register(k.current(clock))
		}
	}
}

// constructor is date(), date(text), date(map) and date(instant).
func (k instant) constructor() *Func {
	return impure(strict(k.name, 0, 1, types(String|Map|Temporal), k.result, func(c call) (value.Value, error) {
		if len(c.args) == 0 {
			return k.now(c, "Z")
		}
		v := c.args[0]
		if i, ok := instantOf(v); ok {
			r, err := k.of(i)
			return c.temporal(r, err)
		}
		if v.Kind() == value.KindString {
			r, err := k.parse(v.AsString())
			return c.temporal(r, err)
		}
		f, some := temporalFields(v.AsMap())
		if !some {
			return value.Null, nil
		}
		r, err := k.build(f, c.env.Now)
		return c.temporal(r, err)
	}))
}

// current is date.statement() and the like. All clocks show the time at which the
// statement began: it is a transaction, and it does not see its own duration.
func (k instant) current(clock string) *Func {
	return impure(strict(k.name+"."+clock, 0, 1, types(String|Map), k.result, func(c call) (value.Value, error) {
		if len(c.args) == 0 {
			return k.now(c, "Z")
		}
		zone := c.args[0]
		if zone.Kind() == value.KindMap {
			m, only := zone.AsMap(), false
			if zone, only = m["timezone"]; only && len(m) == 1 && zone.IsNull() {
				return value.Null, nil
			}
			if len(m) != 1 || zone.Kind() != value.KindString {
				return c.temporal(value.Null, errOnlyZone)
			}
		}
		return k.now(c, zone.AsString())
	}))
}

var errOnlyZone = errors.New("it takes a timezone only")

func (k instant) now(c call, zone string) (value.Value, error) {
	r, err := k.build(temporal.Fields{"timezone": zone}, c.env.Now)
	return c.temporal(r, err)
}

// truncation is date.truncate(unit, instant, map); it takes the time now where no
// instant is given.
func (k instant) truncation() *Func {
	return impure(strict(k.name+".truncate", 1, 3, types(String, Temporal, Map), k.result, func(c call) (value.Value, error) {
		var from temporal.Instant
		if len(c.args) > 1 {
			from, _ = instantOf(c.args[1])
		} else {
			now, err := temporal.At(c.env.Now, temporal.Zone{})
			if err != nil {
				return c.temporal(value.Null, err)
			}
			from = now
		}
		var fields temporal.Fields
		if len(c.args) > 2 {
			some := false
			if fields, some = temporalFields(c.args[2].AsMap()); !some {
				return value.Null, nil
			}
		}
		r, err := k.truncate(c.args[0].AsString(), from, fields, c.env.Now)
		return c.temporal(r, err)
	}))
}

// instantOf is the date or time that v is.
func instantOf(v value.Value) (temporal.Instant, bool) {
	switch v.Kind() {
	case value.KindDate:
		return v.AsDate(), true
	case value.KindLocalTime:
		return v.AsLocalTime(), true
	case value.KindTime:
		return v.AsTime(), true
	case value.KindLocalDateTime:
		return v.AsLocalDateTime(), true
	case value.KindDateTime:
		return v.AsDateTime(), true
	}
	return nil, false
}

// temporalFields are the components of a map; some is false where one is null. What
// is no component's type is given on as nil, which is refused there.
func temporalFields(m value.Map) (fields temporal.Fields, some bool) {
	fields = make(temporal.Fields, len(m))
	for name, v := range m {
		if i, ok := instantOf(v); ok {
			fields[name] = i
			continue
		}
		switch v.Kind() {
		case value.KindNull:
			return nil, false
		case value.KindInt:
			fields[name] = v.AsInt()
		case value.KindFloat:
			fields[name] = v.AsFloat()
		case value.KindString:
			fields[name] = v.AsString()
		default:
			fields[name] = nil
		}
	}
	return fields, true
}

// temporal gives an error of the package temporal its place and class.
func (c call) temporal(v value.Value, err error) (value.Value, error) {
	if err == nil {
		return v, nil
	}
	detail := "InvalidArgumentValue"
	if errors.Is(err, temporal.ErrOverflow) {
		detail = "NumberOutOfRange"
	}
	return value.Null, fault.Run(c.pos, fault.Argument, detail, "%s(): %v", c.name, err)
}
