package function

import (
	"github.com/meshd/meshd/graphsync/cypher/temporal"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	register(
		strict("duration", 1, 1, types(String|Map|Duration), Duration, makeDuration),
		difference("duration.between", temporal.Between),
		difference("duration.inMonths", temporal.InMonths),
		difference("duration.inDays", temporal.InDays),
		difference("duration.inSeconds", temporal.InSeconds),
		strict("datetime.fromepoch", 2, 2, types(Integer), DateTime, func(c call) (value.Value, error) {
			t, err := temporal.FromEpoch(c.args[0].AsInt(), c.args[1].AsInt(), temporal.Zone{})
			return c.temporal(value.DateTime(t), err)
		}),
		strict("datetime.fromepochmillis", 1, 1, types(Integer), DateTime, func(c call) (value.Value, error) {
			t, err := temporal.FromEpochMillis(c.args[0].AsInt(), temporal.Zone{})
			return c.temporal(value.DateTime(t), err)
		}))
}

// makeDuration is duration(text), duration(map) and duration(duration).
func makeDuration(c call) (value.Value, error) {
	v := c.args[0]
	switch v.Kind() {
	case value.KindString:
		d, err := temporal.ParseDuration(v.AsString())
		return c.temporal(value.Duration(d), err)
	case value.KindMap:
		f, some := temporalFields(v.AsMap())
		if !some {
			return value.Null, nil
		}
		d, err := temporal.BuildDuration(f)
		return c.temporal(value.Duration(d), err)
	}
	return v, nil
}

// difference is a function of two instants that gives the time between them.
func difference(name string, of func(a, b temporal.Instant) (temporal.Duration, error)) *Func {
	return strict(name, 2, 2, types(Temporal), Duration, func(c call) (value.Value, error) {
		a, _ := instantOf(c.args[0])
		b, _ := instantOf(c.args[1])
		d, err := of(a, b)
		return c.temporal(value.Duration(d), err)
	})
}
