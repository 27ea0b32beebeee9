package function

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/temporal"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// callTemporal calls a function at 2020-06-15T10:20:30.5Z.
func callTemporal(t *testing.T, name string, args ...value.Value) (value.Value, error) {
	t.Helper()
	f, ok := Lookup(name)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	if len(args) < f.Min || len(args) > f.Max {
		t.Fatalf("%s takes %d to %d arguments, not %d", name, f.Min, f.Max, len(args))
	}
	env := &Env{Now: time.Date(2020, 6, 15, 10, 20, 30, 500_000_000, time.UTC)}
	return f.Eval(env, fault.Pos{Line: 1, Column: 8}, args)
}

func TestTemporalFunctions(t *testing.T) {
	text := value.String
	zone := value.MapOf(value.Map{"timezone": text("Asia/Kolkata")})
	stockholm := value.DateTime(valid(temporal.ParseDateTime("2017-11-11T12:31:14.645876123[Europe/Stockholm]")))
	day := value.Date(valid(temporal.ParseDate("2015-07-21")))
	noon := value.LocalTime(valid(temporal.ParseLocalTime("12:00")))
	for _, c := range []struct {
		name string
		args []value.Value
		want string
	}{
		{"date", nil, "2020-06-15"},
		{"localtime", nil, "10:20:30.500"},
		{"time", nil, "10:20:30.500Z"},
		{"localdatetime", nil, "2020-06-15T10:20:30.500"},
		{"datetime", nil, "2020-06-15T10:20:30.500Z"},
		{"DateTime.Realtime", nil, "2020-06-15T10:20:30.500Z"},
		{"date.transaction", []value.Value{text("Pacific/Kiritimati")}, "2020-06-16"},
		{"localtime.statement", []value.Value{text("America/Los Angeles")}, "03:20:30.500"},
		{"time.realtime", []value.Value{zone}, "15:50:30.500+05:30"},
		{"datetime", []value.Value{zone}, "2020-06-15T15:50:30.500+05:30[Asia/Kolkata]"},
		{"localdatetime.transaction", []value.Value{text("+01:00")}, "2020-06-15T11:20:30.500"},
		{"date", []value.Value{text("2015-W30-2")}, "2015-07-21"},
		{"localtime", []value.Value{text("214032.142")}, "21:40:32.142"},
		{"time", []value.Value{text("2140-02")}, "21:40-02:00"},
		{"localdatetime", []value.Value{text("2015202T21")}, "2015-07-21T21:00"},
		{"datetime", []value.Value{text("2015-07-21T21:40:32.142-04[America/New_York]")}, "2015-07-21T21:40:32.142-04:00[America/New_York]"},
		{"duration", []value.Value{text("P5M1.5D")}, "P5M1DT12H"},
		{"date", []value.Value{stockholm}, "2017-11-11"},
		{"localtime", []value.Value{stockholm}, "12:31:14.645876123"},
		{"time", []value.Value{stockholm}, "12:31:14.645876123+01:00"},
		{"localdatetime", []value.Value{stockholm}, "2017-11-11T12:31:14.645876123"},
		{"datetime", []value.Value{stockholm}, "2017-11-11T12:31:14.645876123+01:00[Europe/Stockholm]"},
		{"time", []value.Value{noon}, "12:00Z"},
		{"datetime", []value.Value{day}, "2015-07-21T00:00Z"},
		{"date", []value.Value{value.MapOf(value.Map{"date": stockholm, "day": value.Int(1)})}, "2017-11-01"},
		{"time", []value.Value{value.MapOf(value.Map{"time": stockholm, "timezone": text("Z")})}, "11:31:14.645876123Z"},
		{"datetime", []value.Value{value.MapOf(value.Map{"date": day, "time": stockholm})}, "2015-07-21T12:31:14.645876123+02:00[Europe/Stockholm]"},
		{"duration", []value.Value{value.MapOf(value.Map{"months": value.Float(0.75)})}, "P22DT19H51M49.5S"},
		{"duration", []value.Value{value.Duration(temporal.Duration{Days: 1})}, "P1D"},
		{"date.truncate", []value.Value{text("millennium"), stockholm}, "2000-01-01"},
		{"date.truncate", []value.Value{text("quarter")}, "2020-04-01"},
		{"localtime.truncate", []value.Value{text("hour"), stockholm, value.MapOf(value.Map{"nanosecond": value.Int(2)})}, "12:00:00.000000002"},
		{"time.truncate", []value.Value{text("day"), stockholm}, "00:00+01:00"},
		{"localdatetime.truncate", []value.Value{text("weekYear"), stockholm}, "2017-01-02T00:00"},
		{"datetime.truncate", []value.Value{text("year"), stockholm, value.MapOf(value.Map{"timezone": text("+05:00")})}, "2017-01-01T00:00+05:00"},
		{"duration.between", []value.Value{day, stockholm}, "P2Y3M21DT12H31M14.645876123S"},
		{"duration.inMonths", []value.Value{day, stockholm}, "P2Y3M"},
		{"duration.inDays", []value.Value{day, stockholm}, "P844D"},
		{"duration.inSeconds", []value.Value{noon, value.LocalTime(temporal.LocalTime{})}, "PT-12H"},
		{"datetime.fromepoch", []value.Value{value.Int(416779), value.Int(999999999)}, "1970-01-05T19:46:19.999999999Z"},
		{"datetime.fromEpochMillis", []value.Value{value.Int(237821673987)}, "1977-07-15T13:34:33.987Z"},
	} {
		v, err := callTemporal(t, c.name, c.args...)
		if err != nil || value.TemporalText(v) != c.want {
			t.Errorf("%s(%v) = %s, %v, want %s", c.name, c.args, value.TemporalText(v), err, c.want)
			continue
		}
		if f, _ := Lookup(c.name); !f.Result.Has(v.Kind()) {
			t.Errorf("%s gives a %v, which is not said", c.name, v.Kind())
		}
	}
}

func TestTemporalFunctionsOfNull(t *testing.T) {
	null, day := value.Null, value.Date(temporal.Date{})
	holes := value.MapOf(value.Map{"year": value.Int(1), "days": value.Int(1), "month": null})
	for name := range registry {
		var args [][]value.Value
		switch {
		case strings.HasSuffix(name, ".truncate"):
			args = [][]value.Value{{null}, {value.String("day"), null}, {value.String("day"), day, null}, {value.String("day"), day, holes}}
		case strings.HasPrefix(name, "duration."), name == "datetime.fromepoch":
			args = [][]value.Value{{null, null}}
		case strings.Contains(name, ".") && strings.Contains(name, "time"), strings.HasPrefix(name, "date."):
			args = [][]value.Value{{null}}
		case name == "date", name == "time", name == "localtime", name == "datetime", name == "localdatetime", name == "duration":
			args = [][]value.Value{{null}, {holes}}
		}
		for _, a := range args {
			if v, err := callTemporal(t, name, a...); err != nil || !v.IsNull() {
				t.Errorf("%s(%v) = %v, %v, want null", name, a, v, err)
			}
		}
	}
}

func TestTemporalFunctionsRefuse(t *testing.T) {
	text := value.String
	noon := value.LocalTime(temporal.LocalTime{})
	for _, c := range []struct {
		name, detail string
		class        fault.Class
		args         []value.Value
	}{
		{"date", "InvalidArgumentValue", fault.Argument, []value.Value{text("yesterday")}},
		{"date", "InvalidArgumentValue", fault.Argument, []value.Value{noon}},
		{"date", "InvalidArgumentValue", fault.Argument, []value.Value{value.MapOf(nil)}},
		{"date", "InvalidArgumentValue", fault.Argument, []value.Value{value.MapOf(value.Map{"year": value.Bool(true)})}},
		{"datetime", "InvalidArgumentValue", fault.Argument, []value.Value{value.MapOf(value.Map{"timezone": text("../etc")})}},
		{"datetime.realtime", "InvalidArgumentValue", fault.Argument, []value.Value{text("Nowhere")}},
		{"datetime.realtime", "InvalidArgumentValue", fault.Argument, []value.Value{value.MapOf(value.Map{"year": value.Int(1)})}},
		{"duration", "InvalidArgumentValue", fault.Argument, []value.Value{text("1 day")}},
		{"duration", "NumberOutOfRange", fault.Argument, []value.Value{value.MapOf(value.Map{"years": value.Int(1 << 62)})}},
		{"datetime.fromepoch", "NumberOutOfRange", fault.Argument, []value.Value{value.Int(1 << 62), value.Int(0)}},
		{"date.truncate", "InvalidArgumentValue", fault.Argument, []value.Value{text("hour"), value.Date(temporal.Date{})}},
		{"date.truncate", "InvalidArgumentValue", fault.Type, []value.Value{text("day"), text("2015")}},
		{"date", "InvalidArgumentValue", fault.Type, []value.Value{value.Int(1)}},
		{"duration.between", "InvalidArgumentValue", fault.Type, []value.Value{noon, value.Int(1)}},
	} {
		v, err := callTemporal(t, c.name, c.args...)
		var f *fault.Error
		if !errors.As(err, &f) || f.Class != c.class || f.Detail != c.detail || !f.Pos.Known() {
			t.Errorf("%s(%v) = %v, %#v, want %s %s", c.name, c.args, v, err, c.class, c.detail)
		}
	}
}

func valid[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
