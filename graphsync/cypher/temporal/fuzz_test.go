package temporal

import (
	"fmt"
	"slices"
	"testing"
)

type textual interface {
	comparable
	fmt.Stringer
}

// reads says that a value reads the same from its text.
func reads[T textual](t *testing.T, parse func(string) (T, error), v T) {
	t.Helper()
	if w, err := parse(v.String()); err != nil || w != v {
		t.Errorf("%s is %s, %v", v, w, err)
	}
}

// again says it of what was read from any text, if that was one.
func again[T textual](t *testing.T, parse func(string) (T, error), text string) {
	t.Helper()
	if v, err := parse(text); err == nil {
		reads(t, parse, v)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"2015-07-21", "2015W302", "2015-Q2-60", "2015202", "+12345-W01-1", "-999999999-01-01", "21:40:32.142", "T2140-0130", "22+18:00",
		"2015-07-21T21:40:32.142-04[America/New_York]", "1818-07-21T21:40:32,142[Europe/Stockholm]", "2017-10-29T02:30+01:00[Europe/Stockholm]",
		"P1Y2M3W4DT5H6M7.5S", "-PT-0.000000001S", "P0.75M", "P2012-02-02T14:37:21.545", "PT9223372036854775807S",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		again(t, ParseDate, text)
		again(t, ParseLocalTime, text)
		again(t, ParseTime, text)
		again(t, ParseLocalDateTime, text)
		again(t, ParseDateTime, text)
		again(t, ParseDuration, text)
		if z, err := ParseZone(text); err == nil {
			if w, err := ParseZone(z.String()); err != nil || w.String() != z.String() {
				t.Errorf("%q is %s, which is %s, %v", text, z, w, err)
			}
		}
	})
}

// FuzzTimes does with any two instants and any duration all that can be done: it may
// be refused, but not go wrong.
func FuzzTimes(f *testing.F) {
	f.Add("2017-10-29T02:30[Europe/Stockholm]", "+999999999-12-31T23:59:59.999999999Z", "P1M1DT1.5S", int64(2), 0.5)
	f.Add("2017-10-29T02:30[Europe/Stockholm]", "-999999999-01-01", "PT9223372036854775807S", int64(1<<63-1), 1e300)
	f.Add("-999999999-01-01T00:00[Asia/Tokyo]", "0000-02-29", "P1999999998Y", int64(-1<<63), -1e-300)
	f.Fuzz(func(t *testing.T, first, second, length string, n int64, x float64) {
		a, err1 := ParseDateTime(first)
		b, err2 := ParseDateTime(second)
		d, err3 := ParseDuration(length)
		if err1 != nil || err2 != nil || err3 != nil {
			return
		}
		inRange := func(l LocalDateTime, err error) {
			if err == nil && (l.Date().Days < minDays || l.Date().Days > maxDays || l.Nanos < 0 || l.Nanos >= nanosPerSecond) {
				t.Errorf("%s, %s, %s: %s is out of range", a, b, d, l)
			}
		}
		for _, of := range []func(a, b Instant) (Duration, error){Between, InMonths, InDays, InSeconds} {
			if e, err := of(a, b); err == nil && (e.Nanos < 0 || e.Nanos >= nanosPerSecond) {
				t.Errorf("between %s and %s: %s", a, b, e)
			}
		}
		z, err := a.Plus(d)
		inRange(z.Local(), err)
		inRange(a.Local().Minus(d))
		day, err := a.Local().Date().Plus(d)
		inRange(day.at(LocalTime{}), err)
		for _, of := range []func() (Duration, error){
			func() (Duration, error) { return d.Times(n) }, func() (Duration, error) { return d.Over(n) },
			func() (Duration, error) { return d.TimesFloat(x) }, func() (Duration, error) { return d.OverFloat(x) },
		} {
			if e, err := of(); err == nil {
				reads(t, ParseDuration, e)
			}
		}
		for unit := range grains {
			u, err := TruncateDateTime(unit, a, nil)
			inRange(u.Local(), err)
		}
		u, err := BuildDateTime(Fields{"datetime": a, "year": n, "timezone": "Asia/Tokyo"}, now)
		inRange(u.Local(), err)
	})
}

// FuzzBuild gives any components any numbers.
func FuzzBuild(f *testing.F) {
	at := dateTime("2016-02-29T02:30:00.123456789[Europe/Stockholm]")
	names := append(slices.Clone(componentNames[:]), "timezone", "date", "time", "datetime")
	f.Add(uint32(1<<year|1<<week|1<<dayOfWeek), int64(2015), int64(53), int64(7))
	f.Add(uint32(1<<year|1<<month|1<<hour|1<<18), int64(999999999), int64(2), int64(23))
	f.Add(uint32(1<<epochMillis|1<<16), int64(-1<<63), int64(0), int64(0))
	f.Add(uint32(1<<week|1<<19), int64(53), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, which uint32, a, b, c int64) {
		fields, n := Fields{}, []int64{a, b, c}
		for i, name := range names {
			if which&(1<<i) == 0 {
				continue
			}
			switch name {
			case "timezone":
				fields[name] = someZones[uint64(a)%uint64(len(someZones))]
			case "date", "time", "datetime":
				fields[name] = at
			default:
				fields[name] = n[len(fields)%3]
			}
		}
		if d, err := BuildDate(fields, now); err == nil {
			reads(t, ParseDate, d)
		}
		if l, err := BuildLocalTime(fields, now); err == nil {
			reads(t, ParseLocalTime, l)
		}
		if u, err := BuildTime(fields, now); err == nil {
			reads(t, ParseTime, u)
		}
		if l, err := BuildLocalDateTime(fields, now); err == nil {
			reads(t, ParseLocalDateTime, l)
		}
		if z, err := BuildDateTime(fields, now); err == nil {
			reads(t, ParseDateTime, z)
		}
		for unit := range grains {
			if z, err := TruncateDateTime(unit, at, fields); err == nil {
				reads(t, ParseDateTime, z)
			}
		}
	})
}
